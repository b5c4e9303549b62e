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
# # GANs: a game of two networks
#
# *Generative adversarial networks* ([Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661)) learn without ever being told what a
# good image is: a discriminator learns to tell real from generated, and the generator learns to be taken for real. This notebook
# plays the game and asks what decides how it goes. It takes about five minutes on two cores.

# %% tags=["parameters"] small="steps, judge_steps, look_every = 4, 2, 2"
steps, judge_steps, look_every = 1200, 600, 200

# %%
import inspect

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Code

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.methods import gan as games
from gen_ai_examples.common.methods.stacked import StackedNetworks
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import precision_recall
from gen_ai_examples.common.nets.dcgan import build_encoder, build_generator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import strategy

train, held_out = image.mnist().split()
judge = train_judge(train, judge_steps)
real = judge(held_out.images)
latents = np.random.default_rng(0).normal(size=(len(held_out), 16)).astype("float32")

# %% [markdown]
# ## First what is *not* a GAN
#
# Tutorials abound that stack a generator and a discriminator into one model and train it with one loss on one optimizer. Both
# networks then pull the same way: the discriminator learns to call the generator's output real, for that is what lowers the loss.

# %%
stacked = StackedNetworks(train.images.shape[1:], min(steps, 1000), 64, seed=0)
from_stack = stacked.sample(len(held_out), seed=0)
print(f"generated images are taken for real with probability {stacked.believes(from_stack):.3f}")
print(
    f"real images are taken for real with probability      {stacked.believes(held_out.images):.3f}"
)
plt.figure(figsize=(6, 1.2))
plt.imshow(image_grid(from_stack[:20].clip(-1, 1), columns=10, scale=2), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown]
# ## The game
#
# Two losses that pull in opposite directions. From the discriminator's *logit* (any number, high for real) the usual ones are:

# %%
Code(inspect.getsource(games.non_saturating), language="python")

# %% [markdown]
# `softplus(-logit)` is `-log(sigmoid(logit))`. The generator's loss is "non-saturating": it asks for high logits of generated
# images rather than for a high loss of the discriminator, because that keeps a gradient while the discriminator is winning, as it
# does at the start. The two curves show why.

# %%
logits = np.linspace(-8, 8, 200)
plt.figure(figsize=(6, 2.8))
plt.plot(logits, np.logaddexp(0, -logits), label="non-saturating: softplus(-x)")
plt.plot(logits, -np.logaddexp(0, logits), label="as in the minimax game: -softplus(x)")
plt.xlabel("logit of a generated image (low: the discriminator is sure)")
plt.ylabel("generator's loss")
plt.legend()
plt.show()


# %% [markdown]
# ## Play it, and vary one thing: who learns faster
#
# The same two networks, the same data, the same seed; only the learning rate of the generator changes. We look at **recall**, the
# share of real digits that lie where generated ones are. It falls to zero when the generator has *collapsed* to a few images, and
# is near zero before it has learned anything.


# %%
def play(g_rate, d_rate=1e-3, loss=games.non_saturating, seed=0):
    keras.utils.set_random_seed(seed)
    with strategy().scope():
        gan = games.GAN(build_generator(16), build_encoder(), loss)
        gan.compile(
            g_optimizer=keras.optimizers.Adam(g_rate, beta_1=0.5),
            d_optimizer=keras.optimizers.Adam(d_rate, beta_1=0.5),
        )
    looks = []

    def look(epoch, logs):
        features = judge(gan.sample(latents))
        looks.append(((epoch + 1) * look_every, precision_recall(real, features)[1]))

    fit(
        gan,
        batches({"images": train.images}, 64, seed, games.gan_randomness(16)),
        steps,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=look)],
        steps_per_epoch=look_every,
        progress=False,
    )
    return looks, gan.sample(latents)


players = {
    "generator four times as fast": play(4e-3),
    "equal": play(1e-3),
    "generator at a quarter": play(2.5e-4),
}

# %%
fig, panels = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
for name, (looks, _) in players.items():
    panels[0].plot(*zip(*looks, strict=True), marker="o", label=name)
panels[0].set(title="recall", xlabel="steps", ylim=(-0.05, 1))
panels[0].legend(fontsize=7)
for axes, (name, (_, drawn)) in zip(panels[1:], players.items(), strict=True):
    axes.imshow(image_grid(drawn[:36], columns=6), cmap="gray")
    axes.set_title(name, fontsize=9)
    axes.axis("off")

# %% [markdown]
# Here nobody collapsed, and the generator at a quarter of the rate is behind after so few steps. One seed each is an anecdote: another
# may tell another story. `evaluation.stability` plays this game over two dozen seeds and records how often each setting
# collapses, whether the losses could have told, and whether the remedy is worth it.
#
# ## Exercises
#
# 1. Replace the loss by `games.hinge` at equal learning rates. Does it change the outcome?
# 2. Walk on a straight line from one latent vector to another and draw what lies between. A generator that has memorised would
#    jump; what does this one do?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. Only the function from logits to losses changes. The outcome hardly does.
looks, drawn = play(1e-3, loss=games.hinge)
print(f"recall: hinge {looks[-1][1]:.2f}, non-saturating {players['equal'][0][-1][1]:.2f}")

# %% jupyter={"source_hidden": true}
# Solution 2. A strip for each pair of latents: it changes little by little, without jumps.
with strategy().scope():
    gan = games.GAN(build_generator(16), build_encoder())
    gan.compile(keras.optimizers.Adam(2.5e-4, 0.5), keras.optimizers.Adam(1e-3, 0.5))
fit(gan, batches({"images": train.images}, 64, 0, games.gan_randomness(16)), steps, progress=False)
share = np.linspace(0, 1, 12)[None, :, None]
walks = (1 - share) * latents[:4, None] + share * latents[4:8, None]
plt.figure(figsize=(8, 3))
plt.imshow(image_grid(gan.sample(walks.reshape(-1, 16)), columns=12, scale=2), cmap="gray")
plt.axis("off")
plt.show()
