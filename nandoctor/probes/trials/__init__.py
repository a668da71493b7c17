"""Remedies tried: on the step that failed, and by training again from the start. Nothing of the user's is modified."""
