"""The sample's files read again by hand, so that a table and its check share no step.

Nothing of the package reads the files here: the returns are joined, and children followed, with pandas alone. All is
synthetic. Days are timestamps; a frame has one row an episode, stay or case.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd

from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE, SAMPLE
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import View, load_view

FILES = ("2016-03-31", "2017-03-31", "2018-03-31", "2019-03-31", "2020-03-31", "2020-09-30")
AS_OF, BEYOND = pd.Timestamp(FILES[-1]), pd.Timestamp("2020-10-01")
BASELINE = pd.Timestamp("2019-03-31")
NAMES = {"route29": "Route 29", "transforming_care": "Transforming Care Salford", "act": "Achieving Change Together",
         "domestic_abuse": "Domestic abuse (Harbour)"}  # fmt: skip
DAY = pd.Timedelta(days=1)
OP, IFA, OWN, KIN = "Outside placement", "IFA", "In-house fostering", "Connected carers"


@cache
def sample() -> View:
    """The committed sample as builders see it, loaded once for all that ask."""
    return load_view(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "internal", 2021)


def built(id: str) -> pd.DataFrame:
    """A registered table of the sample, as its builder gives it."""
    return registered()[id].build(sample())


def told(name: str, folder=REFERENCE) -> pd.DataFrame:
    """A CSV file as text; a blank is "" and the word None is a word."""
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


@cache
def returned(name: str) -> pd.DataFrame:
    """All rows of one module of the six returns as text, in order, with the place of each row's file; no blank ones."""
    parts = []
    for place, path in enumerate(sorted(SAMPLE.glob(f"20*/{name}.csv"))):
        part = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", encoding_errors="replace")
        parts.append(part.rename(columns=str.upper)[(part != "").any(axis=1)].assign(file=place))
    return pd.concat(parts, ignore_index=True)


def dated(text: pd.Series) -> pd.Series:
    days = pd.to_datetime(text, format="%d/%m/%Y", errors="coerce")
    return days.fillna(pd.to_datetime(text, format="%Y-%m-%d", errors="coerce"))


def category(rows: pd.DataFrame) -> np.ndarray:
    """As the report counts them; any other placement by its own code."""
    home, foster = rows["PLACE"].isin(["K2", "R1"]), rows["PLACE"].isin(["U4", "U5", "U6"])
    agency, own, other = (rows["PLACE_PROVIDER"].isin(codes) for codes in (["PR4", "PR5"], ["PR1"], ["PR2", "PR3"]))
    kin = rows["PLACE"].isin(["U1", "U2", "U3"])
    kinds = [home & (agency | other), home & own, foster & agency, foster & (own | other), kin]
    return np.select(kinds, [OP, "Own home", IFA, OWN, KIN], rows["PLACE"])


