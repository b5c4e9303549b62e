import io
import json
import pathlib

import pytest
from rich.console import Console

from gen_ai_examples import catalog, report
from gen_ai_examples.common.errors import InputError

CHECKOUT = catalog.PACKAGE.parent
READMES = {"README.md": "en", "README.zh-CN.md": "zh"}


def asked(number, lang):
    console = Console(file=io.StringIO(), width=80)
    report.print_question(console, number, lang)
    return console.file.getvalue()


def squeezed(text):
    """Without white space, since the terminal wraps."""
    return "".join(text.split())


@pytest.fixture
def record(toy):
    """Write a record of `toy.line` with the values given, one for each seed."""

    def write(*values, better="lower"):
        folder = toy.parents[2] / "results"
        folder.mkdir(exist_ok=True)
        seeds = {
            str(seed): {
                "claims": [
                    {
                        "statement": "It is small [sic].",
                        "value": value,
                        "unit": "units",
                        "baselines": {"a limit": 2.0 + seed, "ten": 10.0},
                        "better": better,
                        "best": None,
                        "holds": value < 2,
                    }
                ],
                "minutes": 1 + seed,
            }
            for seed, value in enumerate(values)
        }
        command = "gen-ai-examples verify toy.line"
        path = folder / "toy.line.json"
        path.write_text(json.dumps({"command": command, "seeds": seeds}))

    return write


# ask


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("number", range(1, 31))
def test_a_question_is_shown_with_all_there_is_to_it(number, lang):
    shown, question = asked(number, lang), catalog.questions()[f"Q{number}"]
    assert shown.startswith(f"{number}. ")
    parts = [question[part] for part in ("question", "article", "answer") if part in question]
    for text in (*parts, *question["bullets"].values()):
        assert squeezed(text[lang]) in squeezed(shown)
    for bullet in question["bullets"]:
        assert f"\n{bullet}  " in shown
        for name, example in catalog.examples().items():
            if bullet in example.answers:
                assert name in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_an_unknown_question_is_refused():
    with pytest.raises(InputError, match="no question 31: ask for one from 1 to 30"):
        asked(31, "en")


@pytest.mark.parametrize(
    ("lang", "unrecorded", "evidence"),
    [
        (
            "en",
            "toy.line: not recorded yet",
            ("0.5 (0.25 to 0.75) units", "below 3 (2 to 4) a limit", "below 10 ten", "holds"),
        ),
        (
            "zh",
            "toy.line: 尚无记录的结果",
            ("0.5（0.25 至 0.75） units", "须低于 3（2 至 4） a limit", "须低于 10 ten", "成立"),
        ),
    ],
)
def test_a_bullet_is_proved_by_recorded_numbers(lang, unrecorded, evidence, record):
    assert unrecorded in asked(7, lang)
    record(0.5, 0.25, 0.75)
    before, after = asked(7, lang).split("\nQ7.5  ")
    shown = before.split("\nQ7.4  ")[1]
    evidence_lines = ("    toy.line" + shown.split("    toy.line")[1]).splitlines()
    assert all(line.startswith("    ") for line in evidence_lines)  # those that were broken too
    shown = squeezed(shown)
    assert squeezed("It is small [sic]." + "; ".join(evidence)) in shown
    assert squeezed("gen-ai-examples verify toy.line") in shown
    assert "toy.line" not in after


@pytest.mark.parametrize(("lang", "words"), [("en", "DOES NOT HOLD"), ("zh", "不成立")])
def test_a_claim_that_fails_for_one_seed_is_said_to_fail(lang, words, record):
    record(0.5, 0.5, 2.5)
    assert squeezed(words) in squeezed(asked(7, lang))
    assert f"**({words})**" in report.results_table(lang)


# Tables


def test_the_table_has_a_row_for_each_claim(record):
    assert len(report.results_table("en").splitlines()) == 2
    record(0.5, 0.25, 0.75)
    assert report.results_table("en").splitlines()[2:] == [
        "| `toy.line` | It is small [sic]. | 0.5 (0.25 to 0.75) units "
        "| below 3 (2 to 4) a limit<br>below 10 ten | 2.0 |"
    ]
    record(12345.0, better="higher")
    assert "| 12,345 units | above 2 a limit<br>above 10 ten | 1.0 |" in report.results_table("en")


def test_only_what_stands_between_the_markers_is_replaced(record):
    record(0.5)
    text = "before\n<!-- results -->\nold\n<!-- /results -->\nafter | old\n" * 2
    brought_up = report.with_tables(text, "en")
    table = report.results_table("en")
    assert brought_up == text.replace("\nold\n", f"\n{table}\n")
    assert report.with_tables(brought_up, "en") == brought_up


def test_the_command_updates_each_file_in_its_language(record, tmp_path):
    record(0.5)
    paths = [tmp_path / name for name in READMES]
    for path in paths:
        path.write_text("# 题目\n<!-- results -->\n<!-- /results -->\n", encoding="utf-8")
    report.main([str(path) for path in paths])
    for path, lang in zip(paths, READMES.values(), strict=True):
        assert report.results_table(lang) in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "lang"), READMES.items())
def test_the_tables_of_the_readme_are_those_of_the_records(name, lang):
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    assert text.count("<!-- results -->\n") == text.count("<!-- /results -->\n") == 1
    assert text == report.with_tables(text, lang), f"run `python -m gen_ai_examples.report {name}`"


@pytest.mark.parametrize("name", catalog.examples())
def test_every_claim_of_every_example_is_recorded_and_holds_for_three_seeds(name):
    recorded = catalog.recorded(name)
    assert recorded, f"run `gen-ai-examples verify {name}`"
    assert list(recorded["seeds"]) == ["0", "1", "2"]
    for seed in recorded["seeds"].values():
        assert seed["claims"]
        for claim in seed["claims"]:
            assert claim["holds"], claim


def test_nothing_is_recorded_for_examples_that_are_gone():
    recorded = {path.stem for path in pathlib.Path(CHECKOUT / "results").glob("*.json")}
    assert recorded <= set(catalog.examples())


def test_all_that_is_recorded_is_said_in_chinese_too():
    """What is missing here goes into `gen_ai_examples/chinese.json`."""
    said = {example.question for example in catalog.examples().values()}
    for name in catalog.examples():
        for seed in (catalog.recorded(name) or {"seeds": {}})["seeds"].values():
            for claim in seed["claims"]:
                said |= {claim["statement"], claim["unit"], *claim["baselines"]}
    same = {
        "BLEU",
        "chrF",
        "GPT",
        "SMOTE",
        "SMOTENC",
        "STOI",
        "Lanczos",
        "log-MMSE",
        "VAE",
        "pix2pix",
    }
    assert {text for text in said - same if catalog.translated(text, "zh") == text} == set()
    assert set(catalog._chinese()) <= said, "translations of what nobody says any more"
