import pytest

from gen_ai_examples.evaluation import stability


@pytest.mark.parametrize("remedy", stability.remedies(0.01))
def test_every_remedy_changes_what_it_names_and_nothing_else(remedy):
    options = dict(g_rate=0.01, d_rate=0.01) | stability.remedies(0.01)[remedy]
    gan = stability.build_gan(4, **options)
    changed = {
        "hinge loss": gan.game is stability.hinge,
        "batch norm in G": any("batch" in layer.name for layer in gan.generator.layers),
        "spectral norm in D": any("spectral" in layer.name for layer in gan.discriminator.layers),
        "gradient penalty": gan.gradient_penalty > 0,
    }
    rates = [float(o.learning_rate) for o in (gan.g_optimizer, gan.d_optimizer)]
    expected = {"slower G": [0.0025, 0.01], "slower D": [0.01, 0.0025], "both slower": [0.0025] * 2}
    assert [name for name, is_so in changed.items() if is_so] == [remedy] * (remedy in changed)
    assert rates == pytest.approx(expected.get(remedy, [0.01, 0.01]))
