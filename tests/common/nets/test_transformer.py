import keras
import numpy as np
import pytest

from gen_ai_examples.common.nets.transformer import CausalTransformer
from gen_ai_examples.common.strategy import precision

VOCABULARY, LENGTH = 7, 10


def transformer(depth=2):
    keras.utils.set_random_seed(0)
    net = CausalTransformer(VOCABULARY, LENGTH, starts=2, dim=16, depth=depth, heads=2)
    rng = np.random.default_rng(0)
    for weights in net.weights:  # no zeros, ones and near zeros, which would hide what they touch
        weights.assign_add(rng.normal(0, 0.3, weights.shape))
    return net


def sequences(n=3, length=LENGTH):
    return np.random.default_rng(1).integers(0, VOCABULARY + 2, (n, length)).astype("int32")


def test_an_untrained_transformer_finds_all_tokens_equally_likely():
    net = CausalTransformer(VOCABULARY, LENGTH, dim=16, depth=2, heads=2)
    logits = net(sequences() % (VOCABULARY + 1))
    assert logits.shape == (3, LENGTH, VOCABULARY)
    np.testing.assert_array_equal(logits, 0)


@pytest.mark.parametrize("at", [0, 4, LENGTH - 1])
def test_the_future_changes_nothing_and_the_past_everything_after_it(at):
    net, tokens = transformer(), sequences()
    changed = tokens.copy()
    changed[:, at] = (changed[:, at] + 1) % (VOCABULARY + 2)
    change = np.abs(net(tokens) - net(changed)).max(axis=-1)  # (3, T)
    np.testing.assert_allclose(change[:, :at], 0, atol=1e-6)
    assert change[:, at:].min() > 1e-4


@pytest.mark.parametrize("pieces", [[1] * LENGTH, [4, 1, 1, 4], [9, 1], [1, 9]])
def test_reading_in_pieces_equals_reading_at_once(pieces):
    net, tokens = transformer(), sequences()
    memory, parts, at = None, [], 0
    for size in pieces:
        logits, memory = net.extend(tokens[:, at : at + size], memory)
        parts.append(logits)
        at += size
    np.testing.assert_allclose(np.concatenate(parts, axis=1), net(tokens), atol=1e-4)


def test_the_order_of_tokens_matters():
    """With one block: in a second one even a causal mask alone would tell orders apart."""
    net = transformer(depth=1)
    forth, back = np.array([[1, 2, 3]]), np.array([[2, 1, 3]])
    assert np.abs(net(forth)[:, -1] - net(back)[:, -1]).max() > 1e-3


def test_attention_is_softmax_of_scaled_products():
    """One block's attention, written out in NumPy for the last place."""
    attention = transformer().blocks[0].attention
    x = np.random.default_rng(2).normal(size=(1, 5, 16)).astype("float32")
    kernel, out_kernel, out_bias = [np.asarray(w) for w in attention.weights]
    q, k, v = np.split(x[0] @ kernel, 3, axis=1)  # (T, dim)
    mixed = []
    for head in (slice(0, 8), slice(8, 16)):
        scores = k[:, head] @ q[-1, head] / np.sqrt(8)
        shares = np.exp(scores - scores.max())
        mixed.append(shares / shares.sum() @ v[:, head])
    expected = np.concatenate(mixed) @ out_kernel + out_bias
    np.testing.assert_allclose(attention(x)[0][0, -1], expected, atol=1e-4)


def test_half_precision_still_answers_in_float32():
    with precision("mixed_bfloat16"):
        net = CausalTransformer(VOCABULARY, LENGTH, dim=16, depth=1, heads=2)
    logits, memory = net.extend(sequences() % (VOCABULARY + 1), None)
    assert logits.dtype == "float32"
    assert memory[0][0].dtype == "bfloat16"
    assert all(v.dtype == "float32" for v in net.variables)


def test_it_is_saved_and_loaded_in_safe_mode(tmp_path):
    net = transformer()
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(net(sequences()), again(sequences()))
