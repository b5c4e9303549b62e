import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.nets.gpt import GPT, SHARPNESS, normalise, rotate, rotations
from gen_ai_examples.common.strategy import precision

VOCABULARY, LENGTH = 7, 10


def gpt(depth=2):
    keras.utils.set_random_seed(0)
    net = GPT(VOCABULARY, LENGTH, starts=2, dim=16, depth=depth, heads=2)
    rng = np.random.default_rng(0)
    for weights in net.weights:  # no zeros, which would hide what they touch
        weights.assign_add(rng.normal(0, 0.3, weights.shape))
    return net


def sequences(n=3, length=LENGTH):
    return np.random.default_rng(1).integers(0, VOCABULARY + 2, (n, length)).astype("int32")


def test_an_untrained_network_finds_all_tokens_equally_likely():
    net = GPT(VOCABULARY, LENGTH, dim=16, depth=2)
    logits = net(sequences() % (VOCABULARY + 1))
    assert logits.shape == (3, LENGTH, VOCABULARY)
    np.testing.assert_array_equal(logits, 0)


@pytest.mark.parametrize("at", [0, 4, LENGTH - 1])
def test_the_future_changes_nothing_and_the_past_everything_after_it(at):
    net, tokens = gpt(), sequences()
    changed = tokens.copy()
    changed[:, at] = (changed[:, at] + 1) % (VOCABULARY + 2)
    change = np.abs(net(tokens) - net(changed)).max(axis=-1)  # (3, T)
    np.testing.assert_allclose(change[:, :at], 0, atol=1e-6)
    assert change[:, at:].min() > 1e-4


@pytest.mark.parametrize("pieces", [[1] * LENGTH, [4, 1, 1, 4], [9, 1], [1, 9]])
def test_reading_in_pieces_equals_reading_at_once(pieces):
    net, tokens = gpt(), sequences()
    memory, parts, at = None, [], 0
    for size in pieces:
        logits, memory = net.extend(tokens[:, at : at + size], memory)
        parts.append(logits)
        at += size
    np.testing.assert_allclose(np.concatenate(parts, axis=1), net(tokens), atol=1e-4)


def test_the_order_of_tokens_matters():
    """With one block: in a second one even a causal mask alone would tell orders apart."""
    net = gpt(depth=1)
    forth, back = np.array([[1, 2, 3]]), np.array([[2, 1, 3]])
    assert np.abs(net(forth)[:, -1] - net(back)[:, -1]).max() > 1e-3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_rotated_products_depend_on_the_distance_alone(a, b, shift):
    query, key = np.random.default_rng(0).normal(size=(2, 1, 8)).astype("float32")

    def product(i, j):
        return np.sum(rotate(query, *rotations([i], 8)) * rotate(key, *rotations([j], 8)))

    assert product(a, b) == pytest.approx(product(a + shift, b + shift), abs=1e-3)


def test_rotation_keeps_the_length_and_turns_the_first_pair_by_one_radian_a_place():
    x = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    turned = rotate(x, *rotations(np.arange(5), 8)).numpy()
    np.testing.assert_allclose((turned**2).sum(-1), (x**2).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(turned[0], x[0], atol=1e-6)
    pair = (x[:, 0] + 1j * x[:, 4]) * np.exp(1j * np.arange(5))
    np.testing.assert_allclose(turned[:, 0] + 1j * turned[:, 4], pair, atol=1e-5)


def test_normalised_features_have_a_mean_square_of_one_at_any_scale():
    x = np.random.default_rng(0).normal(size=(4, 32)).astype("float32")
    for scale in (0.1, 1, 1000):
        np.testing.assert_allclose(np.mean(normalise(scale * x) ** 2, -1), 1, atol=1e-3)


def test_attention_is_softmax_of_products_of_normalised_rotated_features():
    """One block's attention, written out in NumPy for the last place."""
    attention = gpt().blocks[0].attention
    x = np.random.default_rng(2).normal(size=(1, 5, 16)).astype("float32")
    q_kernel, k_kernel, v_kernel, out_kernel = [np.asarray(w) for w in attention.weights]
    angles = rotations(np.arange(5), 8)
    mixed = []
    for head in (slice(0, 8), slice(8, 16)):
        q, k = (
            rotate(normalise((x[0] @ w)[:, head]), *angles).numpy() for w in (q_kernel, k_kernel)
        )
        scores = SHARPNESS * k @ q[-1]
        shares = np.exp(scores - scores.max())
        mixed.append(shares / shares.sum() @ (x[0] @ v_kernel)[:, head])
    known = np.tril(np.ones((5, 5), bool))
    found = attention(x, None, (*angles, known))[0]
    np.testing.assert_allclose(found[0, -1], np.concatenate(mixed) @ out_kernel, atol=1e-4)


def test_masks_switch_features_off_alike_at_all_places_and_in_one_sequence_alone():
    net, tokens = gpt(), sequences()
    ones = np.ones((3, *net.mask_shape), "float32")
    np.testing.assert_allclose(net(tokens, masks=ones), net(tokens), atol=1e-5)
    for row in range(net.mask_shape[0]):
        masks = ones.copy()
        masks[1, row, ::2] = 0
        change = np.abs(net(tokens, masks=masks) - net(tokens)).max(axis=-1)
        assert change[1].min() > 1e-4
        np.testing.assert_allclose(change[[0, 2]], 0, atol=1e-5)


def test_without_its_parts_a_network_knows_the_last_token_alone():
    net, tokens = gpt(), sequences()
    masks = np.ones((3, *net.mask_shape), "float32")
    masks[:, 1:] = 0
    changed = tokens.copy()
    changed[:, :-1] = (changed[:, :-1] + 1) % VOCABULARY
    last = [net(t, masks=masks)[:, -1] for t in (tokens, changed)]
    np.testing.assert_allclose(*last, atol=1e-5)


def test_features_that_heads_cannot_share_in_pairs_are_refused():
    with pytest.raises(InputError, match=r"100 features .* multiple of 8"):
        GPT(8, 16, dim=100, heads=4)


def test_half_precision_still_answers_in_float32():
    with precision("mixed_bfloat16"):
        net = GPT(VOCABULARY, LENGTH, dim=16, depth=1)
    masks = np.ones((3, *net.mask_shape), "float32")
    for given_masks in (None, masks):
        logits, memory = net.extend(sequences() % (VOCABULARY + 1), None, given_masks)
        assert logits.dtype == "float32"
        assert memory[0][0].dtype == "bfloat16"
    assert all(v.dtype == "float32" for v in net.variables)


def test_it_is_saved_and_loaded_in_safe_mode(tmp_path):
    net = gpt()
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(net(sequences()), again(sequences()))
