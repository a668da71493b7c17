"""Rules about Python source that was read, not run."""
