import warnings

import numpy as np
import pytest
import soundfile

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources import audio, bundle
from gen_ai_examples.common.sources.audio import (
    LEVEL,
    RATE,
    at_speeds,
    bundled_noises,
    bundled_speech,
    excerpts,
    mixture,
    own_speech,
    read_recording,
)


def tone(seconds=1.0, rate=RATE, pitch=440, peak=0.5):
    return peak * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def save(path, wave, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, **options)
    return path


# Bundled


def test_bundled_recordings_are_as_their_readme_says():
    readme = (bundle.bundled("noise_rain.ogg").parent / "README.md").read_text("utf-8")
    for kind, recordings in (("speech", bundled_speech()), ("noise", bundled_noises())):
        for name, wave in recordings.items():
            assert wave.dtype == np.float32 and wave.ndim == 1
            assert np.abs(wave).max() < 1.05
            assert np.sqrt(np.mean(wave**2)) == pytest.approx(LEVEL, rel=0.05)
            assert f"| {kind}_{name} | {len(wave) / RATE:.0f} s |" in readme


def test_no_two_recordings_share_a_part():
    for recordings in (bundled_speech(), bundled_noises()):
        ends = [w[i : i + 4000] for w in recordings.values() for i in (0, 20_000)]
        ends = np.stack([end / np.linalg.norm(end) for end in ends])
        similar = np.abs(ends @ ends.T) - np.eye(len(ends))
        assert similar.max() < 0.9


# One file


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_recording_is_read_from_any_format(tmp_path, suffix):
    path = save(tmp_path / f"tone.{suffix}", tone(rate=RATE), RATE)
    wave = read_recording(path)
    assert wave.dtype == np.float32
    at = slice(2000, 6000)
    spectrum = np.abs(np.fft.rfft(wave[at]))
    assert spectrum.argmax() == 440 * 4000 / RATE
    assert wave[at].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_a_higher_rate_is_lowered_without_aliasing(tmp_path, rate):
    heard = save(tmp_path / "heard.wav", tone(rate=rate), rate, subtype="FLOAT")
    wave = read_recording(heard)
    assert len(wave) == RATE
    np.testing.assert_allclose(wave[1000:7000], tone()[1000:7000], atol=2e-3)
    if rate > 12000:
        both = tone(rate=rate) + tone(rate=rate, pitch=5500, peak=0.4)
        wave = read_recording(save(tmp_path / "both.wav", both, rate, subtype="FLOAT"))
        np.testing.assert_allclose(wave[1000:7000], tone()[1000:7000], atol=2e-3)


