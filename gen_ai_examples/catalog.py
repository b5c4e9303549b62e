"""What there is: examples, questions and recorded results, read without importing an example.

Sources are parsed, not imported, so that `list`, `ask` and `--help` answer before TensorFlow
could be loaded.
"""

import ast
import dataclasses
import difflib
import functools
import hashlib
import json
import pathlib

from gen_ai_examples.common.errors import InputError

PACKAGE = pathlib.Path(__file__).parent
_CLAIM_KEYS = ("statement", "value", "unit", "baselines", "better", "holds")
_TYPES = {"int": int, "float": float, "str": str, "bool": bool}


@dataclasses.dataclass(frozen=True)
class Flag:
    """One keyword of an example's `main`."""

    name: str
    default: object
    type: type


@dataclasses.dataclass(frozen=True)
class Example:
    """What an example's source says of itself."""

    name: str  # "image.dcgan"
    path: pathlib.Path
    doc: str
    answers: tuple[str, ...]
    flags: tuple[Flag, ...]
    cpu_replicas: int = 1  # among which it shares a CPU unless told otherwise
    cpu_operations: int = 1  # of one replica, side by side on a CPU

    @property
    def question(self) -> str:
        return self.doc.splitlines()[0]

    @property
    def module(self) -> str:
        return f"gen_ai_examples.{self.name}"


@functools.cache
def examples() -> dict[str, Example]:
    """Every module outside `common` that names the bullets it answers, by name."""
    paths = sorted(p for p in PACKAGE.glob("*/*.py") if p.parent.name != "common")
    found = [example for path in paths if (example := _read(path))]
    return {example.name: example for example in found}


def example(name: str) -> Example:
    """Find an example.

    Raises:
        InputError: there is none of that name; suggests the nearest.
    """
    if name in examples():
        return examples()[name]
    # People leave the topic out, or remember nothing else well.
    known = {short: full for full in examples() for short in (full, full.split(".")[1])}
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {known[near[0]]}?" if near else "see `gen-ai-examples list`."
    raise InputError(f"There is no example {name!r}: {hint}")


def _read(path: pathlib.Path) -> Example | None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        name: _constant(node)
        for name in ("ANSWERS", "CPU_REPLICAS", "CPU_OPERATIONS")
        for node in tree.body
        if _assigns(node, name)
    }
    answers = constants.get("ANSWERS")
    if answers is None:
        return None
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    main = next((function for function in functions if function.name == "main"), None)
    if main is None or not ast.get_docstring(tree):
        raise InputError(f"{path} names the bullets it ANSWERS, but lacks a docstring or `main`.")
    name = f"{path.parent.name}.{path.stem}"
    return Example(
        name,
        path,
        ast.get_docstring(tree),
        tuple(answers),
        tuple(_flags(main)),
        constants.get("CPU_REPLICAS", 1),
        constants.get("CPU_OPERATIONS", 1),
    )


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name


def _constant(node: ast.Assign) -> object:
    return ast.literal_eval(node.value)


def _flags(main: ast.FunctionDef):
    arguments = [*main.args.args, *main.args.kwonlyargs]
    defaults = [*main.args.defaults, *main.args.kw_defaults]
    for argument, node in zip(arguments, defaults, strict=True):
        default = ast.literal_eval(node)
        # `images: str | None = None` needs its annotation, `steps=2000` needs none.
        said = ast.unparse(argument.annotation).split(" | ")[0] if argument.annotation else ""
        yield Flag(argument.arg, default, _TYPES.get(said, type(default)))


@functools.cache
def questions() -> dict:
    """The 30 questions with their bullets, by id; see `questions.json`."""
    return json.loads((PACKAGE / "questions.json").read_text(encoding="utf-8"))


@functools.cache
def _chinese() -> dict[str, str]:
    return json.loads((pathlib.Path(__file__).parent / "chinese.json").read_text(encoding="utf-8"))


def translated(text: str, lang: str) -> str:
    """What an example asks, claims, measures or compares with, in `lang` ("en" or "zh").

    Stays English where `chinese.json` does not know it, as for a record just made.
    """
    return _chinese().get(text, text) if lang == "zh" else text


def shipped_folder(name: str) -> pathlib.Path:
    """`data` or `results`: inside an installed package, beside the package in a checkout."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def recorded(name: str, folder: pathlib.Path | None = None) -> dict | None:
    """The recorded results of an example, or None.

    Raises:
        InputError: the file is not what `verify` writes.
    """
    path = (folder or shipped_folder("results")) / f"{name}.json"
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        str(record["command"])
        for seed in record["seeds"].values():
            float(seed["minutes"])
            for claim in seed["claims"]:
                [claim[key] for key in _CLAIM_KEYS]
        return record
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The recorded results {path} are malformed ({error!r}): delete the file and run "
            f"`gen-ai-examples verify {name}`."
        ) from None


def source_hash(example: Example) -> str:
    """Hash of the code an example's numbers depend on: its own and what it imports from here.

    Comments and docstrings do not count, nor does what is only for the catalogue and the tests.
    """
    paths = sorted(_imported({example.path}))
    return hashlib.sha256("".join(map(_code, paths)).encode()).hexdigest()


def _imported(paths: set[pathlib.Path]) -> set[pathlib.Path]:
    """Add the files of `common` that these import, directly or through one another."""
    found = paths | {path for parent in paths for path in _imports(parent)}
    return found if found == paths else _imported(found)


def _imports(path: pathlib.Path) -> set[pathlib.Path]:
    common = f"{PACKAGE.name}.common"
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            # What is imported may itself be a module.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    candidates = {
        PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        for name in names
        if name.startswith(common)
    }
    return {path for path in candidates if path.exists()}


def _code(path: pathlib.Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    tree.body = [
        node for node in tree.body if not (_assigns(node, "SMOKE") or _assigns(node, "ANSWERS"))
    ]
    return ast.unparse(tree)
