"""Real tables: bundled or the user's own, and their way to a matrix and back."""

from __future__ import annotations

import csv as csv_module
import gzip
import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.model_selection import train_test_split

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.bundle import bundled

# Not a seed to vary: what is held out must be the same for every run, or results over several
# seeds would be measured on rows that another seed has trained on.
_SPLIT_STATE = 0

_MISSING = {"", "?", "na", "n/a", "nan", "none", "null"}
_SEPARATORS = ",;\t|"
_MOST_CATEGORIES = 100  # more are names or numbers of things, which no model can draw
_FEWEST_ROWS = 10  # of each class: below, nothing is left to learn from after the splits


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers and categories, each with its class.

    Attributes:
        numeric: (N, n_numeric) float64, NaN where missing.
        categorical: (N, n_categorical) int64, each an index into its column's `categories`.
        labels: (N,) int64, an index into `names`.
        numeric_names, categorical_names: of the columns.
        categories: of each categorical column; a missing value is the category "(missing)".
        names: the name of each class.
        target: what the classes are of.
    """

    numeric: np.ndarray
    categorical: np.ndarray
    labels: np.ndarray
    numeric_names: tuple[str, ...]
    categorical_names: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    target: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def rare(self) -> int:
        """The label with the fewest rows."""
        return int(np.bincount(self.labels, minlength=len(self.names)).argmin())

    def split(self, held_out: float = 0.2) -> tuple[Table, Table]:
        """Split into a part to train on and a part held out, stratified by label, shuffled.

        The same for every run.

        Args:
            held_out: the share to hold out, between 0 and 1.

        Raises:
            InputError: `held_out` out of range, or a class too small for a row on either side.
        """
        if not 0 < held_out < 1:
            raise InputError(f"held_out is a share between 0 and 1, not {held_out}.")
        counts = np.bincount(self.labels, minlength=len(self.names))
        if (np.minimum(held_out, 1 - held_out) * counts).round().min() < 1:
            raise InputError(
                f"The class {self.names[counts.argmin()]!r} has {counts.min()} row(s), too few to "
                f"hold out {held_out:.0%}: give more rows."
            )
        parts = train_test_split(
            np.arange(len(self)),
            test_size=held_out,
            random_state=_SPLIT_STATE,
            stratify=self.labels,
        )
        train, rest = (self.take(rows) for rows in parts)
        return train, rest

    def take(self, rows: np.ndarray) -> Table:
        """The rows with these numbers (N,), or where a mask (N,) is true."""
        return replace(
            self,
            numeric=self.numeric[rows],
            categorical=self.categorical[rows],
            labels=self.labels[rows],
        )

    def join(self, other: Table) -> Table:
        """The rows of this table, then those of `other`, which has the same columns."""
        return replace(
            self,
            numeric=np.concatenate([self.numeric, other.numeric]),
            categorical=np.concatenate([self.categorical, other.categorical]),
            labels=np.concatenate([self.labels, other.labels]),
        )

    def one_against_rest(self, label: int) -> Table:
        """The table with two classes: 1 for `label`, 0 for all others."""
        others = [name for i, name in enumerate(self.names) if i != label]
        rest = others[0] if len(others) == 1 else f"not {self.names[label]}"
        return replace(
            self,
            labels=(self.labels == label).astype(np.int64),
            names=(rest, self.names[label]),
        )

    def binned(self, column: str, like: Table, most: int = 8) -> tuple[list[str], np.ndarray]:
        """The values of a column as a few codes (N,), and words for the codes.

        Args:
            like: the table whose `most` most frequent categories keep a code of their own, or
                whose numbers are cut into as many ranges of about equal counts.
        """
        if column in self.categorical_names:
            i = self.categorical_names.index(column)
            counts = np.bincount(like.categorical[:, i], minlength=len(self.categories[i]))
            order = np.argsort(-counts, kind="stable")
            words = [self.categories[i][code] for code in order[:most]]
            rest = ["other"] if len(order) > most else []
            return words + rest, np.argsort(order)[self.categorical[:, i]].clip(max=most)
        i = self.numeric_names.index(column)
        known = like.numeric[~np.isnan(like.numeric[:, i]), i]
        edges = np.unique(np.quantile(known, np.arange(1, most) / most)) if len(known) else known
        edges = edges[edges > known.min(initial=np.inf)]
        words = [f"< {edges[0]:g}" if len(edges) else "any", *(f"from {e:g}" for e in edges)]
        missing = np.isnan(self.numeric[:, i])
        codes = np.searchsorted(edges, self.numeric[:, i], "right")
        return [*words, "missing"], np.where(missing, len(words), codes)

    def text(self) -> str:
        """The rows as aligned words, for people."""
        lines = [[*self.numeric_names, *self.categorical_names, self.target]]
        for numbers, codes, label in zip(self.numeric, self.categorical, self.labels, strict=True):
            words = [names[code] for names, code in zip(self.categories, codes, strict=True)]
            lines.append([*(f"{x:.6g}" for x in numbers), *words, self.names[label]])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded) + "\n"


def bank_marketing() -> Table:
    """45,211 calls of a Portuguese bank, 2008 to 2010: who subscribed to a term deposit? Bundled.

    5,289 said yes (11.7 %). "unknown" is a category of its own, and -1 in `pdays` means that the
    client was never called before. The length of the call is left out: it is known only when the
    answer is. The rows are in the order of the calls, which a random split ignores.

    Returns:
        6 numeric and 9 categorical columns, classes "no" and "yes".

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: S. Moro, P. Rita, P. Cortez, 2014, https://doi.org/10.24432/C5K306, CC BY 4.0.
    """
    return _table(gzip.decompress(bundled("bank_marketing.csv.gz").read_bytes()).decode(), "y")


def thyroid() -> Table:
    """9,172 patients of a laboratory, 1984 to 1987: hormones in the blood, and diagnosis. Bundled.

    As recorded: four ages are above 400, measurements that nobody asked for are missing, and so is
    the sex of 307. Three quarters have no diagnosis of the thyroid ("nothing"), the others one of
    eight, of which only the first letter that the source gives is kept.

    Returns:
        7 numeric columns (age, TSH, T3, TT4, T4U, FTI, TBG) and 15
        categorical ones, 9 classes.

    Raises:
        InputError: the bundled file is missing or damaged.

    Source: R. Quinlan, Garvan Institute, 1987, https://doi.org/10.24432/C5D010, CC BY 4.0.
    """
    content = bundled("thyroid.csv.gz").read_bytes()
    return _table(gzip.decompress(content).decode(), "diagnosis")


def csv(path: str | Path, target: str | None) -> Table:
    """Read the user's own table, a text file with a line of names above the rows.

    Commas, semicolons, tabs or bars separate the columns, whichever the first line has most of. A
    column is numeric if all its values are numbers, and more than two; all others are categories.
    Empty cells, NA, NaN, null, None and ? are missing values.

    Args:
        path: the file, in UTF-8; .gz is unpacked.
        target: the column that holds the classes.

    Raises:
        InputError: no such file, unreadable, another encoding, no rows, rows of another length
            than the names, no such target, a target with missing values or a single class, a class
            of fewer than ten rows, a column that is constant, empty, or has more than a hundred
            categories.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"There is no file {path}: check how it is spelled.")
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8: save it as CSV in UTF-8.") from None
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    return _table(text, target, str(path))


