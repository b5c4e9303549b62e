"""Can an adversary alone teach a network to draw digits?

A generator maps noise to an image; a discriminator learns to score handwritten digits above
generated ones; each trains on the other's mistakes (Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661) with the strided convolutions of DCGAN (Radford et al. 2016,
https://arxiv.org/abs/1511.06434); `common/nets/dcgan.py` says where it departs.

The article calls two stacked networks with one loss a GAN. They are not one: nothing is
adversarial in them, and the run measures what that teaches the discriminator.

    gen-ai-examples run image.dcgan --steps 4000

Expect readable digits, with some that are none: no loss says when to stop, and a game of this
size has no class to steer by (image.flow_matching has). `--images DIR` trains on your own
pictures, reduced to 28x28 greys; folders inside DIR are taken for classes.
"""

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import curves, side_by_side
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.methods.stacked import StackedNetworks
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q7.4", "Q13.4")
CPU_OPERATIONS = 2  # side by side train faster: see `work_side_by_side`
SMOKE = dict(steps=2, batch_size=8, judge_steps=2)


def main(
    steps=4000,
    batch_size=64,
    latent_dim=16,
    learning_rate=5e-4,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    columns = {"images": train.images}
    real_and_noise = batches(columns, batch_size, seed, gan_randomness(latent_dim))
    with strategy().scope(), precision(dtype):
        gan = GAN(build_generator(latent_dim), build_encoder())
        gan.compile(
            g_optimizer=keras.optimizers.Adam(learning_rate, beta_1=0.5),
            d_optimizer=keras.optimizers.Adam(learning_rate, beta_1=0.5),
        )
    n = len(held_out)
    latents = np.random.default_rng(seed).normal(size=(n, latent_dim)).astype("float32")
    untrained = gan.sample(latents)
    history = fit(gan, real_and_noise, steps).history

    stacked = StackedNetworks(train.images.shape[1:], min(steps, 1000), batch_size, seed)
    from_stack = stacked.sample(n, seed)
    samples = {
        "an untrained generator": untrained,
        "the stacked networks of the article": from_stack.clip(-1, 1),
        "a Gaussian mixture on 100 principal components": PixelMixture(train, seed=seed).sample(
            held_out.labels
        ),
        "this GAN": gan.sample(latents),
    }
    judge = train_judge(train, judge_steps)
    scores = {name: judge.frechet(held_out.images, drawn) for name, drawn in samples.items()}
    ours = scores.pop("this GAN")
    epochs = np.arange(1, len(history["d_loss"]) + 1)
    losses = {name: (epochs, history[name]) for name in ("d_loss", "g_loss")}
    return Answer(
        claims=[
            Claim(
                "Images drawn by a network that only ever played against an adversary are closer "
                "to held-out handwriting than those of the best classical density model.",
                ours,
                "Frechet distance of digit features",
                scores,
                better="lower",
                best=judge.frechet(held_out.images, train.images[:n]),
            ),
            Claim(
                "Trained as the article prints it, the discriminator learns the opposite of its "
                "job: it takes its own generator's output for real more than real digits.",
                stacked.believes(from_stack),
                "mean probability of being real",
                {"held-out digits": stacked.believes(held_out.images)},
                better="higher",
            ),
        ],
        media={
            "samples": side_by_side(
                {"held-out digits": held_out.images[:64]}
                | {name: drawn[:64] for name, drawn in samples.items() if "untrained" not in name},
                columns=8,
            ),
            "losses": curves(losses, x="hundred steps", y="loss"),
        },
    )


if __name__ == "__main__":
    run_as_command(main)
