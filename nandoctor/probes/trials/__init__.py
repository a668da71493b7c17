"""Remedies tried on the step that failed: it is run again with something in it replaced."""
