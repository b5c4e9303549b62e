import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from gen_ai_examples import cli, scoring
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.metrics.image import features_frechet, precision_recall
from gen_ai_examples.common.sources import image
from gen_ai_examples.scoring import score


@pytest.fixture
def digits(tmp_path):
    """Two folders of 60 digits each, one with classes, and one of them broken in the second."""
    train, held_out = image.digits().split()
    for name, part, classed in (("real", held_out, True), ("fake", train, False)):
        for i in range(60):
            folder = tmp_path / name / (str(part.labels[i]) if classed else "")
            folder.mkdir(parents=True, exist_ok=True)
            pixels = ((part.images[i, ..., 0] + 1) * 127.5).round().astype("uint8")
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path


def values(report):
    return {row.name: row.value for row in report.rows}


def vectors(n=80, dim=6, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (n, dim))


def save(name, array):
    np.save(name, array)
    return pathlib.Path(name)


def test_feature_vectors_are_scored_as_they_are():
    real, fake = vectors(), vectors(seed=1, shift=1.0)
    report = score(save("real.npy", real), save("fake.npy", fake))
    found = values(report)
    assert found["Frechet distance (given features)"] == features_frechet(real, fake)
    assert (found["Precision"], found["Recall"]) == precision_recall(real, fake)
    assert (report.n_real, report.n_fake, report.warnings) == (80, 80, [])
    assert "MS-SSIM of pairs" not in found and not any("Inception" in name for name in found)


def test_copies_are_found_when_the_training_set_is_given():
    train, real = vectors(200), vectors(50, seed=1)
    paths = save("real.npy", real), save("fake.npy", train[:60] + 1e-3)
    assert values(score(*paths, train=save("train.npy", train)))["Copies beyond chance"] == 1


def test_folders_and_arrays_of_the_same_images_score_alike(digits):
    folders = score(digits / "real", digits / "fake", "pixels")
    arrays = []
    for name in ("real", "fake"):
        images = image.folder(digits / name, 8).images
        arrays.append(save(f"{name}.npy", ((images + 1) * 127.5).round().astype("uint8")))
    assert values(score(*arrays, "pixels")) == pytest.approx(values(folders), rel=1e-6)
    assert {"MS-SSIM of pairs", "Recall", "Vendi score", "Coverage"} <= set(values(folders))


@pytest.mark.parametrize("scale", [lambda x: x, lambda x: x / 2 + 0.5, lambda x: x * 127.5 + 127.5])
def test_arrays_of_every_usual_range_are_the_same_images(scale):
    images = image.digits().images[:40]
    raw = scale(images)
    raw = raw.round().astype("int64") if raw.max() > 1 else raw
    loaded = scoring._load(save("images.npy", raw))
    np.testing.assert_allclose(loaded, images, atol=0.005)


def test_a_trained_classifier_is_kept_and_named_in_every_score(digits, monkeypatch, one_device):
    from gen_ai_examples.common.metrics import features

    trained = features.train_judge
    monkeypatch.setattr(features, "train_judge", lambda images: trained(images, steps=3))
    folders = digits / "real", digits / "fake"
    first = score(*folders, "trained", save_features=digits / "judge.keras")
    again = score(*folders, str(digits / "judge.keras"))
    assert values(again) == pytest.approx(values(first))
    assert sum(first.features in name for name in values(first)) == 3  # Frechet, kernel, Inception
    with pytest.raises(InputError, match=r"takes images of shape \(8, 8, 3\).*--size 8"):
        score(*folders, str(digits / "judge.keras"), size=16)


def test_scores_on_inception_are_called_fid_and_kid(digits, monkeypatch):
    from gen_ai_examples.common.metrics import features

    class Fast(features.Inception):
        def __init__(self):
            pass

        def describe(self, images):
            return images.reshape(len(images), -1), np.full((len(images), 4), 0.25)

    monkeypatch.setattr(features, "Inception", Fast)
    report = score(digits / "real", digits / "fake")
    assert {"FID (Keras Inception-v3)", "KID (Keras Inception-v3)"} <= set(values(report))
    assert values(report)["Inception Score (Keras Inception-v3)"] == pytest.approx(1)
    assert any("do not compare yours with them" in warning for warning in report.warnings)


