import numpy as np
import tensorflow as tf

from gen_ai_examples.common.augment import mirror_and_shift


def seed(number):
    return tf.constant([0, number], tf.int64)


def moved(pictures, reach, number=0):
    return mirror_and_shift({"x": tf.constant(pictures)}, seed(number), reach)["x"].numpy()


def test_pictures_of_one_row_move_together():
    one = np.random.default_rng(0).random((32, 12, 12, 1), "float32")
    both = {"one": tf.constant(one), "three": tf.constant(one.repeat(3, -1))}
    result = mirror_and_shift(both, seed(0), 3)
    np.testing.assert_array_equal(result["three"], np.repeat(result["one"], 3, -1))


def test_a_picture_is_mirrored_as_often_as_not_and_not_turned_over():
    picture = np.random.default_rng(0).random((1, 8, 10, 3), "float32")
    results = moved(picture.repeat(400, 0), reach=0)
    same, mirrored = (
        [np.array_equal(result, x) for result in results] for x in (picture[0], picture[0, :, ::-1])
    )
    assert np.logical_xor(same, mirrored).all()
    assert 160 < np.sum(mirrored) < 240


def test_every_shift_within_reach_occurs_and_white_comes_in():
    dot = np.ones((600, 9, 9, 1), "float32")
    dot[:, 4, 4] = -1  # in the middle, so that mirroring does not matter
    results = moved(dot, reach=2)
    assert (np.unique(results) == [-1, 1]).all() and (results == -1).sum() == 600
    places = {tuple(place) for _, *place, _ in np.argwhere(results == -1)}
    assert places == {(y, x) for y in range(2, 7) for x in range(2, 7)}
    dark = moved(np.full((50, 9, 9, 1), -1, "float32"), reach=2)
    assert dark.max() == 1 and (dark[:, 2:7, 2:7] == -1).all()


def test_moves_depend_on_the_seed_alone_and_differ_from_row_to_row():
    pictures = np.random.default_rng(0).random((1, 16, 16, 1), "float32").repeat(16, 0)
    first, again, other = (moved(pictures, 4, number) for number in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len({row.tobytes() for row in first}) > 10
