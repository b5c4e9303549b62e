"""Generative AI examples that train on an ordinary computer and end in checked claims."""

import os

# The examples train with TensorFlow; Keras reads this once, when it is first imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
# Its native notices (no GPU, graph rewrites left out) are not for users; errors are exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
