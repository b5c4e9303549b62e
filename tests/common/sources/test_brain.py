import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.brain import heads, inside, own_slices


def test_the_bundled_slices_are_as_documented():
    both = heads()
    assert both.first.shape == (84, 224, 192) and both.second.shape == (8, 224, 192)
    for slices in (both.first, both.second):
        assert slices.dtype == np.float32 and slices.min() == 0
        assert all(0.15 < inside(image).mean() < 0.8 for image in slices)
        # The brightness that most pixels have, air left out, is that of white matter.
        counts = np.bincount((slices[slices > 0.5] * 110).round().astype(int).ravel())
        assert 105 <= counts[:130].argmax() <= 118


def test_the_first_head_has_next_to_no_noise_of_its_own():
    squares = np.lib.stride_tricks.sliding_window_view(heads().first[45], (5, 5))
    mean, spread = squares.mean((2, 3)), squares.std((2, 3))
    assert np.percentile(spread[(mean > 0.95) & (mean < 1.1)], 25) < 0.012


def test_neighbouring_slices_resemble_and_distant_ones_do_not():
    first = heads().first
    assert np.corrcoef(first[20].ravel(), first[21].ravel())[0, 1] > 0.98
    assert np.corrcoef(first[0].ravel(), first[60].ravel())[0, 1] < 0.8


def test_inside_has_no_holes():
    ring = np.zeros((9, 9))
    ring[1:8, 1:8] = 1
    ring[3:6, 3:6] = 0
    assert inside(ring).sum() == 49


def test_own_slices_have_bright_tissue_near_1_whatever_the_depth(tmp_path):
    pixels = np.zeros((41, 60))
    pixels[10:30, 10:50] = np.linspace(100, 200, 40)
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray((200 * pixels).astype(np.uint16)).save(tmp_path / "b.tif")
    found = own_slices(tmp_path)
    assert list(found) == ["a.png", "b.tif"]
    assert found["a.png"].shape == (40, 60)
    np.testing.assert_allclose(found["a.png"], found["b.tif"], atol=0.01)
    assert 0.9 < np.median(found["a.png"][10:30, 30:50]) < 1.1


def test_own_slices_says_in_one_sentence_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        own_slices(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no slice"):
        own_slices(tmp_path)
    file = tmp_path / "a.png"
    file.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="no readable picture"):
        own_slices(tmp_path)
    Image.new("L", (20, 50)).save(file)
    with pytest.raises(InputError, match="20x50"):
        own_slices(tmp_path)
    Image.new("L", (64, 64), 7).save(file)
    with pytest.raises(InputError, match="blank"):
        own_slices(tmp_path)
