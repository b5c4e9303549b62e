"""From text to a waveform with a trained `Speaking` network, and with averages instead of one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen_ai_examples.common.methods.speaking import Speaking, linguistic, positions
from gen_ai_examples.common.methods.vocoder import BINS, analyse, synthesise
from gen_ai_examples.common.sources.prompts import Phrase

_VOICED = 0.6  # correlation from which the pitch of a frame counts


@dataclass(frozen=True)
class Corpus:
    """Phrases taken apart, on one time line of F frames, and how to standardise them.

    Args:
        inventory: the phones that occur.
        phrases: where it comes from.
        features: envelope, pitch, voicing and log duration of each frame, (F, 68).
        phones: the number of each frame's phone in the inventory, (F,).
        mean, scale: of the features, (68,).
    """

    inventory: tuple[str, ...]
    phrases: Sequence[Phrase]
    features: np.ndarray
    phones: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def spectra(self) -> list[np.ndarray]:
        """The envelopes by phrase, (F, 65) each."""
        ends = np.cumsum([phrase.frames.sum() for phrase in self.phrases])
        return np.split(self.features[:, :BINS], ends[:-1])

    def excerpts(self, length: int) -> dict[str, np.ndarray]:
        """What `Speaking` trains on, cut every quarter of `length` frames."""
        context = [
            linguistic(p.phones, p.starts_word, self.inventory).repeat(p.frames, axis=0)
            for p in self.phrases
        ]
        durations = np.concatenate([p.frames.repeat(p.frames) for p in self.phrases])
        voiced = self.features[:, BINS + 1] > _VOICED
        columns = {
            "context": np.concatenate(context),
            "positions": np.concatenate([positions(p.frames) for p in self.phrases]),
            "targets": (self.features - self.mean) / self.scale,
            "weights": np.stack([voiced, 8 / durations], axis=1).astype("float32"),
        }
        starts = np.arange(0, len(durations) - length + 1, length // 4)
        rows = starts[:, None] + np.arange(length)
        return {name: column[rows] for name, column in columns.items()}


def corpus(phrases: Sequence[Phrase], rate: int) -> Corpus:
    """Take the recordings of `phrases` apart."""
    inventory = tuple(sorted({name for phrase in phrases for name in phrase.phones}))
    parts, phones = [], []
    for phrase in phrases:
        its = analyse(phrase.wave, rate)
        duration = np.log(phrase.frames).repeat(phrase.frames)
        parts.append(np.column_stack([its["envelope"], its["pitch"], its["voicing"], duration]))
        numbers = np.array([inventory.index(name) for name in phrase.phones])
        phones.append(numbers.repeat(phrase.frames))
    features = np.concatenate(parts).astype("float32")
    mean, scale = features.mean(0), features.std(0)
    voiced = features[features[:, BINS + 1] > _VOICED, BINS]
    mean[BINS], scale[BINS] = voiced.mean(), voiced.std()
    return Corpus(inventory, phrases, features, np.concatenate(phones), mean, scale)


class AverageVoice:
    """Says each phone by its mean frame for its median duration; no network."""

    def __init__(self, data: Corpus):
        n = len(data.inventory)
        self._inventory = data.inventory
        self._frames = np.stack([data.features[data.phones == i].mean(0) for i in range(n)])
        pairs = [(p, f) for x in data.phrases for p, f in zip(x.phones, x.frames, strict=True)]
        self._durations = np.array(
            [np.median([f for p, f in pairs if p == name]) for name in data.inventory]
        )

    def durations(self, phones: Sequence[str]) -> np.ndarray:
        """In frames, (N,)."""
        return self._durations[[self._inventory.index(name) for name in phones]]

    def speak(self, phones: Sequence[str], rate: int) -> np.ndarray:
        """N phones to (T,)."""
        frames = np.maximum(self.durations(phones).round().astype(int), 1)
        numbers = np.repeat([self._inventory.index(name) for name in phones], frames)
        return _vocoded(self._frames[numbers], rate)


class NeuralVoice:
    """Says phones as a trained network tells, with the variance of real speech put back.

    A regression answers with averages, which sound muffled: the spread of each feature about its
    mean is widened to that of the recordings, measured on the training phrases (global variance,
    Toda & Tokuda 2007, https://doi.org/10.1093/ietisy/e90-d.5.816).

    Args:
        model: trained on `data`.
        data: the training phrases.
        sharpening: 0 leaves the averages as they are, 1 widens to the spread of real speech.
    """

    def __init__(self, model: Speaking, data: Corpus, sharpening: float = 0.5):
        self._model, self._data = model, data
        ends = np.cumsum([phrase.frames.sum() for phrase in data.phrases])[:-1]
        features = (data.features - data.mean) / data.scale
        some = slice(None, None, max(1, len(data.phrases) // 60))
        real = np.concatenate(np.split(features[:, :-1], ends)[some])
        ours = np.concatenate(
            [
                model.speech(linguistic(p.phones, p.starts_word, data.inventory), p.frames)
                for p in data.phrases[some]
            ]
        )
        spread = real.std(0) / np.maximum(ours.std(0), 1e-3)
        self._centre = ours.mean(0)
        self._spread = np.clip(spread, 1, 2) ** sharpening
        self._spread[BINS + 1] = 1  # voicing has no more to spread than from 0 to 1

    def durations(self, phones: Sequence[str], starts_word: Sequence[bool]) -> np.ndarray:
        """In frames, (N,)."""
        context = linguistic(phones, starts_word, self._data.inventory)
        mean, scale = self._data.mean[-1], self._data.scale[-1]
        return np.exp(self._model.durations(context) * scale + mean)

    def speak(self, phones: Sequence[str], starts_word: Sequence[bool], rate: int) -> np.ndarray:
        """N phones to (T,)."""
        context = linguistic(phones, starts_word, self._data.inventory)
        frames = np.maximum(self.durations(phones, starts_word).round().astype(int), 2)
        y = self._model.speech(context, frames)
        y = (y - self._centre) * self._spread + self._centre
        return _vocoded(y * self._data.scale[:-1] + self._data.mean[:-1], rate)


def _vocoded(features, rate):
    return synthesise(features[:, :BINS], features[:, BINS], features[:, BINS + 1], rate)
