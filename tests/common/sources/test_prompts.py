import numpy as np
import pytest
import soundfile

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.speech import edit_distance
from gen_ai_examples.common.sources import prompts
from gen_ai_examples.common.sources.prompts import HOP, bundled_prompts, hold_out, own_phrases


@pytest.fixture(scope="module")
def phrases():
    return bundled_prompts()


def test_the_prompts_are_whole(phrases):
    assert len(phrases) == 568
    for phrase in phrases:
        assert len(phrase.phones) == len(phrase.frames) == len(phrase.starts_word)
        assert phrase.starts_word.sum() == len(phrase.words)
        assert phrase.phones[0] == phrase.phones[-1] == "SIL"
        assert len(phrase.wave) == HOP * phrase.frames.sum() and phrase.frames.min() > 0
    assert 18 * 60 < sum(len(p.wave) for p in phrases) / 8000 < 20 * 60


def test_silence_is_quieter_than_vowels(phrases):
    levels = {"SIL": [], "AA": []}
    for phrase in phrases:
        starts = HOP * (np.cumsum(phrase.frames) - phrase.frames)
        for name, start, n in zip(phrase.phones, starts, phrase.frames, strict=True):
            if name in levels:
                levels[name].append(phrase.wave[start : start + HOP * n].std())
    assert np.median(levels["AA"]) > 8 * np.median(levels["SIL"])


def test_what_is_like_a_held_out_phrase_is_left_out(phrases):
    rest, held = hold_out(phrases, 40)
    assert len(held) == 40 and all(len(p.words) >= 5 for p in held)
    assert len(rest) + len(held) < len(phrases)
    for phrase in held:
        for other in rest:
            longer = max(len(phrase.words), len(other.words))
            assert edit_distance(phrase.words, other.words) > longer / 2
    assert [p.words for p in hold_out(phrases, 40)[1]] == [p.words for p in held]


@pytest.mark.filterwarnings("error::UserWarning")  # texts beside recordings are no mistake
def test_own_recordings_are_aligned(phrases, tmp_path, monkeypatch):
    for i, phrase in enumerate(p for p in phrases if len(p.words) > 6):
        if i == 32:
            break
        soundfile.write(tmp_path / f"{i:02}.wav", np.pad(phrase.wave, 2000), 8000)
        (tmp_path / f"{i:02}.txt").write_text(" ".join(phrase.words).title() + "!", "utf-8")
    own = own_phrases(tmp_path)
    assert len(own) >= 30
    for phrase in own:
        assert len(phrase.wave) == HOP * phrase.frames.sum()
        assert phrase.phones[0] == phrase.phones[-1] == "SIL"
    # The second: what comes before it is aligned each time.
    (tmp_path / "01.txt").unlink()
    with pytest.raises(InputError, match=r"01\.txt: write into it"):
        own_phrases(tmp_path)
    (tmp_path / "01.txt").write_text("Hello xylqz", "utf-8")
    with pytest.raises(InputError, match="'xylqz' is pronounced"):
        own_phrases(tmp_path)
    (tmp_path / "01.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="UTF-8"):
        own_phrases(tmp_path)
    (tmp_path / "01.txt").write_text("Hello", "utf-8")
    monkeypatch.setattr(prompts, "align", lambda *_: None)
    with pytest.raises(InputError, match="Only 0 recordings"):
        own_phrases(tmp_path)
