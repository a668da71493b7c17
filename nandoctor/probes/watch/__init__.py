"""A training script, watched: hooks, guard, flight recorder, capture."""
