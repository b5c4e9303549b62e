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
# # Training on many devices: what may change, and what must not
#
# A model that trains on several GPUs, or several machines, should become the same model as on one, only sooner. TensorFlow's
# `MirroredStrategy` does most of what that takes, and leaves a few things to you that go wrong without an error message. This notebook
# makes each mistake on purpose and measures it. It needs no GPU: the processor is split into two devices, which for a network as small as
# this one shows everything but speed. It takes about two minutes on two cores.

# %% tags=["parameters"] small="steps = 3"
from gen_ai_examples.common.strategy import use_devices

steps = 200
use_devices(2)  # before anything is computed; on a machine with GPUs these are the first two

# %%
import inspect

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Code
from keras import layers

from gen_ai_examples.common import strategy as strategies
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.strategy import clipped, replica_logs, replica_mean, strategy

tf.get_logger().setLevel("ERROR")  # else each reduction is reported
kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
one, two = strategy([f"{kind}:0"]), strategy([f"{kind}:0", f"{kind}:1"])
print(type(one).__name__, one.num_replicas_in_sync)
print(type(two).__name__, two.num_replicas_in_sync)

# %% [markdown]
# ## What the strategy does
#
# Every device holds a copy of the model, a *replica*. Of each batch of 32, each of two replicas gets 16 examples and computes their
# gradient. The optimizer **adds up** the gradients of all replicas and moves all copies alike, so they stay equal. Here it is at work:


# %%
@tf.function
def look(batch):
    context = tf.distribute.get_replica_context()
    mine = tf.shape(batch)[0]
    return mine, context.all_reduce("SUM", mine)


batch = next(iter(two.experimental_distribute_dataset(tf.data.Dataset.range(32).batch(32))))
mine, together = two.run(look, (batch,))
print("examples of each replica:", [int(n) for n in two.experimental_local_results(mine)])
print("added up over replicas:  ", [int(n) for n in two.experimental_local_results(together)])

# %% [markdown]
# ## Mistake 1: an ordinary mean
#
# "Adds up" is where it goes wrong first. If each replica computes the mean loss over *its* 16 examples, the sum of the gradients is
# twice the gradient of the mean over all 32, and every step goes twice as far. The remedy is to divide by the number of replicas as
# well:

# %%
Code(inspect.getsource(strategies.replica_mean), language="python")

# %% [markdown]
# The model below learns to take noise off digits, with whichever mean it is given.


# %%
class Denoiser(keras.Model):
    def __init__(self, mean=replica_mean, norm=None):
        super().__init__()
        noisy = keras.Input((8, 8, 1))
        hidden = layers.Dense(64, "silu")(layers.Flatten()(noisy))
        self.network = keras.Model(noisy, layers.Reshape((8, 8, 1))(layers.Dense(64)(hidden)))
        self.mean, self.norm = mean, norm
        self.built = True

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            restored = self.network(batch["images"] + batch["noise"], training=True)
            loss = self.mean(keras.ops.mean((restored - batch["images"]) ** 2, axis=(1, 2, 3)))
        weights = self.trainable_variables
        gradients = tape.gradient(loss, weights)
        if self.norm:
            gradients = clipped(gradients, self.norm)
        self.optimizer.apply(gradients, weights)
        return replica_logs(loss=loss)


def add_noise(batch, seed):
    return batch | {"noise": 0.7 * tf.random.stateless_normal(tf.shape(batch["images"]), seed)}


digits = image.digits().split()[0].images


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs):
        self.weights.append(np.concatenate([np.ravel(w) for w in self.model.get_weights()]))


def train(on, optimizer, **options):
    """The weights after each step."""
    keras.utils.set_random_seed(0)
    with on.scope():
        model = Denoiser(**options)
        model.compile(optimizer())
    data = batches({"images": digits}, 32, 0, add_noise)
    fit(model, data, steps, steps_per_epoch=1, callbacks=[watch := Watch()], progress=False)
    return np.array(watch.weights)


def sgd():
    return keras.optimizers.SGD(0.1)


def adam():
    return keras.optimizers.Adam(1e-3)


def apart(a, b):
    """The largest difference of a weight, after each step."""
    return np.abs(a - b).max(axis=1)


