# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 评估生成器：哪种评分看得出什么
#
# 生成器的不好有许多种：图像模糊或有噪声，漏掉了某些内容，翻来覆去地重复，照抄训练数据。没有哪个评分能看到全部。这个笔记本每次只用一种方式损坏*真实*数字，看每个评分怎么说。除了为评分提供特征的分类器，什么也不训练；大约需要两分钟。

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
# ## 可以调节的损坏
#
# 一共四种，每种的程度都可以从无调到很重。图像取自训练部分的数字，它们和留出的数字一样真实。

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
# ## 各个评分怎么说
#
# - **Fréchet 距离**比较特征的均值和协方差。
# - **精确率**是生成图像中落在真实图像所在之处的比例；**召回率**是真实图像中落在生成图像所在之处的比例（[Kynkäänniemi 等 2019](https://arxiv.org/abs/1904.06991)）。
# - **Inception Score** 从不看真实图像：它只问分类器对每张图像是否有把握，以及各个类别是否都出现（[Salimans 等 2016](https://arxiv.org/abs/1606.03498)）。

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
# 逐个看这些图。噪声、模糊和缺少类别都会使 Fréchet 距离升高、召回率下降，所以这两者都说不出是哪一种。精确率说得出：缺少类别时它不变，因为每张图像都是好数字；噪声和模糊很重时它才下降，轻微的损坏，分类器本来就要学会忽略。缺少类别时下降最多的是 Inception Score，因为它要求类别多。重复是个陷阱：精确率反而*上升*，因为少数几个数字很容易全是好的；而只看均值和协方差的 Fréchet 距离认为，一百个数字各画十遍，与略微模糊的图像差不多。召回率立刻降到零：重复图像的最近邻就是它自己的副本，覆盖不了任何范围。

# %% [markdown]
# ## 改变一件事：图像的数量
#
# Fréchet 距离是由样本估计的，样本少时估计值偏高。所以同一个生成器用 100 张和用 1,000 张图像会得到不同的分数，不说明用了多少张的论文等于什么都没说。这里两组都是*真实*图像，诚实的分数应当是零。**核距离**（[Bińkowski 等 2018](https://arxiv.org/abs/1801.01401)）没有这种偏差。

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
# 误差线是各次抽取的离散程度。一百个真实数字与另外一百个真实数字的 Fréchet 距离，大于一千个略微模糊的数字与一千个真实数字的距离。核距离则在零附近波动，而零正是真实值。

# %% [markdown]
# ## 要点
#
# 给出几种评分，说明用了多少图像、哪种特征，并让真实数据经过同样的流程。`gen-ai-examples score REAL FAKE` 可以对你自己的图像文件夹这样做；`evaluation.generation_quality` 和 `evaluation.diversity` 在训练好的生成器上测量这些效应。
#
# ## 练习
#
# 1. 骗过 Inception Score：用十张图像做一个“生成器”，让它的得分高于真实手写数字。
# 2. 上面的评分都看不出*照抄*。怎样区分照抄和新图像？比较到训练图像的距离与到留出图像的距离。
#
# 答案在下面折叠的单元格里。

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
