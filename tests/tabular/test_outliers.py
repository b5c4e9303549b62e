import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.tabular import outliers


def test_deviations_are_in_scales_but_none_is_smaller_than_the_smallest():
    numbers = np.array([[1.0, np.nan, 3.0]])
    found = outliers.deviations(numbers, np.zeros((1, 3)), np.array([[0.5, 1.0, 0.01]]), 0.25)
    np.testing.assert_allclose(found, [[2.0, 0.0, 12.0]])


def write(tmp_path, header, row):
    path = tmp_path / "table.csv"
    rows = [row(i) for i in range(60)]
    path.write_text("\n".join([header, *rows]))
    return str(path)


def test_a_table_of_the_user(tmp_path, eager_training):
    path = write(tmp_path, "a,b,kind", lambda i: f"{i},{i * i},{'x' if i % 4 else 'y'}")
    answer = outliers.main(
        steps=1, batch_size=8, error_share=0.2, draws=1, csv=path, target="kind", seed=1
    )
    assert len(answer.claims) == 4, "impossible ages are only known of the bundled table"


def test_a_single_number_or_no_error_is_refused(tmp_path):
    path = write(tmp_path, "a,b,kind", lambda i: f"{i},{'u' if i % 3 else 'v'},{i % 2}")
    with pytest.raises(InputError, match="two numeric columns"):
        outliers.main(steps=2, csv=path, target="kind")
    path = write(tmp_path, "a,b,kind", lambda i: f"{i},{i * i},{i % 2}")
    with pytest.raises(InputError, match="raise --error-share"):
        outliers.main(steps=2, error_share=0.0, csv=path, target="kind")
