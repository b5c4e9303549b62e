"""Whether a GAN's training collapsed, and whether something announced it."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

COLLAPSED = 0.1  # recall


@dataclasses.dataclass(frozen=True)
class Ending:
    """What became of a run, by the images it draws in the end.

    Attributes:
        recall: the share of held-out images that they reach (Kynkaanniemi et al. 2019,
            https://arxiv.org/abs/1904.06991).
        frechet: their Frechet distance to held-out images.
        finite: whether every loss was.
    """

    recall: float
    frechet: float
    finite: bool = True

    @property
    def collapsed(self) -> bool:
        return not self.finite or self.recall < COLLAPSED

    def diverged(self, untrained: float) -> bool:
        """`untrained`: the Frechet distance before training."""
        return not self.finite or (self.collapsed and self.frechet > untrained)


def share_collapsed(endings: Sequence[Ending]) -> float:
    return float(np.mean([its.collapsed for its in endings]))


def share_diverged(endings: Sequence[Ending], untrained: float) -> float:
    return float(np.mean([its.diverged(untrained) for its in endings]))


def typical(endings: Sequence[Ending], score: str) -> float:
    """Median of an attribute."""
    return float(np.median([getattr(its, score) for its in endings]))


def warning(signs: Sequence[float], collapsed: Sequence[bool]) -> float:
    """Chance (AUC) that a run which will collapse shows more of a sign than one which will not.

    0.5 for a sign that says nothing, and where all runs end alike. A sign that is not finite
    warns most.
    """
    if len(set(collapsed)) < 2:
        return 0.5
    return float(roc_auc_score(collapsed, np.nan_to_num(signs, nan=1e30, posinf=1e30)))
