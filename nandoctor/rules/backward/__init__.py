"""Family 3xx: the backward pass."""
