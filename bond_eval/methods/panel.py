"""One treated area beside others over time: the shape that comparisons with other areas work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bond_eval.methods.ar1 import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Panel:
    """y (T,): the treated area; others (T, J): the areas it is compared with, in the order of `areas`.

    start: place of the first period after. excluded: areas left out, each with the reason.
    """

    treated: str
    areas: tuple[str, ...]
    periods: tuple[object, ...]
    y: FloatArray
    others: FloatArray
    start: int
    excluded: tuple[tuple[str, str], ...]


def panel(frame: pd.DataFrame, treated: str, start: object, excluded: Mapping[str, str] | None = None) -> Panel:
    """Arrange a frame of area, period, value, whose first period after is `start`.

    excluded: area -> why it is no fair comparison. An area with a gap (a value that is missing or suppressed) is left
    out and listed, since a guess in its place would be one more assumption. Raises ValueError where the treated area
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
    reasons = {str(area): why for area, why in (excluded or {}).items() if area in wide.columns and area != treated}
    gaps = wide.columns[wide.isna().any()]
    reasons |= {str(area): "a value is missing or suppressed" for area in gaps if area not in reasons}
    areas = tuple(str(area) for area in wide.columns if area != treated and area not in reasons)
    others = wide[list(areas)].to_numpy()
    return Panel(
        treated, areas, tuple(wide.index), wide[treated].to_numpy(), others, at, tuple(sorted(reasons.items()))
    )
