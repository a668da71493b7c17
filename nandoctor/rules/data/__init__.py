"""Family 1xx: the data."""
