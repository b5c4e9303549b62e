"""Can a network that fits straight lines from noise to data draw the digit you ask for?

Flow matching (Lipman et al. 2023, https://arxiv.org/abs/2210.02747) draws an image by following a
learned velocity from noise at time 0 to data at time 1. The class is an input, dropped for a tenth
of the examples, so that guidance (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598) can
exaggerate what distinguishes it. The network is a small U-Net that sees the image at half its
resolution; it predicts the clean image, from which the velocity follows (Li & He 2025,
https://arxiv.org/abs/2511.13720), and sees early times more often.

The article answers image generation with a recurrent network without any image in it.

    gen-ai-examples run image.flow_matching --steps 1600

Expect crisp digits, nearly all of them the one asked for, some with a broken stroke. Being
recognised proves little by itself: the blurred samples of the Gaussian mixture, which copies more
than half of its digits, are recognised at least as often (`recognised_gaussian_mixture`). More
guidance makes digits plainer and more alike. `--images DIR` trains on your own pictures, reduced to
28x28 greys; folders inside DIR are the classes.

What mattered: predicting the image and not the velocity (a small network cannot pass noise
through), class embeddings as large as the time's, many small batches rather than fewer large ones,
averaged weights with a memory of a hundred steps (a thousand remember the start).
"""

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import side_by_side
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.methods.stacked import StackedNetworks
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import memorisation, nearest
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q28.1",)
CPU_REPLICAS = 2  # train faster than one: see `share_cpu`
SMOKE = dict(steps=2, batch_size=8, judge_steps=2, sampling_steps=2)


def main(
    steps=1600,
    batch_size=32,
    learning_rate=2e-3,
    guidance=1.5,
    sampling_steps=16,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    n_classes, n = len(train.names), len(held_out)
    columns = {"images": train.images, "labels": train.labels}
    examples = batches(columns, batch_size, seed, flow_randomness(n_classes))
    with strategy().scope(), precision(dtype):
        flow = FlowMatching(build_unet(train.images.shape[1:], n_classes), n_classes)
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        flow.compile(
            keras.optimizers.AdamW(decay, weight_decay=0.01, use_ema=True, ema_momentum=0.99)
        )
    noise = np.random.default_rng(seed).normal(size=held_out.images.shape).astype("float32")

    # Untrained, the network predicts the same grey from everywhere: one step shows it.
    samples = {"an untrained network": flow.sample(noise, held_out.labels, steps=1)}
    fit(flow, examples, steps)
    # One image for every held-out one, of the same class.
    ours = flow.sample(noise, held_out.labels, sampling_steps, guidance).clip(-1, 1)

    stacked = StackedNetworks(train.images.shape[1:], min(steps, 1000), batch_size, seed)
    samples["the stacked networks of the article"] = stacked.sample(n, seed).clip(-1, 1)
    mixture = PixelMixture(train, seed=seed).sample(held_out.labels)
    samples["a Gaussian mixture on 100 principal components"] = mixture
    # What memorising would look like: training images with a little noise on them.
    copies = (train.images[:n] + 0.2 * noise).clip(-1, 1)

    judge = train_judge(train, judge_steps)

    def frechet(drawn):
        return judge.frechet(held_out.images, drawn)

    def recognised(drawn):
        return float(np.mean(judge.labels(drawn) == held_out.labels))

    def copying(drawn):
        return memorisation(train.images, drawn, held_out.images)

    def new(drawn):
        return 1 - max(copying(drawn), 0.0)  # a little below 0 by chance

    shown = np.argsort(held_out.labels, kind="stable")[
        np.linspace(0, n - 1, min(n, 100)).astype(int)
    ]
    closest = train.images[nearest(ours[shown[::4]], train.images)[1]]
    return Answer(
        claims=[
            Claim(
                "Generated digits are closer to held-out handwriting than those of the best "
                "classical density model.",
                frechet(ours),
                "Frechet distance of digit features",
                {name: frechet(drawn) for name, drawn in samples.items()},
                better="lower",
                best=frechet(train.images[:n]),
            ),
            Claim(
                "Asked for a digit, the model draws one that a classifier takes for it, and that "
                "is no copy, more often than the best classical density model does.",
                recognised(ours) * new(ours),
                "share recognised, times share not copied",
                {
                    "a Gaussian mixture on 100 principal components": recognised(mixture)
                    * new(mixture),
                    "training images with noise": recognised(copies) * new(copies),
                    "an untrained network": recognised(samples["an untrained network"]),
                },
                better="higher",
                best=recognised(held_out.images),
            ),
            Claim(
                "The model does not merely repeat its training images: its digits are hardly "
                "nearer to those than to images it never saw.",
                copying(ours),
                "share of copies beyond chance",
                {
                    "training images with noise": copying(copies),
                    "a Gaussian mixture on 100 principal components": copying(mixture),
                },
                better="lower",
                best=0.0,
            ),
        ],
        metrics={
            "recognised": recognised(ours),
            "recognised_gaussian_mixture": recognised(mixture),
            "recognised_held_out": recognised(held_out.images),
            "distance_to_nearest_training_image": nearest(ours, train.images)[0].mean(),
            "distance_of_held_out_to_nearest_training_image": nearest(
                held_out.images, train.images
            )[0].mean(),
        },
        media={
            "samples": side_by_side(
                {
                    "held-out digits": held_out.images[shown],
                    "flow matching, unselected": ours[shown],
                    "the Gaussian mixture": mixture[shown],
                    "the stacked networks of the article": samples[
                        "the stacked networks of the article"
                    ][shown],
                },
                columns=10,
            ),
            "nearest_training_images": side_by_side(
                {"generated": ours[shown[::4]], "nearest training image of each": closest},
                columns=5,
            ),
        },
    )


if __name__ == "__main__":
    run_as_command(main)
