import numpy as np
import pytest

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources import tabular
from gen_ai_examples.common.sources.tabular import TableEncoder

GOOD = "size,colour,kind\n" + "".join(
    f"{i},{'red' if i % 2 else 'blue'},{'a' if i < 20 else 'b'}\n" for i in range(40)
)


@pytest.fixture
def read(tmp_path):
    def read(text, target="kind", encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return tabular.csv(path, target)

    return read


def test_the_bank_table_has_the_stated_columns_and_classes():
    table = tabular.bank_marketing()
    assert table.numeric.shape == (45211, 6) and table.categorical.shape == (45211, 9)
    assert table.names == ("no", "yes") and np.bincount(table.labels)[table.rare] == 5289
    assert "duration" not in table.numeric_names
    assert np.isfinite(table.numeric).all()


def test_split_is_complete_stratified_and_fixed(read):
    table = read(GOOD)
    train, held_out = table.split()
    numbers = [part.numeric[:, 0].astype(int).tolist() for part in (train, held_out)]
    assert sorted(numbers[0] + numbers[1]) == list(range(40))
    assert np.bincount(held_out.labels).tolist() == [4, 4]
    np.random.seed(1)
    assert table.split()[1].numeric[:, 0].tolist() == numbers[1]


@pytest.mark.parametrize("share", [0, 1, -0.2, 0.01])
def test_split_refuses_an_impossible_share(read, share):
    with pytest.raises(InputError, match=r"held_out|hold out"):
        read(GOOD).split(share)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators_and_missing_values(read, separator):
    text = GOOD.replace("\n3,red", "\n?,NA").replace(",", separator)
    table = read(text)
    assert np.isnan(table.numeric[3, 0])
    assert table.categories[0][table.categorical[3, 0]] == "(missing)"


@pytest.mark.parametrize(
    ("text", "target", "match"),
    [
        (GOOD, "weight", "no column 'weight'"),
        (GOOD.replace(",", " "), "kind", "single column"),
        (GOOD.replace("red", "blue"), "kind", "'colour'.*every row"),
        (GOOD.replace("red", "").replace("blue", ""), "kind", "'colour'.*empty"),
        (GOOD.replace(",a", ",b"), "kind", "the same 'kind'"),
        (GOOD.replace(",a", ",b", 12), "kind", "8 row"),
        ("\n".join(GOOD.split("\n")[:10]), "kind", "row.s.: give at least 20"),
        (GOOD.replace("3,red", "3,red,1"), "kind", "Row 4 .* 4 cells for 3"),
        (GOOD.replace("3,red,a", "3,red,"), "kind", "no value of 'kind'"),
        (GOOD.replace("colour", "size"), "kind", "more than one column 'size'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(read, text, target, match):
    with pytest.raises(InputError, match=match):
        read(text, target)


def test_unreadable_files_are_refused(read, tmp_path):
    with pytest.raises(InputError, match="no file"):
        tabular.csv(tmp_path / "nothing.csv", "kind")
    with pytest.raises(InputError, match="UTF-8"):
        read(GOOD.replace("red", "rosé"), encoding="latin-1")
    (tmp_path / "broken.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        tabular.csv(tmp_path / "broken.gz", "kind")


def test_decoding_undoes_encoding():
    train = tabular.bank_marketing().take(slice(3000))
    train.numeric[:50, 1] = np.nan
    encoder = TableEncoder(train)
    for rng in (None, np.random.default_rng(0)):
        vectors = encoder.encode(train, rng)
        assert vectors.shape == (3000, encoder.width) and np.isfinite(vectors).all()
        back = encoder.decode(vectors, train.labels)
        np.testing.assert_array_equal(back.numeric, train.numeric)
        np.testing.assert_array_equal(back.categorical, train.categorical)


def test_spread_scores_are_normal_whatever_the_column():
    train = tabular.bank_marketing()
    scores = TableEncoder(train).encode(train, np.random.default_rng(0))[:, :6]
    np.testing.assert_allclose(scores.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(scores.std(0), 1, atol=0.02)


def test_one_class_against_the_rest(read):
    text = GOOD.replace(",a\n", ",c\n", 10)
    three = read(text)
    two = three.one_against_rest(three.names.index("c"))
    assert two.names == ("not c", "c") and np.bincount(two.labels).tolist() == [30, 10]
    table = read(GOOD)
    assert table.one_against_rest(0).names == ("b", "a")


def test_bins_count_every_row_once(read):
    table = read(GOOD)
    words, codes = table.binned("size", table, most=4)
    assert words == ["< 9.75", "from 9.75", "from 19.5", "from 29.25", "missing"]
    assert np.bincount(codes).tolist() == [10, 10, 10, 10]
    words, codes = table.binned("colour", table, most=1)
    assert words[-1] == "other" and np.bincount(codes).tolist() == [20, 20]
    table.numeric[:3] = np.nan
    assert (table.binned("size", table, most=4)[1][:3] == 4).all()


def test_the_thyroid_table_has_its_recorded_errors_and_gaps():
    table = tabular.thyroid()
    assert table.numeric.shape == (9172, 7) and table.categorical.shape == (9172, 15)
    assert len(table.names) == 9
    assert np.sum(table.labels == table.names.index("nothing")) == 6771
    ages = table.numeric[:, table.numeric_names.index("age")]
    assert sorted(ages[ages > 120].tolist()) == [455, 65511, 65512, 65526]
    assert np.isnan(table.numeric).sum(0).tolist() == [0, 842, 2604, 442, 809, 802, 8823]
