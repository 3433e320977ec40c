"""Published figures of an authority beside those of its statistical neighbours, its region and England."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from bond_eval.intake.authority import Authority
from bond_eval.intake.dfe import NEIGHBOUR_COLUMNS, Dfe, reference_neighbours
from bond_eval.intake.reference import read_reference

OWN, NEIGHBOUR, REGION, ENGLAND = "Own", "Neighbour", "Region", "England"
VALUE_COLUMNS = ["key", "area", "year", "period", "count", "of", "value", "symbol"]


class Compared(Protocol):
    """What the functions here need of a view."""

    @property
    def authority(self) -> Authority: ...
    @property
    def neighbours(self) -> Dfe | None: ...
    @property
    def baseline(self) -> dt.date: ...
    @property
    def as_of(self) -> dt.date: ...


@dataclass(frozen=True)
class Peers:
    """Who is compared. `own`: the authority's key in the files. `areas`: key -> (name, one of OWN to ENGLAND).

    `neighbours`: NEIGHBOUR_COLUMNS with `key`, `found` (has rows) and `excluded` (why it can be no donor, "" else).
    `set_year` and `source` are the set's; 0 and "" without one.
    """

    own: str
    areas: dict[str, tuple[str, str]]
    neighbours: pd.DataFrame
    set_year: int = 0
    source: str = ""


def measures() -> pd.DataFrame:
    """Our measures and where the DfE has them (data/reference/dfe_series.csv), `per` as a number."""
    return read_reference("dfe_series.csv").astype({"per": float})


def why_not(view: Compared) -> str:
    """Why nothing can be compared, in a sentence; "" where it can."""
    files = view.neighbours
    if files is None:
        return "not available: needs the DfE's published files, in the folder dfe beside the return."
    if not len(files.rows):
        return "not available: the folder dfe holds no file with the columns of the DfE's published statistics."
    codes = [code for code in (view.authority.code, view.authority.old_code) if code]
    if not codes:
        return "not available: the authority's settings give no code, by which the files know the authority."
    if not _own_rows(files, codes).any():
        return f"not available: the DfE files have no row of the authority {' or '.join(codes)}."
    return ""


def _own_rows(files: Dfe, codes: list[str]) -> pd.Series:
    rows = files.rows
    return (rows["level"] == "Local authority") & (rows["code"].isin(codes) | rows["key"].isin(codes))


def peers(view: Compared) -> Peers:
    """The authority, its neighbours, region and England, as the files know them. Raises ValueError where `why_not`.

    Of several neighbour sets that of the baseline year is used, else the last before it, else the first after it; a
    set in the folder goes before those of the project.
    """
    reason, files = why_not(view), view.neighbours
    if reason or files is None:
        raise ValueError(reason)
    rows = files.rows
    mine = rows[_own_rows(files, [view.authority.code, view.authority.old_code])]
    own, region = str(mine["key"].iloc[-1]), str(mine["region"].iloc[-1])
    chosen = _chosen_set(files, {own, *mine["code"]}, view.baseline.year)
    keys = dict(zip(rows["code"], rows["key"], strict=True))
    chosen["key"] = chosen["neighbour"].map(keys).fillna(chosen["neighbour"])
    chosen["found"] = chosen["key"].isin(rows.loc[rows["level"] == "Local authority", "key"])
    similar = read_reference("excluded_donors.csv").set_index("authority")
    reasons = (similar["reason"] + " (" + similar["document"] + ", " + similar["section"] + ")").to_dict()
    chosen["excluded"] = chosen["excluded"].where(chosen["excluded"] != "", chosen["key"].map(reasons).fillna(""))
    names = dict(zip(rows["key"], rows["area"], strict=True))
    areas = {own: (names[own], OWN)}
    areas |= {key: (names[key], NEIGHBOUR) for key in chosen.loc[chosen["found"], "key"]}
    areas |= {region: (names[region], REGION)} if region in names else {}
    areas |= {key: (names[key], ENGLAND) for key in rows.loc[rows["level"] == "National", "key"].unique()}
    year, source = (int(chosen["set_year"].iloc[0]), str(chosen["source"].iloc[0])) if len(chosen) else (0, "")
    return Peers(own, areas, chosen, year, source)


def _chosen_set(files: Dfe, codes: set[str], baseline: int) -> pd.DataFrame:
    """One authority's neighbours from the set nearest to the baseline year, in order of rank."""
    for sets in (files.neighbours, reference_neighbours()):
        mine = sets[sets["authority"].isin(codes)]
        if len(mine):
            years = sorted(set(mine["set_year"]))
            year = max((one for one in years if one <= baseline), default=years[0])
            chosen = mine[mine["set_year"] == year].drop_duplicates("neighbour").sort_values("rank", kind="stable")
            return chosen.reset_index(drop=True)
    return pd.DataFrame(columns=NEIGHBOUR_COLUMNS)


