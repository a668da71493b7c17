"""The only rooms that load TensorFlow, Keras or a data engine: they make facts."""
