"""A model of each number in a row given the other cells, trained by hiding some of them.

Masked training as in Devlin et al. 2019, https://arxiv.org/abs/1810.04805, on tables. The answer is
a distribution: location m and scale s of a Laplace distribution, whose likelihood grows with the
distance and not its square, so that a wrong number pulls no harder than a right one; or mean and
deviation of a normal distribution, which is what squared errors assume.

| loss      | negative log-likelihood, up to a constant |
|-----------|-------------------------------------------|
| "laplace" | log s + abs(x - m) / s                    |
| "normal"  | log s + (x - m)^2 / (2 s^2)               |
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gen_ai_examples.common.batches import Seed
from gen_ai_examples.common.sources.tabular import Table
from gen_ai_examples.common.strategy import replica_logs, replica_mean


class Standardiser:
    """Numbers of a table to comparable ones: asinh, then median 0 and interquartile range 1.

    asinh is a logarithm far from 0 and the number itself near it, so that a misplaced decimal point
    is the same step everywhere. No statistic of it moves with a few wrong numbers, as mean and
    standard deviation do.

    Args:
        train: the rows whose statistics count; a column that hardly varies is left unscaled.
    """

    def __init__(self, train: Table):
        x = train.numeric
        sizes = np.where(x == 0, np.nan, np.abs(x))
        self._unit = np.array([0.01 * np.nanmedian(s) if (s > 0).any() else 1.0 for s in sizes.T])
        z = np.arcsinh(x / self._unit)
        low, self._median, high = np.nanquantile(z, [0.25, 0.5, 0.75], axis=0)
        self._range = np.where(high - low > 1e-6, high - low, 1.0)

    def __call__(self, table: Table) -> np.ndarray:
        """(N, D) float32, NaN where missing."""
        z = (np.arcsinh(table.numeric / self._unit) - self._median) / self._range
        return z.astype(np.float32)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """The numbers (N, D) of standardised ones."""
        return np.sinh(np.asarray(z, np.float64) * self._range + self._median) * self._unit


class MaskedCells(keras.Model):
    """Predicts hidden numbers from the others and the categories of their row.

    Args:
        n_numbers: D.
        n_codes: K, of the one-hot codes beside them.
        loss: "laplace" or "normal".
        units, blocks: of the residual network.
        limit: seen numbers are clipped to this many interquartile ranges: an absurd one may
            count as large, no more.
    """

    def __init__(self, n_numbers, n_codes, loss="laplace", units=128, blocks=2, limit=4.0):
        super().__init__(name="masked_cells")
        self.n_numbers, self.loss_name, self.limit = n_numbers, loss, limit
        row = keras.Input((2 * n_numbers + n_codes,))
        x = layers.Dense(units, "silu")(row)
        for _ in range(blocks):
            h = layers.Dense(units, "silu")(layers.LayerNormalization()(x))
            x = x + layers.Dense(units, kernel_initializer="zeros")(h)
        zeros = dict(kernel_initializer="zeros", dtype="float32")
        x = layers.LayerNormalization()(x)
        self.network = keras.Model(
            row, [layers.Dense(n_numbers, **zeros)(x), layers.Dense(n_numbers, **zeros)(x)]
        )
        self.built = True

    def compile(self, optimizer: keras.optimizers.Optimizer, **options) -> None:
        super().compile(optimizer=optimizer, **options)
        # Inside the strategy's scope, like the network.
        optimizer.build(self.trainable_variables)

    def call(self, numbers, seen, codes, training=False):
        """Location and log scale (B, D) each, of numbers (B, D) that are used where `seen`."""
        clipped = ops.where(seen, ops.clip(numbers, -self.limit, self.limit), 0.0)
        row = ops.concatenate([clipped, ops.cast(seen, "float32"), codes], axis=1)
        location, log_scale = self.network(row, training=training)
        return location, ops.clip(log_scale, -4.0, 3.0)

    def train_step(self, batch):
        """`batch`: numbers (B, D), 0 where missing; known and hidden (B, D) bool; codes (B, K)."""
        x, hidden = batch["numbers"], batch["known"] & batch["hidden"]
        with tf.GradientTape() as tape:
            location, log_scale = self(x, batch["known"] & ~hidden, batch["codes"], training=True)
            errors = ops.abs(x - location) * ops.exp(-log_scale)
            if self.loss_name == "normal":
                errors = errors**2 / 2
            # Per row, not per hidden number, which would differ between replicas.
            loss = replica_mean(ops.sum(ops.where(hidden, log_scale + errors, 0.0), axis=1))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(loss=loss)

    def predict_cells(self, numbers: np.ndarray, codes: np.ndarray):
        """Each number (N, D) from the others of its row, NaN where missing.

        Returns:
            Locations and scales, (N, D) each.
        """
        known = ~np.isnan(numbers)
        filled = np.nan_to_num(numbers)
        locations, scales = np.empty_like(filled), np.empty_like(filled)
        for column in range(self.n_numbers):
            seen = known & (np.arange(self.n_numbers) != column)
            location, log_scale = self(filled, seen, codes)
            locations[:, column] = location[:, column]
            scales[:, column] = np.exp(log_scale[:, column])
        return locations, scales


def masking(share: float = 0.3):
    """Return the `randomness` of `batches` that hides each number with probability `share`."""

    def randomness(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
        drawn = tf.random.stateless_uniform(tf.shape(batch["numbers"]), seed)
        return batch | {"hidden": drawn < share}

    return randomness
