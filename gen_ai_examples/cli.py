"""The command `gen-ai-examples`: list, run, launch, ask, copy, gallery, score, verify, and data."""

import contextlib
import enum
import inspect
import json
import pathlib
import re
import sys
import warnings
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gen_ai_examples import catalog
from gen_ai_examples.common.cluster import is_chief
from gen_ai_examples.common.errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",  # whatever the default of this version of typer
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Generative AI examples that train on an ordinary computer and end in checked claims.",
)
run_app = typer.Typer(
    no_args_is_help=True,
    help="Train an example, print its claims, save its pictures. "
    "`run NAME --help` shows the flags of an example.",
    subcommand_metavar="NAME [FLAGS]",
)
app.add_typer(run_app, name="run")
console = Console()
_SEED = {"min": 0, "max": 2**32 - 1}  # what NumPy takes


class Language(enum.StrEnum):
    en = "en"
    zh = "zh"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with 0, 1 for a mistake, 2 for a wrong flag, 130 for Ctrl-C."""
    arguments = _spread_seeds(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["run"]:
        _add_run_commands(arguments[1:])
    app(arguments, prog_name="gen-ai-examples")


def run_as_command(main_function) -> None:
    """Let an example's file run by itself: `python -m gen_ai_examples.image.dcgan --steps 20`."""
    path = pathlib.Path(inspect.getsourcefile(main_function)).resolve()
    main(["run", f"{path.parent.name}.{path.stem}", *sys.argv[1:]])


@contextlib.contextmanager
def _one_sentence_errors():
    """Around each command, not around `app`, which would keep Ctrl-C and its message to itself."""
    try:
        yield
    except InputError as error:
        _fail(f"Error: {error}")
    except KeyboardInterrupt as error:
        _fail(str(error) or "Interrupted.", code=130)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _fail(f"Error: Cannot read or write{where}: {error.strerror or error}.")


def _fail(sentence: str, code: int = 1) -> None:
    print(sentence, file=sys.stderr)
    raise SystemExit(code)


