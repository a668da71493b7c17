"""Every private TensorFlow or Keras name we touch, one function each."""