def test_channels_are_averaged(tmp_path):
    path = save(tmp_path / "stereo.wav", np.stack([tone(), 0 * tone()], 1), subtype="FLOAT")
    np.testing.assert_allclose(read_recording(path), tone() / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: None, "no file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "cannot be read as a sound file"),
        (lambda path: path.write_bytes(b"RIFF" + bytes(50)), "cannot be read as a sound file"),
        (lambda path: path.write_text("not a sound at all"), "cannot be read as a sound file"),
        (lambda path: save(path, tone()[:0]), "lasts 0 seconds"),
        (lambda path: save(path, tone(0.4)), "lasts 0.4 seconds: give .* at least 1"),
        (lambda path: save(path, tone(rate=4000), 4000), "4000 samples per second, but 8000"),
        (lambda path: save(path, np.zeros(9000)), "is silent"),
        (lambda path: save(path, np.full(9000, np.nan), subtype="FLOAT"), "no number"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path, write, says):
    path = tmp_path / "sound.wav"
    write(path)
    with pytest.raises(InputError, match=says) as error:
        read_recording(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_clipping_is_refused_where_it_matters(tmp_path):
    clipped = save(tmp_path / "clipped.wav", tone(peak=1.5).clip(-1, 1), rate=16000)
    assert len(read_recording(clipped, clipped=True, least_seconds=0.1)) == 4000
    with pytest.raises(InputError, match="is clipped"):
        read_recording(clipped, clipped=False, least_seconds=0.1)
    full_scale = save(tmp_path / "full.wav", np.append(tone(peak=0.9), 1.0))
    read_recording(full_scale, clipped=False)


# A folder


def test_own_speech_is_read_in_order_at_one_level(tmp_path):
    for i, rate in enumerate([8000, 16000, 44100, 48000, 8000]):
        save(tmp_path / f"{i % 2}" / f"{i}.wav", tone(13, rate, peak=0.1 * (i + 1)), rate)
    save(tmp_path / ".hidden" / "x.wav", tone(rate=4000), 4000)
    speech = own_speech(tmp_path)
    assert list(speech) == ["0/0.wav", "0/2.wav", "0/4.wav", "1/1.wav", "1/3.wav"]
    for wave in speech.values():
        assert len(wave) == 13 * RATE and wave.dtype == np.float32
        assert np.sqrt(np.mean(wave**2)) == pytest.approx(LEVEL, rel=1e-3)


def test_what_is_no_sound_is_skipped_with_a_warning(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.wav", tone(13))
    (tmp_path / "notes.md").write_text("read me")
    (tmp_path / "1.txt").write_text("what is said in 1.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.warns(UserWarning, match=r": broken.wav, notes.md"):
        assert len(own_speech(tmp_path)) == 5


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: save(path / "0.wav", np.zeros(9000)), "0.wav is silent"),
        (lambda path: save(path / "0.wav", tone(peak=2).clip(-1, 1)), "0.wav is clipped"),
        (lambda path: save(path / "0.wav", tone(rate=4000), 4000), "0.wav has 4000 samples"),
        (lambda path: save(path / "0.wav", tone(0.1)), "0.wav lasts 0.1 seconds"),
        (lambda path: (path / "0.wav").unlink(), "holds 4 readable .* at least 5"),
        (lambda path: save(path / "0.wav", tone(1)), "of 53 seconds.*and 60 seconds"),
    ],
)
def test_recordings_that_spoil_a_folder_are_named(tmp_path, spoil, says):
    for i in range(5):
        save(tmp_path / f"{i}.wav", tone(13))
    spoil(tmp_path)
    with pytest.raises(InputError, match=says):
        own_speech(tmp_path)


def test_a_missing_an_empty_and_no_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        own_speech(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is empty"):
        own_speech(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        own_speech(save(tmp_path / "one.wav", tone()))


def test_of_many_recordings_the_first_half_hour_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_MINUTES", 1)
    for i in range(8):
        save(tmp_path / f"{i}.wav", tone(13))
    with pytest.warns(UserWarning, match="first 1 minutes"):
        assert len(own_speech(tmp_path)) == 5


# Excerpts and mixtures


def test_excerpts_follow_one_another_and_pauses_are_left_out():
    wave = np.concatenate([tone(2), np.zeros(RATE), tone(1.5)])
    pieces = excerpts(wave, RATE)
    np.testing.assert_array_equal(
        pieces, [wave[:RATE], wave[RATE : 2 * RATE], wave[3 * RATE :][:RATE]]
    )
    assert excerpts(wave, RATE, hop=RATE // 2).shape == (7, RATE)


def test_a_short_wave_is_repeated_to_fill_one_excerpt():
    wave = tone(0.4)
    np.testing.assert_array_equal(excerpts(wave, RATE)[0], np.tile(wave, 3)[:RATE])


def test_at_another_speed_the_pitch_moves_along():
    copies = at_speeds([tone(5, pitch=400)], (1.0, 0.8, 1.25), 2 * RATE, hop=2 * RATE)
    assert copies.shape[1] == 2 * RATE
    pitches = {round(np.abs(np.fft.rfft(copy)).argmax() / 2) for copy in copies}
    assert pitches == {400, 500, 320}


@pytest.mark.parametrize("snr", [-5, 0, 20])
def test_a_mixture_has_the_ratio_that_was_asked_for(snr):
    clean, noise = tone(), np.random.default_rng(0).normal(size=RATE)
    added = mixture(clean, noise, snr) - clean
    assert 10 * np.log10(np.mean(clean**2) / np.mean(added**2)) == pytest.approx(snr)
    np.testing.assert_allclose(added / added.std(), noise / noise.std())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(mixture(clean, 0 * noise, snr)).all()
