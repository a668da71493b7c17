"""One file a rule; folders are families. Pure: facts in, findings out."""