def _table(text: str, target: str | None, source: str = "The table") -> Table:
    header, rows = _cells(text, source)
    if target not in header:
        raise InputError(
            f"{source} has no column {target!r} to take the classes from: name one of {header}."
        )
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    classes = columns.pop(target)
    numeric, categorical = {}, {}
    for name, cells in columns.items():
        values = set(cells) - {None}
        if not values or len(set(cells)) == 1:
            what = "is empty" if not values else f"is {cells[0]!r} in every row"
            raise InputError(f"The column {name!r} of {source} {what}: remove the column.")
        numbers = _numbers(cells)
        if numbers is not None and len(values) > 2:
            numeric[name] = numbers
        elif len(values) > _MOST_CATEGORIES:
            raise InputError(
                f"The column {name!r} of {source} has {len(values)} different words: remove it, "
                f"or sort them into at most {_MOST_CATEGORIES} categories."
            )
        else:
            words = ["(missing)" if cell is None else cell for cell in cells]
            categorical[name] = np.unique(words, return_inverse=True)
    if not columns:
        raise InputError(f"{source} has no column besides {target!r}.")
    names, labels = _classes(classes, target, source)
    empty = np.empty((len(rows), 0))
    return Table(
        numeric=np.column_stack([empty, *numeric.values()]),
        categorical=np.column_stack([empty, *(codes for _, codes in categorical.values())]).astype(
            np.int64
        ),
        labels=labels.astype(np.int64),
        numeric_names=tuple(numeric),
        categorical_names=tuple(categorical),
        categories=tuple(tuple(words.tolist()) for words, _ in categorical.values()),
        names=tuple(names.tolist()),
        target=target,
    )


def _cells(text, source):
    """The names of the columns, and the rows, None where a value is missing."""
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    if not first.count(separator):
        raise InputError(
            f"{source} has a single column in its first line: separate the columns by one of "
            f"{' '.join(map(repr, _SEPARATORS))}, and name them in the first line."
        )
    try:
        lines = csv_module.reader(io.StringIO(text), delimiter=separator, strict=True)
        header, *rows = [[cell.strip() for cell in line] for line in lines if line]
    except csv_module.Error as error:
        raise InputError(f"{source} is no CSV file: {error}.") from None
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise InputError(f"{source} has more than one column {twice[0]!r}: rename them.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(
                f"Row {number} of {source} has {len(row)} cells for {len(header)} columns: "
                f"is {separator!r} used inside of cells that are not quoted?"
            )
    if len(rows) < 2 * _FEWEST_ROWS:
        raise InputError(
            f"{source} has {len(rows)} row(s): give at least {2 * _FEWEST_ROWS}, "
            f"{_FEWEST_ROWS} of each class."
        )
    return header, [[None if cell.lower() in _MISSING else cell for cell in row] for row in rows]


