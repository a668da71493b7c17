"""Family 6xx: weights and initialization."""
