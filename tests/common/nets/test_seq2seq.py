import keras
import numpy as np
import pytest
import tensorflow as tf

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.methods.seq2seq import packed
from gen_ai_examples.common.nets.seq2seq import Seq2Seq
from gen_ai_examples.common.strategy import precision

VOCABULARY, END = 9, 0


def network(with_lexicon=True):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    lexicon = rng.dirichlet(np.ones(VOCABULARY), VOCABULARY) if with_lexicon else None
    net = Seq2Seq(VOCABULARY, dim=16, depth=(2, 2), heads=2, lexicon=lexicon)
    for weights in net.weights:  # no zeros, which would hide what they touch
        weights.assign_add(rng.normal(0, 0.3, weights.shape))
    return net


def sentences(*lengths, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, VOCABULARY, n) for n in lengths]


def logits(net, sources, targets, source_length=20, target_length=20):
    rows = packed(sources, targets, source_length, target_length, END)
    found = net({name: tf.constant(its) for name, its in rows.items()})[0].numpy()
    return found[rows["target"] >= 0]  # in the order of the tokens


def test_before_training_it_knows_what_the_lexicon_knows():
    lexicon = np.eye(VOCABULARY)[[0, 2, 1, *range(3, VOCABULARY)]]
    net = Seq2Seq(VOCABULARY, dim=16, depth=(1, 1), heads=2, lexicon=lexicon)
    found = np.exp(logits(net, [np.array([1, 1, 1])], [np.array([3])]))
    np.testing.assert_allclose(found[:, 2], 1.001, rtol=1e-5)
    np.testing.assert_allclose(np.delete(found, 2, axis=1), 0.001, rtol=1e-4)
    plain = Seq2Seq(VOCABULARY, dim=16, depth=(1, 1), heads=2)
    np.testing.assert_array_equal(logits(plain, [np.array([1])], [np.array([3])]), 0)


@pytest.mark.parametrize("with_lexicon", [True, False])
@pytest.mark.parametrize("at", [0, 3, 5])
def test_what_is_written_later_changes_nothing(at, with_lexicon):
    net, (source,), (target,) = network(with_lexicon), sentences(5), sentences(6, seed=2)
    changed = target.copy()
    changed[at] = changed[at] % (VOCABULARY - 1) + 1
    change = np.abs(logits(net, [source], [target]) - logits(net, [source], [changed])).max(-1)
    np.testing.assert_allclose(change[: at + 1], 0, atol=1e-5)
    assert change[at + 1 :].min() > 1e-4


@pytest.mark.parametrize("at", [0, 2, 4])
def test_every_word_of_the_source_matters_everywhere(at):
    net, (source,), (target,) = network(), sentences(5), sentences(6, seed=2)
    changed = source.copy()
    changed[at] = changed[at] % (VOCABULARY - 1) + 1
    change = np.abs(logits(net, [source], [target]) - logits(net, [changed], [target])).max(-1)
    assert change.min() > 1e-4


@pytest.mark.parametrize("with_lexicon", [True, False])
def test_neither_padding_nor_neighbours_in_a_row_change_a_result(with_lexicon):
    net = network(with_lexicon)
    sources, targets = sentences(5, 3, 4), sentences(6, 2, 3, seed=2)
    together = logits(net, sources, targets)
    alone = [
        logits(net, [s], [t], len(s), len(t) + 1) for s, t in zip(sources, targets, strict=True)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-4)


@pytest.mark.parametrize("with_lexicon", [True, False])
def test_writing_in_pieces_equals_writing_at_once(with_lexicon):
    net, (source,), (target,) = network(with_lexicon), sentences(5), sentences(6, seed=2)
    ones = np.ones((1, 5), "int32")
    read = net.read(source[None], ones, np.arange(5)[None])
    memory, parts, tokens = None, [], np.array([END, *target])[None]
    for i in range(7):
        found, memory, _ = net.extend(
            tokens[:, i : i + 1], ones[:, :1], np.array([[i]]), read, memory
        )
        parts.append(found[0])
    np.testing.assert_allclose(np.concatenate(parts), logits(net, [source], [target]), atol=1e-4)


def test_features_that_heads_cannot_share_in_pairs_are_refused():
    with pytest.raises(InputError, match=r"30 features .* multiple of 8"):
        Seq2Seq(8, dim=30, heads=4)


def test_half_precision_still_answers_in_float32():
    with precision("mixed_bfloat16"):
        net = Seq2Seq(VOCABULARY, dim=16, depth=(1, 1), lexicon=np.eye(VOCABULARY))
    assert logits(net, sentences(5), sentences(6)).dtype == np.float32
    assert all(v.dtype == "float32" for v in net.variables)
