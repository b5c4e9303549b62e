"""Blurry or repetitive: what is wrong with a generator whose Frechet distance is bad?

Two generators with the same Frechet distance and opposite faults. A variational autoencoder (Kingma
& Welling 2014, https://arxiv.org/abs/1312.6114) draws everything, blurred. A DCGAN that has
collapsed draws a few crisp digits again and again: it is given only so many latents that its
distance comes out no worse. Precision and recall (Kynkaanniemi et al. 2019,
https://arxiv.org/abs/1904.06991) and the Vendi score (Friedman & Dieng 2023,
https://arxiv.org/abs/2210.02410) say which is which.

The article asks for a "diversity measure" and names none. The one at hand, the spread of the
pixels, finds a dozen repeated digits more diverse than a thousand blurred ones; the FID mixes
diversity with quality in one number, and hardly notices noise that is put on the dozen digits.

    gen-ai-examples run evaluation.diversity --gan-steps 1500

What to expect: at equal distances a recall of zero against one above a half, and a Vendi score of
the pixels that is no more than the number of digits repeated. Precision hardly sees blur, since the
classifier's features do not. Shrinking the GAN's latents (truncation, Brock et al. 2019,
https://arxiv.org/abs/1809.11096) trades recall for precision. On pixels the Vendi score takes noise
for variety; on the features of the classifier, which ignore noise, it finds both generators alike.
Choose features that ignore what you ignore, and see whether they show what you look for. `--images
DIR` takes your own pictures, reduced to 28x28 greys.
"""

import keras
import matplotlib.figure
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import render, side_by_side
from gen_ai_examples.common.methods.gan import GAN, gan_randomness
from gen_ai_examples.common.methods.vae import VAE, vae_randomness
from gen_ai_examples.common.metrics.features import pixels, train_judge
from gen_ai_examples.common.metrics.image import (
    density_coverage,
    features_frechet,
    ms_ssim_diversity,
    precision_recall,
    vendi_score,
)
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q1.2",)
CPU_OPERATIONS = 2  # side by side train faster: see `work_side_by_side`
SMOKE = dict(gan_steps=2, vae_steps=2, batch_size=8, judge_steps=2)

TRUNCATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def main(
    gan_steps=1500,
    vae_steps=1500,
    batch_size=64,
    latent_dim=16,
    gan_rate=5e-4,
    vae_rate=1e-3,
    judge_steps=600,
    dtype="auto",
    seed=0,
    images: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    data = image.folder(images, size=28, channels=1) if images else image.mnist()
    train, held_out = data.split()
    n = len(held_out)
    columns = {"images": train.images}
    with strategy().scope(), precision(dtype):
        gan = GAN(build_generator(latent_dim), build_encoder())
        gan.compile(*(keras.optimizers.Adam(gan_rate, beta_1=0.5) for _ in range(2)))
        vae = VAE(build_encoder(2 * latent_dim), build_generator(latent_dim))
        vae.compile(keras.optimizers.Adam(vae_rate))
    fit(gan, batches(columns, batch_size, seed, gan_randomness(latent_dim)), gan_steps)
    fit(vae, batches(columns, batch_size, seed, vae_randomness(latent_dim)), vae_steps)
    judge = train_judge(train, judge_steps)
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(n, latent_dim)).astype("float32")
    crisp, blurry = gan.sample(latents), vae.sample(latents)
    # The faults are matched on training images, and compared on held-out ones.
    kept = as_far(judge(crisp), judge(blurry), judge(train.images))
    repetitive = np.resize(crisp[:kept], crisp.shape)
    noise = rng.uniform(-1, 1, crisp.shape).astype("float32")
    sets = {
        "held-out digits": held_out.images,
        "the GAN": crisp,
        "blurry: the VAE": blurry,
        f"repetitive: {kept} digits of the GAN": repetitive,
    }
    scores = {name: measure(judge, held_out.images, fake) for name, fake in sets.items()}
    of_blurry, of_repetitive = list(scores.values())[2:]
    of_noisy = measure(judge, held_out.images, (repetitive + noise).clip(-1, 1))
    shrunk = [precision_recall(judge(held_out.images), judge(gan.sample(t * latents)))
              for t in TRUNCATIONS]  # fmt: skip

    def share(score):
        """What the repetitive generator has of the blurry one's score."""
        return of_repetitive[score] / max(of_blurry[score], 1e-9)  # 0 before any training

    return Answer(
        claims=[
            Claim(
                "Recall tells the repetitive generator from the blurry one, where the Frechet "
                "distance finds them alike.",
                share("recall"),
                "repetitive as a share of blurry",
                {"Frechet distance": share("Frechet distance")},
                better="lower",
                best=0.0,
            ),
            Claim(
                "The Vendi score of the pixels finds the repetitive generator the less diverse by "
                "far, where their spread finds it the more diverse.",
                share("Vendi score of pixels"),
                "repetitive as a share of blurry",
                {"spread of the pixels": share("spread of the pixels")},
                better="lower",
                best=0.0,
            ),
        ],
        metrics={"digits repeated": float(kept)}
        | {f"{score}, blurry": value for score, value in of_blurry.items()}
        | {f"{score}, repetitive": value for score, value in of_repetitive.items()}
        | {f"{score}, repetitive with noise": value for score, value in of_noisy.items()},
        media={
            "samples": side_by_side({name: fake[:64] for name, fake in sets.items()}, columns=8),
            "precision_and_recall": figure(scores, shrunk),
        },
    )


def measure(judge, real, fake):
    real_features, fake_features = judge(real), judge(fake)
    precision_, recall = precision_recall(real_features, fake_features)
    density, coverage = density_coverage(real_features, fake_features)
    return {
        "Frechet distance": judge.frechet(real, fake),
        "precision": precision_,
        "recall": recall,
        "density": density,
        "coverage": coverage,
        "Vendi score of digit features": vendi_score(fake_features),
        "Vendi score of pixels": vendi_score(pixels(fake) + 1),  # ink, not paper, is compared
        "MS-SSIM of pairs": ms_ssim_diversity(fake),
        "spread of the pixels": float(fake.std(0).mean()),
    }


def as_far(crisp, blurry, real):
    """How many of the `crisp` must be repeated to be no further from `real` than `blurry` are."""
    target = features_frechet(real, blurry)
    for kept in range(2, len(crisp)):
        if features_frechet(real, np.resize(crisp[:kept], crisp.shape)) <= target:
            return kept
    return len(crisp)


def figure(scores, shrunk):
    """Every generator by its precision and recall, and the way of a GAN that is truncated."""
    figure = matplotlib.figure.Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*shrunk, strict=True), ".-", color="silver", label="the GAN, latents shrunk")
    for t, point in zip(TRUNCATIONS[::2], shrunk[::2], strict=True):
        axes.annotate(
            f"x {t:g}", point, xytext=(-6, -9), textcoords="offset points", ha="right", color="gray"
        )
    for (name, its), marker in zip(list(scores.items())[1:], "osD", strict=True):
        label = f"{name} (Frechet distance {its['Frechet distance']:.0f})"
        axes.plot(its["precision"], its["recall"], marker, ms=9, label=label)
    axes.set(xlabel="precision: how many look real", ylabel="recall: how much of the real is drawn")
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize=9)
    return render(figure)


if __name__ == "__main__":
    run_as_command(main)
