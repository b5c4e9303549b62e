"""`gen-ai-examples copy`: one Python file with an example and the parts of `common/` that it uses.

The sources are read, not imported. From the example's definitions on, every name that is used is
looked up where it is defined, in the example, in `common/`, or in `standalone.py`, which stands in
for the training loop, the answer and the command. What is found is written down in the order in
which it must be defined, comments and all; of the docstrings of `common/` the first paragraph and
the source are kept, of its classes the methods that something may call. Names that two modules
define, or that a function uses for something else, are told apart by the name of their module.

Split into a folder, each module is a file of its own with the imports that it needs.
"""

import ast
import dataclasses
import functools
import importlib.metadata
import pathlib
import re
import sys
import textwrap

from gen_ai_examples import catalog
from gen_ai_examples.common.errors import InputError

_PACKAGE = "gen_ai_examples"
_STANDALONE = f"{_PACKAGE}.standalone"
# What stands in for a module: for each of these names, or (None) for all.
_STAND_INS = {
    f"{_PACKAGE}.cli": None,
    f"{_PACKAGE}.common.answer": None,
    f"{_PACKAGE}.common.errors": None,
    f"{_PACKAGE}.common.fit": None,
    f"{_PACKAGE}.common.sources.bundle": None,
    f"{_PACKAGE}.common.media": ("Picture", "Sound", "Clip", "Text"),
    f"{_PACKAGE}.common.strategy": ("strategy",),
}
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "imblearn": "imbalanced-learn",
}

# Methods that Keras calls.
_HOOKS = ("build", "call", "compile", "train_step", "get_config", "update_step", "on_epoch_end")

# What binds a name in its attribute `name`.
_NAMED = (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)

Key = tuple[str, str]  # module, name


@dataclasses.dataclass(frozen=True)
class Definition:
    """A statement at the top of a module, with the comments above it."""

    module: str
    names: tuple[str, ...]
    node: ast.stmt
    start: int  # first and last line, from 0, the last one excluded
    end: int


@dataclasses.dataclass(frozen=True)
class Module:
    name: str
    lines: list[str]
    definitions: dict[str, Definition]
    ours: dict[str, Key]  # name here: where it is from; a module has the name ""
    foreign: dict[str, frozenset[str]]  # name here: the statements that import it
    doc: str


@functools.cache
def _module(name: str) -> Module:
    path = catalog.PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    lines, tree = source.splitlines(), ast.parse(source)
    module = Module(name, lines, {}, {}, {}, ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            _read_import(node, module)
        elif names := _defined(node):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]) - 1
            while first and lines[first - 1].startswith("#"):
                first -= 1
            definition = Definition(name, names, node, first, node.end_lineno)
            module.definitions.update(dict.fromkeys(names, definition))
    return module


def _read_import(node, module):
    for alias in node.names:
        here = alias.asname or alias.name
        if isinstance(node, ast.Import):
            suffix = f" as {alias.asname}" if alias.asname else ""
            here, statement = here.split(".")[0], f"import {alias.name}{suffix}"
            # `import a` and `import a.b` both bind a.
            module.foreign[here] = module.foreign.get(here, frozenset()) | {statement}
        elif (node.module or "").split(".")[0] == _PACKAGE:
            path = catalog.PACKAGE.joinpath(*node.module.split(".")[1:], alias.name)
            whole = path.is_dir() or path.with_suffix(".py").is_file()
            key = (f"{node.module}.{alias.name}", "") if whole else (node.module, alias.name)
            module.ours[here] = key
        else:
            suffix = f" as {alias.asname}" if alias.asname else ""
            module.foreign[here] = frozenset({f"from {node.module} import {alias.name}{suffix}"})


def _defined(node) -> tuple[str, ...]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.AnnAssign):
        return (node.target.id,)
    if isinstance(node, ast.Assign):
        found = (n for target in node.targets for n in ast.walk(target))
        return tuple(n.id for n in found if isinstance(n, ast.Name))
    return ()


