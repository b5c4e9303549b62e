# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Variational autoencoders: a code to draw from
#
# An autoencoder squeezes an image through a few numbers, the *latents*, and draws it again. To generate, one would draw latents at
# random and decode them. This notebook shows why that fails, and what a *variational* autoencoder
# ([Kingma & Welling 2014](https://arxiv.org/abs/1312.6114)) changes so that it works. It takes about two minutes on two cores.

# %% tags=["parameters"] small="steps, judge_steps = 4, 2"
steps, judge_steps = 3000, 600

# %%
import inspect

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Code

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods import vae as variational
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.dense_vae import build_decoder, build_encoder
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

tf.get_logger().setLevel("ERROR")  # five models in a row are traced five times, as is meant
LATENTS = 16
train, held_out = image.mnist().split()
judge = train_judge(train, judge_steps)
shape = train.images.shape[1:]
noise = np.random.default_rng(0).normal(size=(len(held_out), LATENTS)).astype("float32")


def show(images, title, columns=12):
    plt.figure(figsize=(8, 8 * -(-len(images) // columns) / columns + 0.4))
    plt.imshow(image_grid(images.clip(-1, 1), columns=columns, scale=2), cmap="gray")
    plt.title(title, fontsize=10)
    plt.axis("off")
    plt.show()


# %% [markdown]
# ## First what is *not* a generator
#
# The class below trains a VAE. Its `beta` weighs the term that makes it variational; with `beta=0` that term is gone, and what is
# left is an autoencoder that tries to draw every image again as well as it can.


# %%
def learn(beta, seed=0):
    keras.utils.set_random_seed(seed)
    with strategy().scope():
        model = variational.VAE(
            build_encoder(shape, LATENTS), build_decoder(shape, LATENTS), beta=beta
        )
        decay = keras.optimizers.schedules.CosineDecay(3e-3, steps)
        model.compile(keras.optimizers.Adam(decay))
    randomness = variational.vae_randomness(LATENTS)
    fit(model, batches({"images": train.images}, 100, seed, randomness), steps, progress=False)
    return model


plain = learn(beta=0)
show(held_out.images[:12], "held-out digits")
show(plain.reconstruct(held_out.images[:12]), "drawn again from 16 numbers each")
show(plain.sample(noise[:24]), "decoded from random latents")

# %% [markdown]
# It draws digits again that it has never seen: the code is good. But random codes decode to scribbles. Nothing told the encoder
# *where* to put its codes, so it spread them out, far from zero and with gaps between them, and a standard normal draw lands
# where no image was ever put:

# %%
codes, spreads = (np.array(x) for x in plain.posterior(held_out.images))
print(f"standard deviation of the codes: {codes.std(0).min():.1f} to {codes.std(0).max():.1f}")
print("what we draw from has:           1.0")

# %% [markdown]
# ## Two terms
#
# A VAE's encoder answers with a *distribution* for each image, a mean and a variance for each latent, and two things are asked of
# it:
#
# 1. Latents drawn from it must let the decoder draw the image again. The first term is the **log likelihood** of the image.
# 2. It must stay near the standard normal distribution from which we shall draw. The second term is the **Kullback-Leibler
#    divergence**, which has a closed form for Gaussians:

# %%
Code(inspect.getsource(variational.kl_to_prior), language="python")

# %%
means = np.linspace(-3, 3, 100, dtype="float32")[:, None]
plt.figure(figsize=(6, 2.8))
for deviation in (0.1, 0.5, 1.0, 2.0):
    kl = variational.kl_to_prior(means, np.full_like(means, 2 * np.log(deviation)))
    plt.plot(means, kl, label=f"standard deviation {deviation}")
plt.xlabel("mean of one latent")
plt.ylabel("divergence, nats")
plt.ylim(0, 6)
plt.legend()
plt.show()

# %% [markdown]
# Being certain costs (0.1: the encoder says exactly where), and so does being far from zero. Free is only the answer that says
# nothing about the image: mean 0 and deviation 1. The encoder has to pay for every bit that it tells the decoder, and buys only what
# makes the image likelier by more than it costs.
#
# The difference of both terms is the **ELBO**, the *evidence lower bound*: the log density that the model gives to the image is
# never less than it, so to raise it is to make the data likely. Here is the whole of it:

# %%
Code(inspect.getsource(variational.VAE.elbo_terms), language="python")

# %% [markdown]
# `means + exp(log_variances / 2) * noise` is the *reparametrisation*: the chance is in `noise`, which depends on nothing that is
# trained, so gradients pass through the draw to the encoder.
#
# ## Train on both

# %%
vae = learn(beta=1)
show(vae.reconstruct(held_out.images[:12]), "drawn again from 16 numbers each")
show(vae.sample(noise[:24]), "decoded from random latents")

# %% [markdown]
# Now many random latents decode to digits, or to something between two digits; some still land where no code is, for the two terms
# come to a compromise, not to an agreement. All are softer than real digits: the likelihood compares pixel by pixel, and where several
# images are possible the best answer to it is their mean.
#
# ## Vary one thing: the weight of the second term
#
# `beta` ([Higgins et al. 2017](https://openreview.net/forum?id=Sy2fzU9gl)) below 1 gives no bound on the likelihood any more, and
# above 1 a looser one, but it shows what the two terms do against each other. We measure three things on held-out digits: the
# error of drawing them again; how many nats the encoder pays for each; and the Frechet distance of what is generated to real
# digits (lower is better; see notebook 02).

# %%
betas = {0: plain, 0.1: learn(0.1), 1: vae, 4: learn(4), 16: learn(16)}
table = {}
for beta, model in betas.items():
    error = float(np.abs(model.reconstruct(held_out.images) - held_out.images).mean() / 2)
    nats = float(np.mean(model.elbo_terms(held_out.images, noise)[1]))
    table[beta] = error, nats, judge.frechet(held_out.images, model.sample(noise))
    print(
        f"beta {beta:<4} error {error:.3f}   {nats:8.1f} nats   Frechet distance {table[beta][2]:.1f}"
    )

# %%
fig, panels = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
for axes, (beta, model) in zip(panels, betas.items(), strict=True):
    axes.imshow(image_grid(model.sample(noise[:25]).clip(-1, 1), columns=5), cmap="gray")
    axes.set_title(f"beta {beta}")
    axes.axis("off")
plt.show()

# %% [markdown]
# Up to `beta` 4 images are drawn again about equally well; only the largest suffers. With a small one random latents miss the
# codes. With a large one the codes fill the place that we draw from, and hold little: its digits are the most legible, and blurred. By the distance the best samples lie in between, and not at 1, where the bound is tightest: to be likely and to
# look right are two things.
#
# ## Exercises
#
# 1. How many nats does the VAE pay for each of its 16 latents, on average? Are there some that it could leave out, and with `beta` 16?
# 2. Walk on a straight line between the codes of two held-out digits. Does the plain autoencoder fall into its gaps there?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. The divergence is a sum over latents: keep its parts. With 16 some carry nothing.
for beta in (1, 16):
    answer = betas[beta].posterior(held_out.images)
    parts = [
        float(np.mean(variational.kl_to_prior(*(x[:, i : i + 1] for x in answer))))
        for i in range(LATENTS)
    ]
    print(f"beta {beta:<3}", *(f"{part:.1f}" for part in sorted(parts, reverse=True)))

# %% jupyter={"source_hidden": true}
# Solution 2. Hardly: between codes of digits there are others. A random draw finds the gaps.
share = np.linspace(0, 1, 12)[None, :, None]
for model, name in ((vae, "VAE"), (plain, "plain autoencoder")):
    codes = np.array(model.posterior(held_out.images[:6])[0])
    walks = (1 - share) * codes[:3, None] + share * codes[3:, None]
    show(model.sample(walks.reshape(-1, LATENTS).astype("float32")), name)