def _numbers(cells):
    """(N,) float64 with NaN for None, or None where a cell is no finite number."""
    try:
        numbers = np.array([np.nan if cell is None else float(cell) for cell in cells])
    except ValueError:
        return None
    return None if np.isinf(numbers).any() else numbers


def _classes(cells, target, source):
    missing = cells.count(None)
    if missing:
        raise InputError(
            f"{missing} row(s) of {source} have no value of {target!r}: remove these rows."
        )
    names, labels, counts = np.unique(cells, return_inverse=True, return_counts=True)
    if len(names) == 1:
        raise InputError(f"Every row of {source} has the same {target!r}, {names[0]!r}.")
    if counts.min() < _FEWEST_ROWS:
        raise InputError(
            f"The class {names[counts.argmin()]!r} of {target!r} in {source} has {counts.min()} "
            f"row(s), but needs {_FEWEST_ROWS}: give more, or choose another target."
        )
    return names, labels


class TableEncoder:
    """Rows to vectors and back, fitted on the training rows alone.

    A number becomes the normal score of its rank among the training rows: N(0, 1) whatever the
    column's distribution. A missing number has the score 0 (with `rng`, a random one), and the
    column an indicator more, 0 or 1. A category is one-hot, 0 or 1. Scikit-learn's
    QuantileTransformer is not used: it sends a value that many rows share, such as the 0 of an
    account, to one point, or to -5 if it is the lowest.

    Args:
        table: the training rows; a column without any number raises no error and scores 0.

    Attributes:
        width: D, of the vectors: scores, then indicators, then one-hot codes.
    """

    def __init__(self, table: Table):
        self._table = table.take(np.arange(0))
        self._sorted = [np.sort(column[~np.isnan(column)]) for column in table.numeric.T]
        self._has_missing = np.isnan(table.numeric).any(0)
        self._sizes = [len(words) for words in table.categories]
        self.width = len(self._sorted) + int(self._has_missing.sum()) + sum(self._sizes)

    def encode(self, table: Table, rng: np.random.Generator | None = None) -> np.ndarray:
        """(N, D) float32. `rng` spreads equal numbers over the ranks that they share, which makes
        the scores continuous for a generator; without it they have the middle one."""
        scores = [
            self._scores(values, column, rng)
            for values, column in zip(self._sorted, table.numeric.T, strict=True)
        ]
        missing = np.isnan(table.numeric[:, self._has_missing])
        codes = [
            np.eye(size)[column]
            for size, column in zip(self._sizes, table.categorical.T, strict=True)
        ]
        return np.column_stack([np.empty((len(table), 0)), *scores, missing, *codes]).astype(
            np.float32
        )

    def decode(self, vectors: np.ndarray, labels: np.ndarray) -> Table:
        """Rows of `vectors` (N, D): each number is one that the training rows have in that column,
        each category the one with the largest code."""
        n_numeric, n_missing = len(self._sorted), int(self._has_missing.sum())
        bounds = np.cumsum([n_numeric, n_missing, *self._sizes])[:-1]
        scores, missing, *codes = np.split(np.asarray(vectors, np.float64), bounds, axis=1)
        numeric = np.empty((len(vectors), n_numeric))
        for i, values in enumerate(self._sorted):
            rank = (ndtr(scores[:, i]) * len(values)).astype(int).clip(0, max(len(values) - 1, 0))
            numeric[:, i] = values[rank] if len(values) else np.nan
        numeric[:, self._has_missing] = np.where(
            missing > 0.5, np.nan, numeric[:, self._has_missing]
        )
        categorical = [code.argmax(1) for code in codes]
        empty = np.empty((len(vectors), 0), np.int64)
        return replace(
            self._table,
            numeric=numeric,
            categorical=np.column_stack([empty, *categorical]),
            labels=np.asarray(labels, np.int64),
        )

    @staticmethod
    def _scores(values, column, rng):
        low = np.searchsorted(values, column, "left")
        high = np.searchsorted(values, column, "right")
        missing = np.isnan(column)
        low, high = np.where(missing, 0, low), np.where(missing, len(values), high)
        share = 0.5 if rng is None else rng.uniform(size=len(column))
        # Half a rank from the ends, where the score would be infinite.
        half = 0.5 / max(len(values), 1)
        rank = (low + share * (high - low)) / max(len(values), 1)
        return ndtri(rank.clip(half, 1 - half))
