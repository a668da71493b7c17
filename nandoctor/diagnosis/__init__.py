"""From findings to a diagnosis: which is the root, what follows from it, in which order."""