def values(view: Compared, measure: str, found: Peers) -> pd.DataFrame:
    """One measure of the areas compared, every area × year of the files: VALUE_COLUMNS.

    `value` is count × per / of, unrounded (the DfE prints whole numbers); NaN with the DfE's `symbol` where a part is
    suppressed, and with "" where the files have no such row (a gap). Years after the quarter are left out, unless the
    files have no other. Raises KeyError for an unknown measure.
    """
    spec = measures().set_index("measure").loc[measure]
    rows = view.neighbours.rows if view.neighbours is not None else pd.DataFrame()
    rows = rows[rows["key"].isin(list(found.areas))]
    parts = [_series(rows, text, str(spec["indicator"])) for text in spec["series"].split(" | ")]
    parts.append(_series(rows, spec["of_series"] or spec["series"].split(" | ")[0], str(spec["of_indicator"])))
    wide = pd.concat([part["value"] for part in parts], axis=1, keys=range(len(parts)))
    marks = pd.concat([part["symbol"] for part in parts], axis=1).fillna("")
    years = sorted(set(wide.index.get_level_values("year")))
    past = [year for year in years if dt.date(year, 3, 31) <= view.as_of] or years
    grid = pd.MultiIndex.from_product([list(found.areas), past], names=["key", "year"])
    wide, marks = wide.reindex(grid), marks.reindex(grid, fill_value="")
    frame = pd.DataFrame(index=grid).reset_index()
    frame["count"] = wide.iloc[:, :-1].sum(axis=1, skipna=False).to_numpy()
    frame["of"] = wide.iloc[:, -1].where(wide.iloc[:, -1] > 0).to_numpy()
    frame["value"] = frame["count"] * float(spec["per"]) / frame["of"]
    frame["symbol"] = [next((mark for mark in row if mark), "") for row in marks.to_numpy()]
    frame["area"] = [found.areas[key][0] for key in frame["key"]]
    frame["period"] = [f"{year - 1}-{year % 100:02d}" for year in frame["year"]]
    return frame[VALUE_COLUMNS]


def _series(rows: pd.DataFrame, series: str, indicator: str) -> pd.DataFrame:
    """value and symbol by key and year of one series; the case of letters makes no difference."""
    chosen = rows[(rows["series"].str.lower() == series.lower()) & (rows["indicator"] == indicator)]
    return chosen.drop_duplicates(["key", "year"], keep="last").set_index(["key", "year"])[["value", "symbol"]]


def neighbours_panel(view: Compared, measure: str) -> pd.DataFrame:
    """The authority and its possible donors, every area × year: columns area, period (the year that ends, int), value,
    own (bool). Neighbours with a similar programme (data/reference/excluded_donors.csv) are left out.

    `value` is NaN for a suppressed cell or a gap: what to do with such an area is for the method to say. Empty, with
    these columns, where `why_not` or no neighbour is in the files. Raises KeyError for an unknown measure.
    """
    columns = ["area", "period", "value", "own"]
    if measure not in set(measures()["measure"]):
        raise KeyError(f"no measure {measure!r}; there are {', '.join(measures()['measure'])}")
    if why_not(view):
        return pd.DataFrame(columns=columns)
    found = peers(view)
    similar = set(found.neighbours.loc[found.neighbours["excluded"] != "", "key"])
    frame = values(view, measure, found)
    role = frame["key"].map({key: role for key, (_, role) in found.areas.items()})
    kept = frame[role.isin((OWN, NEIGHBOUR)) & ~frame["key"].isin(similar - {found.own})]
    panel = kept.assign(own=kept["key"] == found.own, period=kept["year"].astype(int))
    return panel[columns].reset_index(drop=True) if not panel["own"].all() else pd.DataFrame(columns=columns)


def standing(value: float, others: np.ndarray) -> tuple[int, int, int]:
    """(rank, number of areas, quartile) of a value among others, 1 the highest; equal values share the better rank."""
    others = others[~np.isnan(others)]
    rank, areas = 1 + int((others > value).sum()), len(others) + 1
    return rank, areas, -(-4 * rank // areas)