def test_what_makes_a_score_meaningless_is_said():
    few = score(save("a.npy", vectors(10, 20)), save("b.npy", vectors(30, 20, 1)))
    for words in ("mostly chance", "covariances are singular", "need equally many"):
        assert any(words in warning for warning in few.warnings)
    alike = score(save("a.npy", vectors()), save("b.npy", np.ones((80, 6))))
    assert any("All generated images have the same features" in w for w in alike.warnings)


def test_unreadable_files_are_counted(digits):
    (digits / "fake" / "broken.png").write_bytes(b"no image")
    report = score(digits / "real", digits / "fake", "pixels")
    assert any("Skipped 1 of 61 files" in warning for warning in report.warnings)
    assert report.n_fake == 60


BAD = {
    "no finite numbers": np.full((5, 3), np.nan),
    "at least two images": np.zeros((1, 3)),
    r"holds an array of shape \(5,\)": np.zeros(5),
    "1 or 3, as the last axis": np.zeros((5, 8, 8, 4)),
    "integers from 0 to 300": np.full((5, 8, 8), [[[0] * 8] * 7 + [[300] * 8]]),
    "values from -7 to 0": np.concatenate([np.zeros((4, 8, 8)), np.full((1, 8, 8), -7.0)]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arrays_are_refused(message):
    with pytest.raises(InputError, match=message):
        score(save("bad.npy", BAD[message]), save("good.npy", vectors()))


def test_what_does_not_go_together_is_refused(digits):
    images = image.digits().images[:20]
    small = save("small.npy", images)
    cases = [
        ((small, save("features.npy", vectors())), "sets of one kind"),
        ((small, save("large.npy", images.repeat(2, 1).repeat(2, 2))), "differ in size"),
        ((small, save("wide.npy", images.repeat(2, 2))), "differ in size or are not square"),
        ((small, save("colour.npy", images.repeat(3, 3))), "Grey and colour"),
        ((save("a.npy", vectors()), save("b.npy", vectors(dim=7))), "6 and of 7 numbers"),
    ]
    for paths, message in cases:
        with pytest.raises(InputError, match=message):
            score(*paths, "pixels")
    with pytest.raises(InputError, match="folders only"):
        score(small, digits / "fake", "pixels", size=16)
    with pytest.raises(InputError, match="use it with --features trained"):
        score(small, small, "pixels", save_features=digits / "judge.keras")


def test_files_that_hold_no_array_are_refused(tmp_path):
    good = save("good.npy", vectors())
    (tmp_path / "text.txt").write_text("no array")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.savez(tmp_path / "two.npz", x=vectors(), y=vectors())
    for name, message in [
        ("missing.npy", "There is no"),
        ("text.txt", "neither a folder"),
        ("broken.npy", "cannot be read"),
        ("objects.npy", "cannot be read"),
        ("two.npz", "holds the arrays x, y"),
    ]:
        with pytest.raises(InputError, match=message):
            score(tmp_path / name, good)


def test_an_empty_folder_is_refused(tmp_path, digits):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is empty"):
        score(tmp_path / "empty", digits / "fake", "pixels")


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["score", *map(str, arguments)])
    return stopped.value.code


def test_the_command_prints_a_table_and_writes_json(capsys):
    paths = save("real.npy", vectors()), save("fake.npy", vectors(seed=1))
    assert run(*paths, "--out", "scores.json") == 0
    printed = capsys.readouterr().out
    assert "Recall" in printed and "80 real against 80 generated" in printed
    written = json.loads(pathlib.Path("scores.json").read_text())
    assert written["n_real"] == 80 and written["rows"][0]["better"] == "lower"


def test_the_command_says_a_mistake_in_one_sentence(capsys, tmp_path):
    good = save("good.npy", vectors())
    assert run(good, save("bad.npy", vectors(dim=7))) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and "Traceback" not in error
    assert run(good, tmp_path / "nope.npy") == 2
    assert run(good, good, "--features", "nope.keras") == 0  # vectors need no extractor
    assert run(good, good, "--out", tmp_path / "no" / "folder.json") == 1
