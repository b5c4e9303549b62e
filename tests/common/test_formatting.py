import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_ai_examples.common.formatting import format_number


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (-0.12345, "-0.123"),
        (1 / 3, "0.333"),
        (12.34, "12.3"),
        (999.4, "999"),
        (999.5, "1,000"),
        (-999.7, "-1,000"),
        (1234.5, "1,234"),
        (99999.4, "99,999"),
        (123456.0, "1.23e+05"),
        (0.001, "0.001"),
        (0.000999, "9.99e-04"),
        (1e-9, "1.00e-09"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (None, "nan"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, written):
    assert format_number(value) == written


@given(st.floats(-1e300, 1e300))
def test_what_is_written_is_the_number_to_three_digits(value):
    written = format_number(value)
    assert math.isclose(float(written.replace(",", "")), value, rel_tol=0.00501)
    assert "e" not in written or not 1e-3 <= abs(value) < 1e5
