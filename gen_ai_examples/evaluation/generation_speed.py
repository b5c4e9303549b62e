"""How fast does a generative model draw, and what is that worth?

Four families learn the same digits, and every one is timed and judged on the images it then draws:

| model                                                          | passes of its network per image |
|----------------------------------------------------------------|---------------------------------|
| GAN (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661)  | 1                               |
| VAE (Kingma & Welling 2014, https://arxiv.org/abs/1312.6114)   | 1, the GAN's generator          |
| flow (Lipman et al. 2023, https://arxiv.org/abs/2210.02747)    | one per step, as many as wanted |
| autoregressive, on tokens of a codebook (van den Oord et al.   | 49, one per 4x4 patch, which    |
| 2017, https://arxiv.org/abs/1711.00937, here by k-means)       | remember those before           |

The classical model is a Gaussian mixture on principal components. *Latency* is the wait for a
single image, *throughput* the time per image of a batch: medians of calls that take turns, from
random numbers to pixels, with networks traced before. Quality is the Frechet distance of digit
features (after Heusel et al. 2017, https://arxiv.org/abs/1706.08500) to held-out digits. "Equal
quality" is one that both reach: the worse of the two models' best, with as few steps of the flow as
come up to it.

The article names time per sample in one line, without saying at which quality, and without code. A
time alone cannot tell an untrained generator from a trained one.

    gen-ai-examples run evaluation.generation_speed

Expect a GAN tens of times faster than the flow that draws equally well, and a flow that draws
better than it with four to eight steps; what more of them gain changes from seed to seed. The
autoregressive model makes one image wait long, and draws a batch about as fast as a flow of two to
four steps: its passes are small but must follow each other. Its codebook could do far better than
its transformer, which this little training leaves level with the mixture. The mixture is as fast as
the GAN and not as near to held-out digits; more than half of its own are copies of training images,
which image.flow_matching measures.

Limits: times are those of this machine, only ratios with wide margins are claimed, and training
time, a minute or less each, is not counted. The flow and the autoregressive model know the class
that they draw, GAN and VAE do not.

What mattered: small batches for the transformer (16 rather than 32), the VAE's beta (with 1 the
latents of digits lie far from the prior, and draws from it are none), one trace for all batch sizes
and numbers of steps. The settings of these two were chosen on a part of the training images.
"""

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import side_by_side
from gen_ai_examples.common.methods.autoregressive import Autoregressive
from gen_ai_examples.common.methods.codebook import PatchCodebook
from gen_ai_examples.common.methods.flow import FlowMatching, flow_randomness
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.methods.mixture import PixelMixture
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.nets.transformer import CausalTransformer
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.speed_pictures import distance_over_time
from gen_ai_examples.common.strategy import precision, strategy
from gen_ai_examples.common.timing import take_turns

ANSWERS = ("Q1.3",)
SMOKE = dict(
    gan_steps=2,
    vae_steps=2,
    flow_steps=2,
    autoregressive_steps=2,
    judge_steps=2,
    most_sampling_steps=2,
    tokens=8,
    calls=1,
    drawn=20,
)

UNTRAINED = "untrained generator"


# Each of the following trains a model and returns what draws with it: from labels (N,), of which a
# GAN and a VAE see no more than their number, to images (N, 28, 28, 1).


def draw_by(decoder, latent_dim, seed):
    any_number = [tf.TensorSpec((None, latent_dim))]
    decode = tf.function(lambda z: decoder(z, training=False), input_signature=any_number)
    rng = np.random.default_rng(seed)

    def draw(labels):
        return decode(rng.normal(size=(len(labels), latent_dim)).astype("float32")).numpy()

    return draw


def train_gan(train, steps, latent_dim, seed):
    with strategy().scope():
        gan = GAN(build_generator(latent_dim, channels=32), build_encoder(channels=32))
        gan.compile(
            g_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
            d_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        )
    fit(gan, batches({"images": train.images}, 64, seed, gan_randomness(latent_dim)), steps)
    return draw_by(gan.generator, latent_dim, seed)


def train_vae(train, steps, latent_dim, seed):
    with strategy().scope():
        encoder = build_encoder(2 * latent_dim, channels=32)
        vae = VAE(encoder, build_generator(latent_dim, channels=32), beta=12.0)
        vae.compile(keras.optimizers.Adam(2e-3))
    fit(vae, batches({"images": train.images}, 64, seed, vae_randomness(latent_dim)), steps)
    return draw_by(vae.decoder, latent_dim, seed)


def train_flow(train, steps, seed):
    """Returns `draw(sampling_steps)`, since one flow draws with any number of them."""
    n_classes, shape = len(train.names), train.images.shape[1:]
    columns = {"images": train.images, "labels": train.labels}
    with strategy().scope():
        flow = FlowMatching(build_unet(shape, n_classes), n_classes)
        decay = keras.optimizers.schedules.CosineDecay(2e-3, steps)
        flow.compile(
            keras.optimizers.AdamW(decay, weight_decay=0.01, use_ema=True, ema_momentum=0.99)
        )
    fit(flow, batches(columns, 32, seed, flow_randomness(n_classes)), steps)

    rng = np.random.default_rng(seed)

    def draw_in(sampling_steps):
        def draw(labels):
            noise = rng.normal(size=(len(labels), *shape)).astype("float32")
            return flow.sample(noise, labels, sampling_steps).clip(-1, 1)

        return draw

    return draw_in


