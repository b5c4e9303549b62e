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
# # GAN：两个网络的一场博弈
#
# *生成对抗网络*（[Goodfellow 等 2014](https://arxiv.org/abs/1406.2661)）在学习时从来没有人告诉它什么是好图像：判别器学着区分真实与生成，生成器学着被当成真的。这个笔记本玩这场博弈，看什么决定它的走向。在两个 CPU 核上大约需要五分钟。

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
# ## 先看什么*不是* GAN
#
# 许多教程把生成器和判别器叠成一个模型，用一个损失、一个优化器来训练。这样两个网络朝同一个方向用力：判别器学会把生成器的输出称为真的，因为这样才能降低损失。

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
# ## 博弈
#
# 两个方向相反的损失。由判别器的 *logit*（任意实数，越大越真）得到的常用损失是：

# %%
Code(inspect.getsource(games.non_saturating), language="python")

# %% [markdown]
# `softplus(-logit)` 就是 `-log(sigmoid(logit))`。生成器的损失是“非饱和”的：它要求生成图像的 logit 高，而不是让判别器的损失变大，因为这样在判别器占上风时（训练开始时就是如此）仍然有梯度。两条曲线说明了原因。

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
# ## 玩一局，改变一件事：谁学得更快
#
# 同样的两个网络，同样的数据，同样的种子，只改变生成器的学习率。我们看**召回率**，即真实数字中落在生成数字所在之处的比例。生成器*坍塌*到只画少数几种图像时，它降到零；在生成器学会任何东西之前，它也接近零。


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
# 这里谁也没有坍塌，而学习率降到四分之一的生成器在这么少的步数之后还落在后面。每种只用一个种子，只能算个例，换一个种子可能是另一番光景。`evaluation.stability` 用二十多个种子玩这场博弈，记录每种设置下坍塌的比例、损失能否预示坍塌，以及补救办法是否值得。
#
# ## 练习
#
# 1. 在学习率相等时把损失换成 `games.hinge`。结果会变吗？
# 2. 从一个隐向量沿直线走到另一个，画出中间的图像。只会背诵的生成器会跳变；这一个会怎样？
#
# 答案在下面折叠的单元格里。

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
