"""Generative AI examples that train on an ordinary computer and end in checked claims."""

import os

# The examples train with TensorFlow; Keras reads this once, when it is first imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
