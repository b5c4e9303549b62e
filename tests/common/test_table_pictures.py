import numpy as np

from gen_ai_examples.common.sources import tabular
from gen_ai_examples.common.table_pictures import _strongest_pairs, pair_pictures


def test_pairs_that_depend_on_each_other_are_shown(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["a,b,c,d,kind"]
    for i in range(300):
        a, c = rng.integers(0, 3), rng.normal()
        lines.append(f"v{a},{rng.normal()},{c},w{a},{i % 2}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    table = tabular.csv(path, "kind")
    first, second = _strongest_pairs(table, 2, 8)
    assert set(first) == {"a", "d"} and set(second) == {"b", "c"}
    picture = pair_pictures({"real": table, "made": table.take(slice(20))})
    assert picture.pixels.std() > 1
