"""The pages of the gallery as MyST Markdown, written from questions, examples and records."""

import json
import pathlib
import re
import shutil

import jinja2
from PIL import Image

from gen_ai_examples import catalog, report
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.formatting import format_number

_THUMBNAIL = (480, 300)  # pixels, twice what a card is wide
_PICTURES = {".png", ".gif"}

WORDS = {
    "en": {
        "title": "The executable answer book",
        "lead": "Thirty questions about generative AI, answered by models that train on an "
        "ordinary computer in minutes and end in claims checked by a measurement: on held-out "
        "data, against the best classical method, over several seeds.",
        "topics": "By topic",
        "questions": "By question",
        "answered": "{done} of {all} points answered",
        "answers": "Answers",
        "claims": "Claims and what was measured",
        "measured": "measured",
        "over": "seeds {seeds}: mean (lowest to highest)",
        "higher": "higher is better",
        "lower": "lower is better",
        "best": "the best there could be",
        "seen": "What it made",
        "seen_recorded": "Saved by the recorded run.",
        "seen_run": "Saved by the run in `{folder}`: `{command}`",
        "run": "Run it",
        "about": "About it",
        "source": "Source",
        "record": "{minutes} minutes a run, {memory} GB, on {device}; recorded {date}.",
        "copied": "One file that runs without the package:",
        "language": "中文",
        "language_label": "这一页的中文版",
    },
    "zh": {
        "title": "可以执行的解答书",
        "lead": "关于生成式人工智能的三十个问题，由能在普通电脑上几分钟训练完的模型来回答；"
        "每个回答都以经过测量检验的论断收尾：用留出的数据，与最好的传统方法比较，重复多个随机种子。",
        "topics": "按主题",
        "questions": "按问题",
        "answered": "{all} 条要点中已回答 {done} 条",
        "answers": "回答的要点",
        "claims": "论断与实测结果",
        "measured": "实测",
        "over": "随机种子 {seeds}：平均值（最低至最高）",
        "higher": "越高越好",
        "lower": "越低越好",
        "best": "理论上的最好值",
        "seen": "它生成了什么",
        "seen_recorded": "由有记录的那次运行保存。",
        "seen_run": "由 `{folder}` 中的运行保存：`{command}`",
        "run": "运行",
        "about": "说明",
        "source": "源代码",
        "record": "每次运行 {minutes} 分钟，占用 {memory} GB 内存，设备 {device}；记录于 {date}。",
        "copied": "复制成一个不依赖本包的文件：",
        "language": "English",
        "language_label": "This page in English",
    },
}
TOPICS_ZH = {
    "audio": "音频",
    "evaluation": "评估",
    "image": "图像",
    "medical": "医学",
    "tabular": "表格",
    "text": "文本",
    "training": "训练",
    "video": "视频",
}