@contextlib.contextmanager
def _one_line_warnings():
    """Show a warning, such as that files were skipped, without the source line that gave it."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(
            f"Warning: {' '.join(str(message).split())}", file=sys.stderr
        )
        yield


def _spread_seeds(arguments: list[str]) -> list[str]:
    """Turn `--seeds 0 1 2` into what the option parser knows: `--seeds 0 --seeds 1 --seeds 2`."""
    spread, in_seeds = [], False
    for argument in arguments:
        if in_seeds and argument.isdigit() and spread[-1] != "--seeds":
            spread.append("--seeds")
        spread.append(argument)
        in_seeds = argument == "--seeds" or (in_seeds and argument.isdigit())
    return spread


@app.command("list")
@_one_sentence_errors()
def list_examples() -> None:
    """List the examples by topic, with the question each answers."""
    table = Table.grid(padding=(0, 2))
    topic = None
    for name, example in catalog.examples().items():
        if name.split(".")[0] != topic:
            topic = name.split(".")[0]
            table.add_row()
            table.add_row(f"[bold]{topic}[/]")
        bullets = ", ".join(example.answers)
        table.add_row(f"  [cyan]{name}[/]", f"{escape(example.question)} [dim]({bullets})[/]")
    console.print(table)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    no_args_is_help=True,
)
@_one_sentence_errors()
def launch(
    command: Annotated[
        list[str], typer.Argument(metavar="run NAME [FLAGS]", help="What each worker does.")
    ],
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes to start.")] = 2,
) -> None:
    """Train an example with several processes on this machine, as several machines would.

    Each is a worker of one MultiWorkerMirroredStrategy; the first, the chief, saves the answer.
    """
    from gen_ai_examples import launching

    raise SystemExit(launching.launch(workers, command))


@app.command("data-service")
@_one_sentence_errors()
def data_service(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Data workers to start.")] = 1,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the dispatcher; 0 takes a free one.")
    ] = 0,
    host: Annotated[
        str, typer.Option(help="By which the training machines reach this one.")
    ] = "localhost",
    join: Annotated[
        str | None,
        typer.Option(metavar="grpc://HOST:PORT", help="Add the workers to a running dispatcher."),
    ] = None,
) -> None:
    """Prepare batches for training elsewhere: a tf.data service, until Ctrl-C.

    One data worker keeps the order of the batches and uses all cores. Several, here or joined from
    other machines, share the work of runs with --any-order. For networks that you trust: the
    service asks nobody who they are.
    """
    from gen_ai_examples import serving

    serving.serve(workers, port, host, join, console)


@app.command()
@_one_sentence_errors()
@_one_line_warnings()
def shard(
    source: Annotated[
        str,
        typer.Argument(help="brain, digits, emoji, mnist, speech, or a folder of pictures."),
    ],
    folder: Annotated[pathlib.Path, typer.Argument(metavar="DIR", help="To write into.")],
    shards: Annotated[int, typer.Option(min=1, max=99_999, help="Files to write.")] = 8,
    size: Annotated[int, typer.Option(min=4, help="Of your own pictures, in pixels.")] = 64,
) -> None:
    """Write a source as TFRecord shards with an index, to be read in parallel.

    After Ctrl-C the same command goes on; read them with `shard_batches` of common/shards.py.
    """
    from gen_ai_examples import sharding

    index = sharding.shard(source, folder, shards, size)
    console.print(
        f"{index.count:,} examples in {len(index.shards)} shards: "
        f"{', '.join(f'{name} {its.shape}' for name, its in index.features.items())}.",
        highlight=False,
    )


@app.command()
@_one_sentence_errors()
def ask(
    number: Annotated[int, typer.Argument(metavar="N", help="Of the question, 1 to 30.")],
    lang: Annotated[Language, typer.Option(help="Of the answer.")] = Language.en,
) -> None:
    """Show a question, the corrected answer, and the recorded numbers that prove it."""
    from gen_ai_examples import report

    report.print_question(console, number, lang.value)


@app.command()
@_one_sentence_errors()
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the example.")],
    file: Annotated[
        pathlib.Path | None,
        typer.Argument(
            metavar="[FILE]", help="To write; - is the terminal; a folder with --split."
        ),
    ] = None,
    split: Annotated[
        bool, typer.Option("--split", help="A folder of short modules instead of one file.")
    ] = False,
    part: Annotated[
        str | None, typer.Option(help="Only this class or function, and what it needs.")
    ] = None,
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Also write the bundled data that it reads.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Copy an example into one Python file, or short ones, that run without this package."""
    from gen_ai_examples import copying

    if split and part:
        raise InputError("--part is one file: leave --split out.")
    if split:
        written = copying.split_example(name)
    elif part:
        written = copying.copy_part(name, part)
    else:
        written = copying.copy_example(name)
    if str(file) == "-":
        if split:
            raise InputError("--split writes several files: name a folder for them.")
        print(written.text, end="")
        return
    path = file or pathlib.Path(part or catalog.example(name).name.split(".")[1])
    if file is None and not split:
        path = path.with_suffix(".py")
    if split and path.is_file():
        raise InputError(f"{path} is a file: name a folder for the files that --split writes.")
    if path.is_dir() and not split:
        raise InputError(f"{path} is a folder: name the file to write, or add --split.")
    copying.save(written, path, with_data, force)
    lines = [len(text.splitlines()) for text in written.files.values()]
    files = f"{len(lines)} files of up to " if split else ""
    console.print(f"Wrote {path}, {files}{max(lines)} lines.", highlight=False)
    if written.data and not with_data:
        console.print("It reads bundled data: --with-data writes them beside it.", style="dim")


