"""One number as a notebook may see it: formatted, and confidential where the gate says so.

Arithmetic passes confidentiality on: a difference with a confidential number is confidential.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bond_eval.core import formats

CONFIDENTIAL, NOT_APPLICABLE, NOT_AVAILABLE = "c", "z", "x"
SPOKEN: Mapping[str, Callable[[float], str]] = {
    "£": formats.said,
    "cost": formats.more,
    "net": lambda value: formats.more(-value),
}
WORDS = {
    CONFIDENTIAL: "a number withheld (c)",
    NOT_APPLICABLE: "not applicable (z)",
    NOT_AVAILABLE: "not available (x)",
}


@dataclass(frozen=True)
class Cell:
    """`value` is None where `symbol` says why: c confidential, z not applicable, x not available."""

    value: float | None
    kind: str = "count"
    symbol: str = ""

    @property
    def known(self) -> bool:
        """True where there is a number to show."""
        return self.value is not None

    def __str__(self) -> str:
        return show(self.value, self.kind) if self.value is not None else self.symbol

    def __format__(self, spec: str) -> str:
        """In a sentence a symbol alone would not be understood, so it comes with its words.

        Of money in £000 "£" asks for it as people say it, "cost" for what is more or less than something else costs,
        and "net" for the same of a net position, which costs more where it is below nought.
        """
        if self.value is not None and spec in SPOKEN:
            return SPOKEN[spec](self.value)
        return format(str(self) if self.known else WORDS[self.symbol], "" if spec in SPOKEN else spec)

    def __add__(self, other: Cell | float) -> Cell:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Cell | float) -> Cell:
        return self._with(other, lambda a, b: a - b)

    def __truediv__(self, other: Cell | float) -> Cell:
        return self._with(other, lambda a, b: a / b if b else float("nan"), "percent")

    def _with(self, other: Cell | float, operation: Callable[[float, float], float], kind: str = "") -> Cell:
        other = other if isinstance(other, Cell) else Cell(float(other), self.kind)
        if self.value is None or other.value is None:
            return Cell(None, kind or self.kind, self.symbol or other.symbol)
        result = operation(self.value, other.value)
        return Cell(result, kind or self.kind) if result == result else Cell(None, kind or self.kind, NOT_APPLICABLE)


def show(value: float, kind: str) -> str:
    """A number as its kind is written: count, percent (a fraction of 1), money, thousands, rate, days, decimal."""
    writers: dict[str, Callable[[float], str]] = {
        "percent": formats.percent,
        "money": formats.money,
        "thousands": formats.thousands,
        "pounds": lambda v: ("−" if v < 0 else "") + f"£{formats.number(abs(v))}",
        "factor": lambda v: formats.number(v, 3),
        "rate": lambda v: formats.number(v, 1),
        # One that was rounded to two figures, since it rests on rounded counts, shows no third.
        "ratio": lambda v: formats.number(v, 2 if v < 1 or len(f"{v:.9g}") > 3 else 1),
        "decimal": lambda v: formats.number(v, 1),
        "chance": lambda v: formats.percent(v) if v == 0 or v >= 0.005 else "under 1%",
        "signed": lambda v: ("+" if v > 0 else "−" if v < 0 else "") + formats.number(abs(v)),
    }
    return writers.get(kind, formats.number)(value)


def compare(new: Cell, old: Cell) -> str:
    """ "6 fewer than the 48", "the same as the 48", "2 more than the 40"; says so where it may not be said."""
    gap = new - old
    if gap.value is None:
        return "not comparable (a number is withheld) with the number"
    if gap.value == 0:
        return f"the same as the {old}"
    word = "more" if gap.value > 0 else "fewer"
    return f"{formats.number(abs(gap.value))} {word} than the {old}"


def with_interval(estimate: Cell, low: Cell, high: Cell) -> str:
    """ "8% (6% to 10%)"; says so where the estimate is withheld, or there is no interval or no upper end."""
    if not estimate.known:
        return f"{estimate}"
    if low.known and high.symbol == NOT_AVAILABLE:
        return f"{estimate} ({low} or more; no upper limit yet)"
    return f"{estimate} ({low} to {high})" if low.known and high.known else f"{estimate} (no interval can be given)"
