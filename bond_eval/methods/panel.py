"""One treated area beside others over time: the shape that comparisons with other areas work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bond_eval.methods.ar1 import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Panel:
    """y (T,): the treated area; others (T, J): the areas it is compared with, in the order of `areas`.

    start: place of the first period after.
    """

    areas: tuple[str, ...]
    periods: tuple[object, ...]
    y: FloatArray
    others: FloatArray
    start: int


def panel(frame: pd.DataFrame, treated: str, start: object) -> Panel:
    """Arrange a frame of area, period, value, whose first period after is `start`.

    An area with a gap (a value that is missing or suppressed) is left out, since a guess in its place would be one
    more assumption. Raises ValueError where the treated area
    is not there or has a gap itself, where a pair occurs twice, and where `start` leaves no period on either side.
    """
    if frame.duplicated(["area", "period"]).any():
        raise ValueError("An area and period occur twice.")
    wide = frame.pivot(index="period", columns="area", values="value").sort_index().astype(float)
    if treated not in wide.columns:
        raise ValueError(f"{treated} is not among the areas.")
    if wide[treated].isna().any():
        raise ValueError(f"{treated} has no value in {wide.index[wide[treated].isna()][0]}.")
    at = int(wide.index.searchsorted(start))
    if not 0 < at < len(wide):
        raise ValueError(f"The periods have to lie on both sides of {start}.")
    areas = tuple(str(area) for area in wide.columns[wide.notna().all()] if area != treated)
    return Panel(areas, tuple(wide.index), wide[treated].to_numpy(), wide[list(areas)].to_numpy(), at)
