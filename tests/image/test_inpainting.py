import keras
import numpy as np
import pytest
from PIL import Image

from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.pix2pix import Pix2Pix
from gen_ai_examples.common.metrics.features import train_judge
from gen_ai_examples.common.nets.pix2pix import build_patch_discriminator
from gen_ai_examples.common.sources import image
from gen_ai_examples.common.sources.holes import fixed_strokes
from gen_ai_examples.common.strategy import precision, strategy
from gen_ai_examples.image import inpainting
from gen_ai_examples.image.inpainting import (
    GIVEN,
    HIDDEN,
    HOLES,
    SIZE,
    build_painter,
    damage,
    damaged_often,
    measure,
)


@pytest.fixture(scope="module")
def emoji():
    return image.emoji_pairs(SIZE)[1].split()[0]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_an_untrained_network_is_the_biharmonic_filling(emoji, policy):
    with precision(policy):
        painter = build_painter(8)
    given = damage(emoji.images[:3], fixed_strokes(0.3, 3, SIZE, 0))
    np.testing.assert_array_equal(painter(given), given[..., :3])


def test_a_trained_network_leaves_alone_what_is_known(emoji):
    painter = build_painter(8)
    head = painter.layers[-1] if painter.layers[-1].weights else painter.get_layer("translator")
    head.set_weights([np.full_like(w, 0.1) for w in head.get_weights()])
    hole = fixed_strokes(0.3, 3, SIZE, 0)
    change = np.asarray(painter(damage(emoji.images[:3], hole))) - emoji.images[:3]
    assert np.abs(change * (1 - hole)).max() < 1e-6 < np.abs(change * hole).max()


def test_every_picture_comes_with_holes_of_its_own(emoji):
    columns = damaged_often(emoji.images[:5], seed=0)
    given, targets = columns["inputs"], columns["targets"]
    assert given.shape == (5 * HOLES, *GIVEN) and targets.shape == (5 * HOLES, SIZE, SIZE, 3)
    np.testing.assert_array_equal(targets[HOLES : 2 * HOLES], emoji.images[1:2].repeat(HOLES, 0))
    holes = given[..., 3]
    assert len({hole.tobytes() for hole in holes}) == len(holes)
    shares = holes.mean((1, 2))
    assert HIDDEN[0] - 0.01 < shares.min() < 0.2 < 0.4 < shares.max() < HIDDEN[1] + 0.01
    np.testing.assert_allclose(
        given[..., :3] * (1 - given[..., 3:]), targets * (1 - given[..., 3:])
    )


def test_the_test_measures_the_hole_alone(emoji):
    judge = train_judge(emoji, steps=2)
    truth = emoji.images[:4]
    hole = fixed_strokes(0.25, 4, SIZE, 0)
    scores = measure(truth + 0.2 * hole, truth, hole, judge)
    assert scores["PSNR of the hole"] == pytest.approx(20, abs=1e-3)
    assert scores["SSIM"] < 1 and scores["Frechet distance"] > 0


def trained(steps, emoji):
    with strategy(["CPU:0"]).scope():
        keras.utils.set_random_seed(0)
        model = Pix2Pix(build_painter(8), build_patch_discriminator(GIVEN, 8), l1_weight=100.0)
        model.compile(keras.optimizers.Adam(3e-3, beta_1=0.5), keras.optimizers.Adam(1e-3))
    columns = damaged_often(emoji.images[:64], seed=0)
    fit(model, batches(columns, 8, 0), steps, progress=False)
    return model, columns


def test_a_few_steps_beat_the_biharmonic_filling_on_what_they_have_seen(emoji):
    model, columns = trained(150, emoji)
    given, targets = columns.values()
    # In training mode: so soon, the running means of batch normalisation know too little.
    network = np.abs(model.generator(given, training=True) - targets).mean()
    smooth = np.abs(given[..., :3] - targets).mean()
    assert network < smooth


def test_own_pictures_are_repainted(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(15):
        pixels = rng.integers(0, 256, (40, 36, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    answer = inpainting.main(images=str(tmp_path), **inpainting.SMOKE)
    assert np.isfinite([claim.value for claim in answer.claims]).all()
    with pytest.raises(InputError, match="no folder"):
        inpainting.main(images=str(tmp_path / "nowhere"), **inpainting.SMOKE)
