"""Flow matching: learn the velocity that carries noise to data along straight lines.

Lipman et al. 2023, https://arxiv.org/abs/2210.02747; the straight path is rectified flow, Liu et
al. 2023, https://arxiv.org/abs/2209.03003. Guidance without a classifier: Ho & Salimans 2022,
https://arxiv.org/abs/2207.12598.

| here     | paper | meaning                                            |
|----------|-------|----------------------------------------------------|
| noise    | x_0   | N(0, I), at time 0                                 |
| images   | x_1   | data, at time 1                                    |
| times    | t     | in (0, 1), logit-normal: more of the early ones    |
| x_t      | x_t   | (1 - t) x_0 + t x_1                                |
| velocity | u_t   | dx_t / dt = x_1 - x_0, what v(x, t) fits           |

One departure: the network does not answer with the velocity, which holds all of the noise, but with
the image that x_t will become; the velocity is the line from x_t to it (Li & He 2025,
https://arxiv.org/abs/2511.13720). A small network cannot pass noise through; images it can draw.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gen_ai_examples.common.batches import Seed, split_seed
from gen_ai_examples.common.strategy import replica_logs, replica_mean

MIN_TIME_LEFT = 0.05  # bounds the weight of the last moments in the loss


class FlowMatching(keras.Model):
    """Class-conditional flow matching.

    Args:
        network: maps `[x_t (B, H, W, C), times (B,), labels (B,)]` to the image (B, H, W, C) that
            it takes x_t for. The label `n_classes` means "no class".
        n_classes: number of classes.
    """

    def __init__(self, network: keras.Model, n_classes: int):
        super().__init__(name="flow")
        self.network = network
        self.n_classes = n_classes
        # Traced once per solver and guidance, for any number of images and of steps.
        self._integrate = tf.function(self._trajectory, autograph=False, reduce_retracing=True)
        self.built = True

    def compile(self, optimizer: keras.optimizers.Optimizer, **options) -> None:
        """`optimizer` with `use_ema=True` leaves averaged weights behind when training ends."""
        super().compile(optimizer=optimizer, **options)
        # Inside the strategy's scope, like the network: built later, it would belong to none.
        optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        """`batch`: images (B, H, W, C), labels (B,), noise like images, times (B,)."""
        x_0, x_1, times = batch["noise"], batch["images"], batch["times"]
        t = times[:, None, None, None]
        x_t = (1 - t) * x_0 + t * x_1
        with tf.GradientTape() as tape:
            image = self.network([x_t, times, batch["labels"]], training=True)
            velocity = _towards(image, x_t, ops.maximum(1 - t, MIN_TIME_LEFT))
            errors = (velocity - (x_1 - x_0)) ** 2
            loss = replica_mean(ops.mean(errors, axis=(1, 2, 3)))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(loss=loss)

    def velocity(self, x, t, labels, guidance: float = 1.0):
        """Velocity at the scalar time `t` below 1, (B, H, W, C) float32.

        `guidance` 1 is the conditional model, 0 the unconditional one, above 1 exaggerates what
        distinguishes the class.
        """
        times = ops.full((ops.shape(x)[0],), t)
        if guidance == 1:
            return _towards(self.network([x, times, labels], training=False), x, 1 - t)
        none = ops.full_like(labels, self.n_classes)
        both = self.network(  # one call for both halves
            [ops.tile(x, (2, 1, 1, 1)), ops.tile(times, (2,)), ops.concatenate([labels, none])],
            training=False,
        )
        conditional, unconditional = ops.split(ops.cast(both, "float32"), 2)
        return _towards(unconditional + guidance * (conditional - unconditional), x, 1 - t)

    def sample(
        self,
        noise: np.ndarray,
        labels: np.ndarray,
        steps: int = 32,
        guidance: float = 1.0,
        solver: str = "euler",
        batch_size: int = 250,
    ) -> np.ndarray:
        """Carry `noise` (N, H, W, C) to images of the classes `labels` (N,).

        Args:
            steps: of the solver; a Heun step calls the network twice and is second order.
            guidance: see `velocity`.
            solver: `"euler"` or `"heun"`.
            batch_size: images at a time, for memory.

        Returns:
            (N, H, W, C) float32; nothing clips them to the data's range.
        """
        parts = []
        for start in range(0, len(noise), batch_size):
            rows = slice(start, start + batch_size)
            x, classes = tf.constant(noise[rows]), tf.constant(labels[rows])
            parts.append(self._integrate(x, classes, tf.constant(steps), guidance, solver))
        return np.concatenate([part.numpy() for part in parts])

    def _trajectory(self, x, labels, steps, guidance, solver):
        step = {"euler": self._euler, "heun": self._heun}[solver]
        dt = 1 / tf.cast(steps, tf.float32)

        def body(i, x):
            return i + 1, step(x, tf.cast(i, tf.float32) * dt, dt, labels, guidance)

        x = tf.while_loop(lambda i, _: i < steps - 1, body, (0, x))[1]
        # The velocity has no value at time 1, where Heun would look: the last step is Euler's,
        # and ends on the image that the network predicts.
        return self._euler(x, 1 - dt, dt, labels, guidance)

    def _euler(self, x, t, dt, labels, guidance):
        return x + dt * self.velocity(x, t, labels, guidance)

    def _heun(self, x, t, dt, labels, guidance):
        here = self.velocity(x, t, labels, guidance)
        there = self.velocity(x + dt * here, t + dt, labels, guidance)
        return x + dt / 2 * (here + there)


def _towards(image, x_t, time_left):
    """The velocity of the straight line from `x_t` to `image` in `time_left`."""
    return (ops.cast(image, "float32") - x_t) / time_left


def flow_randomness(n_classes: int, drop_label: float = 0.1):
    """Return the `randomness` of `batches` for flow matching: noise, times, dropped labels.

    Args:
        n_classes: the label that stands for "no class".
        drop_label: share of examples trained without their class, which guidance needs.
    """

    def randomness(batch: dict[str, tf.Tensor], seed: Seed) -> dict[str, tf.Tensor]:
        noise_seed, time_seed, label_seed = split_seed(seed, 3)
        images, labels = batch["images"], batch["labels"]
        n = tf.shape(labels)[0]
        dropped = tf.random.stateless_uniform((n,), label_seed) < drop_label
        return batch | {
            "labels": tf.where(dropped, tf.cast(n_classes, labels.dtype), labels),
            "noise": tf.random.stateless_normal(tf.shape(images), noise_seed),
            # As Li & He: most is decided early, and late errors weigh much in the loss.
            "times": tf.sigmoid(0.9 * tf.random.stateless_normal((n,), time_seed) - 0.8),
        }

    return randomness
