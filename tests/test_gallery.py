"""The gallery: its pages, and in a browser what a reader does with them."""

import html.parser
import importlib.util
import json
import re
import shutil
import urllib.parse
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples import catalog, cli, gallery
from gen_ai_examples.gallery import pages, search

pytestmark = [
    pytest.mark.filterwarnings("error:Sphinx says"),
    pytest.mark.xdist_group("gallery"),  # in one process, where the site is built once
]
SOUND = "a 'noisy' one"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The gallery of what is recorded, with one run that saved a sound and a text."""
    folder = tmp_path_factory.mktemp("gallery")
    run = folder / "runs" / "audio.denoising"
    run.mkdir(parents=True)
    with wave.open(str(run / "a.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(16000))
    (run / "b.txt").write_text("<b>*as* it `is`</b>\n```\n", encoding="utf-8")
    answer = {"media": {SOUND: "a.wav", "words": "b.txt"}, "run": {"command": "the command"}}
    (run / "answer.json").write_text(json.dumps(answer))
    gallery.build(folder / "site", folder / "runs")
    return folder / "site"


class Links(html.parser.HTMLParser):
    """Where a page points, what it loads, and its ids."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.ids = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "link" and attributes.get("rel") != "canonical":
            self.loaded.append(attributes["href"])
        elif attributes.get("src"):
            self.loaded.append(attributes["src"])


def test_every_question_and_example_has_a_page_in_both_languages(site):
    expected = {"index.html"} | {f"questions/{q}.html" for q in catalog.questions()}
    expected |= {f"examples/{name}.html" for name in catalog.examples()}
    for root in (site, site / "zh"):
        assert all((root / page).exists() for page in expected)


def test_every_topic_has_a_chinese_name():
    assert {name.split(".")[0] for name in catalog.examples()} <= set(pages.TOPICS_ZH)


def test_links_resolve_and_nothing_is_loaded_from_another_host(site):
    read = {p: Links(p) for p in site.rglob("*.html") if "_static" not in p.parts}
    assert len(read) > 90
    for path, page in read.items():
        for target in page.loaded:
            assert not target.startswith(("http", "//")), f"{path} loads {target}"
        for link in page.links + page.loaded:
            url = urllib.parse.urlsplit(link)
            if url.scheme or not url.path:
                continue
            there = (path.parent / urllib.parse.unquote(url.path)).resolve()
            assert there.exists(), f"{path} points to {link}"
            if url.fragment and there in read:
                assert urllib.parse.unquote(url.fragment) in read[there].ids, f"{path}: {link}"


def shown(path):
    """The words of a page."""
    text = re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8"))
    return " ".join(html.unescape(text).split())


def test_an_example_shows_claims_baselines_spread_source_and_how_to_run_it(site):
    page = shown(site / "examples" / "image.dcgan.html")
    record = catalog.recorded("image.dcgan")
    for claim in record["seeds"]["0"]["claims"]:
        assert claim["statement"] in page
        assert all(name in page for name in claim["baselines"])
    assert "seeds 0, 1, 2" in page and " to " in page
    assert "gen-ai-examples run image.dcgan" in page
    assert "def main(" in page and "Saved by the recorded run." in page


def test_an_example_is_in_chinese_too(site):
    page = shown(site / "zh" / "examples" / "image.dcgan.html")
    claim = catalog.recorded("image.dcgan")["seeds"]["0"]["claims"][0]
    for text in (claim["statement"], claim["unit"], *claim["baselines"]):
        assert catalog.translated(text, "zh") in page


def test_a_question_shows_the_corrected_answer_in_both_languages(site):
    question = catalog.questions()["Q14"]
    for root, lang in ((site, "en"), (site / "zh", "zh")):
        page = shown(root / "questions" / "Q14.html")
        assert question["question"][lang] in page
        # Names of examples become links, with a space around them or none.
        assert "".join(question["answer"][lang].split()) in "".join(page.split())
        assert all(text[lang] in page for text in question["bullets"].values())


def test_what_a_run_saved_is_shown_with_the_command_that_made_it(site):
    path = site / "examples" / "audio.denoising.html"
    assert "the command" in shown(path) and "<b>*as* it `is`</b> ```" in shown(path)
    sound = next(link for link in Links(path).loaded if link.endswith(".wav"))
    assert (path.parent / sound).exists()


def test_a_claim_that_does_not_hold_is_marked(toy, tmp_path):
    claim = {
        "statement": "It is *small* | really.",
        "value": 3.0,
        "unit": "units",
        "baselines": {"a_b_": 2.0},
        "better": "lower",
        "best": 1.0,
        "holds": False,
    }
    record = {"command": "verify", "seeds": {"0": {"minutes": 1, "claims": [claim]}}}
    results = toy.parents[2] / "results"
    results.mkdir()
    (results / "toy.line.json").write_text(json.dumps(record))
    gallery.build(tmp_path / "site")
    path = tmp_path / "site" / "examples" / "toy.line.html"
    assert "It is *small* | really." in shown(path) and "a_b_" in shown(path)
    assert "DOES NOT HOLD" in shown(path) and "danger" in path.read_text()
    (results / "toy.line.json").unlink()
    gallery.build(tmp_path / "site", force=True)
    assert "It is *small*" not in shown(path)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_plain_text_is_shown_to_the_letter(text):
    from markdown_it import MarkdownIt

    words = " ".join(text.split())
    rendered = MarkdownIt().renderInline(pages.plain(text))
    assert html.unescape(rendered) == words


