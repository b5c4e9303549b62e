"""Speech glued together from recordings: the classical way that the neural one replaced.

Unit selection (Hunt & Black 1996, https://doi.org/10.1109/ICASSP.1996.541110): of all recorded
phones of the right kind the sequence is taken that fits its surroundings best and needs the fewest
and smoothest joins. A word or a phrase that was recorded is found whole; what was not is put
together from parts of other words.
"""

from collections.abc import Sequence

import numpy as np

from gen_ai_examples.common.sources.prompts import HOP, Phrase

CANDIDATES = 40  # of each phone
_FADE = 40  # samples, 5 ms


class UnitSelection:
    """A voice made of the recordings of `phrases`.

    Args:
        phrases: to take the units from.
        spectra: their frames, one array (F, bins) in dB for each phrase.
        join_cost: of two units that were not spoken in a row, against the number of neighbours
            that differ, nearer ones counting more.
    """

    def __init__(
        self, phrases: Sequence[Phrase], spectra: Sequence[np.ndarray], join_cost: float = 2.0
    ):
        self.join_cost = join_cost
        self._units: dict[str, list[tuple[int, int]]] = {}
        self._phrases, self._spectra = phrases, spectra
        self._starts = [np.concatenate([[0], np.cumsum(p.frames)]) for p in phrases]
        for i, phrase in enumerate(phrases):
            for j, name in enumerate(phrase.phones):
                self._units.setdefault(name, []).append((i, j))

    def select(self, phones: Sequence[str], starts_word: Sequence[bool]) -> list[tuple[int, int]]:
        """The best units for N phones that were all recorded: (phrase, phone) numbers."""
        options, costs = [], []
        for at in range(len(phones)):
            units = self._units[phones[at]]
            fit = np.array([self._misfit(unit, phones, starts_word, at) for unit in units])
            nearest = np.argsort(fit, kind="stable")[:CANDIDATES]
            options.append([units[i] for i in nearest])
            costs.append(fit[nearest])
        total, back = costs[0], []
        for at in range(1, len(phones)):
            joins = self._joins(options[at - 1], options[at])
            paths = total[:, None] + joins  # (before, here)
            back.append(paths.argmin(0))
            total = paths.min(0) + costs[at]
        best = [int(total.argmin())]
        for steps in reversed(back):
            best.append(int(steps[best[-1]]))
        return [units[i] for units, i in zip(options, reversed(best), strict=True)]

    def _misfit(self, unit, phones, starts_word, at):
        phrase, j = self._phrases[unit[0]], unit[1]
        cost = 0.5 * (bool(phrase.starts_word[j]) != bool(starts_word[at]))
        for step, weight in ((-1, 1.0), (1, 1.0), (-2, 0.4), (2, 0.4)):
            ours = phones[at + step] if 0 <= at + step < len(phones) else None
            its = phrase.phones[j + step] if 0 <= j + step < len(phrase.phones) else None
            cost += weight * (ours != its)
        return cost

    def _joins(self, before, here):
        ends = np.array([self._spectra[i][self._starts[i][j + 1] - 1] for i, j in before])
        begins = np.array([self._spectra[i][self._starts[i][j]] for i, j in here])
        jump = np.abs(ends[:, None] - begins[None]).mean(-1) / 10
        in_a_row = np.array([[a == c and b + 1 == d for c, d in here] for a, b in before])
        return np.where(in_a_row, 0, self.join_cost + jump)

    def speak(self, phones: Sequence[str], starts_word: Sequence[bool]) -> np.ndarray:
        """The units one after the other, faded into each other where they were cut: (T,)."""
        runs: list[list[int]] = []
        for i, j in self.select(phones, starts_word):
            if runs and runs[-1][0] == i and runs[-1][2] == j:
                runs[-1][2] = j + 1
            else:
                runs.append([i, j, j + 1])
        n = sum(HOP * int(self._starts[i][end] - self._starts[i][j]) for i, j, end in runs)
        wave, at = np.zeros(n + 2 * _FADE, np.float32), 0
        ramp = np.linspace(0, 1, 2 * _FADE, dtype=np.float32)
        for i, j, end in runs:
            start, stop = HOP * self._starts[i][j], HOP * self._starts[i][end]
            piece = np.pad(self._phrases[i].wave, _FADE)[start : stop + 2 * _FADE]
            piece[: 2 * _FADE] *= ramp
            piece[-2 * _FADE :] *= ramp[::-1]
            wave[at : at + len(piece)] += piece
            at += stop - start
        return wave[_FADE:-_FADE]
