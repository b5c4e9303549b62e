"""Flow matching on the rows of a table, numbers and categories together."""

import keras
import numpy as np

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.nets.mlp import build_row_network
from gen_ai_examples.common.sources.tabular import Table, TableEncoder
from gen_ai_examples.common.strategy import precision, strategy


class RowFlow:
    """Draws rows of a wanted class: `fit`, then `sample`.

    A row is a vector of normal scores and one-hot codes. The codes are enlarged: a flow decides
    early on what is large, so it settles the categories first, and the numbers fit them.

    Args:
        train: the rows to learn from.
        category_scale: factor of the one-hot codes.
        seed: of the ranks that equal numbers get.

    Source: flow matching, Lipman et al. 2023, https://arxiv.org/abs/2210.02747; one-hot codes as
    continuous data, Chen et al. 2023, https://arxiv.org/abs/2208.04202.
    """

    def __init__(self, train: Table, category_scale: float = 6.0, seed: int = 0):
        self.encoder = TableEncoder(train)
        vectors = self.encoder.encode(train, np.random.default_rng(seed))
        is_number = np.arange(self.encoder.width) < len(train.numeric_names)
        self._scale = np.where(is_number, 1, category_scale).astype(np.float32)
        self._mean = vectors.mean(0)
        # To the flow, a row is an image of one pixel.
        self._columns = {
            "images": ((vectors - self._mean) * self._scale)[:, None, None],
            "labels": train.labels,
        }
        self._n_classes = len(train.names)
        self._seed = seed

    def fit(self, steps: int, batch_size: int, learning_rate: float, dtype: str = "auto") -> None:
        """Train for `steps` batches."""
        with strategy().scope(), precision(dtype):
            network = build_row_network(self.encoder.width, self._n_classes)
            self._flow = FlowMatching(network, self._n_classes)
            schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
            self._flow.compile(keras.optimizers.AdamW(schedule, use_ema=True, ema_momentum=0.995))
        randomness = flow_randomness(self._n_classes)
        fit(self._flow, batches(self._columns, batch_size, self._seed, randomness), steps)

    def sample(self, labels: np.ndarray, rng: np.random.Generator, steps: int = 32) -> Table:
        """A row of each class in `labels` (N,), in `steps` steps from noise drawn from `rng`."""
        noise = rng.normal(size=(len(labels), 1, 1, self.encoder.width)).astype(np.float32)
        drawn = self._flow.sample(noise, labels, steps, batch_size=2000)
        return self.encoder.decode(drawn[:, 0, 0] / self._scale + self._mean, labels)
