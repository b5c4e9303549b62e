import ast
import json

import pytest

from gen_ai_examples import catalog
from gen_ai_examples.catalog import Flag
from gen_ai_examples.common.errors import InputError

NAMES = list(catalog.examples())


def smoke_of(example):
    tree = ast.parse(example.path.read_text())
    node = next(n for n in tree.body if ast.unparse(n).startswith("SMOKE ="))
    return {keyword.arg for keyword in node.value.keywords}


def test_an_example_is_read_without_being_imported(toy):
    source = toy.read_text().split('"""', 2)[2]
    toy.write_text(f'"""Is it read?\n\nMore."""\nimport nothing_of_this_name\n{source}')
    found = catalog.examples()["toy.line"]
    assert found.question == "Is it read?" and found.module == "gen_ai_examples.toy.line"
    assert found.path == toy and found.answers == ("Q1.1", "Q7.4")


def test_flags_have_the_defaults_and_types_of_main(toy):
    assert catalog.example("toy.line").flags == (
        Flag("steps", 64, int),
        Flag("batch_size", 8, int),
        Flag("learning_rate", 0.05, float),
        Flag("shift", False, bool),
        Flag("seed", 0, int),
        Flag("images", None, str),
    )


def test_flags_may_be_keyword_only_and_annotated(toy):
    source = 'def main(a: float = 1, *, b: int | None = None, c="x"): pass'
    flags = list(catalog._flags(ast.parse(source).body[0]))
    assert flags == [Flag("a", 1, float), Flag("b", None, int), Flag("c", "x", str)]


def test_only_modules_that_answer_something_and_lie_outside_common_are_examples(toy):
    (toy.parent / "helper.py").write_text("def main(): pass")
    common = toy.parents[1] / "common" / "line.py"
    common.parent.mkdir()
    common.write_text(toy.read_text())
    assert list(catalog.examples()) == ["toy.line"]


# The real examples


def test_no_module_of_a_topic_is_overlooked():
    paths = catalog.PACKAGE.glob("[!_]*/*.py")
    no_topics = ("common", "gallery")
    modules = [p for p in paths if p.parent.name not in no_topics and p.name != "__init__.py"]
    assert sorted(f"{p.parent.name}.{p.stem}" for p in modules) == NAMES and NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_example_asks_says_how_to_run_it_and_can_be_configured(name):
    example = catalog.example(name)
    assert example.question.endswith("?")
    assert f"\n    gen-ai-examples run {name}" in example.doc
    flags = {flag.name: flag for flag in example.flags}
    assert flags["seed"].default == 0 and len(flags) == len(example.flags)
    assert {flag.type for flag in example.flags} <= {int, float, str, bool}
    assert smoke_of(example) <= set(flags)


# Records


def record(**changes):
    claim = {"statement": "It is.", "value": 1.0, "unit": "u", "baselines": {"b": 2.0}}
    claim |= {"better": "lower", "holds": True} | changes
    return {"command": "verify", "seeds": {"0": {"claims": [claim], "minutes": 1.0}}}


def test_recorded_results_are_found_beside_a_checkout_and_inside_an_installed_package(toy):
    beside, inside = toy.parents[2] / "results", toy.parents[1] / "results"
    assert catalog.recorded("toy.line") is None
    beside.mkdir()
    (beside / "toy.line.json").write_text(json.dumps(record(value=3.0)))
    assert catalog.recorded("toy.line") == record(value=3.0)
    inside.mkdir()
    assert catalog.recorded("toy.line") is None
    assert catalog.recorded("toy.line", beside) == record(value=3.0)


RECORD_KEYS = ("command", "minutes", "claims", "value", "baselines", "holds")


@pytest.mark.parametrize("what", ["cpu_replicas", "cpu_operations"])
def test_an_example_says_how_a_cpu_is_shared(what, toy):
    assert getattr(catalog.example("toy.line"), what) == 1
    toy.write_text(f"{toy.read_text()}\n{what.upper()} = 2\n")
    catalog.examples.cache_clear()
    assert getattr(catalog.example("toy.line"), what) == 2


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"seeds": []}', '{"seeds": {"0": {}}}', '{"seeds": {"0": 1}}']
    + [json.dumps(record()).replace(f'"{key}"', '"else"') for key in RECORD_KEYS],
)
def test_a_malformed_record_is_named(text, tmp_path):
    (tmp_path / "toy.line.json").write_text(text)
    with pytest.raises(InputError, match=r"toy\.line\.json are malformed .*delete the file"):
        catalog.recorded("toy.line", tmp_path)


def test_a_record_that_is_no_text_is_named(tmp_path):
    (tmp_path / "toy.line.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="malformed"):
        catalog.recorded("toy.line", tmp_path)


def test_the_source_hash_follows_the_example_and_what_it_imports(toy):
    common = toy.parents[1] / "common"
    (common / "deep").mkdir(parents=True)
    (common / "fit.py").write_text("from gen_ai_examples.common.deep import steps")
    (common / "deep" / "steps.py").write_text("import gen_ai_examples.common.fit")  # a circle
    example = catalog.example("toy.line")
    hashes = [catalog.source_hash(example)]
    for other in (toy.parent / "other.py", common / "unused.py"):
        other.write_text("other = 1")
        assert catalog.source_hash(example) == hashes[0]
    for path in (toy, common / "fit.py", common / "deep" / "steps.py"):
        path.write_text(path.read_text() + "\nmore = 1\n")
        hashes.append(catalog.source_hash(example))
    assert len(set(hashes)) == 4


def test_the_source_hash_follows_code_and_not_words(toy):
    before = catalog.source_hash(catalog.example("toy.line"))
    text = toy.read_text()
    toy.write_text("# a comment\n" + text.replace("Mark each call", "Count each call"))
    assert catalog.source_hash(catalog.example("toy.line")) == before
    toy.write_text(text.replace("SMOKE = dict(", "SMOKE = dict(seed=1, "))
    assert toy.read_text() != text
    assert catalog.source_hash(catalog.example("toy.line")) == before
    toy.write_text(text.replace("2 * x", "3 * x"))
    assert catalog.source_hash(catalog.example("toy.line")) != before
