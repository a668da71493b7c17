"""Family 2xx: the forward pass."""
