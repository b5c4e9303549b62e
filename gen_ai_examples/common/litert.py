"""Networks in LiteRT (once TensorFlow Lite), the runtime of phones: converted, rounded, run.

https://ai.google.dev/edge/litert. Of the files of a network this is the one that an application
ships: it holds the computation too, and needs no Python.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Literal

import keras
import numpy as np
import tensorflow as tf


def convert(
    network: keras.Model, weights: Literal["float32", "float16", "int8"] = "float32"
) -> bytes:
    """The LiteRT file of `network`, for any number of examples at a time.

    Args:
        network: its inputs have names; its batch dimension is free.
        weights: how the file holds them. float16 is computed with as float32; int8 has a scale per
            output, and multiplies with inputs that are rounded as they come ("dynamic range").
    """
    specs = [tf.TensorSpec(x.shape, x.dtype, x.name) for x in network.inputs]
    answer = tf.function(
        lambda *inputs: network([*inputs], training=False), specs, autograph=False
    ).get_concrete_function()
    # Without the network as second argument: its variables are to be frozen into the file.
    with _no_advice():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([answer])
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """Without the warning to hand over the network, which would leave its weights out."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class LiteNetwork:
    """A network that LiteRT runs.

    Args:
        file: what `convert` returned.
        threads: to compute with.
    """

    def __init__(self, file: bytes, threads: int = 1):
        with warnings.catch_warnings(category=UserWarning, action="ignore"):  # of its new package
            self._interpreter = tf.lite.Interpreter(model_content=file, num_threads=threads)
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._n = 0

    def __call__(self, inputs: list[np.ndarray]) -> np.ndarray:
        """The answer to `inputs` (B, ...), in the order and of the types of the network's."""
        its = self._interpreter
        if len(inputs[0]) != self._n:  # allocated anew for another batch size alone
            for index, values in zip(self._inputs, inputs, strict=True):
                its.resize_tensor_input(index, values.shape)
            its.allocate_tensors()
            self._n = len(inputs[0])
        for index, values in zip(self._inputs, inputs, strict=True):
            its.set_tensor(index, values)
        its.invoke()
        return its.get_tensor(self._output)
