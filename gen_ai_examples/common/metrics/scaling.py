"""How loss falls with the size of a model and with what it has read, and what a step costs.

Both are laws that are fitted to small trainings, to foretell a larger one before it is paid for.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares, nnls

from gen_ai_examples.common.errors import InputError


@dataclass(frozen=True)
class ScalingLaw:
    """`floor + a * parameters ** -alpha + b * tokens ** -beta`, in the unit of the losses.

    Source: Hoffmann et al. 2022, https://arxiv.org/abs/2203.15556, equation 2.
    """

    floor: float
    a: float
    alpha: float
    b: float
    beta: float

    def __call__(self, parameters, tokens):
        """The loss expected of so many weights after so many tokens, each read once."""
        return self.floor + self.a * parameters**-self.alpha + self.b * tokens**-self.beta


def fit_scaling_law(parameters, tokens, losses) -> ScalingLaw:
    """The law that is nearest to measured losses, in logarithms, outliers counting less.

    Args:
        parameters, tokens: of each training, (N,), positive.
        losses: held-out losses (N,), positive.

    Raises:
        InputError: fewer trainings than the law's five numbers, or only one size or length.

    Source: Hoffmann et al. 2022, https://arxiv.org/abs/2203.15556, section 3.3, from several
    beginnings since the fit has local minima; soft L1 in place of Huber's loss.
    """
    parameters, tokens, losses = (np.asarray(x, float) for x in (parameters, tokens, losses))
    if len(losses) < 5 or min(len(set(parameters)), len(set(tokens))) < 2:
        raise InputError(
            "A scaling law has five numbers: give at least five trainings, of two sizes and two "
            "lengths or more."
        )
    # In units in the middle of what was measured, or the five numbers differ by many magnitudes.
    n, d = (np.exp(np.log(x).mean()) for x in (parameters, tokens))

    def law(x):
        floor, a, b = np.exp(x[:3])
        return floor + a * (parameters / n) ** -x[3] + b * (tokens / d) ** -x[4]

    def misses(x):
        return np.log(law(x)) - np.log(losses)

    bounds = ([-10, -10, -10, 0.02, 0.02], [10, 10, 10, 3, 3])
    least = losses.min()
    fits = [
        least_squares(
            misses,
            [
                *np.log([share * least, (1 - share) * least / 2, (1 - share) * least / 2]),
                alpha,
                beta,
            ],
            bounds=bounds,
            loss="soft_l1",
            f_scale=1e-2,
            x_scale="jac",
        )
        for share, alpha, beta in itertools.product((0.3, 0.6, 0.9), (0.2, 0.6), (0.2, 0.6))
    ]
    floor, a, b, alpha, beta = min(fits, key=lambda fit: fit.cost).x
    return ScalingLaw(
        *map(float, (np.exp(floor), np.exp(a) * n**alpha, alpha, np.exp(b) * d**beta, beta))
    )


def on_line(sizes, losses) -> np.ndarray:
    """The losses of a larger model, on a line over the logarithm of the weights.

    Args:
        sizes: weights of models and of the larger one (N + 1,).
        losses: of the N models, an array each; the line goes through the last two.
    """
    x, y = np.log(sizes), np.asarray(losses)
    return y[-1] + (y[-1] - y[-2]) / (x[-2] - x[-3]) * (x[-1] - x[-2])


def on_power_law(sizes, losses) -> np.ndarray:
    """As `on_line`, by the power law without a floor that is nearest to all of them.

    Source: Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, equation 1.1.
    """
    x = np.log(sizes)
    slope, start = np.polyfit(x[:-1], np.log(losses), 1)
    return np.exp(start + slope * x[-1])


def tokens_needed(loss_after: Callable, mark: float, most: float = 1e12) -> float:
    """After how many tokens the loss falls below the mark; infinite if not after `most`."""
    after = np.geomspace(1e3, most, 2000)
    below = np.flatnonzero(loss_after(after) < mark)
    return float(after[below[0]]) if len(below) else float("inf")


def transformer_flops(parameters: int, tokens: int, depth: int, context: int, dim: int) -> float:
    """Floating point operations of one training step of a causal transformer.

    Two for each weight and token forward, four backward, and what attention adds to that.

    Args:
        parameters: weights that are multiplied with features, so without a table of embeddings.
        tokens: of the batch.
        depth, context, dim: blocks, tokens that see each other, and features.

    Source: Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, section 2.1.
    """
    return 6.0 * tokens * (parameters + 2 * depth * context * dim)


@dataclass(frozen=True)
class StepCost:
    """Seconds of a step: `overhead + flops / speed`, operations per second."""

    overhead: float
    speed: float

    def __call__(self, flops):
        """Seconds of a step of so many floating point operations."""
        return self.overhead + flops / self.speed


def fit_step_cost(flops, seconds) -> StepCost:
    """What is nearest to measured steps, by the squares of relative errors; neither is negative.

    Args:
        flops: floating point operations of a step of each model (N,), two different ones or more.
        seconds: what it took (N,), positive.

    Raises:
        InputError: fewer than two models that differ.
    """
    flops, seconds = np.asarray(flops, float), np.asarray(seconds, float)
    if len(set(flops)) < 2:
        raise InputError("A cost has two numbers: time at least two models that differ in size.")
    unit = flops.max()
    terms = np.stack([np.ones_like(flops), flops / unit], axis=1) / seconds[:, None]
    (overhead, slope), _ = nnls(terms, np.ones_like(seconds))
    return StepCost(float(overhead), float(unit / slope) if slope else float("inf"))
