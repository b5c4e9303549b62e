import numpy as np
import pytest
from PIL import Image

from gen_ai_examples import sharding
from gen_ai_examples.cli import main
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.shards import shard_batches
from gen_ai_examples.common.sources import image


def test_a_packaged_source_comes_back_as_it_is_in_the_package(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["shard", "mnist", str(tmp_path / "it"), "--shards", "3"])
    assert not end.value.code
    assert "5,000 examples in 3 shards: images (28, 28, 1), labels ()." in capsys.readouterr().out
    data = next(iter(shard_batches(tmp_path / "it", 5000, 0)))
    images = data["images"].numpy() / np.float32(127.5) - 1
    order, original = np.lexsort(images.reshape(5000, -1).T), image.mnist()
    theirs = np.lexsort(original.images.reshape(5000, -1).T)
    np.testing.assert_allclose(images[order], original.images[theirs], atol=1e-6)


def test_every_packaged_source_has_columns():
    for source in set(sharding.SOURCES) - {"mnist"}:
        columns = sharding._packaged(source)
        assert len({len(column) for column in columns.values()}) == 1


def test_own_pictures_come_in_their_classes_and_the_size_asked_for(tmp_path):
    for name, grey in (("a/1", 0), ("a/2", 9), ("b/1", 255)):
        path = tmp_path / "own" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), (grey,) * 3).save(path)
    sharding.shard(str(tmp_path / "own"), tmp_path / "it", 2, size=8)
    data = next(iter(shard_batches(tmp_path / "it", 3, 0)))
    greys = data["images"].numpy()[:, 0, 0, 0].tolist()
    found = sorted(zip(data["labels"].numpy().tolist(), greys, strict=True))
    assert found == [(0, 0), (0, 9), (1, 255)]


def test_an_unknown_source_is_told_which_there_are(tmp_path):
    with pytest.raises(InputError, match=r"choose brain, digits, .* or a folder of pictures"):
        sharding.shard("emojis", tmp_path, 2, 8)