def train_autoregressive(train, steps, tokens, seed):
    codebook = PatchCodebook(train.images, tokens, patch=4, seed=seed)
    columns = {"tokens": codebook.encode(train.images), "labels": train.labels}
    with strategy().scope():
        network = CausalTransformer(
            tokens, codebook.length, starts=len(train.names), dim=96, depth=3
        )
        model = Autoregressive(network)
        decay = keras.optimizers.schedules.CosineDecay(3e-3, steps)
        model.compile(keras.optimizers.AdamW(decay, weight_decay=0.1))
    fit(model, batches(columns, 16, seed), steps)

    rng = np.random.default_rng(seed)

    def draw(labels):
        drawn = model.sample(labels, codebook.length, seed=rng.integers(2**31))
        return codebook.decode(drawn)

    return draw


def main(
    gan_steps=2500,
    vae_steps=1000,
    flow_steps=1000,
    autoregressive_steps=1000,
    latent_dim=16,
    tokens=256,
    most_sampling_steps=16,
    calls=15,
    drawn=1000,
    judge_steps=600,
    dtype="auto",
    seed=0,
) -> Answer:
    keras.utils.set_random_seed(seed)
    train, held_out = image.mnist().split()
    mixture = PixelMixture(train, seed=seed)
    with precision(dtype):
        flow = train_flow(train, flow_steps, seed)
        draws = {
            UNTRAINED: draw_by(build_generator(latent_dim, channels=32), latent_dim, seed),
            "GAN": train_gan(train, gan_steps, latent_dim, seed),
            "VAE": train_vae(train, vae_steps, latent_dim, seed),
            "autoregressive": train_autoregressive(train, autoregressive_steps, tokens, seed),
        }
    flows = {
        2**i: f"flow, {2**i} step{'s' * (i > 0)}" for i in range(most_sampling_steps.bit_length())
    }
    draws |= {name: flow(n) for n, name in flows.items()}
    networks = [*draws]
    draws["Gaussian mixture"] = mixture.sample

    labels, real = held_out.labels[:drawn], held_out.images[:drawn]
    singles = np.split(labels[:calls], calls)
    fifths = np.split(labels, 5)
    take_turns(draws, [singles[0]])  # traced, before it counts
    latency, _ = take_turns(draws, singles)
    seconds, images = take_turns(draws, fifths)
    each = {name: taken / len(fifths[0]) for name, taken in seconds.items()}
    # Both draw so fast that a few calls do not tell their times apart.
    equals, _ = take_turns({name: draws[name] for name in (UNTRAINED, "GAN")}, calls * fifths)
    images = {name: np.concatenate(parts) for name, parts in images.items()}

    judge = train_judge(train, judge_steps)
    distance = {name: judge.frechet(real, ours) for name, ours in images.items()}
    best = judge.frechet(real, train.images[:drawn])

    def flow_time_for(model):
        """Time of the flow over that of `model`, both per image and at a quality both reach."""
        both = max(distance[model], min(distance[name] for name in flows.values()))
        fewest_steps = next(name for name in flows.values() if distance[name] <= both)
        return each[fewest_steps] / each[model]

    def divided_by_doubling(steps):
        """What twice as many steps divide the flow's distance by."""
        return distance[flows[steps]] / distance[flows[2 * steps]]

    most = max(flows)
    middle = flows[min(4, most)]
    return Answer(
        claims=[
            Claim(
                "A time per sample says nothing by itself: of two equal networks, which take "
                "equally long, the trained one draws digits many times nearer to held-out ones.",
                distance[UNTRAINED] / distance["GAN"],
                "times as near",
                {"times as long": equals["GAN"] / equals[UNTRAINED]},
                better="higher",
            ),
            Claim(
                "At a quality that both reach, a GAN and a VAE, which draw in one pass, are many "
                "times faster than a flow.",
                min(flow_time_for("GAN"), flow_time_for("VAE")),
                "times as fast, in a batch",
                {"as fast": 1.0},
                better="higher",
            ),
            Claim(
                "A flow buys quality with time, and not for ever: the first doubling of its steps "
                "divides the distance to held-out digits by far more than the last.",
                divided_by_doubling(1),
                "times as near",
                {"the last doubling": divided_by_doubling(most // 2), "no gain": 1.0},
                better="higher",
            ),
            Claim(
                "What the time buys: the flow comes nearer to held-out digits than the best "
                "classical model, and than the VAE, which is faster.",
                distance[flows[most]],
                "Frechet distance of digit features",
                {name: distance[name] for name in ("Gaussian mixture", "VAE", UNTRAINED)},
                better="lower",
                best=best,
            ),
            Claim(
                "Time per sample is two numbers: in a batch every network draws an image in a "
                "fraction of the time that it takes for one alone.",
                min(latency[name] / each[name] for name in networks),
                "times as fast, the network that gains least",
                {"one at a time": 1.0},
                better="higher",
            ),
            Claim(
                "So a ranking needs its batch size: the autoregressive model falls behind the flow "
                f"of {min(4, most)} steps several times further for one image than in a batch.",
                latency["autoregressive"] / latency[middle],
                "times as long",
                {"in a batch": each["autoregressive"] / each[middle]},
                better="higher",
            ),
        ],
        metrics={
            f"{quantity}, {name}": scale * values[name]
            for quantity, scale, values in (
                ("milliseconds per image of a batch", 1e3, each),
                ("milliseconds for one image", 1e3, latency),
                ("distance", 1, distance),
            )
            for name in draws
        }
        | {
            f"times as fast as a flow of equal quality, {name}": flow_time_for(name)
            for name in ("GAN", "VAE", "autoregressive", "Gaussian mixture")
        },
        media={
            "quality_against_time": distance_over_time(
                each, latency, distance, {name: n for n, name in flows.items()}, best
            ),
            "samples": side_by_side(
                {"held-out digits": real[:40]}
                | {name: images[name][:40] for name in draws if name != UNTRAINED},
                columns=10,
            ),
        },
    )


if __name__ == "__main__":
    run_as_command(main)
