"""Does a network colour a film after its first frame better than optical flow carries the colours?

Every frame is given in grey, the first one in colour too, as when one frame is coloured by hand.
The first frame is moved onto each other one in four ways: by optical flow between the two (TV-L1),
by flow added up from frame to frame, by patches of like lightness (Welsh et al. 2002,
https://doi.org/10.1145/566654.566576), and by attention over learned features (Vondrick et al.
2018, https://arxiv.org/abs/1806.09594). A U-Net sees all of them, how well their lightness fits,
and what fits spread over what does not; it mixes these colours pixel by pixel. Last, each frame is
averaged with the one before, moved. Departures: colours are regressed, not classified; in training
all hues are turned at random, so that the network has to copy: it cannot learn that grass is green.

The article files colouring under style transfer. Style transfer repaints a picture; colouring keeps
the lightness of every pixel and restores what is missing. Its snippet, one convolution behind an
undefined name, does neither.

    gen-ai-examples run video.colorization --steps 300

Held out are whole shots: three of Big Buck Bunny, whose style training knows from other shots, and
two of a city by night, live action. All is computed and measured at half their size, where colour
is smooth enough. `--video FILE_OR_FOLDER` takes your own; its last fifth is held out.

What to expect: fewer and fainter false colours than by flow, so that the mean square error falls,
most in the last frame and where things come into view; and less flicker, though colours that stay
where they were flicker less still, being wrong throughout. Where little moves (brook and the city)
the better flow is as good or better, and the mean of the errors, which many small ones decide, is
about level. What mattered, on shots left out of training: to begin with the flow that fits, before
which the network was no better than it; and to spread what fits. Group normalisation learned the
training shots better and others hardly; a correction beside the mixture, hues left as they are,
and attention within the frame gained nothing.

Limits: what comes into view later has no given colour, and stays a guess from what is around it:
give a coloured frame for each shot, and another one where much is new. Colouring without any given
colour is not shown; it takes a network that has seen far more pictures than these. No colour here
is evidence of what a scene looked like; say so wherever coloured footage is shown, above all
historical.
"""

import itertools

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.clip_panels import playing, score_table, time_slices
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import to_uint8
from gen_ai_examples.common.methods.colour_propagation import (
    middle,
    propagate,
    steadied,
    steps_back,
    to_lab,
    to_rgb,
)
from gen_ai_examples.common.methods.colouring import Colouring, examples, recoloured
from gen_ai_examples.common.methods.video_enlarging import enlarge_all
from gen_ai_examples.common.metrics.colour import measure_colour
from gen_ai_examples.common.nets.colouring import build_colouring
from gen_ai_examples.common.panels import panels
from gen_ai_examples.common.sources.clips import bundled_clips, own_clips
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q16.3",)
SMOKE = dict(steps=2, batch_size=2, width=8, training_clips=1, training_frames=6, frames=4)

FACTOR = 2  # of the reduction
HELD_OUT = ("brook", "canopy", "flowers", "tower", "towers")
SHARE, TRUST = 0.5, 4.0  # of the frame before; best on training clips, for flow and network alike
QUALITIES = ("error", "error at the end", "mean error", "flicker")
STILL = ("grey", "colours left in place")
MOVING = (
    "nearest patches",
    "flow from frame to frame",
    "flow from the first frame",
    "better flow",
    "better flow, steadied",
)
OURS, UNSTEADY = "network", "network, not steadied"


