"""One run of an example: check the folder, train with checkpoints, save the answer."""

import contextlib
import dataclasses
import datetime
import importlib
import json
import os
import pathlib
import platform
import shlex
import shutil
import sys
import time

from gen_ai_examples import catalog
from gen_ai_examples.common.cluster import cluster, is_chief, versions
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.service_address import check_reachable

SETTINGS = "unfinished.json"  # in the run's folder from start to success


@dataclasses.dataclass(frozen=True)
class PreparedRun:
    """A run whose settings and folder have been checked."""

    example: catalog.Example
    flags: dict
    folder: pathlib.Path
    devices: int | None
    data_service: str | None = None  # the address of a dispatcher
    any_order: bool = False

    @property
    def settings(self) -> pathlib.Path:
        return self.folder / SETTINGS

    @property
    def checkpoints(self) -> pathlib.Path:
        return self.folder / "checkpoints"

    def has_checkpoints(self) -> bool:
        return any(self.checkpoints.glob("*.npz"))


def prepare(
    example: catalog.Example,
    flags: dict,
    folder: pathlib.Path,
    devices: int | None,
    resume: bool,
    overwrite: bool,
    data_service: str | None = None,
    any_order: bool = False,
) -> PreparedRun:
    """Claim the folder for a run, before anything slow happens.

    Raises:
        InputError: the folder cannot be written, holds an unfinished run that is neither resumed
            nor overwritten, there is nothing to resume, or the data service does not answer.
    """
    prepared = PreparedRun(example, flags, folder, devices, data_service, any_order)
    if any_order and not data_service:
        raise InputError("--any-order goes with --data-service: add it, or leave both out.")
    if data_service:
        check_reachable(data_service)
    if not is_chief():  # it writes nothing, wherever its folder is
        return prepared
    wanted = {"example": example.name, "flags": flags, "devices": devices}
    if resume and overwrite:
        raise InputError("Choose one of --resume and --overwrite.")
    if resume:
        _check_resumable(prepared.settings, wanted)
        return prepared
    if prepared.settings.exists() and not overwrite:
        raise InputError(
            f"{folder} holds an unfinished run: add --resume to continue it, "
            "or --overwrite to start anew."
        )
    partial = prepared.settings.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
        shutil.rmtree(prepared.checkpoints, ignore_errors=True)
        os.replace(partial, prepared.settings)
    except OSError as error:
        raise InputError(
            f"Cannot write to the folder {folder} ({error.strerror}): choose another with --out."
        ) from None
    return prepared


def _check_resumable(settings: pathlib.Path, wanted: dict) -> None:
    if not settings.exists():
        raise InputError(f"There is no unfinished run in {settings.parent}: leave --resume out.")
    try:
        started = json.loads(settings.read_text(encoding="utf-8"))
        before = {"example": started["example"], **started["flags"], "devices": started["devices"]}
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{settings} is damaged: add --overwrite instead of --resume to start anew."
        ) from None
    now = {"example": wanted["example"], **wanted["flags"], "devices": wanted["devices"]}
    changed = [f"{k}={before.get(k)}" for k in before | now if before.get(k) != now.get(k)]
    if changed:
        raise InputError(
            f"The unfinished run was started with {', '.join(changed)}: resume it with the same "
            "settings, or start anew with --overwrite."
        )


def run(prepared: PreparedRun):
    """Train and save; returns the `Answer` and what is recorded about the run.

    After a mistake, Ctrl-C, a full disk or a crash, checkpoints stay in the folder for
    `--resume`, and so does the answer of an earlier run.

    Raises:
        InputError: a setting, the data or the disk does not allow it, or training diverged.
        KeyboardInterrupt: Ctrl-C; says what was saved.
    """
    if not is_chief():
        return _train(prepared)
    try:
        return _train_and_save(prepared)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_after_interrupt(prepared, str(error))) from None
    except InputError:
        if not prepared.has_checkpoints():
            prepared.settings.unlink(missing_ok=True)  # nothing to resume
        raise
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise InputError(
            f"Cannot read or write{where} ({error.strerror or error}): mend that, "
            "then go on with the same command and --resume."
        ) from None


def _after_interrupt(prepared: PreparedRun, words: str) -> str:
    if not prepared.has_checkpoints():
        prepared.settings.unlink(missing_ok=True)  # nothing to resume
        return words or "Interrupted before anything was trained."
    words = words or f"Interrupted; what was trained is saved in {prepared.checkpoints}."
    return f"{words} Go on with the same command and --resume."


def _train_and_save(prepared: PreparedRun):
    answer, record = _train(prepared)
    answer.save(prepared.folder, f"{prepared.example.name}: {prepared.example.question}", record)
    shutil.rmtree(prepared.checkpoints, ignore_errors=True)
    prepared.settings.unlink(missing_ok=True)
    return answer, record


def _train(prepared: PreparedRun):
    started = time.monotonic()
    with native_stderr_muted():
        from gen_ai_examples.common.data_service import data_service
        from gen_ai_examples.common.fit import TrainingDiverged, checkpoints
        from gen_ai_examples.common.strategy import share_cpu, strategy, use_devices
        from gen_ai_examples.common.threads import work_side_by_side

        main = importlib.import_module(prepared.example.module).main
    its = cluster()
    if prepared.devices:
        use_devices(prepared.devices)
    elif not its:
        if prepared.flags.get("batch_size", 0) % prepared.example.cpu_replicas == 0:
            share_cpu(prepared.example.cpu_replicas)
        work_side_by_side(prepared.example.cpu_operations)
    if its:  # before anything else that TensorFlow does
        command, code = _command(prepared), catalog.source_hash(prepared.example)[:12]
        strategy(facts={"command": command, "code": code})
    try:
        service = data_service(prepared.data_service, prepared.any_order)
        with checkpoints(prepared.checkpoints), service:
            answer = main(**prepared.flags)
    except TrainingDiverged as error:
        raise InputError(str(error)) from None
    return answer, {
        "command": _command(prepared),
        "minutes": round((time.monotonic() - started) / 60, 2),
        "memory_gb": round(_peak_memory_gb(), 2),
        "date": datetime.date.today().isoformat(),
        "device": f"{len(its.addresses)} workers, each {_device()}" if its else _device(),
        "versions": versions(),
    }


@contextlib.contextmanager
def native_stderr_muted():
    """Drop what TensorFlow writes to descriptor 2 while it loads, whatever its log level.

    Notices about itself, which hide the progress from a reader; errors are exceptions.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _command(prepared: PreparedRun) -> str:
    defaults = {flag.name: flag.default for flag in prepared.example.flags}
    given = [
        _as_typed(name.replace("_", "-"), value)
        for name, value in prepared.flags.items()
        if value != defaults[name]
    ]
    if prepared.devices:
        given.append(f"--devices {prepared.devices}")
    if prepared.data_service:
        given.append(f"--data-service {prepared.data_service}")
    if prepared.any_order:
        given.append("--any-order")
    return " ".join(["gen-ai-examples run", prepared.example.name, *given])


def _as_typed(flag: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {shlex.quote(str(value))}"


def _device() -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        names = [tf.config.experimental.get_device_details(g).get("device_name") for g in gpus]
        return f"{len(gpus)} x {names[0]}"
    parts = len(tf.config.list_logical_devices("CPU"))
    shared = f", shared by {parts} replicas" if parts > 1 else ""
    return f"{os.cpu_count()} CPU cores, {_cpu_name()}{shared}"


def _cpu_name() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _peak_memory_gb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9
