"""The benchmarks run, their tables are whole, and what they compare is the same work."""

import json
import os
import pathlib
import runpy
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.fit import fit

FOLDER = pathlib.Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


def speed(*arguments):
    return subprocess.run(
        [sys.executable, FOLDER / "speed.py", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(FOLDER.parent)},
    )


def test_speed_writes_every_row(tmp_path):
    markdown, out = tmp_path / "speed.md", tmp_path / "speed.json"
    settings = "--only mlp --rounds 1 --seconds 0.001 --steps 2 --seeds 1 --no-torch"
    done = speed(*settings.split(), "--markdown", markdown, "--out", out)
    assert done.returncode == 0, done.stderr
    text = markdown.read_text()
    for way in ("fit", "fit, bfloat16", "fit, XLA", "fit, 1 step per call"):
        assert f"\n| {way} |" in text
    for way in ("Model.fit", "Model.fit, 16 steps per execution", "Model.fit, mirrored"):
        assert f"\n| {way} |" in text
    for change in ("batch / 2", "batch x 2", "width x 2"):
        assert f"\n| mlp | {change} |" in text
    for title in ("Summary", "Sampling", "Start", "Peak memory", "Growth", "MLP"):
        assert f"\n## {title}" in text
    assert ("Ways to share one CPU" in text) == ((os.cpu_count() or 1) > 1)
    assert "left out by --no-torch" in text
    for header, rule in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        if rule.startswith("|---"):
            assert header.count("|") == rule.count("|")
    found = json.loads(out.read_text())["families"]["mlp"]
    assert len(found["seconds"]) == 1 and found["quality"]["fit"]


def test_turns_are_of_many_lengths_and_whole_multiples():
    from rounds import in_turn, lengths_of_turns

    lengths = lengths_of_turns(8)
    # As many in each part of the octave, on a scale of ratios.
    np.testing.assert_allclose(np.diff(np.log2(np.sort(lengths))), 1 / 8)
    np.testing.assert_allclose(np.log2(lengths).mean(), 0, atol=1e-12)
    trained = {"alone": [], "together": []}
    ways = {name: its.append for name, its in trained.items()}
    turns = list(in_turn(ways, {"alone": 100, "together": 50}, lengths, {"together": 16}))
    assert len(turns) == 8
    np.testing.assert_allclose(trained["alone"], 100 * lengths, atol=1)
    assert all(
        n % 16 == 0 and n >= 50 * at for n, at in zip(trained["together"], lengths, strict=True)
    )


def test_the_best_option_is_the_fastest_that_keeps_quality(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # so that it is undone: the script sets it
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    from speed import fastest

    found = {"seconds": [{"fit": 3.0, "fit, bfloat16": 2.0, "fit, XLA": 1.0}]}
    assert fastest(found) == "fit"  # of the others nothing is known
    found["quality"] = {"fit": [1.0, 1.2], "fit, bfloat16": [1.01, 1.21], "fit, XLA": [1.0, 1.23]}
    assert fastest(found) == "fit, bfloat16"
    assert fastest(found | {"own": "fit"}) == "fit"


@pytest.fixture
def refusal(monkeypatch, capsys):
    """Run `speed.py` in this process, where it has to end with one sentence; returns it."""

    def refused(*arguments):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # so that it is undone: the script sets it
        monkeypatch.setattr(sys, "argv", ["speed.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(FOLDER / "speed.py"), run_name="__main__")
        assert capsys.readouterr().out == ""
        assert isinstance(end.value.code, str)  # Python writes it to stderr, and exits with 1
        return end.value.code

    return refused


def test_an_unknown_family_is_refused(refusal):
    assert (
        refusal("--only", "mlp", "gtp") == "Unknown family gtp: choose from mlp, dcgan, unet, gpt, "
        "audio, image.dcgan, image.flow_matching."
    )


def test_a_folder_that_is_not_there_is_told_before_anything_is_measured(refusal, tmp_path):
    assert refusal("--out", tmp_path / "new" / "speed.json").startswith("There is no folder ")


def test_operations_of_a_step(one_device):
    from families import FAMILIES, product_flops

    family = FAMILIES["mlp"]
    batch = next(iter(family.as_input(family.batches(family.columns()[0], 8))))
    # Forward, and backward to the weights; to what comes in, but for the first layer.
    forward = 64 * 64 + 64 * 64 + 64 * 10
    expected = 2 * 8 * (3 * forward - 64 * 64)
    assert product_flops(family.build(**family.sizes), batch) == expected


def random_model(family):
    """Far from the zeros that some layers begin with."""
    model = family.build(**family.sizes)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


@pytest.mark.parametrize("name", ["mlp", "dcgan", "unet", "gpt", "audio"])
def test_twins_do_the_same_work(name, one_device):
    torch = pytest.importorskip("torch")
    import torch_twins
    from families import FAMILIES, layers_in_order, product_flops
    from torch.utils.flop_counter import FlopCounterMode

    family = FAMILIES[name]
    model = random_model(family)
    networks = family.networks(model)
    twin = torch_twins.Training(name, family.sizes)
    assert twin.parameters() == sum(int(np.prod(w.shape)) for w in model.trainable_variables)
    for network, its in zip(networks, twin.networks, strict=True):
        torch_twins.copy_weights(its, layers_in_order(network))
    batch = next(iter(family.batches(family.columns()[0], 4)))
    tensors = torch_twins.as_tensors({key: value.numpy() for key, value in batch.items()})
    inputs = {
        "mlp": [["rows"]],
        "dcgan": [["latents"], ["images"]],
        "unet": [["images", "times", "labels"]],
        "gpt": [["tokens"]],
        "audio": [["features"]],
    }
    for keys, network, its in zip(inputs[name], networks, twin.networks, strict=True):
        x = [batch[key] for key in keys]
        ours = network(x if len(x) > 1 else x[0], training=False).numpy()
        with torch.inference_mode():
            theirs = its.eval()(*(tensors[key] for key in keys)).numpy()
        theirs = np.moveaxis(theirs, 1, -1) if theirs.ndim == 4 else theirs
        assert np.abs(ours).max() > 0.1
        np.testing.assert_allclose(ours, theirs, atol=2e-5)

    taken = next(iter(family.as_input(tf.data.Dataset.from_tensors(batch))))
    with FlopCounterMode(display=False) as counter:
        loss = twin.train(tensors, 1)
    ours = product_flops(model, taken)
    # PyTorch leaves out its attention, which is one operation to it.
    assert counter.get_total_flops() == pytest.approx(ours, rel=0.16 if name == "gpt" else 0.02)
    history = fit(model, tf.data.Dataset.from_tensors(taken), 1, progress=False).history
    assert list(history.values())[-1] == pytest.approx([loss], rel=1e-3)
