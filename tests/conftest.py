"""Two logical CPU devices, so that every test can run on one replica or two."""

import gc
import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import gen_ai_examples  # before TensorFlow: it chooses the Keras backend
from gen_ai_examples import catalog
from gen_ai_examples.running import native_stderr_muted


def pytest_configure(config):
    if config.getoption("numprocesses", None):
        # This process only hands the tests out to others, as many as there are cores: threads of
        # their own (TensorFlow's, scikit-learn's, NumPy's) would only wait for each other. What
        # the tests start inherits it as well.
        for threads in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[threads] = "1"
        return

    with native_stderr_muted():
        import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    # Tracing makes millions of Python objects, and to search those of TensorFlow and of all graphs
    # for garbage, again and again, takes a tenth of the tests' time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run every example on two devices and every copy, not one per topic; kill a worker in "
        "every method",
    )


# A shell that starts the tests in the background ignores Ctrl-C for them, and for what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=[1, 2], ids=["1-replica", "2-replicas"])
def replicas(request):
    """The strategy over one device, then over two."""
    from gen_ai_examples.common.strategy import strategy

    return strategy([f"CPU:{i}" for i in range(request.param)])


@pytest.fixture
def one_device(monkeypatch):
    """`strategy()` finds one CPU: tracing for two takes twice as long, and is tested elsewhere."""
    from gen_ai_examples.common import strategy

    monkeypatch.setattr(strategy, "_logical_devices", lambda kind: ["CPU:0"] * (kind == "CPU"))


@pytest.fixture
def eager_training(one_device, monkeypatch):
    """`fit` takes its steps eagerly: where it is not what is tested, tracing takes longest."""
    _train_eagerly(monkeypatch, lambda model, jit_compile: True)


@pytest.fixture
def traced_once(one_device, monkeypatch):
    """Of trainings that are alike `fit` traces the first in this process, and not the others.

    Alike are models of a class whose weights have the same shapes, with the same optimizers and
    the same precision.
    """

    from gen_ai_examples.common.fit import _optimizers

    def known(model, jit_compile):
        shapes = tuple(tuple(v.shape) for v in model.variables)
        optimizers = tuple(type(its) for its in _optimizers(model))
        kind = (type(model), shapes, optimizers, model.dtype_policy.name, jit_compile)
        return kind in traced or traced.add(kind)

    _train_eagerly(monkeypatch, known)


traced = set()


def _train_eagerly(monkeypatch, chosen):
    """For those models alone for which `chosen(model, jit_compile)`."""
    import tensorflow as tf

    from gen_ai_examples.common import fit

    class Steps(fit._TracedSteps):
        def __init__(self, model, strategy, jit_compile):
            super().__init__(model, strategy, jit_compile)
            self.eager = chosen(model, jit_compile)

        def __call__(self, batches, n):
            tf.config.run_functions_eagerly(self.eager)
            try:
                return super().__call__(batches, n)
            finally:
                tf.config.run_functions_eagerly(False)

    monkeypatch.setattr(fit, "_TracedSteps", Steps)


@pytest.fixture(scope="session")
def way_back():
    """`way_back(model)` returns a function that makes the model what it is now, optimizers too.

    What was traced stays, which to build it anew would cost. Besides, two networks that differ in
    the names of their layers alone, as any two do in a process, may round differently.
    """
    from gen_ai_examples.common.fit import _optimizers

    def remembered(model):
        owned = [*model.variables, *(v for o in _optimizers(model) for v in o.variables)]
        values = [variable.value.numpy() for variable in owned]

        def back():
            for variable, value in zip(owned, values, strict=True):
                variable.assign(value)

        return back

    return remembered


@pytest.fixture(scope="session")
def ends_bit_identical(way_back):
    """`ends_bit_identical(model, data)`: with 1 and 32 steps per call, of 33 steps in all."""
    from gen_ai_examples.common.fit import fit

    def check(model, data):
        back, ends = way_back(model), []
        for steps_per_call in (1, 32):
            back()
            fit(model, data, 33, steps_per_call=steps_per_call, progress=False)
            ends.append(model.get_weights())
        for a, b in zip(*ends, strict=True):
            np.testing.assert_array_equal(a, b)

    return check


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """Finds bundled files as `bundled` does, but the largest with a part of what is in them.

    Most of a run at small settings would else be spent on scoring, reading or taking them apart.
    """
    from gen_ai_examples.common.sources import bundle

    folder = tmp_path_factory.mktemp("data")
    with np.load(bundle.bundled("mnist_5k.npz")) as digits:
        np.savez(folder / "mnist_5k.npz", **{name: its[::5] for name, its in digits.items()})
    emoji = json.loads(bundle.bundled("fluent_emoji.json").read_text("utf-8"))
    first = {name: its[: len(its) // 5] for name, its in emoji.items()}
    (folder / "fluent_emoji.json").write_text(json.dumps(first), "utf-8")
    novel = gzip.decompress(bundle.bundled("moby_dick.txt.gz").read_bytes())
    (folder / "moby_dick.txt.gz").write_bytes(gzip.compress(novel[:200_000], compresslevel=1))
    prompts = json.loads(bundle.bundled("prompts_allison_en.json").read_text("utf-8"))
    (folder / "prompts_allison_en.json").write_text(json.dumps(prompts[::3]), "utf-8")
    return lambda name: path if (path := folder / name).exists() else bundle.bundled(name)


@pytest.fixture(scope="session")
def few_clips():
    """Names of bundled clips: those that are held out, and four to learn from."""
    from gen_ai_examples.common.sources import clips
    from gen_ai_examples.video.colorization import HELD_OUT

    kept = {*HELD_OUT, "archer", "leap", "log", "wood"}
    return tuple(name for name in clips._BUNDLED if name in kept)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Whatever a test writes relative to the current folder lands outside the work tree."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(tmp_path_factory, monkeypatch):
    """`toy.line` in place of the real examples, for this process; returns its file."""
    package = tmp_path_factory.mktemp("checkout") / "gen_ai_examples"
    path = _add_toy(package)
    shutil.copy(catalog.PACKAGE / "questions.json", package)
    monkeypatch.setattr(catalog, "PACKAGE", package)
    monkeypatch.setattr(gen_ai_examples, "__path__", [*gen_ai_examples.__path__, str(package)])
    catalog.examples.cache_clear()
    yield path
    catalog.examples.cache_clear()
    for name in [name for name in sys.modules if name.startswith("gen_ai_examples.toy")]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def checkout_with_toy(tmp_path_factory):
    """A copy of the package that also has `toy.line`; no test changes it."""
    checkout = tmp_path_factory.mktemp("checkout")
    package = pathlib.Path(gen_ai_examples.__file__).parent
    shutil.copytree(
        package, checkout / "gen_ai_examples", ignore=shutil.ignore_patterns("__pycache__")
    )
    _add_toy(checkout / "gen_ai_examples")
    return checkout


@pytest.fixture
def command_with_toy(checkout_with_toy):
    """Start `gen-ai-examples ARGUMENTS` as a process whose package also has `toy.line`."""

    def start(*arguments, **environment):
        return subprocess.Popen(
            [sys.executable, "-m", "gen_ai_examples", *arguments],
            env=os.environ | {"PYTHONPATH": str(checkout_with_toy)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _add_toy(package):
    path = package / "toy" / "line.py"
    path.parent.mkdir(parents=True)
    shutil.copy(pathlib.Path(__file__).parent / "toy_line.py", path)
    return path
