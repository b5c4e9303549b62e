"""Recordings: bundled speech and noises at 8 kHz, the user's own files, excerpts and mixtures."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import librosa
import numpy as np
import soundfile
from scipy.signal import resample_poly

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

RATE = 8000  # of the bundled recordings
LEVEL = 10 ** (-23 / 20)  # root mean square that speech is brought to

SPEAKERS = ("allison_en", "allison_es", "carlo_it", "ivrvoice_ru", "june_fr", "nsh_ru")
# fmt: off
NOISES = (
    "aircraft", "birds", "farm", "farm_2", "farm_3", "harbour", "locomotive", "machinery", "market",
    "market_2", "market_3", "market_4", "rain", "restaurant", "river", "river_2", "surf",
    "windstorm",
)
# fmt: on

_SILENT = 1e-3  # of full scale, root mean square: -60 dB
_MINUTES = 30  # of the user's own speech that are read at most


def bundled_speech() -> dict[str, np.ndarray]:
    """Telephone prompts and read sentences: name and language to (T,) float32 at 8 kHz.

    Allison speaks English and Spanish; the others are one person each. 17 minutes together.

    Raises:
        InputError: a bundled file is missing or damaged.

    Credit and licence of each recording: `data/README.md`.
    """
    return {name: _decoded(bundled(f"speech_{name}.ogg")) for name in SPEAKERS}


def bundled_noises() -> dict[str, np.ndarray]:
    """Real surroundings by name, such as "rain" or "restaurant": (T,) float32 at 8 kHz.

    From 5 to 30 seconds each. A number marks another recording of the same kind of place.

    Raises:
        InputError: a bundled file is missing or damaged.

    Credit and licence of each recording: `data/README.md`.
    """
    return {name: _decoded(bundled(f"noise_{name}.ogg")) for name in NOISES}


def _decoded(path):
    return soundfile.read(path, dtype="float32")[0]


def read_recording(
    path: str | Path, rate: int = RATE, least_seconds: float = 1.0, clipped: bool = True
) -> np.ndarray:
    """Read one sound file of any format that libsndfile knows (WAV, FLAC, OGG, MP3, AIFF, ...).

    Args:
        path: of the file; several channels are averaged.
        rate: samples per second of the result; the file needs as many or more.
        least_seconds: how long it has to last.
        clipped: whether more than a thousandth of its samples may be at full scale.

    Returns:
        (T,) float32 in [-1, 1].

    Raises:
        InputError: no such file, no readable sound, too low a sample rate, too short, silent, or
            clipped.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(f"There is no file {path}: check how it is spelled.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give one sound file.")
    try:
        wave, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, TypeError):  # TypeError: raw data without a header
        raise InputError(
            f"{path} cannot be read as a sound file: convert it to WAV, FLAC, OGG or MP3."
        ) from None
    if own_rate < rate:
        raise InputError(
            f"{path} has {own_rate} samples per second, but {rate} are needed: "
            "record it again, since raising the rate does not bring back what is missing."
        )
    seconds = len(wave) / own_rate
    if seconds < least_seconds:
        raise InputError(
            f"{path} lasts {seconds:.2g} seconds: give a recording of at least {least_seconds:g}."
        )
    if not np.isfinite(wave).all():
        raise InputError(f"{path} has samples that are no number: export it anew.")
    if not clipped and np.mean(np.abs(wave) >= 0.999) > 1e-3:
        raise InputError(
            f"{path} is clipped, its loudest parts are cut off: record it at a lower level."
        )
    wave = wave.mean(1)
    if np.sqrt(np.mean(wave**2)) < _SILENT:
        raise InputError(f"{path} is silent: give a recording in which something is heard.")
    return librosa.resample(wave, orig_sr=own_rate, target_sr=rate).clip(-1, 1)


def own_speech(
    path: str | Path, rate: int = RATE, fewest: int = 5, least_seconds: float = 60
) -> dict[str, np.ndarray]:
    """The user's own recordings of clean speech, one level for all.

    Args:
        path: a folder, its subfolders included. Files that are no sound are skipped with a warning;
            hidden ones and texts (.txt), such as transcripts, silently.
        rate: samples per second of the result; files of different rates may be mixed.
        fewest: recordings that are needed.
        least_seconds: that they have to last together.

    Returns:
        By path relative to the folder, sorted: (T,) float32. At most half an hour in all.

    Raises:
        InputError: no such folder, nothing or too little to read in it, or a recording that is
            silent, clipped or of too low a rate.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(f"There is no folder {path}: check how it is spelled.")
    if not path.is_dir():
        raise InputError(f"{path} is a file: give the folder that holds the recordings.")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix.lower() != ".txt"
        and not any(part[0] == "." for part in file.relative_to(path).parts)
    )
    if not files:
        raise InputError(f"The folder {path} is empty: put at least {fewest} recordings into it.")
    recordings, skipped, samples = {}, [], 0
    for file in files:
        name = file.relative_to(path).as_posix()
        try:
            soundfile.info(file)
        except (soundfile.SoundFileError, TypeError):
            skipped.append(name)
            continue
        if samples > _MINUTES * 60 * rate:
            warnings.warn(f"Only the first {_MINUTES} minutes of {path} are used.", stacklevel=2)
            break
        wave = read_recording(file, rate, least_seconds=0.5, clipped=False)
        recordings[name] = wave * min(LEVEL / np.sqrt(np.mean(wave**2)), 1 / np.abs(wave).max())
        samples += len(wave)
    if len(recordings) < fewest or samples < least_seconds * rate:
        raise InputError(
            f"{path} holds {len(recordings)} readable recording(s) of {samples / rate:.0f} seconds "
            f"together: give at least {fewest}, and {least_seconds:g} seconds."
        )
    if skipped:
        few = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        warnings.warn(f"Skipped what is no readable sound in {path}: {few}", stacklevel=2)
    return recordings


def excerpts(wave: np.ndarray, length: int, hop: int | None = None) -> np.ndarray:
    """Cut (T,) into pieces (N, length), `hop` samples apart, `length` by default.

    A shorter wave is repeated until it fills one. Pieces that are 20 dB quieter than the whole are
    left out: pauses teach and measure nothing.
    """
    whole = np.tile(wave, -(-length // len(wave)))
    pieces = np.lib.stride_tricks.sliding_window_view(whole, length)[:: hop or length]
    loud = np.mean(pieces**2, axis=1) > 0.01 * np.mean(whole**2)
    return pieces[loud]


def at_speeds(
    waves: Iterable[np.ndarray], speeds: Iterable[float], length: int, hop: int
) -> np.ndarray:
    """Excerpts of slower, lower and of faster, higher copies: more voices than were recorded.

    Args:
        waves: (T,) each.
        speeds: 1 is unchanged; with two decimals.
        length, hop: as of `excerpts`.

    Returns:
        (N, length) float32.
    """
    speeds = list(speeds)
    copies = [resample_poly(wave, 100, round(100 * s)) for wave in waves for s in speeds]
    return np.concatenate([excerpts(copy, length, hop) for copy in copies])


def mixture(clean: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """`clean` (T,) plus as much of `noise` (T,) as makes `snr` decibels."""
    power = np.mean(clean**2) / max(np.mean(noise**2), 1e-12)
    return clean + noise * np.sqrt(power * 10 ** (-snr / 10))