def main(
    steps=300,
    batch_size=4,
    width=24,
    learning_rate=2e-3,
    training_clips=18,
    training_frames=36,
    frames=54,
    dtype="auto",
    seed=0,
    video: str | None = None,
) -> Answer:
    known, held_out = footage(video)
    known = dict(list(known.items())[:training_clips])
    parts = [
        examples(to_learn_from(clip, training_frames, way))
        for clip, way in zip(known.values(), itertools.cycle((1, -1)))
    ]
    columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in [*parts[0]]}
    keras.utils.set_random_seed(seed)
    with strategy().scope(), precision(dtype):
        model = Colouring(build_colouring(width))
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3))
        model.optimizer.build(model.network.trainable_variables)
    fit(model, batches(columns, batch_size, seed, recoloured), steps)

    coloured, scores = {}, {}
    for name, clip in held_out.items():
        lab = to_lab(middle(clip.frames[:frames], 8 * FACTOR), FACTOR)
        coloured[name] = colourings(model, lab)
        scores[name] = {m: measure_colour(ab, lab[..., 1:]) for m, ab in coloured[name].items()}

    def mean(quality, methods):
        return {m: float(np.mean([its[m][quality] for its in scores.values()])) for m in methods}

    def claim(statement, quality, unit, rivals):
        values = mean(quality, (OURS, *rivals))
        return Claim(statement, values.pop(OURS), unit, values, better="lower", best=0.0)

    ends = {name: pictures(held_out[name], coloured[name], [-1]) for name in list(held_out)[:5]}
    by_flow = sorted(held_out, key=lambda name: scores[name][MOVING[-1]]["error"])
    shown = [
        pictures(held_out[name], coloured[name], range(0, frames, 3))
        for name in dict.fromkeys((by_flow[-1], by_flow[0]))  # its worst, and its best
    ]
    return Answer(
        claims=[
            claim(
                "Given the colours of the first frame, a network colours shots it has never seen "
                "with less square error than optical flow that carries the colours, even if the "
                "flow that fits better is chosen for every pixel.",
                *("error", "root mean square error of a and b in CIELAB", (*STILL, *MOVING)),
            ),
            claim(
                "It is still ahead in the last frame, where colours have drifted most.",
                *("error at the end", "the same, of the last frame", (*STILL, *MOVING)),
            ),
            claim(
                "Its colours flicker less than all others that follow the motion: their changes "
                "from frame to frame are nearer to the true ones.",
                *("flicker", "levels of a and b, error of the change per frame", MOVING),
            ),
        ],
        metrics={"training examples": float(len(columns["frame"]))}
        | {f"flicker, {name}": x for name, x in mean("flicker", (*STILL, UNSTEADY)).items()}
        | {f"error, {UNSTEADY}": mean("error", [UNSTEADY])[UNSTEADY]}
        | {f"mean error, {name}": x for name, x in mean("mean error", (*MOVING, OURS)).items()},
        media={
            "last_frames": panels(
                [
                    {
                        (f"{name}: {title}" if title == STILL[0] else title): x[0]
                        for title, x in row.items()
                    }
                    for name, row in ends.items()
                ],
                width=1.6,
            ),
            "playing": playing(shown, held_out[by_flow[0]].fps / 3),
            "time_slices": panels([time_slices(clip, 6) for clip in shown]),
            "clips": score_table(scores, dict.fromkeys(QUALITIES, "levels of a and b")),
        },
    )


def footage(video):
    """Clips to train on and to hold out, by name."""
    clips = own_clips(video) if video else bundled_clips()
    # The last by name, not any: neighbouring pieces of one video stay on one side.
    held_out = list(clips)[-max(1, len(clips) // 5) :] if video else HELD_OUT
    train = {name: clip for name, clip in clips.items() if name not in held_out}
    return train, {name: clips[name] for name in held_out}


def to_learn_from(clip, frames, way):
    """Every third frame after the first, or, if `way` is -1, before the last."""
    lab = to_lab(middle(clip.frames[:frames], 8 * FACTOR), FACTOR)[::way]
    return propagate(lab, steps_back(lab[..., 0]), np.arange(2, len(lab), 3))


def colourings(model, lab):
    """Colours (T, H, W, 2) of a clip by method, the first frame's being given."""
    steps = steps_back(lab[..., 0])
    moved = propagate(lab, steps, np.arange(1, len(lab)))

    def whole(ab):
        return np.concatenate([lab[:1, ..., 1:], ab])

    def steady(ab):
        return steadied(ab, lab[..., 0], steps, SHARE, TRUST)

    still = (np.zeros_like(lab[..., 1:]), lab[:1, ..., 1:].repeat(len(lab), 0))
    labs = (moved.patches, moved.chained, moved.direct)
    flows = [whole(ab) for ab in (*(x[..., 1:] for x in labs), moved.better)]
    ours = whole(model.colour(moved))
    methods = dict(zip(STILL, still, strict=True))
    methods |= dict(zip(MOVING, (*flows, steady(flows[-1])), strict=True))
    return methods | {UNSTEADY: ours, OURS: steady(ours)}


def pictures(clip, coloured, chosen):
    """Frames as they look, by title, with their own lightness in full size.

    Of the `chosen` ones, those that the clip has.
    """
    chosen = [t for t in chosen if t < len(coloured[OURS])]
    frames = middle(clip.frames[: len(coloured[OURS])], 8 * FACTOR)[chosen]
    lightness = to_lab(frames)[..., :1]

    def rgb(ab):
        large = [enlarge_all(np.ascontiguousarray(ab[..., i]), FACTOR) for i in (0, 1)]
        lab = np.concatenate([lightness, np.stack(large, -1)], -1)
        return to_uint8(2 * to_rgb(lab) - 1)

    titles = (STILL[0], MOVING[0], MOVING[-1], OURS)
    return {name: rgb(coloured[name][chosen]) for name in titles} | {"original": frames}


if __name__ == "__main__":
    run_as_command(main)
