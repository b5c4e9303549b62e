import numpy as np

from gen_ai_examples.common.denoised_pictures import grey, own_media, spot_panel, whole


def test_grey_maps_the_range_and_clips():
    np.testing.assert_array_equal(
        grey(np.array([[-1.0, 0.0, 0.65, 1.3, 2.0]])), [[0, 0, 128, 255, 255]]
    )
    assert grey(np.zeros((1, 1)), -0.3, 0.3).tolist() == [[128]]


def test_pictures_have_a_row_for_each_person_and_size():
    clean = np.ones((1, 224, 192), np.float32)
    results = {p: {"nothing done": clean, "median": clean, "network": clean} for p in ("a", "b")}
    picture = whole({"a": clean, "b": clean}, results, "median")
    assert picture.pixels.ndim == 3 and picture.pixels.shape[1] > 1000
    spots = spot_panel({"same": lambda x: x}, clean[0], lambda x: x)
    assert len(np.unique(spots.pixels)) > 20


def test_own_media_tells_the_noise():
    image = np.abs(1 + 0.1 * np.random.default_rng(0).normal(size=(64, 64)))
    shown = own_media({"a.png": image}, lambda sigma: lambda x: x - sigma)
    assert set(shown) == {"own_1", "own_noise"}
    assert "a.png: noise 0.1" in shown["own_noise"].text or "0.09" in shown["own_noise"].text
    assert own_media({}, None) == {}