def _locals(function) -> set[str]:
    """Names that mean something of its own within a function."""
    arguments = function.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a}
    body = function.body if isinstance(function.body, list) else [function.body]
    for node in (n for statement in body for n in ast.walk(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, _NAMED) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


@dataclasses.dataclass(frozen=True)
class Use:
    """A name used in a definition: `node` is what to replace, `hidden` what is local there."""

    node: ast.expr
    name: str
    attribute: str | None
    hidden: frozenset[str]


def _uses(node, hidden=frozenset()):
    """Every use of a name that is not local, attributes of modules with it."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        # Defaults, decorators and annotations are evaluated outside.
        outside = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
        if isinstance(node, ast.FunctionDef):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            arguments += tuple(a for a in (node.args.vararg, node.args.kwarg) if a)
            outside += [*node.decorator_list, *(a.annotation for a in arguments if a.annotation)]
            outside += [node.returns] if node.returns else []
        for part in outside:
            yield from _uses(part, hidden)
        inside = node.body if isinstance(node.body, list) else [node.body]
        hidden = hidden | _locals(node)
        for part in inside:
            yield from _uses(part, hidden)
        return
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        bound = {
            n.id
            for generator in node.generators
            for n in ast.walk(generator.target)
            if isinstance(n, ast.Name)
        }
        for child in ast.iter_child_nodes(node):
            yield from _uses(child, hidden | bound)
        return
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id not in hidden:
            yield Use(node, node.value.id, node.attr, frozenset(hidden))
        return
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in hidden:
            yield Use(node, node.id, None, frozenset(hidden))
        return
    for child in ast.iter_child_nodes(node):
        yield from _uses(child, hidden)


@functools.cache  # asked about five times for each definition and copy
def _uses_in(definition: Definition) -> tuple[Use, ...]:
    return tuple(_uses(definition.node))


def _methods(definition: Definition) -> list[ast.FunctionDef]:
    body = definition.node.body if isinstance(definition.node, ast.ClassDef) else []
    return [node for node in body if isinstance(node, ast.FunctionDef)]


def _names_called(node, foreign, left_out):
    """What attributes are asked for of anything but modules, those named by a string included."""
    if node in left_out:
        return
    if isinstance(node, ast.Attribute):
        if not (isinstance(node.value, ast.Name) and node.value.id in foreign):
            yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value  # perhaps for `getattr`
    for child in ast.iter_child_nodes(node):
        yield from _names_called(child, foreign, left_out)


def _resolve(module: Module, use: Use) -> Key | None:
    """Where a used name of ours is defined; None for others' names and for builtins."""
    if use.name in module.definitions:
        owner, name = module.name, use.name
    elif use.name in module.ours:
        owner, name = module.ours[use.name]
    else:
        return None
    if not name:
        if use.attribute is None:
            raise NotImplementedError(f"{module.name} uses the module {owner} as a value")
        name = use.attribute
    stand_ins = _STAND_INS.get(owner, ())
    if stand_ins is None or name in stand_ins:
        owner = _STANDALONE
    while name not in _module(owner).definitions and name in _module(owner).ours:
        owner, name = _module(owner).ours[name]
    return owner, name


class _Parts:
    """Collects what a set of definitions needs, and writes it down as one file."""

    def __init__(self, roots: list[Key]):
        self._roots = {id(_module(module).definitions[name]) for module, name in roots}
        self._called: set[str] = set()  # names of methods
        found = set(_HOOKS)
        while not found <= self._called:  # a method that is called may call others
            self._called |= found
            self.wanted: dict[int, Definition] = {}
            self.order: list[str] = []
            self._modules_seen: set[str] = set()
            for module, name in roots:
                self._collect(module, name)
            found = {
                name
                for d in self.wanted.values()
                for name in _names_called(d.node, _module(d.module).foreign, self._unused(d))
            }
        self.definitions = sorted(
            self.wanted.values(), key=lambda d: (self.order.index(d.module), d.start)
        )
        self.foreign = self._foreign()
        self.names = self._final_names()

    def _collect(self, module, name):
        definition = _module(module).definitions[name]
        if id(definition) in self.wanted:
            return
        self.wanted[id(definition)] = definition
        for use in self._uses(definition):
            if key := _resolve(_module(module), use):
                self._collect(*key)
        self._enter(module)

    def _unused(self, definition) -> list[ast.FunctionDef]:
        """Methods that nothing calls, of a class that was not asked for by its name."""
        if id(definition) in self._roots:
            return []
        return [
            method
            for method in _methods(definition)
            if method.name not in self._called and not method.name.startswith("__")
        ]

    def _uses(self, definition) -> list[Use]:
        """Those of `_uses_in` that are not in a method that nothing calls."""
        spans = [_span(method) for method in self._unused(definition)]
        return [
            use
            for use in _uses_in(definition)
            if not any(first < use.node.lineno <= last for first, last in spans)
        ]

    def _enter(self, module):
        """Put a module after those that it imports from."""
        if module in self._modules_seen:
            return
        self._modules_seen.add(module)
        for owner, name in _module(module).ours.values():
            stand_ins = _STAND_INS.get(owner, ())
            self._enter(_STANDALONE if stand_ins is None or name in stand_ins else owner)
        self.order.append(module)

    def _foreign(self, only: str | None = None):
        """Name to the statements that import it, of all that is used, or in one module alone."""
        found: dict[str, frozenset[str]] = {}
        for definition in self.definitions:
            if only not in (None, definition.module):
                continue
            module = _module(definition.module)
            for use in self._uses(definition):
                statements = module.foreign.get(use.name)
                if statements and use.name not in module.definitions:
                    found[use.name] = found.get(use.name, frozenset()) | statements
        for name, statements in found.items():
            if len(statements) > 1 and not all(re.match(r"import [\w.]+$", s) for s in statements):
                raise NotImplementedError(f"{name} is imported in two ways")
        return found

    def _final_names(self) -> dict[Key, str]:
        """The name of each definition in the copy."""
        hidden: dict[Key, set[str]] = {}
        for definition in self.definitions:
            for use in self._uses(definition):
                if key := _resolve(_module(definition.module), use):
                    hidden.setdefault(key, set()).update(use.hidden)
        taken, names = set(self.foreign), {}
        # The example keeps its names, so the last module chooses first.
        for definition in reversed(self.definitions):
            for name in definition.names:
                key, chosen = (definition.module, name), name
                stem = definition.module.split(".")[-1]
                if chosen in taken | hidden.get(key, set()):
                    private = "_" if name.startswith("_") else ""
                    chosen = f"{private}{stem}_{name.lstrip('_')}"
                if chosen in taken | hidden.get(key, set()):
                    raise NotImplementedError(f"{name} of {definition.module} has no free name")
                taken.add(chosen)
                names[key] = chosen
        return names

    def text(self, definition: Definition, shorten: bool) -> str:
        """The source of a definition, with the names that things have in the copy."""
        module = _module(definition.module)
        edits = []  # (line, first column, last column, replacement), columns in bytes
        for use in self._uses(definition):
            key = _resolve(module, use)
            if key is None:
                continue
            node, whole = (
                use.node,
                use.name not in module.definitions and not module.ours[use.name][1],
            )
            end = node if whole or use.attribute is None else node.value
            if self.names[key] != (use.name if not whole else None):
                edits.append((node.lineno, node.col_offset, end.end_col_offset, self.names[key]))
        for name in definition.names:
            if (new := self.names[definition.module, name]) != name:
                edits.append((*self._place_of(definition, name), new))
        lines = [line.encode() for line in module.lines]
        for line, first, last, new in sorted(edits, reverse=True):
            row = lines[line - 1]
            lines[line - 1] = row[:first] + new.encode() + row[last:]
        kept = [line.decode() for line in lines]
        if shorten:
            # From the last one on, so that the lines above keep their numbers.
            unused = self._unused(definition)
            for node in sorted(_documented(definition.node, unused), key=lambda n: -n.lineno):
                if node in unused:
                    _remove(node, kept)
                else:
                    _shorten(node, kept)
            removed = len(module.lines) - len(kept)
            return "\n".join(kept[definition.start : definition.end - removed])
        return "\n".join(kept[definition.start : definition.end])

    @staticmethod
    def _place_of(definition, name):
        node = definition.node
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            line = _module(definition.module).lines[node.lineno - 1]
            first = len(re.match(r"\s*(def|class)\s+", line)[0])
            return node.lineno, first, first + len(name)
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        found = (n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        target = next(n for n in found if n.id == name)
        return target.lineno, target.col_offset, target.end_col_offset

    def modules(self) -> list[str]:
        """The modules that something is used of, each after those that it imports."""
        return list(dict.fromkeys(d.module for d in self.definitions))

    def of_module(self, name: str, example: str) -> str:
        """The definitions of a module; statements of one line that stood together still do."""
        text, last = "", None
        for definition in (d for d in self.definitions if d.module == name):
            if last:
                text += "\n" * (_blank_lines(last, definition) + 1)
            text += self.text(definition, shorten=name != example)
            last = definition
        return text

    def body(self, example: str) -> str:
        """All definitions under headings that say where they are from."""
        parts = []
        for name in self.modules():
            room = name.removeprefix(f"{_PACKAGE}.").replace(".", "/")
            parts.append(f"# {room}.py {'-' * max(3, 80 - len(room))}")
            parts.append(self.of_module(name, example))
        return "\n\n\n".join(parts)

    def imports(self, module: str | None = None, called: frozenset[Key] = frozenset()) -> str:
        """What all definitions import, or those of one module, and it imports from the others.

        Args:
            module: of a split copy.
            called: what its last lines call.
        """
        found = self._foreign(module)
        lines = _merged(set().union(*found.values()))
        standard = [s for s in lines if s.split()[1].split(".")[0] in sys.stdlib_module_names]
        others = [s for s in lines if s not in standard]
        # A copied `from __future__` would come too late; annotations may name what comes below.
        blocks = [
            ["from __future__ import annotations"],
            standard,
            others,
            self._of_ours(module, called),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def _of_ours(self, module: str | None, called: frozenset[Key]) -> list[str]:
        """What a file of a split copy imports from the other files."""
        keys = called | {
            key
            for d in self.definitions
            if d.module == module
            for use in self._uses(d)
            if (key := _resolve(_module(module), use)) and key[0] != module
        }
        return _merged({f"from {_file(owner)} import {self.names[owner, n]}" for owner, n in keys})

    def data_files(self) -> list[str]:
        """The bundled files that are read."""
        if (_STANDALONE, "bundled") not in self.names:
            return []
        sums = (catalog.shipped_folder("data") / "SHA256SUMS").read_text(encoding="utf-8")
        # A name is written out, or has a part in braces.
        written = re.findall(r'"(\w[\w{}]*\.[\w.]+)"', self.body(""))
        shapes = [re.sub(r"\{\w+\}", r"\\w+", name.replace(".", r"\.")) for name in written]
        known = [line.split()[-1] for line in sums.splitlines()]
        return [name for name in known if any(re.fullmatch(shape, name) for shape in shapes)]

    def requirements(self) -> list[str]:
        """The distributions to install, with the versions that the package asks for."""
        statements = set().union(*self.foreign.values())
        used = {statement.split()[1].split(".")[0] for statement in statements}
        names = {_DISTRIBUTIONS.get(name, name) for name in used - set(sys.stdlib_module_names)}
        if "keras" in names:
            names.add("tensorflow")
        declared = importlib.metadata.requires("gen-ai-examples") or []
        bounds = {re.match(r"[\w.-]+", line)[0]: line.split(";")[0] for line in declared}
        return sorted(bounds.get(name, name) for name in names)


def _merged(statements: set[str]) -> list[str]:
    """Import statements, with one for all names of a module, wrapped."""
    froms: dict[str, set[str]] = {}
    for statement in statements:
        if match := re.match(r"from (\S+) import (.*)", statement):
            froms.setdefault(match[1], set()).add(match[2])
    lines = sorted((s for s in statements if s.startswith("import")), key=str.lower)
    for module in sorted(froms, key=str.lower):
        names = sorted(froms[module], key=_as_imported)
        renamed = [name for name in names if " as " in name]
        if plain := [name for name in names if name not in renamed]:
            line = f"from {module} import {', '.join(plain)}"
            if len(line) > 100:
                line = f"from {module} import (\n    " + ",\n    ".join(plain) + ",\n)"
            lines.append(line)
        lines += [f"from {module} import {name}" for name in renamed]
    return lines


def _as_imported(name: str) -> tuple:
    """Constants before classes before functions, as ruff sorts them."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def _file(module: str) -> str:
    """Under which name a split copy imports a module of `common/`."""
    return "_".join(module.split(".")[-2:]).removeprefix(f"{_PACKAGE}_")


def _blank_lines(definition, following) -> int:
    """How many belong between two definitions of a module."""
    if any(isinstance(d.node, ast.FunctionDef | ast.ClassDef) for d in (definition, following)):
        return 2
    return 0 if definition.end == following.start else 1


def _span(node) -> tuple[int, int]:
    """First and last line of a function, from 0, the last one excluded, its decorators included."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1, node.end_lineno


def _documented(node, closed):
    """`node` and the functions and classes in it; of those in `closed`, nothing within."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node
    if node not in closed:
        for child in ast.iter_child_nodes(node):
            yield from _documented(child, closed)


def _remove(node, lines):
    """Take a method out, with the comments and the blank line above it."""
    first, last = _span(node)
    while lines[first - 1].strip().startswith("#"):
        first -= 1
    if not lines[first - 1].strip():
        first -= 1
    del lines[first:last]


def _shorten(node, lines):
    """Leave of a docstring its first paragraph and its source."""
    first = node.body[0]
    if not ast.get_docstring(node) or first.end_lineno == first.lineno:
        return
    paragraphs = ast.get_docstring(node).split("\n\n")
    kept = paragraphs[:1] + [p for p in paragraphs[1:] if p.startswith("Source")]
    indent = " " * first.col_offset
    quoted = textwrap.indent("\n\n".join(kept), indent).removeprefix(indent)
    raw = "r" if lines[first.lineno - 1].strip().startswith("r") else ""
    one_line = "\n" not in quoted
    text = f'{indent}{raw}"""{quoted}' + ('"""' if one_line else f'\n{indent}"""')
    lines[first.lineno - 1 : first.end_lineno] = text.splitlines()


@dataclasses.dataclass(frozen=True)
class Written:
    """A copy: its files, the one to run first, and the bundled data files that they read."""

    files: dict[str, str]
    data: list[str]

    @property
    def text(self) -> str:
        """What the first file contains."""
        return next(iter(self.files.values()))


def copy_example(name: str) -> Written:
    """The example `name` as one file that runs without this package.

    Raises:
        InputError: no such example.
    """
    example = catalog.example(name)
    parts, _, doc, end = _whole(example)
    head = f"{_head(parts, example)}\n\n{doc}\n\n{parts.imports()}"
    text = _joined(head, parts.body(example.module), end)
    return Written({f"{_stem(example)}.py": text}, parts.data_files())


def split_example(name: str) -> Written:
    """The example `name` as a folder of modules that run without this package.

    The first one is the example and is what to run; the others are the modules of `common/`,
    each with what is used of it.

    Raises:
        InputError: no such example.
    """
    example = catalog.example(name)
    parts, called, doc, end = _whole(example)
    head = f"{_head(parts, example)}\n\n{doc}\n\n{parts.imports(example.module, called)}"
    body = parts.of_module(example.module, example.module)
    files = {f"{_stem(example)}.py": _joined(head, body, end)}
    for module in parts.modules():
        if module != example.module:
            head = f"{_quoted(_module(module).doc)}\n\n{parts.imports(module)}"
            files[f"{_file(module)}.py"] = _joined(head, parts.of_module(module, example.module))
    paths = {f"common/{'/'.join(m.split('.')[2:])}.py": f"{_file(m)}.py" for m in parts.modules()}
    for path, file in paths.items():
        files = {name: text.replace(path, file) for name, text in files.items()}
    return Written(files, parts.data_files())


def _quoted(doc: str) -> str:
    return f'"""{doc}\n"""' if "\n" in doc else f'"""{doc}"""'


def _stem(example) -> str:
    return example.name.split(".")[1]


def _whole(example) -> tuple[_Parts, frozenset[Key], str, str]:
    """All that an example needs, what its last lines call, its docstring, and those lines."""
    module = _module(example.module)
    definitions = [(module.name, n) for n in module.definitions if n not in ("ANSWERS", "SMOKE")]
    commands = {(_STANDALONE, "run_as_command"): "main"}
    if example.cpu_replicas > 1:
        commands = {(f"{_PACKAGE}.common.strategy", "share_cpu"): "CPU_REPLICAS"} | commands
    if example.cpu_operations > 1:
        called = (f"{_PACKAGE}.common.threads", "work_side_by_side")
        commands = {called: "CPU_OPERATIONS"} | commands
    run = re.compile(rf"gen-ai-examples run {re.escape(example.name)}")
    doc = run.sub(f"python {_stem(example)}.py", example.doc.rstrip())
    end = ['if __name__ == "__main__":', *(f"{name}({its})" for (_, name), its in commands.items())]
    parts = _Parts([*commands, *definitions])
    return parts, frozenset(commands), _quoted(doc), "\n    ".join(end)


def copy_part(name: str, part: str) -> Written:
    """One class or function with what it needs.

    Args:
        name: an example that uses it.
        part: the class or function, of the example or of `common/`.

    Raises:
        InputError: no such example, or it uses nothing of this name.
    """
    example = catalog.example(name)
    module = _module(example.module)
    everything = _Parts([(module.name, n) for n in module.definitions]).definitions
    found = [d for d in everything if part in d.names]
    if not found:
        kinds = (ast.FunctionDef, ast.ClassDef)
        known = {n for d in everything if isinstance(d.node, kinds) for n in d.names}
        public = ", ".join(sorted(n for n in known if not n.startswith("_")))
        raise InputError(f"{example.name} uses no {part!r}: choose from {public}.")
    parts = _Parts([(found[-1].module, part)])
    head = f"{_head(parts, example)}\n\n{parts.imports()}"
    return Written({f"{part}.py": _joined(head, parts.body(example.module))}, parts.data_files())


def _head(parts, example) -> str:
    """Comments that say where a copy is from, what to install and what it reads."""
    version = importlib.metadata.version("gen-ai-examples")
    data = parts.data_files()
    install = " ".join(f'"{line}"' for line in parts.requirements())
    lines = [f"Copied from {example.name} of gen_ai_examples {version}, MIT licence."]
    lines += [f"pip install {install}"] if install else []
    if data:
        lines.append(
            f"Reads data/{', data/'.join(data)} beside this file; licences: data/README.md."
        )
    return "\n".join(
        textwrap.fill(
            line, 98, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False
        )
        for line in lines
    )


def _joined(head: str, *sections: str) -> str:
    """A file: what ends with the imports, and what follows."""
    defines = re.match(r"(#.*\n)*(def|class|@)", sections[0])
    return head + ("\n\n\n" if defines else "\n\n") + "\n\n\n".join(sections) + "\n"


def save(written: Written, path: pathlib.Path, with_data: bool, force: bool) -> None:
    """Write a copy of one file to `path`, one of several to this folder.

    The data that it reads are written to the folder `data` beside the files.

    Nothing is written if a file would be replaced and `force` is not set.

    Raises:
        InputError: a file is there already.
    """
    if len(written.files) > 1:
        folder = path
        files = {folder / name: text.encode() for name, text in written.files.items()}
    else:
        folder, files = path.parent, {path: written.text.encode()}
    if with_data and written.data:
        shipped = catalog.shipped_folder("data")
        licences = [str(p.relative_to(shipped)) for p in sorted(shipped.glob("LICENSES/*"))]
        files |= {
            folder / "data" / name: (shipped / name).read_bytes()
            for name in (*written.data, "README.md", *licences)
        }
    there = [p for p, content in files.items() if p.exists() and p.read_bytes() != content]
    if there and not force:
        raise InputError(f"{there[0]} exists: choose another name, or replace it with --force.")
    for p, content in files.items():
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(content)
