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
# # Evaluating generators: which number sees what
#
# A generator can be bad in different ways: its images are blurred or noisy, it leaves things out, it repeats itself, it copies
# what it was trained on. No score sees all of that. This notebook damages *real* digits in one way at a time and watches what
# each score says. Nothing is trained but the classifier whose features the scores use; it takes about two minutes.

# %% tags=["parameters"] small="judge_steps, draws, counts = 2, 2, (100, 200)"
judge_steps, draws, counts = 600, 10, (100, 200, 400, 800)

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

from gen_ai_examples.common.media import image_grid
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.metrics.image import (
    features_frechet,
    inception_score,
    kernel_distance,
    memorisation,
    precision_recall,
)
from gen_ai_examples.common.sources import image

train, held_out = image.mnist().split()
judge = train_judge(train, judge_steps)
real = judge(held_out.images)  # (1000, 64): what the classifier sees in each image
rng = np.random.default_rng(0)

# %% [markdown]
# ## Damage with a dial
#
# Four kinds, each with a dial from nothing to a lot. The images start from digits of the training part, which are as real as the
# held-out ones.

# %%
clean = train.images[:1000]
labels = train.labels[:1000]

damage = {
    "noise": {s: (clean + rng.normal(0, s, clean.shape)).clip(-1, 1) for s in (0, 0.2, 0.4, 0.8)},
    "blur": {s: gaussian_filter(clean, (0, s, s, 0)) for s in (0, 0.7, 1.2, 2)},
    "missing classes": {m: np.resize(clean[labels >= m], clean.shape) for m in (0, 3, 6, 9)},
    "repetition": {n: np.resize(clean[: 1000 // n], clean.shape) for n in (1, 10, 50, 200)},
}
fig, rows = plt.subplots(4, 4, figsize=(10, 5))
for row, (kind, dial) in zip(rows, damage.items(), strict=True):
    for axes, (amount, images) in zip(row, dial.items(), strict=True):
        axes.imshow(image_grid(images[:12], columns=6), cmap="gray")
        axes.set_title(f"{kind} {amount}", fontsize=9)
        axes.axis("off")

# %% [markdown]
# ## What the scores say
#
# - The **Fréchet distance** compares means and covariances of features.
# - **Precision** is the share of generated images that lie where real ones are; **recall** the share of real ones that lie where
#   generated ones are ([Kynkäänniemi et al. 2019](https://arxiv.org/abs/1904.06991)).
# - The **Inception Score** never looks at real images: it asks whether a classifier is sure of each image and all classes occur
#   ([Salimans et al. 2016](https://arxiv.org/abs/1606.03498)).

# %%
scores = {}
for kind, dial in damage.items():
    for amount, images in dial.items():
        features, probabilities = judge.describe(images)
        precision, recall = precision_recall(real, features)
        scores[kind, amount] = {
            "Fréchet distance": features_frechet(real, features),
            "precision": precision,
            "recall": recall,
            "Inception Score": inception_score(probabilities)[0],
        }
names = list(next(iter(scores.values())))
fig, panels = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
for axes, name in zip(panels, names, strict=True):
    for kind, dial in damage.items():
        axes.plot(range(len(dial)), [scores[kind, a][name] for a in dial], marker="o", label=kind)
    axes.set(title=name, xlabel="how much damage", xticks=range(4))
panels[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# Read the panels one by one. Noise, blur and missing classes all raise the Fréchet distance and lower recall, so neither says
# which of them it was. Precision does: it stays for missing classes, since every image is a good digit, and falls for noise and
# blur once they are heavy; slight ones a classifier is made to see through. The Inception Score falls most for missing classes:
# it asks for many of them. Repetition is the trap. Precision *rises*, for a few digits are easily all good ones, and the Fréchet
# distance, which looks at means and covariances alone, finds a hundred digits drawn ten times each about as good as slightly
# blurred ones. Recall drops to zero at once: the nearest neighbours of a repeated image are its own copies, which reach nowhere.

# %% [markdown]
# ## Vary one thing: the number of images
#
# A Fréchet distance is estimated from samples, and the estimate is too high for small ones. So the same generator has
# different scores with 100 and with 1,000 images, and a paper that does not say how many it used says nothing. Here both sets are
# *real*, so that an honest score is zero. The **kernel distance** ([Bińkowski et al. 2018](https://arxiv.org/abs/1801.01401)) has no
# such bias.

# %%
features = np.concatenate([real, judge(train.images)])
blurred = judge(damage["blur"][0.7])
frechet, kernel = [], []
for n in counts:
    pairs = [rng.permutation(len(features))[: 2 * n].reshape(2, n) for _ in range(draws)]
    frechet.append([features_frechet(features[a], features[b]) for a, b in pairs])
    kernel.append([kernel_distance(features[a], features[b])[0] for a, b in pairs])
fig, panels = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axes, distances, name, score in (
    (panels[0], frechet, "Fréchet", features_frechet(real, blurred)),
    (panels[1], kernel, "kernel", kernel_distance(real, blurred)[0]),
):
    share = np.array(distances) / score
    axes.errorbar(counts, share.mean(1), share.std(1), marker="o", capsize=3)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(title=f"{name} distance, real to real", xlabel="images")
panels[0].set_ylabel("as a share of slight blur's")
plt.show()

# %% [markdown]
# The bars are the spread over the draws. The Fréchet distance of a hundred real digits to a hundred others is larger than that
# of a thousand slightly blurred ones to a thousand real ones. The kernel distance scatters around zero, which is the truth.

# %% [markdown]
# ## What to take along
#
# Give several numbers, say how many images and which features, and put real data through the same mill. `gen-ai-examples score
# REAL FAKE` does that for your own folders of images, and `evaluation.generation_quality` and `evaluation.diversity` measure these
# effects on trained generators.
#
# ## Exercises
#
# 1. Fool the Inception Score: with ten images, make a "generator" that scores better than real handwriting.
# 2. None of the scores above sees *copying*. What tells a copy from a new image? Compare distances to the training images with
#    distances to held-out ones.
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. The surest image of each class, over and over: certain of each, all classes alike.
probabilities = judge.probabilities(train.images)
surest = [probabilities[:, c].argmax() for c in range(10)]
fooled = np.resize(train.images[surest], held_out.images.shape)
ours = inception_score(judge.probabilities(fooled))[0]
theirs = inception_score(judge.probabilities(held_out.images))[0]
print(f"ten images, repeated: {ours:.2f}; real handwriting: {theirs:.2f}")
plt.figure(figsize=(6, 1))
plt.imshow(image_grid(train.images[surest], columns=10), cmap="gray")
plt.axis("off")
plt.show()

# %% jupyter={"source_hidden": true}
# Solution 2. A new digit is as often nearer to a training image as to a held-out one, when there
# are equally many of each; a copy is always nearer to its original.
half = train.images[1000:2000]
for name, images in (("copies with noise", damage["noise"][0.2]), ("new digits", half)):
    beyond = memorisation(clean, images, held_out.images)
    print(f"{name}: {beyond:.2f} of them copies, beyond chance")
