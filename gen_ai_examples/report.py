"""Questions and tables made from the recorded results: `ask`, and the tables of the README."""

import pathlib
import re
import sys

from rich.padding import Padding
from rich.text import Text

from gen_ai_examples import catalog
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.formatting import format_number

WORDS = {
    "en": {
        "article": "What the article prints",
        "answer": "What is true",
        "bullets": "Bullet by bullet",
        "nothing": "nothing answers this yet",
        "unrecorded": "not recorded yet",
        "holds": "holds",
        "fails": "DOES NOT HOLD",
        "reproduce": "reproduce",
        "beats": {"lower": "below", "higher": "above"},
        "head": "| Example | Claim | Measured | Had to beat | Minutes |",
        "range": "{mean} ({low} to {high})",
    },
    "zh": {
        "article": "原文给出的内容",
        "answer": "正确的说法",
        "bullets": "逐条回答",
        "nothing": "目前还没有示例回答这一条",
        "unrecorded": "尚无记录的结果",
        "holds": "成立",
        "fails": "不成立",
        "reproduce": "复现",
        "beats": {"lower": "须低于", "higher": "须高于"},
        "head": "| 示例 | 论断 | 实测 | 须胜过 | 分钟 |",
        "range": "{mean}（{low} 至 {high}）",
    },
}


def print_question(console, number: int, lang: str) -> None:
    """Print question `number` with its corrected answer and what proves it.

    Raises:
        InputError: there is no such question.
    """
    questions = catalog.questions()
    if f"Q{number}" not in questions:
        raise InputError(f"There is no question {number}: ask for one from 1 to {len(questions)}.")
    question, words = questions[f"Q{number}"], WORDS[lang]

    def show(text: str, style: str = "", indent: int = 0) -> None:
        # Padded, so that lines the terminal breaks stay indented.
        console.print(Padding(Text(text, style), (0, 0, 0, indent), expand=False))

    show(f"{number}. {question['question'][lang]}", "bold")
    show(f"\n{words['article']}", "bold")
    show(question["article"][lang])
    if "answer" in question:
        show(f"\n{words['answer']}", "bold")
        show(question["answer"][lang])
    show(f"\n{words['bullets']}", "bold")
    for bullet, text in question["bullets"].items():
        show(f"{bullet}  {text[lang]}", "cyan")
        answering = [e for e in catalog.examples().values() if bullet in e.answers]
        if not answering:
            show(words["nothing"], "dim", indent=4)
        for example in answering:
            for indent, line in _evidence(example.name, lang):
                show(line, indent=indent)


def _evidence(name: str, lang: str):
    words = WORDS[lang]
    record = catalog.recorded(name)
    if not record:
        yield 4, f"{name}: {words['unrecorded']}"
        return
    yield 4, f"{name}  ({words['reproduce']}: {record['command']})"
    for claims in claims_by_seed(record):
        verdict = words["holds"] if all(c["holds"] for c in claims) else words["fails"]
        yield 6, catalog.translated(claims[0]["statement"], lang)
        yield 8, f"{_measured(claims, lang)}; {_beaten(claims, lang, '; ')}; {verdict}"


def results_table(lang: str) -> str:
    """Markdown table of every recorded claim, means and spreads over the seeds."""
    words = WORDS[lang]
    rows = [words["head"], "|---|---|---|---|---|"]
    for name in catalog.examples():
        record = catalog.recorded(name)
        if not record:
            continue
        minutes = [seed["minutes"] for seed in record["seeds"].values()]
        for claims in claims_by_seed(record):
            holds = all(claim["holds"] for claim in claims)
            mark = "" if holds else f" **({words['fails']})**"
            statement = catalog.translated(claims[0]["statement"], lang)
            rows.append(
                f"| `{name}` | {statement}{mark} | {_measured(claims, lang)} "
                f"| {_beaten(claims, lang, '<br>')} | {_mean(minutes):.1f} |"
            )
    return "\n".join(rows)


def claims_by_seed(record: dict) -> list[list[dict]]:
    """For every claim, what each seed measured."""
    return [list(c) for c in zip(*(s["claims"] for s in record["seeds"].values()), strict=True)]


def _measured(claims: list[dict], lang: str) -> str:
    unit = catalog.translated(claims[0]["unit"], lang)
    return f"{spread([c['value'] for c in claims], WORDS[lang])} {unit}"


def _beaten(claims: list[dict], lang: str, separator: str) -> str:
    words = WORDS[lang]
    return separator.join(
        f"{words['beats'][claims[0]['better']]} "
        f"{spread([c['baselines'][name] for c in claims], words)} {catalog.translated(name, lang)}"
        for name in claims[0]["baselines"]
    )


def spread(values: list[float], words: dict) -> str:
    """Mean, and the range over seeds where they differ."""
    if None in values:  # a seed's NaN is every seed's
        return format_number(None)
    low, high = format_number(min(values)), format_number(max(values))
    mean = format_number(_mean(values))
    return mean if low == high else words["range"].format(mean=mean, low=low, high=high)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def with_tables(text: str, lang: str) -> str:
    """Replace what stands between the results markers by the table of today's records."""
    return re.sub(
        r"(<!-- results -->\n).*?(<!-- /results -->)",
        lambda match: f"{match[1]}{results_table(lang)}\n{match[2]}",
        text,
        flags=re.S,
    )


def main(paths: list[str]) -> None:
    """Bring the tables of README files up to date: `python -m gen_ai_examples.report README.md`."""
    for path in map(pathlib.Path, paths):
        lang = "zh" if "zh" in path.name else "en"
        path.write_text(with_tables(path.read_text(encoding="utf-8"), lang), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
