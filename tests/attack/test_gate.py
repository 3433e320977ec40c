"""The first disclosure gate: what it hides, what it must not hide, and that nothing hidden can be worked out."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bond_eval.core.errors import InputError
from bond_eval.evidence.cells import Cell, compare, with_interval
from bond_eval.evidence.gate import MINIMUM, protect
from bond_eval.evidence.registry import ALL, Table, Value

PLAIN = Value("n", "Children")


def spec(values: tuple[Value, ...] = (PLAIN,), margins: tuple[str, ...] = ("row", "column")) -> Table:
    labels = {"row": "Row", "column": "Column"}
    return Table("t", "notebook", "Title", "a row", labels, values, margins, "source", "count", lambda view: None)


def crossed(body: np.ndarray) -> pd.DataFrame:
    """A table with totals both ways as tidy rows."""
    whole = np.vstack([np.hstack([body, body.sum(1, keepdims=True)]), np.append(body.sum(0), body.sum())])
    rows = [*(f"r{i}" for i in range(body.shape[0])), ALL]
    columns = [*(f"c{j}" for j in range(body.shape[1])), ALL]
    cells = [(r, c, int(whole[i, j])) for (i, r), (j, c) in itertools.product(enumerate(rows), enumerate(columns))]
    return pd.DataFrame(cells, columns=["row", "column", "n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_small_count_is_shown_and_no_line_leaves_just_one_open(cells: list[list[int]]) -> None:
    frame = crossed(np.array(cells))
    shown = protect(spec(), frame, "public")
    numbers = [cell.value for cell in shown.cells("n") if cell.known]
    assert not [n for n in numbers if 1 <= n < MINIMUM]
    hidden = shown.frame["n"].isna()
    for margin, other in (("row", "column"), ("column", "row")):
        for _, line in frame.groupby(other):
            if (line[margin] == ALL).any():
                assert hidden.loc[line.index].sum() != 1


def test_zero_and_six_are_shown_one_and_five_are_not() -> None:
    frame = pd.DataFrame({"row": list("abcd"), "column": "x", "n": [0, 6, 1, 5]})
    assert [str(cell) for cell in protect(spec(margins=()), frame, "public").cells("n")] == ["0", "6", "c", "c"]


def test_a_small_complement_hides_its_count() -> None:
    part = Value("n", "Children", of="of")
    whole = Value("of", "Of")
    share = Value("share", "Share", "percent", follows=("n",))
    frame = pd.DataFrame({"row": ["a", "b"], "column": "x", "n": [29, 20], "of": [30, 30], "share": [29 / 30, 2 / 3]})
    shown = protect(spec((part, whole, share), ()), frame, "public").shown()
    assert list(shown["Children"]) == ["c", "20"]
    assert list(shown["Share"]) == ["c", "67%"]


def test_what_is_worked_out_from_a_hidden_count_is_hidden_too() -> None:
    published = Value("published", "Published", "number", follows=("n",))
    frame = pd.DataFrame({"row": ["a"], "column": "x", "n": [2], "published": [2.0]})
    assert protect(spec((PLAIN, published), ()), frame, "public").cell("published", row="a").symbol == "c"


def test_internal_shows_all_and_another_audience_is_refused() -> None:
    frame = pd.DataFrame({"row": ["a"], "column": "x", "n": [2]})
    assert str(protect(spec(margins=()), frame, "internal").cell("n", row="a")) == "2"
    with pytest.raises(InputError, match="public or internal"):
        protect(spec(margins=()), frame, "everyone")


def test_no_raw_value_stays_behind_a_symbol() -> None:
    frame = pd.DataFrame({"row": ["a", "b"], "column": "x", "n": [2, 40]})
    shown = protect(spec(margins=()), frame, "public")
    held = f"{shown.frame.to_dict()} {shown.symbols.to_dict()} {shown.to_csv()} {shown._repr_mimebundle_()}"
    assert "2" not in held.replace("a", "")


def test_confidentiality_passes_through_arithmetic_and_words() -> None:
    hidden, seen = Cell(None, "count", "c"), Cell(48.0)
    for result in (hidden - seen, seen - hidden, hidden + 1, hidden / seen):
        assert not result.known and str(result) == "c"
    assert "withheld" in compare(hidden, seen) and f"{hidden}" == "a number withheld (c)"
    assert "48" in compare(Cell(42.0), seen)
    assert compare(Cell(42.0), seen) == "6 fewer than the 48"
    assert compare(Cell(48.0), seen) == "the same as the 48"
    assert compare(Cell(50.0), seen) == "2 more than the 48"
    ends = ("x", "11.7 (10.5 or more; no upper limit yet)"), ("c", "11.7 (no interval can be given)")
    for symbol, words in ends:
        assert with_interval(Cell(11.7, "rate"), Cell(10.5, "rate"), Cell(None, "rate", symbol)) == words
