"""Python source as it is written: read by `ast`, never executed. Nothing here imports TensorFlow."""
