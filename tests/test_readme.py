import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def snippet(name):
    return re.search(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)[1]


def test_the_snippet_to_copy_runs(one_device):
    code = snippet("README.md").replace("steps=200", "steps=2")
    assert "steps=2)" in code
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("kind", ["python", "sh"])
def test_both_languages_show_the_same_code(kind):
    def blocks(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return [
            re.sub(r" *#.*", "", block) for block in re.findall(f"```{kind}\n(.*?)```", text, re.S)
        ]

    assert blocks("README.md") == blocks("README.zh-CN.md") != []