@app.command()
@_one_sentence_errors()
@_one_line_warnings()
def gallery(
    folder: Annotated[
        pathlib.Path, typer.Argument(metavar="[DIR]", help="To make.")
    ] = pathlib.Path("gallery"),
    runs: Annotated[
        pathlib.Path, typer.Option(help="Folder of runs whose pictures and sounds are shown.")
    ] = pathlib.Path("runs"),
    force: Annotated[bool, typer.Option("--force", help="Replace a gallery.")] = False,
) -> None:
    """Build a web site of every question and example: claims, pictures, sounds, sources.

    It needs no server: open its index.html. In English and Chinese.
    """
    from gen_ai_examples import gallery

    pages = gallery.build(folder, runs, force)
    console.print(f"Wrote {pages} pages: open {folder / 'index.html'}.", highlight=False)


@app.command()
@_one_sentence_errors()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAMES", help="Examples; by default all.")
    ] = None,
    seeds: Annotated[
        list[int] | None,
        typer.Option(**_SEED, help="One or several, such as 0 1 2.", show_default="0 1 2"),
    ] = None,
    results: Annotated[
        pathlib.Path | None, typer.Option(help="Folder of the records.", show_default="results")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also run what is recorded.")] = False,
) -> None:
    """Run examples at their default settings for several seeds and record whether claims hold.

    What this very code has recorded already is not run again, so an interrupted call resumes. After
    a change of the code that leaves every number of the first seed as it was, the others stay.
    """
    from gen_ai_examples import verification

    chosen = [catalog.example(name) for name in dict.fromkeys(names or catalog.examples())]
    if not verification.verify(chosen, seeds or [0, 1, 2], results, again, console):
        raise SystemExit(1)


@app.command()
@_one_sentence_errors()
@_one_line_warnings()
def score(
    real: Annotated[
        pathlib.Path, typer.Argument(exists=True, help="Folder of images, .npy or .npz file.")
    ],
    fake: Annotated[
        pathlib.Path, typer.Argument(exists=True, help="The same, of what was generated.")
    ],
    features: Annotated[
        str,
        typer.Option(help="inception, trained (a classifier of REAL), pixels, or a saved one."),
    ] = "inception",
    train: Annotated[
        pathlib.Path | None,
        typer.Option(exists=True, help="What the generator learned from: finds copies."),
    ] = None,
    size: Annotated[int | None, typer.Option(min=4, help="Resize images in folders.")] = None,
    save_features: Annotated[
        pathlib.Path | None, typer.Option(help="Keep the trained classifier (.keras).")
    ] = None,
    out: Annotated[pathlib.Path | None, typer.Option(help="Also write the scores, JSON.")] = None,
) -> None:
    """Score generated images, or feature vectors, against real ones.

    A table of every score that applies. Scores compare only with the same features and counts.
    """
    from gen_ai_examples.running import native_stderr_muted

    with native_stderr_muted():
        from gen_ai_examples.scoring import score as compute

    report = compute(real, fake, features, train, size, save_features)
    console.print(_scores_table(report))
    for warning in report.warnings:
        console.print(f"[yellow]Warning:[/] {escape(warning)}", highlight=False)
    if out:
        text = json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n"
        out.write_text(text, encoding="utf-8")


def _scores_table(report) -> Table:
    from gen_ai_examples.common.formatting import format_number

    table = Table(caption=f"{report.n_real:,} real against {report.n_fake:,} generated")
    for column in ("Score", "Value", "Better", "What it says"):
        table.add_column(column, justify="right" if column == "Value" else "left")
    for row in report.rows:
        spread = f" ± {format_number(row.spread)}" if row.spread is not None else ""
        value = f"{format_number(row.value)}{spread}"
        table.add_row(escape(row.name), value, row.better, row.meaning)
    return table


