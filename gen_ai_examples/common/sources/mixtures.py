"""Known mixtures of clean speech and noise, to tune on and to measure with."""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from gen_ai_examples.common.media import Text
from gen_ai_examples.common.sources.audio import excerpts, mixture


@dataclasses.dataclass(frozen=True)
class Mixture:
    """`clean` speech (T,), and the same with noise of a kind at a ratio in dB, `noisy` (T,)."""

    speaker: str
    noise: str
    snr: float
    clean: np.ndarray
    noisy: np.ndarray


def mixtures(
    speech: dict[str, np.ndarray],
    noises: dict[str, np.ndarray],
    snrs: Iterable[float],
    n: int,
    length: int,
) -> list[Mixture]:
    """The same n in every run: each noise at each ratio in turn, the excerpts drawn at random.

    Args:
        speech, noises: by name, (T,) each.
        snrs: in dB.
        n: how many; of each noise and ratio equally many if n is a multiple of their number.
        length: samples of each.
    """
    random = np.random.default_rng(0)
    clean = [(name, piece) for name, wave in speech.items() for piece in excerpts(wave, length)]
    loud = {name: excerpts(wave, length, length // 8) for name, wave in noises.items()}
    kinds = list(itertools.product(noises, snrs))
    found = []
    for kind in itertools.islice(itertools.cycle(random.permutation(len(kinds))), n):
        (noise, snr), (speaker, piece) = kinds[kind], clean[random.integers(len(clean))]
        mixed = mixture(piece, loud[noise][random.integers(len(loud[noise]))], snr)
        found.append(Mixture(speaker, noise, snr, piece, mixed.astype(np.float32)))
    return found


def waveforms(known: list[Mixture]) -> tuple[np.ndarray, np.ndarray]:
    """All the noisy and all the clean ones, (N, T) each."""
    return np.stack([m.noisy for m in known]), np.stack([m.clean for m in known])


def table(known: list[Mixture], scores: dict[str, dict[str, np.ndarray]]) -> Text:
    """Means over all mixtures, and by ratio, noise and speaker.

    Args:
        known: N mixtures.
        scores: by measure and method, (N,).
    """
    groups = {"all": np.full(len(known), True)}
    for key, unit in (("snr", " dB"), ("noise", ""), ("speaker", "")):
        for value in sorted({getattr(m, key) for m in known}):
            groups[f"{value}{unit}"] = np.array([getattr(m, key) == value for m in known])
    wide = max(map(len, groups)) + 2
    text = f"Means over {len(known)} mixtures\n"
    for measure, its in scores.items():
        text += f"\n{measure:<{wide}}" + "".join(f"{name:>17}" for name in its) + "\n"
        for label, chosen in groups.items():
            text += f"{label:<{wide}}"
            text += "".join(f"{values[chosen].mean():>17.3f}" for values in its.values()) + "\n"
    return Text(text)
