"""The register's cases as they stood on a day, each with what is known of its child."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.placements.ages import age_on

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

UNRECORDED = "Not recorded"
# 8 and 12 are the ages that the published proposal would move Route 29 between.
AGE_STARTS = (0, 8, 12, 14, 16, 18)
AGES = ("Under 8", "8 to 11", "12 to 13", "14 to 15", "16 to 17", "18 and over")
ETHNIC_GROUPS = {"W": "White", "M": "Mixed", "A": "Asian", "B": "Black", "C": "Asian", "O": "Other"}
ETHNIC_UNKNOWN = ("", "REFU", "NOBT")
CHARACTERISTICS = ("sex", "ethnicity", "age", "disability", "deprivation")
_DATES = ("referral", "decided", "start", "end")


def cases_at(register: Register, as_of: dt.date, programme: str = "") -> pd.DataFrame:
    """Cases opened by `as_of`, of one programme or ("") of all, as they stood then: what came later is undone.

    The register's columns, and opened (int32, the first of referral, decision, start and end; NO_DAY for a case without
    any date, which is kept), agreed (decided, else start), accepted, refused, waiting (one of the three is true),
    started, ended, completed (bool). Of the child: care, birth, years (-1 unknown, on the day opened), sex, ethnicity,
    age, disability, deprivation, where "" has become "Not recorded". Ordered by opened, child, case.
    """
    # A register does not change, and every table asks: worked out once, kept with it as a cached property would be.
    kept = register.__dict__.setdefault("cases_at", {})
    if (as_of, programme) not in kept:
        kept[as_of, programme] = _as_they_stood(register, as_of, programme)
    frame: pd.DataFrame = kept[as_of, programme].copy(deep=False)
    return frame


def _as_they_stood(register: Register, as_of: dt.date, programme: str) -> pd.DataFrame:
    today, rows = day_number(as_of), register.cases
    rows = rows[rows["programme"] == programme] if programme else rows
    first = rows[list(_DATES)].min(axis=1)
    rows, first = rows[(first <= today) | (first == NO_DAY)], first[(first <= today) | (first == NO_DAY)]
    later = {name: ((rows[name] > today) & (rows[name] != NO_DAY)).to_numpy() for name in _DATES}
    dates = {name: rows[name].mask(later[name], NO_DAY).astype(np.int32) for name in _DATES}
    cases = rows.assign(**dates, opened=first.to_numpy(dtype=np.int32))
    cases["decision"] = cases["decision"].mask(later["decided"], "waiting")
    cases["reason"] = cases["reason"].mask(later["decided"], "")
    cases["closure"] = cases["closure"].mask(later["end"], "")
    cases["started"], cases["ended"] = cases["start"] != NO_DAY, cases["end"] != NO_DAY
    cases["accepted"] = (cases["decision"] == "accepted") | cases["started"]
    cases["agreed"] = cases["decided"].where(cases["decided"] != NO_DAY, cases["start"])
    cases["refused"] = (cases["decision"] == "not accepted") & ~cases["accepted"]
    cases["waiting"] = ~cases["accepted"] & ~cases["refused"]
    cases["completed"] = cases["ended"] & (cases["closure"] == "completed")
    return _with_people(cases, register.people).sort_values(["opened", "child", "case"], ignore_index=True)


def _with_people(cases: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    mine = people.take(cases["child"].to_numpy(dtype=np.int64)).set_index(cases.index)
    dated = (cases["opened"] != NO_DAY).to_numpy()
    years = age_on(mine["birth"].to_numpy(), np.where(dated, cases["opened"], 0))
    years = np.where(dated, years, -1)
    band = np.searchsorted(AGE_STARTS, years, side="right") - 1
    ethnicity = mine["ethnicity"].astype(str)
    decile = mine["decile"].to_numpy(dtype=float)
    fifth = np.where(np.isnan(decile), 0, np.ceil(np.nan_to_num(decile) / 2)).astype(int)
    named = np.array(
        [UNRECORDED, "Most deprived fifth", "Second fifth", "Third fifth", "Fourth fifth", "Least deprived"]
    )
    return cases.assign(
        care=mine["care"],
        birth=mine["birth"],
        years=years,
        sex=_words(mine["sex"]),
        ethnicity=ethnicity.str[:1].map(ETHNIC_GROUPS).mask(ethnicity.isin(ETHNIC_UNKNOWN)).fillna(UNRECORDED),
        age=np.array([*AGES, UNRECORDED], dtype=object)[band],
        disability=_words(mine["disability"]),
        deprivation=named[fifth],
    )


def _words(values: pd.Series) -> pd.Series:
    text = values.astype(object).fillna("").astype(str)
    return text.mask(text == "", UNRECORDED)


def first_cases(cases: pd.DataFrame, clock: str = "start") -> pd.DataFrame:
    """Each child's first case with a date in `clock` (opened, agreed or start): one child, one row.

    Over several programmes it is the first of any, so that one child's outcome is counted once.
    """
    dated = cases[cases[clock] != NO_DAY].sort_values([clock, "child", "case"], kind="stable")
    return dated.drop_duplicates("child", ignore_index=True)