@_one_sentence_errors()
def _add_run_commands(arguments: list[str]) -> None:
    """Register the example that is asked for, or all of them for the help page."""
    named = arguments and not arguments[0].startswith("-")
    run_app.registered_commands.clear()  # of an earlier call in this process
    for example in [catalog.example(arguments[0])] if named else catalog.examples().values():
        run_app.command(
            example.name,
            help=escape(_unwrapped(example.doc)),
            short_help=escape(example.question),
        )(_run_command(example))


def _unwrapped(doc: str) -> str:
    """Join the lines of each paragraph, so that the help page wraps to the terminal."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", doc)


def _run_command(example: catalog.Example):
    """Build the function whose signature is the example's flags plus those of every run."""

    def command(out, devices, resume, overwrite, data_service, any_order, **flags):
        folder = out or pathlib.Path("runs") / example.name
        run(example, flags, folder, devices, resume, overwrite, data_service, any_order)

    parameters = [
        _parameter(flag.name, _flag_type(flag), typer.Option(flag.default, **_bounds(flag)))
        for flag in example.flags
    ] + [
        _parameter(
            "out",
            pathlib.Path | None,
            typer.Option(None, help="Folder for the answer.", show_default=f"runs/{example.name}"),
        ),
        _parameter(
            "devices",
            int | None,
            typer.Option(None, min=1, help="How many GPUs, or parts to split the CPU in."),
        ),
        _parameter("resume", bool, typer.Option(False, "--resume", help="Go on after Ctrl-C.")),
        _parameter(
            "overwrite",
            bool,
            typer.Option(False, "--overwrite", help="Start anew over an unfinished run."),
        ),
        _parameter(
            "data_service",
            str | None,
            typer.Option(
                None,
                metavar="grpc://HOST:PORT",
                help="Let this tf.data service prepare the batches; see `data-service`.",
            ),
        ),
        _parameter(
            "any_order",
            bool,
            typer.Option(
                False,
                "--any-order",
                help="Let several data workers share the batches; no run repeats to the bit then.",
            ),
        ),
    ]
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _parameter(name, annotation, option) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation
    )


def _flag_type(flag: catalog.Flag):
    return flag.type | None if flag.default is None else flag.type


def _bounds(flag: catalog.Flag) -> dict:
    """Counts and sizes are at least 1; a seed may be 0."""
    if flag.name == "seed":
        return _SEED
    return {"min": 1} if flag.type is int else {}


@_one_sentence_errors()
@_one_line_warnings()
def run(
    example: catalog.Example,
    flags: dict,
    folder: pathlib.Path,
    devices: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    data_service: str | None = None,
    any_order: bool = False,
) -> None:
    """Train `example` and save its answer in `folder`; see `running.run`."""
    from gen_ai_examples import running

    settings = (devices, resume, overwrite, data_service, any_order)
    prepared = running.prepare(example, flags, folder, *settings)
    console.print(f"[bold]{example.name}[/]: {escape(example.question)}")
    answer, record = running.run(prepared)
    if not is_chief():
        return
    console.print(claims_table(answer.to_json()["claims"]))
    console.print(
        f"{record['minutes']:.1f} minutes, {record['memory_gb']:.1f} GB. "
        f"Look at {escape(str(folder / 'index.html'))}",
        highlight=False,
        soft_wrap=True,
    )


def claims_table(claims: list[dict]) -> Table:
    """The claims as a table for the terminal."""
    from gen_ai_examples.common.formatting import format_number

    table = Table(show_lines=True, expand=False)
    for column in ("Claim", "Measured", "Had to beat", "Holds"):
        table.add_column(column, no_wrap=column == "Holds")
    for claim in claims:
        sign = "<" if claim["better"] == "lower" else ">"
        beats = "\n".join(
            f"{sign} {format_number(v)} {name}" for name, v in claim["baselines"].items()
        )
        table.add_row(
            escape(claim["statement"]),
            escape(f"{format_number(claim['value'])} {claim['unit']}"),
            escape(beats),
            "[green]yes[/]" if claim["holds"] else "[red]NO[/]",
        )
    return table
