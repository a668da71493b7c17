"""What was observed, written for TensorBoard."""