@cache
def joined() -> SimpleNamespace:
    """The returns joined by hand. rules: rows by what was done; rows: one an episode; moves: one a stay with a carer;
    stays: one an unbroken time in a category. `end` is the first day away, BEYOND for whoever is there still."""
    rows, rules = returned("episodes"), {}
    rows = rows.assign(start=dated(rows["DECOM"]), end=dated(rows["DEC"]))
    usable = rows["start"].notna() & ~(rows["end"] < rows["start"])
    rules["unusable"] = int((~usable).sum())
    rows = rows[usable].fillna({"end": BEYOND}).sort_values(["CHILD", "start", "file", "end"])
    key = ["CHILD", "start"]
    again, newest = rows.duplicated(key, keep="last"), rows.groupby(key)["file"].transform("max")
    rules |= {"3": (again & (rows["file"] == newest)).sum(), "3A": (again & (rows["file"] < newest)).sum()}
    rows = rows[~again].reset_index(drop=True)
    after = rows.groupby("CHILD")[["start", "file", "RNE"]].shift(-1)
    unended, later = (rows["DEC"] == "") & (rows["file"] < len(FILES) - 1), after["file"] > rows["file"]
    broke = after["RNE"] == "S"
    over = (rows["end"] > after["start"]) & ~(unended & later)
    gap = (rows["REC"] == "X1") & (rows["end"] < after["start"]) & later
    found = {"1": unended & later & ~broke, "1A": unended & later & broke, "2": unended & after["start"].isna(),
             "4": over, "5": gap}  # fmt: skip
    rules |= {rule: mask.sum() for rule, mask in found.items()}
    closes = pd.Series(pd.to_datetime(FILES)[rows["file"]] + DAY, index=rows.index)
    end = rows["end"].mask(found["1"] | over | gap, after["start"]).mask(found["2"], closes)
    rows["end"] = end.mask(found["1A"], np.minimum(after["start"], closes))
    rows = rows[~rows["LS"].isin(["V3", "V4"])]  # short breaks
    begins = (rows["RNE"] == "S") | (rows["start"] > rows.groupby("CHILD")["end"].shift()) | ~rows.duplicated("CHILD")
    rows = rows.assign(category=category(rows), period=begins.cumsum(), REC=rows["REC"].mask(rows["end"] == BEYOND, ""))
    kept = rows[~rows["PLACE"].str.startswith("T")].copy()  # a temporary placement ends none
    final = ~kept.duplicated("period", keep="last")
    last = rows.groupby("period")[["end", "REC", "REASON_PLACE_CHANGE"]].last()
    kept.loc[final, last.columns] = last.reindex(kept.loc[final, "period"]).to_numpy()
    before = kept.shift()
    same, back = (before[names].eq(kept[names]).all(axis=1) for names in (["period"], ["PLACE", "PLACE_PROVIDER"]))
    back &= kept["start"] > before["end"]
    moved = ~same | (kept["RNE"].isin(["P", "B"]) & ~back)
    stayed = same & (before["category"] == kept["category"])
    made = {name: _runs(kept, begin) for name, begin in (("moves", moved), ("stays", ~stayed))}
    return SimpleNamespace(rules={rule: int(n) for rule, n in rules.items()}, rows=rows, **made)


def _runs(kept: pd.DataFrame, begins: pd.Series) -> pd.DataFrame:
    """Runs of episodes that begin where the mask is true, each with what went before it and what followed."""
    run = kept.groupby(begins.cumsum())
    runs = run.first().assign(**{name: run[name].last() for name in ("end", "REC", "REASON_PLACE_CHANGE")})
    mine = runs.groupby("period")
    return runs.assign(next=mine["category"].shift(-1), before=mine["REASON_PLACE_CHANGE"].shift())


def there(rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return rows[(rows["start"] <= day) & (rows["end"] > day)]


def wilson(part: float, whole: float) -> tuple[float, float, float]:
    from statsmodels.stats.proportion import proportion_confint

    return (part / whole, *proportion_confint(part, whole, method="wilson"))


def ends(frame: pd.DataFrame, name: str) -> np.ndarray:
    return frame[[name, "lower", "upper"]].to_numpy(dtype=float)


@cache
def register() -> pd.DataFrame:
    """The register's cases with its people; without the one given twice and the one that ended before it began.

    Whoever was born on another day in the return than in the register is not taken for the same child.
    """
    rows = told("register/cases.csv", SAMPLE).drop_duplicates()
    dates = ("referral_date", "decision_date", "start_date", "end_date")
    rows = rows.assign(**{name: dated(rows[name]) for name in dates})
    rows = rows[~(rows["end_date"] < rows["start_date"])]
    people = told("register/people.csv", SAMPLE)
    born = dated(people["care_id"].map(births()))
    people["care_id"] = people["care_id"].mask(born.isna() | (born != dated(people["date_of_birth"])), "")
    return rows.merge(people, on="child_id", how="left", validate="m:1")


def births() -> pd.Series:
    """Child -> date of birth as the latest return writes it."""
    return returned("header").drop_duplicates("CHILD", keep="last").set_index("CHILD")["DOB"]
