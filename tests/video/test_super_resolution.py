import av
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.video_enlarging import enlarge_all, film, windows
from gen_ai_examples.common.metrics.video import measure
from gen_ai_examples.common.sources.clips import luminance_of, to_levels
from gen_ai_examples.common.strategy import precision
from gen_ai_examples.video import super_resolution
from gen_ai_examples.video.super_resolution import (
    BLUR,
    FACTOR,
    HELD_OUT,
    NOISE,
    build_network,
    details,
    filming,
    footage,
    train,
)

# In one process, where the clips are decoded once.
pytestmark = pytest.mark.xdist_group("enlarged clips")


@pytest.fixture(scope="module")
def clips():
    return footage(None)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_an_untrained_network_adds_nothing(policy):
    with precision(policy):
        network = build_network(5, 8, blocks=2)
    low = np.random.default_rng(0).normal(size=(3, 7, 11)).astype("float32")
    detail = details(network, low)
    assert detail.dtype == np.float32
    np.testing.assert_array_equal(detail, np.zeros((3, 28, 44)))


def test_what_is_filmed_for_training_is_what_the_camera_makes(monkeypatch):
    monkeypatch.setattr(super_resolution, "NOISE", 0.0)
    y = to_levels(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 3, 32, 32)).astype("float32"))
    batch = {"frames": tf.constant(np.repeat(y, 2, axis=0))}
    seen = set()
    for number in range(64):
        low, detail = filming(8)(batch, tf.constant([0, number], tf.int64)).values()
        assert low.shape == (2, 8, 8, 3) and detail.shape == (2, 32, 32, 1)
        middle = enlarge_all(low[:1, ..., 1].numpy(), FACTOR) + detail[:1, ..., 0].numpy()
        # Whole pictures, so that nothing but the turning is left to chance.
        seen.add(to_levels(middle).tobytes())
        again = film(middle, FACTOR, BLUR, 0.0, 0)
        np.testing.assert_allclose(again[0], low[0, ..., 1], atol=1.5 / 127.5)
    turns = {
        np.rot90(z, k).tobytes()
        for k in range(4)
        for z in (y[0, 1], np.ascontiguousarray(y[0, 1].T))
    }
    assert seen == turns


def test_shots_are_held_out_whole(clips):
    known, held_out = clips
    assert set(held_out) == set(HELD_OUT) and not set(known) & set(held_out)
    assert len(known) == 18

    def look(clip):
        return clip.frames[::6, ::12, ::12].reshape(-1, 15 * 27 * 3).astype("float32")

    ours = np.concatenate([look(clip) for clip in known.values()])
    for clip in held_out.values():
        nearest = np.abs(look(clip)[:, None] - ours[None]).mean(-1).min()
        assert nearest > 15


def test_a_few_steps_beat_bicubic_interpolation(clips, one_device):
    y = luminance_of(clips[0]["log"].frames[:10], FACTOR)[:, :144, :160]
    seen = windows(to_levels(y), 1)
    network = train(seen, 4, 16, 8, 1, 60, 5e-3, "float32", seed=0)
    low = film(y, FACTOR, BLUR, NOISE, seed=1)
    smooth = enlarge_all(low, FACTOR)
    before, after = (
        measure(x, y, FACTOR)["PSNR"] for x in (smooth, smooth + details(network, low))
    )
    assert after > before + 0.1


def test_batches_are_the_same_for_the_same_seed():
    frames = np.random.default_rng(0).integers(0, 255, (4, 3, 48, 48), np.uint8)
    first, again, other = (
        next(iter(batches({"frames": frames}, 2, seed, filming(8))))["low"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_own_video_is_cut_and_its_end_held_out(tmp_path):
    with av.open(str(tmp_path / "film.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 132, "yuv420p"
        stream.options = {"cpu-used": "8", "deadline": "realtime"}
        for t in range(190):
            frame = np.full((132, 160, 3), t, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    known, held_out = footage(str(tmp_path / "film.webm"))
    assert len(known) == 4 and len(held_out) == 1
    assert held_out["film.webm 5"].frames.min() > 130
    with pytest.raises(InputError, match="no file or folder"):
        super_resolution.main(video=str(tmp_path / "nowhere"), **super_resolution.SMOKE)
