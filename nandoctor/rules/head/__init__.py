"""Family 5xx: the loss and the head."""