def test_prose_keeps_code_and_links_names_and_addresses():
    text = "See image.dcgan (https://arxiv.org/abs/1511.06434), not `a_b * c` or x_y_z."
    assert pages.prose(text) == (
        "See [image.dcgan](../examples/image.dcgan.md) \\(<https://arxiv.org/abs/1511.06434>\\)\\, "
        "not `a_b * c` or x\\_y\\_z\\."
    )


# search in Chinese

HAN = st.text("图像修补放大照片", min_size=2, max_size=8)


@given(HAN, HAN, HAN)
def test_any_stretch_of_two_or_more_characters_is_found_where_it_stands(before, query, after):
    splitter = search.PairsOfCharacters({})
    assert set(splitter.split(query)) <= set(splitter.split(f"{before}{query}{after}"))


def test_words_stay_whole_beside_chinese():
    assert search.PairsOfCharacters({}).split("用GAN画图像, 4x") == [
        "用",
        "GAN",
        "画图",
        "图像",
        "4x",
    ]


# mistakes


@pytest.fixture
def error(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["gallery", *map(str, arguments)])
        assert stopped.value.code == 1
        said = capsys.readouterr().err.strip()
        assert "\n" not in said
        return said

    return run


def test_what_is_in_the_way_is_never_replaced(tmp_path, error):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "is not empty" in error(tmp_path / "mine")
    assert "holds no gallery" in error(tmp_path / "mine", "--force")
    assert "is a file" in error(tmp_path / "mine" / "letter.txt")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_written(error):
    assert "Cannot write to /proc" in error("/proc/gallery")


def test_a_broken_run_is_named(tmp_path, error):
    run = tmp_path / "runs" / "image.dcgan"
    run.mkdir(parents=True)
    (run / "answer.json").write_text("{")
    assert str(run) in error(tmp_path / "site", "--runs", tmp_path / "runs")
    assert not (tmp_path / "site").exists()


def test_a_medium_that_is_gone_is_named(tmp_path, error):
    run = tmp_path / "runs" / "image.dcgan"
    run.mkdir(parents=True)
    (run / "answer.json").write_text(json.dumps({"media": {"a": "gone.png"}, "run": {}}))
    assert "gone.png" in error(tmp_path / "site", "--runs", tmp_path / "runs")


@pytest.mark.parametrize("missing", ["sphinx", "jinja2", "pydata_sphinx_theme"])
def test_it_says_what_to_install(tmp_path, error, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    said = error(tmp_path / "site")
    assert f"needs {missing}:" in said and "pip install 'gen_ai_examples[gallery]'" in said


# in a browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
in_browser = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
PAGES = ("index.html", "examples/audio.denoising.html", "examples/image.dcgan.html",
         "questions/Q14.html", "questions/Q12.html", "search.html")  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """Open a page; whatever it logs as an error, or asks of another host, fails the test."""
    wrong = []

    def visit(page, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab = context.new_page()
        tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on(
            "request", lambda r: None if r.url[:5] in ("file:", "data:") else wrong.append(r.url)
        )
        tab.goto((site / page).as_uri())
        return tab

    yield visit
    assert not wrong


@in_browser
@pytest.mark.parametrize("root", ["", "zh/"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_are_legible_in_both_themes_and_fit_a_phone(visit, root, page):
    from axe_playwright_python.sync_playwright import Axe

    for scheme, width in (("light", 1280), ("dark", 390)):
        tab = visit(root + page, width, scheme)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.evaluate(overflow) <= 0
        rules = {"runOnly": ["color-contrast", "image-alt", "link-name", "html-has-lang"]}
        found = Axe().run(tab, options=rules).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]


@in_browser
def test_the_switch_leads_to_the_same_page_in_the_other_language_and_back(visit):
    tab = visit("questions/Q14.html")
    tab.click("a.language-switch")
    assert tab.url.endswith("/zh/questions/Q14.html")
    assert catalog.questions()["Q14"]["question"]["zh"] in tab.inner_text("h1")
    tab.click("a.language-switch")
    assert tab.url.endswith("/questions/Q14.html") and "/zh/" not in tab.url
    assert tab.get_attribute("html", "lang") == "en"


@in_browser
@pytest.mark.parametrize(
    "page, query, found",
    [("index.html", "zebra", None), ("index.html", "inpainting", "image.inpainting"),
     ("zh/index.html", "图像修补", "image.inpainting"), ("zh/index.html", "过拟合", "Q12"),
     ("zh/index.html", "GAN", "Q13")],
)  # fmt: skip
def test_search_finds_what_is_there_by_keyboard(visit, page, query, found):
    tab = visit(page)
    tab.keyboard.press("Control+k")
    tab.keyboard.type(query)
    tab.keyboard.press("Enter")
    tab.wait_for_function(
        "document.querySelector('.search-summary')?.textContent.match(/\\d|did not|没有/)"
    )
    links = [a.get_attribute("href") for a in tab.query_selector_all("#search-results li a")]
    assert any(found in link for link in links) if found else links == []


@in_browser
def test_sounds_play(visit):
    tab = visit("examples/audio.denoising.html")
    player = tab.locator("audio").first
    assert player.get_attribute("aria-label") == SOUND
    assert player.evaluate("a => a.play().then(() => a.duration)") == pytest.approx(1.0)


@in_browser
def test_the_theme_switch_and_the_copy_button_work(visit):
    tab = visit("examples/image.dcgan.html")
    before = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.click(".theme-switch-button >> visible=true")
    tab.click("text=Dark >> visible=true")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != before
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.hover("div.highlight >> nth=0")
    tab.click("button.copybtn >> nth=0")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == "gen-ai-examples run image.dcgan"
