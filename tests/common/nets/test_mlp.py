import numpy as np

from gen_ai_examples.common.nets.mlp import build_row_network


def test_an_untrained_network_answers_zero_and_every_input_reaches_the_output():
    net = build_row_network(5, 2, units=8)
    inputs = [np.ones((3, 1, 1, 5), "float32"), np.full(3, 0.3, "float32"), np.zeros(3, "int32")]
    assert net(inputs).shape == (3, 1, 1, 5)
    np.testing.assert_array_equal(net(inputs), 0)
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(0, 0.3, w.shape).astype("float32") for w in net.get_weights()])
    for i, change in enumerate((0.5, 0.2, 1)):
        changed = [x + (change if i == j else 0) for j, x in enumerate(inputs)]
        changed = [x.astype(y.dtype) for x, y in zip(changed, inputs, strict=True)]
        assert np.abs(net(changed) - net(inputs)).min() > 1e-6
