"""May a generator be trained on the score that judges it?

A DCGAN is trained as usual. Then a copy of its generator goes on with the Frechet distance itself
as its loss, through a differentiable classifier (Mathiasen & Hvilshoj 2020,
https://arxiv.org/abs/2009.14075), each batch against the training images. Two judges that took no
part say what became of it: a classifier of the same kind trained from another seed, and the Frechet
distance on 64 principal components of the pixels.

The article advises to optimise the Inception Score or the FID as a loss. Both judge whole sets, are
far off on a batch (evaluation.generation_quality measures how far), and once they are the target
they measure no longer: the generator learns what the classifier likes, not what digits look like.

    gen-ai-examples run evaluation.score_as_loss --tuning-steps 200

What to expect: the distance trained on falls to a sixth or a quarter, that of another classifier to
a third or a half, that of the pixels by a quarter or so, and the digits look hardly better for it.
`--images DIR` takes your own pictures, reduced to 28x28 greys.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.decomposition import PCA

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import curves, side_by_side
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.metrics.features import extract, pixels, train_judge
from gen_ai_examples.common.metrics.image import Moments, features_frechet
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, replica_logs, replica_mean, strategy

ANSWERS = ("Q13.5",)
CPU_OPERATIONS = 2  # side by side train faster: see `work_side_by_side`
SMOKE = dict(steps=2, tuning_steps=2, batch_size=8, judge_steps=2)


class ScoreAsLoss(keras.Model):
    """A generator that minimises the Frechet distance of each batch to the training images.

    Args:
        generator: maps latents (B, latent_dim) to images.
        features: maps images to features (B, D); it is not trained.
        target: of the features of the training images.
    """

    def __init__(self, generator, features, target: Moments):
        super().__init__(name="score_as_loss")
        self.generator = generator
        self.features = features
        self.features.trainable = False
        values, vectors = np.linalg.eigh(target.cov)
        root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
        self.mean, self.root = (x.astype("float32") for x in (target.mean, root))
        self.built = True

    def compile(self, optimizer):
        super().compile(optimizer=optimizer)
        optimizer.build(self.generator.trainable_variables)

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            fake = self.generator(batch["latents"], training=True)
            loss = replica_mean(self._frechet(self.features(fake, training=False)))
        weights = self.generator.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return replica_logs(frechet=loss)

    def _frechet(self, features):
        """The distance of a batch's Gaussian: far above that of many images, see the bias."""
        mean = ops.mean(features, axis=0)
        centred = features - mean
        cov = ops.matmul(ops.transpose(centred), centred) / ops.cast(
            ops.shape(features)[0] - 1, "float32"
        )
        eigenvalues = tf.linalg.eigvalsh(self.root @ cov @ self.root)
        trace_root = ops.sum(ops.sqrt(ops.maximum(eigenvalues, 1e-6)))
        distance = ops.sum((mean - self.mean) ** 2) + ops.trace(cov) - 2 * trace_root
        return distance + float(np.trace(self.root @ self.root))


def main(
    steps=1500,
    tuning_steps=200,
    batch_size=64,
    latent_dim=16,
    learning_rate=5e-4,
    tuning_rate=2e-4,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    columns = {"images": train.images}
    judge = train_judge(train, judge_steps)
    second_judge = train_judge(train, judge_steps, seed=1)
    components = PCA(64, random_state=0).fit(pixels(train.images))
    with strategy().scope(), precision(dtype):
        gan = GAN(build_generator(latent_dim), build_encoder())
        gan.compile(*(keras.optimizers.Adam(learning_rate, beta_1=0.5) for _ in range(2)))
    fit(gan, batches(columns, batch_size, seed, gan_randomness(latent_dim)), steps)
    latents = np.random.default_rng(seed).normal(size=(len(held_out), latent_dim))
    latents = latents.astype("float32")
    before = gan.sample(latents)

    judges = {
        "the classifier trained on": judge,
        "another classifier": second_judge,
        "components of the pixels": lambda drawn: components.transform(pixels(drawn)),
    }
    distances = {name: [] for name in judges}

    def record(*_):
        drawn = gan.sample(latents)
        for name, judge in judges.items():
            real, fake = extract(held_out.images, judge), extract(drawn, judge)
            distances[name].append(features_frechet(real, fake))

    record()
    with strategy().scope():
        tuned = ScoreAsLoss(gan.generator, judge.features, Moments().update(judge(train.images)))
        tuned.compile(keras.optimizers.Adam(tuning_rate))
    # Large batches, for the covariance of 64 features.
    large = batches(columns, min(4 * batch_size, len(train)), seed, gan_randomness(latent_dim))
    each = 25
    watch = keras.callbacks.LambdaCallback(on_epoch_end=record)
    fit(tuned, large, tuning_steps, steps_per_epoch=each, callbacks=[watch])
    left = {name: values[-1] / values[0] for name, values in distances.items()}
    own = left.pop("the classifier trained on")

    at = np.minimum(each * np.arange(len(distances["another classifier"])), tuning_steps)
    shares = {name: (at, np.array(values) / values[0]) for name, values in distances.items()}
    return Answer(
        claims=[
            Claim(
                "A generator trained on a score improves that score more than independent judges "
                "find it improved.",
                min(left.values()),
                "smallest share of a Frechet distance left, as independent judges see it",
                {"the share left by the classifier trained on": own},
                better="higher",
            ),
        ],
        metrics={f"share left by {name}": value for name, value in left.items()}
        | {f"before, by {name}": values[0] for name, values in distances.items()}
        | {f"after, by {name}": values[-1] for name, values in distances.items()},
        media={
            "distances": curves(shares, x="steps on the score", y="share of the distance left"),
            "samples": side_by_side(
                {
                    "held-out digits": held_out.images[:64],
                    "the GAN": before[:64],
                    "trained on the score": gan.sample(latents[:64]),
                },
                columns=8,
                per_row=3,
            ),
        },
    )


if __name__ == "__main__":
    run_as_command(main)
