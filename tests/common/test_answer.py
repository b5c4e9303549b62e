import base64
import errno
import html.parser
import io
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.media import Clip, Picture, Sound, Text

finite = st.floats(allow_nan=False, allow_infinity=False)
singles = st.floats(allow_nan=False, allow_infinity=False, width=32)
numbers = st.floats()
directions = st.sampled_from(["lower", "higher"])


def claim(value=1.0, baselines=(2.0,), better="lower", best=None, **texts):
    named = {f"baseline {i}": baseline for i, baseline in enumerate(baselines)}
    words = {"statement": "It is small.", "unit": "units"} | texts
    return Claim(value=value, baselines=named, better=better, best=best, **words)


def answer(**changes):
    media = {
        "a picture": Picture(np.arange(64, dtype=np.uint8).reshape(8, 8)),
        "sound_of_it": Sound(np.zeros(10, np.float32), 8000),
        "clip": Clip(np.zeros((2, 4, 4), np.uint8), 10),
        "words": Text("<b>bold</b> & 数字"),
    }
    return Answer(**{"claims": [claim()], "metrics": {"n_steps": 7}, "media": media} | changes)


class Page(html.parser.HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.attributes, self.text = [], [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


# Claims


@given(finite, st.lists(finite, min_size=1), directions)
def test_a_claim_holds_where_it_strictly_beats_every_baseline(value, baselines, better):
    beaten = max(baselines) if better == "higher" else min(baselines)
    beats = value > beaten if better == "higher" else value < beaten
    assert claim(value, baselines, better).holds is beats


@given(finite, finite, directions)
def test_no_claim_and_its_opposite_both_hold(value, baseline, better):
    opposite = "lower" if better == "higher" else "higher"
    both = claim(value, [baseline], better).holds, claim(value, [baseline], opposite).holds
    assert sum(both) == (value != baseline)


@given(finite, directions)
def test_a_draw_is_not_won(value, better):
    assert not claim(value, [value], better).holds


@given(finite, finite, st.lists(finite, min_size=1), directions)
def test_one_more_baseline_never_makes_a_claim_hold(value, other, baselines, better):
    assert claim(value, baselines, better).holds >= claim(value, [*baselines, other], better).holds


@given(st.lists(numbers, min_size=1), directions, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_nothing_that_is_not_finite_holds(baselines, better, value):
    assert not claim(value, baselines, better).holds


@given(finite, st.lists(numbers), directions)
def test_nothing_beats_an_unknown_baseline(value, baselines, better):
    assert not claim(value, [*baselines, math.nan], better).holds


@given(singles, singles, directions, st.none() | singles)
def test_a_claim_survives_json(value, baseline, better, best):
    """Also with NumPy's numbers, which JSON does not know."""
    before = claim(np.float32(value), [np.float32(baseline)], better, best)
    after = json.loads(json.dumps(before.to_json()))
    holds = after.pop("holds")
    restored = Claim(**after)
    assert restored.holds is holds is before.holds
    assert repr(restored) == repr(claim(float(value), [float(baseline)], better, best))


def test_a_claim_needs_a_direction_and_something_to_beat():
    with pytest.raises(ValueError, match="'lower' or 'higher', not 'smaller'"):
        claim(better="smaller")
    with pytest.raises(ValueError, match="something to beat"):
        claim(baselines=())


def test_an_answer_holds_if_all_its_claims_do():
    assert answer().holds
    assert not answer(claims=[claim(), claim(value=3.0)]).holds


# The saved folder


def test_a_saved_folder_has_the_numbers_every_medium_and_a_page(tmp_path):
    answer().save(tmp_path / "new" / "out", "A title", {"minutes": 2})
    folder = tmp_path / "new" / "out"
    record = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert record["claims"] == [claim().to_json()] and record["metrics"] == {"n_steps": 7.0}
    assert record["run"] == {"minutes": 2}
    assert record["media"] == {
        "a picture": "a picture.png",
        "sound_of_it": "sound_of_it.wav",
        "clip": "clip.gif",
        "words": "words.txt",
    }
    expected = {"answer.json", "index.html", *record["media"].values()}
    assert {path.name for path in folder.iterdir()} == expected


def test_the_page_shows_each_medium_and_number(tmp_path):
    medium = Picture(np.zeros((2, 2), np.uint8))
    answer(media=answer().media | {'50% "a#b"?': medium}).save(tmp_path, "A <title> & more")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page.tags.count("img") == 3 and page.tags.count("audio") == 1
    for source in page.sources:
        assert re.fullmatch(r"[\w.%-]+", source)  # a link that needs no guessing
    assert [(tmp_path / unquoted(source)).is_file() for source in page.sources] == [True] * 4
    assert page.text.count("A <title> & more") == 2  # the tab and the heading
    for words in ("It is small.", "1 units", "< 2 baseline 0", "yes", "n_steps", "sound of it"):
        assert words in page.text
    assert "<b>bold</b> & 数字" in page.text


def unquoted(source):
    return re.sub("%(..)", lambda match: chr(int(match[1], 16)), source)


def test_the_page_says_what_was_best_and_what_fails(tmp_path):
    answer(claims=[claim(3.0, [2.0, 5.0], "higher", best=7.25)]).save(tmp_path)
    page = Page((tmp_path / "index.html").read_text())
    for words in ("> 2 baseline 0", "> 5 baseline 1", "7.25", "NO"):
        assert words in page.text


def test_no_text_of_an_example_becomes_markup():
    evil = "<script>alert('x')</script>\" onerror=\""
    shown = Answer(
        [Claim(evil, 1.0, evil, {evil: 2.0}, "lower")],
        {evil: 1.0},
        {evil: Picture(np.zeros((2, 2), np.uint8)), evil + "2": Text(evil)},
    )._repr_html_()
    page = Page(shown)
    assert "script" not in page.tags
    assert page.text.count(evil) == 7
    assert len(page.sources) == 1 and page.tags.count("img") == 1
    assert page.attributes == {"src", "alt"}


def test_a_notebook_shows_everything_without_files():
    page = Page(answer()._repr_html_())
    assert len(page.sources) == 3  # text stands in the page itself
    kinds = {"png": "image/png", "wav": "audio/wav", "gif": "image/gif"}
    found = [re.fullmatch("data:(.+);base64,(.+)", source) for source in page.sources]
    assert [match[1] for match in found] == [kinds["png"], kinds["wav"], kinds["gif"]]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[0][2]))))
    np.testing.assert_array_equal(pixels, answer().media["a picture"].pixels)
    assert "It is small." in page.text and "<b>bold</b> & 数字" in page.text


def test_a_new_answer_replaces_an_old_one(tmp_path):
    answer().save(tmp_path)
    answer(claims=[claim(value=0.5)]).save(tmp_path)
    assert json.loads((tmp_path / "answer.json").read_text())["claims"][0]["value"] == 0.5
    assert not (tmp_path / "partial").exists()


def test_a_full_disk_leaves_the_old_answer_whole(tmp_path, monkeypatch):
    answer().save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Text, "encode", full)  # the last medium
    changed = {name: Picture(np.full((8, 8), 9, np.uint8)) for name in ("a picture", "clip")}
    with pytest.raises(OSError, match="No space"):
        answer(media=answer().media | changed).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nan_and_infinity_are_null_in_the_file(tmp_path):
    """A bare NaN is no JSON, and strict readers refuse the whole file."""
    broken = Claim("It works.", math.nan, "", {"luck": math.inf}, "higher", best=math.nan)
    Answer([broken], {"loss": math.nan}).save(tmp_path)
    record = json.loads((tmp_path / "answer.json").read_text(), parse_constant=pytest.fail)
    assert record["metrics"] == {"loss": None}
    (written,) = record["claims"]
    assert written["value"] is written["best"] is written["baselines"]["luck"] is None
    assert written["holds"] is False