alone = train(one, sgd)
right, wrong = train(two, sgd), train(two, sgd, mean=keras.ops.mean)
print(f"after {steps} steps the weights of two devices differ from those of one by")
print(f"  {apart(right, alone)[-1]:.1e}  with replica_mean")
print(f"  {apart(wrong, alone)[-1]:.1e}  with an ordinary mean")

# %%
plt.figure(figsize=(6, 3))
plt.semilogy(apart(wrong, alone), label="ordinary mean")
plt.semilogy(apart(right, alone).clip(1e-9), label="replica_mean")
plt.semilogy(
    apart(train(one, lambda: keras.optimizers.SGD(0.2)), wrong).clip(1e-9),
    label="ordinary mean, against one device at twice the rate",
    linestyle="--",
)
plt.xlabel("steps")
plt.ylabel("largest difference of a weight")
plt.legend()
plt.show()

# %% [markdown]
# With `replica_mean` nothing is left but rounding. The dashed line shows what the mistake is: the very training of one device at
# *twice the learning rate*. On eight GPUs it would be eight times.
#
# ## Vary one thing: the optimizer that hides it
#
# Adam divides each gradient by its usual size, and a factor that is always there cancels. So with the optimizer that most people use
# the mistake hardly shows, until a step uses gradients in another way, as by clipping them, or until somebody changes the optimizer.

# %%
adam_alone = train(one, adam)
differences = {
    "SGD": apart(wrong, alone)[-1],
    "Adam": apart(train(two, adam, mean=keras.ops.mean), adam_alone)[-1],
    "Adam, replica_mean": apart(train(two, adam), adam_alone)[-1],
}
for name, value in differences.items():
    print(f"{name:<20} {value:.1e}")

# %% [markdown]
# ## Mistake 2: chance inside the step
#
# Each replica runs the same program. If that program draws random numbers from a generator with a seed, all replicas draw the *same*
# ones, so a batch of 32 has 16 different noises, each used twice:


# %%
@tf.function
def draw():
    return tf.random.stateless_normal((16, 8), seed=(1, 2))


inside = np.concatenate(two.experimental_local_results(two.run(draw)))
print(f"{len(np.unique(inside, axis=0))} different rows of {len(inside)}, drawn inside the step")
data = batches({"images": digits}, 32, 0, add_noise)
noise = next(iter(data))["noise"].numpy().reshape(32, -1)
print(f"{len(np.unique(noise, axis=0))} different rows of {len(noise)}, drawn with the batch")

# %% [markdown]
# Drawn with the batch, before it is shared out, every example has its own, and the same one on any number of devices. That is why the
# methods of this package take their noise, times and masks from the batch.
#
# ## What is left to decide: the batch
#
# Two devices that share a batch of 32 make the same updates as one. To be faster they must each have enough to do, so the *global*
# batch has to grow with them; then there are fewer updates per pass over the data, and the learning rate has to grow to make up for
# it. How far that goes is the subject of `training.batch_size`.
#
# `gen-ai-examples run NAME --devices 2` runs any example like this, and `gen-ai-examples launch --workers 2 run NAME` as two processes that
# train together as two machines would.
#
# ## Exercises
#
# 1. Keras can clip gradients: `keras.optimizers.SGD(0.1, global_clipnorm=0.05)`. What is clipped, the gradient of a replica or the
#    sum? Ask `fit`, and compare with `Denoiser(norm=0.05)` on one device and on two.
# 2. A last batch that is smaller: of 20 examples, two replicas get 10 each. Of 21? Look at the shares, and say why the mean of the
#    replicas' means is then not the mean of all.
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. Each replica's, before they are added up; so `fit` refuses it. `clipped` clips the sum.
try:
    train(two, lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.05))
except ValueError as error:
    print(error)
print(f"{apart(train(two, sgd, norm=0.05), train(one, sgd, norm=0.05))[-1]:.1e} apart")

# %% jupyter={"source_hidden": true}
# Solution 2. Means of 11 and of 10 examples count the same, so the 10 count for more each.
for n in (20, 21):
    batch = next(iter(two.experimental_distribute_dataset(tf.data.Dataset.range(n).batch(n))))
    mine, _ = two.run(look, (batch,))
    print(n, "examples:", [int(its) for its in two.experimental_local_results(mine)])
