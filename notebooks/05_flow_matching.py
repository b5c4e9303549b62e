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
# # Diffusion and flow matching: from noise to images, step by step
#
# Drawing an image in one go is hard. Diffusion models and their simplest relative, *flow matching*
# ([Lipman et al. 2023](https://arxiv.org/abs/2210.02747)), draw it in many small steps: begin with noise, and at every moment ask a
# network in which direction images lie. This notebook builds one, first on points in the plane, where the whole of it can be seen,
# then on digits. It takes about four minutes on two cores.

# %% tags=["parameters"] small="steps, judge_steps, solver_steps, widths = 4, 2, (1, 2), (16,)"
steps, judge_steps, solver_steps, widths = 1000, 600, (1, 2, 4, 8, 16, 32), (48, 96)

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
from gen_ai_examples.common.methods import flow as flows
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.conv import build_unet
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import precision, strategy

# %% [markdown]
# ## Straight lines that cross
#
# Take a point of noise `x_0` and a point of the data `x_1`, and draw the straight line between them: at time `t` we are at
# `(1 - t) x_0 + t x_1`, and move with the velocity `x_1 - x_0`. Pair noise and data at random, many times over:

# %%
rng = np.random.default_rng(0)
n = 2000
angle = rng.uniform(0, 2 * np.pi, n)
x_1 = 3 * np.stack([np.cos(angle), np.sin(angle)], 1) + rng.normal(0, 0.1, (n, 2))  # a ring
x_0 = rng.normal(size=(n, 2))

plt.figure(figsize=(4, 4))
for start, end in zip(x_0[:60], x_1[:60], strict=True):
    plt.plot(*zip(start, end, strict=True), color="tab:blue", alpha=0.4, linewidth=0.8)
plt.scatter(*x_0[:60].T, s=8, color="gray", label="noise, time 0")
plt.scatter(*x_1[:60].T, s=8, color="tab:red", label="data, time 1")
plt.legend(loc="upper right", fontsize=8)
plt.axis("equal")
plt.show()

# %% [markdown]
# These lines cannot be followed: where two cross, a point does not know which of them it is on. But it can move with their
# **mean** velocity. That is what a network learns that is trained on the squared error: the best answer to it is the mean of all
# that was possible. And it is proved that this is enough: moved by the mean velocity, the cloud of noise becomes the cloud of
# data, though no single point ends where its line would have ended.
#
# For points in the plane no network is needed; the mean over the lines that pass near by can be computed.


