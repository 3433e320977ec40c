"""Scores at the start and later, rater by rater: mean change, change beyond measurement error, bands, who is missing.

A parent's, a teacher's and a young person's own score are three measures: every pair is of one measure by one rater.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import day_number
from bond_eval.methods import change as methods
from bond_eval.methods.proportions import Estimate
from bond_eval.placements.ages import age_on
from bond_eval.programmes.cases import cases_at, first_cases

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

NEAR_START, APART = 90, 60  # days: how near its start a start score lies; how long after it an end score may come
LOWER_IS_BETTER = ("sdq_total", "sdq_impact", "sdq_emotional", "exploitation_risk")
RELIABLE = ("Better", "No reliable change", "Worse", "No norm")


@dataclass(frozen=True)
class ScaleChange:
    """One measure by one rater. starters: children who started; scored: with a start score; pairs: with both.

    frame: one row a child with a start score: child, years, start, end (NaN where missing), apart (days). change: mean
    of end less start. gap: mean start score of those without an end score less those with one. reliable: children by
    RELIABLE. bands: band, start, end (children; of pairs), empty without published bands. added: mean SDQ added value.
    cannot: what could not be worked out, and why, in sentences.
    """

    measure: str
    rater: str
    starters: int
    frame: pd.DataFrame
    change: Estimate | None
    gap: Estimate | None
    reliable: dict[str, int]
    bands: pd.DataFrame
    added: Estimate | None
    cannot: tuple[str, ...] = field(default=())

    @property
    def scored(self) -> int:
        """Children with a start score."""
        return len(self.frame)

    @property
    def pairs(self) -> int:
        """Children with both scores."""
        return int(self.frame["end"].notna().sum())


def scale_changes(register: Register, as_of: dt.date, programme: str) -> list[ScaleChange]:
    """Every measure and rater that the programme has scores of, in alphabetical order."""
    mine = _measures(register, as_of, programme)
    kinds = sorted(set(zip(mine["measure"], mine["rater"], strict=True)))
    return [scale_change(register, as_of, programme, measure, rater) for measure, rater in kinds]


def scale_change(register: Register, as_of: dt.date, programme: str, measure: str, rater: str) -> ScaleChange:
    """Change from start score to end score of the children who started.

    Start score: the one nearest the start within 90 days of it. End score: the last one 60 days or more after that.
    """
    starters = first_cases(cases_at(register, as_of, programme))
    frame = _pairs(_measures(register, as_of, programme), starters, measure, rater)
    whole = frame[frame["end"].notna()]
    cannot: list[str] = []
    change = _try(lambda: methods.paired_change(whole["start"], whole["end"]), "The mean change", cannot)
    left = frame.loc[frame["end"].isna(), "start"]
    gap = None
    if len(left):
        gap = _try(lambda: methods.missing_pairs(left, whole["start"]), "How the missing pairs differ", cannot)
    reliable = _reliable(whole, measure, rater)
    if reliable["No norm"]:
        cannot.append(f"Reliable change: {reliable['No norm']} of the pairs have no norm for measure, rater and age.")
    added = _added_value(register, as_of, programme, whole, rater, cannot) if measure == "sdq_total" else None
    bands = _bands(whole, measure, rater)
    return ScaleChange(measure, rater, len(starters), frame, change, gap, reliable, bands, added, tuple(cannot))


def _measures(register: Register, as_of: dt.date, programme: str) -> pd.DataFrame:
    rows = register.measures
    return rows[(rows["programme"] == programme) & (rows["day"] <= day_number(as_of)) & rows["score"].notna()]


def _pairs(measures: pd.DataFrame, starters: pd.DataFrame, measure: str, rater: str) -> pd.DataFrame:
    mine = measures[(measures["measure"] == measure) & (measures["rater"] == rater)]
    met = starters[["child", "start", "birth"]].rename(columns={"start": "began"})
    met = met.merge(mine[["child", "day", "score"]], on="child")
    met = met.assign(away=(met["day"] - met["began"]).abs())
    first = met[met["away"] <= NEAR_START].sort_values(["child", "away", "day"]).drop_duplicates("child")
    first = first.rename(columns={"day": "first", "score": "start"})[["child", "birth", "first", "start"]]
    later = first[["child", "first"]].merge(met, on="child")
    later = later[later["day"] >= later["first"] + APART].sort_values("day").drop_duplicates("child", keep="last")
    frame = first.merge(later[["child", "day", "score"]].rename(columns={"score": "end"}), on="child", how="left")
    years = age_on(frame["birth"].to_numpy(dtype=np.int32), frame["first"].to_numpy(dtype=np.int64))
    return pd.DataFrame(
        {"child": frame["child"], "years": years, "first": frame["first"], "start": frame["start"], "end": frame["end"],
         "apart": frame["day"] - frame["first"]}
    )  # fmt: skip


@cache
def norms() -> pd.DataFrame:
    """Published norms: measure, rater, age_from, age_to, mean, sd, reliability (numbers), source, standing."""
    return _numbers("scale_norms.csv", ["age_from", "age_to", "mean", "sd", "reliability"])


@cache
def sdq_bands() -> pd.DataFrame:
    """Published SDQ bands: version, measure, rater, age_from, age_to, band, low, high, source, standing."""
    return _numbers("sdq_bands.csv", ["age_from", "age_to", "low", "high"])


def _numbers(name: str, columns: list[str]) -> pd.DataFrame:
    table = read_reference(name)
    return table.assign(**{column: pd.to_numeric(table[column]) for column in columns})


def _reliable(whole: pd.DataFrame, measure: str, rater: str) -> dict[str, int]:
    index = np.full(len(whole), np.nan)
    years, start, end = (whole[name].to_numpy() for name in ("years", "start", "end"))
    table = norms()
    for norm in table[(table["measure"] == measure) & (table["rater"] == rater)].to_dict("records"):
        mine = (years >= norm["age_from"]) & (years <= norm["age_to"])
        index[mine] = methods.reliable_change(start[mine], end[mine], norm["sd"], norm["reliability"])
    better = -index if measure in LOWER_IS_BETTER else index
    masks = (better > 1.96, np.abs(better) <= 1.96, better < -1.96, np.isnan(better))
    return {name: int(mask.sum()) for name, mask in zip(RELIABLE, masks, strict=True)}


def _bands(whole: pd.DataFrame, measure: str, rater: str) -> pd.DataFrame:
    """Pairs by one of the four bands at the start and at the end; children outside the ages of the bands in none."""
    table = sdq_bands()
    mine = table[(table["version"] == "four") & (table["measure"] == measure) & (table["rater"] == rater)]
    rows = []
    for band in mine.to_dict("records"):
        fits = whole[(whole["years"] >= band["age_from"]) & (whole["years"] <= band["age_to"])]
        # Scores are whole; one pro-rated to a half falls to the band of the number that it rounds to.
        scores = (np.floor(fits[side] + 0.5).between(band["low"], band["high"]) for side in ("start", "end"))
        rows.append((band["band"], *(int(inside.sum()) for inside in scores)))
    return pd.DataFrame(rows, columns=["band", "start", "end"])


def _added_value(
    register: Register, as_of: dt.date, programme: str, whole: pd.DataFrame, rater: str, cannot: list[str]
) -> Estimate | None:
    """Mean added value of the pairs whose impact and emotional scores of the same day, rater and child are there."""
    low, high = methods.ADDED_VALUE_AGES
    if rater != "parent":
        cannot.append("Added value: its formula is of the parent form only.")
        return None
    rows = _measures(register, as_of, programme)
    rows = rows[rows["rater"] == rater]
    found = whole[(whole["years"] >= low) & (whole["years"] <= high)]
    for part in ("sdq_impact", "sdq_emotional"):
        scores = rows.loc[rows["measure"] == part, ["child", "day", "score"]].drop_duplicates(["child", "day"])
        if scores.empty:
            cannot.append(f"Added value: the register holds no {part} by a parent.")
            return None
        found = found.merge(scores.rename(columns={"day": "first", "score": part}), on=["child", "first"])
    values = methods.added_value(found["start"], found["sdq_impact"], found["sdq_emotional"], found["end"])
    return _try(lambda: methods.mean_estimate(values), "Added value", cannot)


def _try(estimate: Callable[[], Estimate], what: str, cannot: list[str]) -> Estimate | None:
    """The estimate, or None with the reason noted: too few scores is an answer here and no fault."""
    try:
        return estimate()
    except ValueError as reason:
        cannot.append(f"{what}: {reason}")
        return None
