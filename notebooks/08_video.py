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
# # Video: what the next frame knows
#
# A video is a row of pictures, and every method for pictures can be run on it frame by frame. Two things then go wrong: each frame errs
# in its own way, so that the result flickers; and what the neighbours know is thrown away. This notebook enlarges film four times, frame
# by frame and from five frames together, and measures both. It takes about four minutes on two cores.

# %% tags=["parameters"] small="steps, width, blocks, frames = 2, 4, 1, 4"
steps, width, blocks, frames = 1000, 48, 6, 16

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image

from gen_ai_examples.common.media import Clip
from gen_ai_examples.common.methods.video_enlarging import (
    Motion,
    enlarge_all,
    film,
    warp,
    windows,
)
from gen_ai_examples.common.metrics.video import measure
from gen_ai_examples.common.sources.clips import luminance_of, to_levels
from gen_ai_examples.video import super_resolution as example

FACTOR, BLUR, NOISE = 4, 1.6, 2.0  # of the camera
train_clips, held_out = example.footage(None)
print(f"{len(train_clips)} shots to learn from, held out:", *held_out)
fig, panels = plt.subplots(1, 3, figsize=(12, 2.6), layout="constrained")
for axes, (name, clip) in zip(panels, held_out.items(), strict=False):
    axes.imshow(clip.frames[0])
    axes.set_title(f"{name}, {len(clip.frames)} frames", fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# Whole shots are held out, and shots of one scene stay on one side. Neighbouring frames are all but copies; a random tenth of the
# *frames* would test nothing.
#
# ## A camera
#
# Two measures from here on: **PSNR** is the mean squared error in decibels, **SSIM** the likeness of local structure, 1 at best; of
# both more is better. The small video is made from the large one as a camera makes it: a little blur, one pixel out of each four by
# four, noise. The blur is less than what would be needed to be rid of all detail that is too fine for the pixels, as in real cameras.
# So fine patterns show up falsely, and **falsely in another way in each frame**, for the picture moves by fractions of a pixel. That is
# the information which the neighbours hold. (Three frames of a shot, and what changed from the first to the third: noise, and edges
# that fell on the pixels otherwise.)

# %%
truth = {name: luminance_of(clip.frames[:frames], FACTOR) for name, clip in held_out.items()}
low = {name: film(y, FACTOR, BLUR, NOISE, seed=0) for name, y in truth.items()}
name, rows, columns = "towers", np.s_[40:120], np.s_[80:200]
enlarged = enlarge_all(low["tower"][:3], FACTOR)[:, rows, columns]
pictures = {f"frame {t}, enlarged": frame for t, frame in enumerate(enlarged)}
pictures["frame 2 less frame 0"] = enlarged[2] - enlarged[0]
fig, panels = plt.subplots(1, 4, figsize=(13, 2.6), layout="constrained")
for axes, (title, picture) in zip(panels, pictures.items(), strict=True):
    axes.imshow(picture, cmap="gray")
    axes.set_title(title)
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Motion
#
# To use a neighbour, one must know what moved where. *Optical flow* says it for each pixel. Moved back by it, a later frame should be
# this one; where it is not, something was hidden, or the flow is wrong, or it is noise.

# %%
motion = Motion(low["tower"])
flow = motion.flow(0, 3)
moved = warp(low["tower"][3], flow)
print(
    f"in three frames pixels move by {np.hypot(*flow).mean():.2f} on average, up to {np.hypot(*flow).max():.1f}"
)
for title, its in (("as it is", low["tower"][3]), ("moved back", moved)):
    print(f"the third next frame, {title}: differs by {np.abs(its - low['tower'][0]).mean():.4f}")

# %% [markdown]
# ## Two networks
#
# Both are the same, predict what bicubic enlargement lacks, and are trained on the same shots. One sees a frame; the other sees it in the
# midst of two before and two after, and finds the motion by itself.

# %%
known = {name: luminance_of(clip.frames, FACTOR) for name, clip in train_clips.items()}
seen = np.concatenate([windows(to_levels(y), 2)[::2] for y in known.values()])
settings = (16, 32, width, blocks, steps, 1e-3, "auto", 0)
by_frame = example.train(seen[:, 2:3], *settings)
by_five = example.train(seen, *settings)

# %%
methods = {
    "bicubic": lambda low: enlarge_all(low, FACTOR),
    "frame by frame": lambda low: enlarge_all(low, FACTOR) + example.details(by_frame, low),
    "five frames": lambda low: enlarge_all(low, FACTOR) + example.details(by_five, low),
}
large = {title: {clip: make(x) for clip, x in low.items()} for title, make in methods.items()}
for title, its in large.items():
    scores = [measure(its[clip].clip(-1, 1), truth[clip], FACTOR) for clip in truth]
    means = {quality: np.mean([score[quality] for score in scores]) for quality in scores[0]}
    print(title.ljust(16), *(f"{quality} {value:.3f}  " for quality, value in means.items()))

# %% [markdown]
# **Flicker** is how far the changes from frame to frame are from the true changes; an error that stands still does not count in it. The
# eye forgives a blurred wall sooner than one that shimmers.

# %%
here = (slice(None), rows, columns)
fig, panels = plt.subplots(1, 4, figsize=(13, 2.8), layout="constrained")
shown = {title: its[name][here] for title, its in large.items()} | {"original": truth[name][here]}
for axes, (title, y) in zip(panels, shown.items(), strict=True):
    axes.imshow(y[len(y) // 2], cmap="gray", vmin=-1, vmax=1)
    axes.set_title(title)
    axes.axis("off")
plt.show()

# %% [markdown]
# Now in motion: frame by frame to the left, five frames in the middle, the original to the right.

# %%
side_by_side = np.concatenate(
    [shown[title] for title in ("frame by frame", "five frames", "original")], axis=2
)
levels = to_levels(side_by_side.clip(-1, 1)).repeat(2, 1).repeat(2, 2)
Image(data=Clip(levels, fps=8).encode(), format="gif")

# %% [markdown]
# And cut through time: one row of pixels, frame under frame. What stands still makes vertical lines; what shimmers makes them ragged.

# %%
fig, panels = plt.subplots(1, 4, figsize=(13, 1.8), layout="constrained")
for axes, (title, y) in zip(panels, shown.items(), strict=True):
    axes.imshow(y[:, 40], cmap="gray", vmin=-1, vmax=1, aspect="auto")
    axes.set_title(title, fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Vary one thing: how much the shot moves
#
# One would expect that what five frames gain over one depends on the motion: with none, the neighbours show the same false pattern again;
# with much, they cannot be matched. Does it?

# %%
for clip, x in low.items():
    motion = Motion(x[:4])
    speed = np.mean([np.hypot(*motion.flow(t, t + 1)).mean() for t in range(3)])
    one, five = (
        measure(large[title][clip].clip(-1, 1), truth[clip], FACTOR)
        for title in ("frame by frame", "five frames")
    )
    print(
        f"{clip:<9} moves {speed:.2f} pixels a frame; five frames gain "
        f"{five['PSNR'] - one['PSNR']:+.2f} dB, and leave {five['flicker'] / one['flicker']:.0%} "
        "of the flicker"
    )

# %% [markdown]
# The shot that moves most gains no detail, as one would expect. But one that hardly moves gains most: motion alone does not decide.
# All flicker less.
#
# `video.super_resolution` does this with other frames and seeds, beside back-projection along the optical flow, the strongest method without a network.
# `video.colorization` treats colour, which has to stay what it is while things move.
#
# ## Exercises
#
# 1. Smooth the frame-by-frame result over time, with the mean of three neighbours. What happens to flicker, and to PSNR?
# 2. Give the network of five frames the same frame five times. How much of its gain is left?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. Flicker falls, and PSNR does not suffer here: the shot hardly moves. Try "tower".
y, its = large["frame by frame"][name], truth[name]
smooth = np.stack([y[max(t - 1, 0) : t + 2].mean(0) for t in range(len(y))])
for title, result in (("as it is", y), ("smoothed over time", smooth)):
    its_scores = measure(result.clip(-1, 1), its, FACTOR)
    print(f"{title:<20} flicker {its_scores['flicker']:.3f}   PSNR {its_scores['PSNR']:.2f} dB")

# %% jupyter={"source_hidden": true}
# Solution 2. None: without neighbours it does a little worse than the network of single frames.
for clip, x in low.items():
    still = np.concatenate([example.details(by_five, frame[None].repeat(5, 0))[2:3] for frame in x])
    psnr = [
        measure(made.clip(-1, 1), truth[clip], FACTOR)["PSNR"]
        for made in (
            enlarge_all(x, FACTOR) + still,
            large["frame by frame"][clip],
            large["five frames"][clip],
        )
    ]
    print(
        f"{clip:<9} one frame five times {psnr[0]:.2f} dB, frame by frame {psnr[1]:.2f} dB, "
        f"five frames {psnr[2]:.2f} dB"
    )