# %%
def mean_velocity(x, t, data):
    """The mean of `x_1 - x_0` over all lines to `data` that pass through `x` (N, 2) at time `t`."""
    starts = (x[:, None] - t * data[None]) / (1 - t)  # where the line to each x_1 began
    log_weights = -(starts**2).sum(-1) / 2  # how likely noise begins there
    weights = np.exp(log_weights - log_weights.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    return weights @ data - (weights[..., None] * starts).sum(1)


paths = [rng.normal(size=(100, 2))]
for i in range(100):
    paths.append(paths[-1] + 0.01 * mean_velocity(paths[-1], i / 100, x_1))
paths = np.stack(paths)

plt.figure(figsize=(4, 4))
plt.plot(*paths[:, :60].transpose(2, 0, 1), color="tab:blue", alpha=0.4, linewidth=0.8)
plt.scatter(*paths[0, :60].T, s=8, color="gray")
plt.scatter(*paths[-1, :60].T, s=8, color="tab:red")
plt.axis("equal")
plt.show()

# %% [markdown]
# The paths bend, never cross, and end on the ring. At first all move inwards a little, towards the middle of the data, for from
# pure noise nothing else can be said; the choice of a place on the ring is made on the way. An image is drawn in the same manner:
# first what most images share, then, step by step, what makes it one of them.
#
# ## On digits
#
# A digit is a point in 784 dimensions, and now a network learns the mean. This is the whole of the training:

# %%
Code(inspect.getsource(flows.FlowMatching.train_step), language="python")

# %% [markdown]
# (The network here answers with the image that it takes `x_t` for, and the velocity is the line from `x_t` to that image. It comes to
# the same, and is easier for a small network, which need not pass the noise through.)
#
# A diffusion model ([Ho et al. 2020](https://arxiv.org/abs/2006.11239)) differs in two ways: the line from image to noise is curved,
# its coefficients `a_t` and `b_t` being those of a random walk, and the network is asked for the noise. Both are a change of
# variables of what you see here.

# %%
train, held_out = image.mnist().split()
judge = train_judge(train, judge_steps)
columns = {"images": train.images, "labels": train.labels}
noise = np.random.default_rng(0).normal(size=held_out.images.shape).astype("float32")
labels = held_out.labels

keras.utils.set_random_seed(0)
with strategy().scope(), precision("auto"):
    flow = flows.FlowMatching(build_unet(train.images.shape[1:], 10, widths), n_classes=10)
    decay = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    flow.compile(keras.optimizers.AdamW(decay, use_ema=True, ema_momentum=0.99))
history = fit(
    flow, batches(columns, 64, 0, flows.flow_randomness(10)), steps, progress=False
).history

# %% [markdown]
# The loss does not tend to zero, and need not: from a noisy image one cannot know which image it came from, and the mean velocity
# misses each single one. What it misses by is the same for the best of all networks.

# %%
plt.figure(figsize=(6, 2.4))
plt.plot(history["loss"])
plt.xlabel("hundreds of steps")
plt.ylabel("squared error of the velocity")
plt.show()

# %% [markdown]
# ## Watch one being drawn
#
# Each row is a digit on its way from noise. In the row below it is, at the same moments, the image that the network expects: at first
# a blurred mean of all digits of the class, then sharper, as less and less is open.

# %%
x, label, fine = tf.constant(noise[:3]), tf.constant(labels[:3]), 40
moments = []
for i in range(fine):
    t = i / fine
    velocity = flow.velocity(x, t, label)
    if i % 4 == 0:
        moments.append(np.stack([x, x + (1 - t) * velocity], axis=1))  # (3, 2, H, W, 1)
    x = x + velocity / fine
rows = np.stack(moments, axis=2).reshape(-1, *noise.shape[1:])  # digit, now or expected, moment

plt.figure(figsize=(9, 5.6))
plt.imshow(image_grid(rows.clip(-1, 1), columns=10, scale=2), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown]
# ## Vary one thing: how many steps
#
# Each step costs one call of the network, so fewer are cheaper, and follow the bent path less well. The Frechet distance to held-out
# digits (notebook 02; lower is better) says what they cost.

# %%
drawn = {count: flow.sample(noise, labels, steps=count) for count in solver_steps}
frechet = {count: judge.frechet(held_out.images, its) for count, its in drawn.items()}
for count, value in frechet.items():
    print(f"{count:>3} steps: Frechet distance {value:.1f}")

# %%
fig, panels = plt.subplots(1, len(drawn), figsize=(2.2 * len(drawn), 2.6), layout="constrained")
for axes, (count, its) in zip(panels, drawn.items(), strict=True):
    axes.imshow(image_grid(its[:25].clip(-1, 1), columns=5), cmap="gray")
    axes.set_title(f"{count} step{'s' * (count > 1)}")
    axes.axis("off")
plt.show()

# %% [markdown]
# One step gives the mean of all that is possible, a blur. A few give digits. From there each doubling helps less, while its price
# doubles. `image.flow_matching` and `evaluation.generation_speed` measure this over several seeds, beside other ways to be fast.
#
# ## Exercises
#
# 1. Heun's method looks ahead and takes the mean of two velocities: two calls a step, but errors of second order. At equal numbers of
#    calls, is it better than Euler's?
# 2. *Guidance* ([Ho & Salimans 2022](https://arxiv.org/abs/2207.12598)) exaggerates what distinguishes a class from images in
#    general: `flow.sample(..., guidance=3.0)`. What happens to the digits, and to the Frechet distance?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. The last of Heun's steps is Euler's: n of them are 2 n - 1 calls.
for count in solver_steps[1:5]:
    its = flow.sample(noise, labels, steps=count, solver="heun")
    print(
        f"{2 * count - 1:>3} calls: Heun {judge.frechet(held_out.images, its):.1f}, "
        f"Euler {judge.frechet(held_out.images, flow.sample(noise, labels, steps=2 * count - 1)):.1f}"
    )

# %% jupyter={"source_hidden": true}
# Solution 2. Plainer, more alike, and farther from the variety of real digits.
fig, panels = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for axes, guidance in zip(panels, (0.0, 1.0, 3.0), strict=True):
    its = flow.sample(noise, labels, steps=solver_steps[-2], guidance=guidance)
    axes.imshow(image_grid(its[:25].clip(-1, 1), columns=5), cmap="gray")
    axes.set_title(f"guidance {guidance}: {judge.frechet(held_out.images, its):.1f}")
    axes.axis("off")
plt.show()