def write(folder: pathlib.Path, lang: str, runs: pathlib.Path | None) -> None:
    """Write every page of one language, and the media it shows, below `folder`.

    Raises:
        InputError: a record, or what a run saved, is malformed.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    templates.filters |= {"plain": plain, "prose": prose}
    words = WORDS[lang]
    examples = [_example(e, folder, words, lang, runs) for e in catalog.examples().values()]
    questions = [_question(*item, examples, lang) for item in catalog.questions().items()]
    topics: dict[str, list[dict]] = {}
    for example in examples:
        topic = example["name"].split(".")[0]
        topics.setdefault(
            (TOPICS_ZH if lang == "zh" else {}).get(topic, topic.capitalize()), []
        ).append(example)

    def page(template: str, name: str, values: dict) -> None:
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = templates.get_template(template).render(words=words, **values)
        path.write_text(text, encoding="utf-8")

    page("index.md.jinja", "index", {"topics": topics, "questions": questions})
    for example in examples:
        page("example.md.jinja", f"examples/{example['name']}", example)
    for question in questions:
        page("question.md.jinja", f"questions/{question['id']}", question)


def plain(text: str) -> str:
    """Text as Markdown that shows it to the letter."""
    # CommonMark lets a backslash stand before any ASCII punctuation.
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def prose(text: str, root: str = "..") -> str:
    """Text as Markdown: `code` stays code, names of examples and addresses become links."""
    names = "|".join(re.escape(name) for name in catalog.examples())
    marks = rf"(`+[^`]+`+|https?://[^\s,;)>]*[\w/]|(?<![\w.])(?:{names})(?![\w.]*\w))"
    parts = re.split(marks, text)
    return "".join(
        plain_part(part) if i % 2 == 0 else _marked(part, root) for i, part in enumerate(parts)
    )


def plain_part(text: str) -> str:
    """As `plain`, with the white space at the ends kept: the part of a sentence."""
    head = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() and text.strip() else ""
    return f"{head}{plain(text)}{tail}"


def _marked(part: str, root: str) -> str:
    if part.startswith("`"):
        return f"`{' '.join(part.strip('`').split())}`"
    return f"<{part}>" if part.startswith("http") else f"[{part}]({root}/examples/{part}.md)"


def _example(example: catalog.Example, folder, words, lang: str, runs) -> dict:
    questions = catalog.questions()
    bullets = [
        {"id": bullet, "page": bullet.split(".")[0], "text": text[lang]}
        for bullet in example.answers
        for text in [questions[bullet.split(".")[0]]["bullets"][bullet]]
    ]
    record = catalog.recorded(example.name)
    shown, origin = _media(example.name, folder, words, runs)
    return {
        "name": example.name,
        "title": catalog.translated(example.question, lang),
        "bullets": bullets,
        "corrections": [
            {"page": page, "question": question["question"][lang], "text": question["answer"][lang]}
            for page in dict.fromkeys(b["page"] for b in bullets)
            for question in [questions[page]]
            if "answer" in question
        ],
        "claims": [_claim(c, record, words, lang) for c in report.claims_by_seed(record)]
        if record
        else [],
        "record": _record_line(record, words) if record else "",
        "media": shown,
        "origin": origin,
        "thumbnail": _thumbnail(example.name, folder),
        "about": _paragraphs(example.doc),
        "source": example.path.read_text(encoding="utf-8").rstrip(),
    }


def _claim(claims: list[dict], record: dict, words: dict, lang: str) -> dict:
    first, texts = claims[0], report.WORDS[lang]
    holds = all(claim["holds"] for claim in claims)

    def spread(values: list) -> str:
        return report.spread(values, texts)

    rows = [(words["measured"], spread([c["value"] for c in claims]))]
    rows += [
        (catalog.translated(name, lang), spread([c["baselines"][name] for c in claims]))
        for name in first["baselines"]
    ]
    if first.get("best") is not None:
        rows.append((words["best"], spread([c["best"] for c in claims])))
    return {
        "statement": catalog.translated(first["statement"], lang),
        "unit": catalog.translated(first["unit"], lang),
        "better": words[first["better"]],
        "holds": holds,
        "verdict": texts["holds" if holds else "fails"],
        "rows": rows,
        "over": words["over"].format(seeds=", ".join(record["seeds"])),
    }


def _record_line(record: dict, words: dict) -> str:
    seeds = list(record["seeds"].values())
    minutes = sum(seed["minutes"] for seed in seeds) / len(seeds)
    return words["record"].format(
        minutes=f"{minutes:.1f}",
        memory=format_number(max(seed.get("memory_gb", 0) for seed in seeds)),
        device=record.get("device", "?"),
        date=max(seed.get("date", "?") for seed in seeds),
    )


def _media(name: str, folder: pathlib.Path, words: dict, runs: pathlib.Path | None):
    """What the example showed, copied into the site: a run here shows all, the record a picture."""
    saved = runs / name / "answer.json" if runs else None
    if saved and saved.exists():
        try:
            answer = json.loads(saved.read_text(encoding="utf-8"))
            files = {label: saved.parent / file for label, file in answer["media"].items()}
            command = answer["run"].get("command", f"gen-ai-examples run {name}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"What the run in {saved.parent} saved is malformed ({error!r}): delete the folder "
                f"and run `gen-ai-examples run {name}`."
            ) from None
        origin = words["seen_run"].format(folder=f"{runs.name}/{name}", command=command)
    else:
        picture = _recorded_picture(name)
        files, origin = ({name: picture}, words["seen_recorded"]) if picture else ({}, "")
    shown = []
    for i, (label, path) in enumerate(files.items()):
        kind = {".wav": "sound", ".txt": "text"}.get(path.suffix, "picture")
        item = {"label": label.replace("_", " "), "kind": kind}
        if kind == "text":
            item["text"] = path.read_text(encoding="utf-8").rstrip()
        else:
            file = f"{kind}s/{name}/{i}{path.suffix}"  # labels may hold any character
            # Sphinx collects the pictures that a page shows, but copies sounds only from here.
            copy = folder / ("extra" if kind == "sound" else "") / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            item["file"] = f"../{file}"
        shown.append(item)
    return shown, origin


def _thumbnail(name: str, folder: pathlib.Path) -> str:
    """A small version of the recorded picture's top, for the card of the example."""
    path = _recorded_picture(name)
    if not path:
        return ""
    file = f"pictures/{name}/thumbnail.webp"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    with Image.open(path) as image:
        image = image.convert("RGB")
        width, height = _THUMBNAIL
        # Cut, not squeezed: what is wide or tall keeps its proportions.
        scale = max(width / image.width, height / image.height)
        size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
        image.resize(size, Image.Resampling.LANCZOS).crop((0, 0, width, height)).save(
            folder / file, quality=85
        )
    return file


def _recorded_picture(name: str) -> pathlib.Path | None:
    files = catalog.shipped_folder("results").glob(f"{name}.*")
    return next((path for path in files if path.suffix in _PICTURES), None)


def _paragraphs(doc: str) -> list[dict]:
    """A docstring without its first line: paragraphs of prose, and indented blocks of code."""
    blocks = re.split(r"\n\s*\n", doc.split("\n", 1)[-1].strip("\n"))
    return [
        {"code": all(line.startswith("    ") for line in block.splitlines()), "text": block}
        for block in blocks
        if block.strip()
    ]


def _question(number: str, question: dict, examples: list[dict], lang: str) -> dict:
    points = [
        {
            "id": bullet,
            "text": text[lang],
            "examples": [e for e in examples if any(b["id"] == bullet for b in e["bullets"])],
        }
        for bullet, text in question["bullets"].items()
    ]
    shown = {e["name"]: e for point in points for e in point["examples"]}
    return {
        "id": number,
        "number": number.removeprefix("Q"),
        "question": question["question"][lang],
        "article": question["article"][lang],
        "answer": question.get("answer", {}).get(lang, ""),
        "points": points,
        "cards_of": list(shown.values()),
        "done": sum(bool(point["examples"]) for point in points),
        "texts": report.WORDS[lang],
    }
