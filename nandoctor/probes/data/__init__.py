"""Files of data to arrays and facts; no TensorFlow here."""
