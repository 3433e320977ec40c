"""Row by row, why our daily counts and the peer's differ: every difference in one of the named reasons below.

Both counts are sums over rows (+1 on the day that a row starts, -1 on the day that it ends), so the difference of
the two on any day is exactly the sum of the differences of their rows. A row is a child and a start date.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.intake.ssda903 import Return
from bond_eval.intake.typed import NO_DAY, dates_to_days
from bond_eval.placements.ages import birthday
from bond_eval.placements.history import SHORT_BREAKS, History
from bond_eval.placements.stitch import SET_ASIDE

CATEGORIES = ("FOSTERING", "RESIDENTIAL", "SUPPORTED", "OTHER")
PLACES = {
    **dict.fromkeys(("U1", "U2", "U3", "U4", "U5", "U6"), 0),
    **dict.fromkeys(("K2", "R1"), 1),
    **dict.fromkeys(("H5", "P2"), 2),
}
BANDS = ("BIRTH_TO_ONE", "ONE_TO_FIVE", "FIVE_TO_TEN", "TEN_TO_SIXTEEN", "SIXTEEN_TO_EIGHTEEN")
BAND_STARTS = (1, 5, 10, 16)
YEAR = 365.24  # days, as the peer divides
KEY = ["child", "start"]
FILE, SHORT, OPEN, SAME_END, CORRECTED = "file dropped", "short break", "open for ever", "same end", "corrected"
OVERLAP, BACKWARDS, PERIOD, GAP, TWO_ENDS = "cut short", "ends before start", "new period", "X1 gap", "two ends"
NO_HEADER, CODE, K3, BIRTH, AGE = "no header", "place code", "K3", "two birth dates", "age at start"
REASONS = {
    FILE: "of two files with one latest calendar year it reads one and drops the other, silently",
    SHORT: "it counts short breaks (V3, V4) as looked after; we leave them out",
    OPEN: "left open and in no later file: it counts the child for ever; we to the file's last day",
    SAME_END: "two rows of a child with one end, or both without: it drops the later row; we keep both",
    CORRECTED: "not in a later file, of which a row covers the same time: it keeps both rows; we the later file's",
    OVERLAP: "it ends a row where another starts that only one of us keeps",
    BACKWARDS: "the end lies before the start: it counts the days between as minus one child; we set the row aside",
    PERIOD: "left open before a new period of care: it fills the gap; we end the row on the file's last day",
    GAP: "care continues (X1) but the next row starts later: we extend to it; it leaves the gap",
    TWO_ENDS: "files give different ends for one row: it takes the latest date; we the latest file",
    NO_HEADER: "no header row with a date of birth: it leaves the child out; we count it, age not known",
    CODE: "files give different places for one row: it takes the row with the latest end; we the latest file",
    K3: "it does not know K3, registered supported accommodation, and counts it as other",
    BIRTH: "files give different dates of birth: it takes the first file that it meets; we the latest",
    AGE: "it fixes a child's age at the start of each row; we let it grow",
}


@dataclass(frozen=True)
class Window:
    """The days compared: `first` (days since 1970) and how many."""

    first: int
    days: int


@dataclass(frozen=True)
class Account:
    """`ours` and `theirs`: children by day × CATEGORIES × BANDS (and a last band, age not known).

    `parts`: reason -> what it adds to ours minus theirs, of the same shape. `rows`: reason -> rows concerned.
    `unexplained`: rows that differ for no reason known here.
    """

    ours: np.ndarray
    theirs: np.ndarray
    parts: dict[str, np.ndarray]
    rows: dict[str, int]
    unexplained: int


def count(rows: pd.DataFrame, window: Window) -> np.ndarray:
    """Children by day × category × band from rows with start, end, category and band."""
    shape = (window.days + 1, len(CATEGORIES), len(BANDS) + 1)
    steps = np.zeros(shape, dtype=np.int64)
    for column, sign in (("start", 1), ("end", -1)):
        day = np.clip(rows[column].to_numpy(dtype=np.int64) - window.first, 0, window.days)
        np.add.at(steps, (day, rows["category"].to_numpy(), rows["band"].to_numpy()), sign)
    return np.cumsum(steps, axis=0)[:-1]


def our_rows(history: History, data: Return) -> pd.DataFrame:
    """Our episodes in the peer's categories, with the age band at their start as it would work it out."""
    frame = history.episodes
    birth = history.people["birth"].to_numpy()[frame["child"].to_numpy()].astype(np.int64)
    age = np.where(birth == NO_DAY, np.nan, (frame["start"].to_numpy() - birth) / YEAR)
    rows = pd.DataFrame({"child": data.children[frame["child"].to_numpy()], "place": frame["place"].astype(object)})
    band = np.where(np.isnan(age), len(BANDS), np.searchsorted(BAND_STARTS, age, side="right"))
    # K3 counts as supported here, which it is.
    category = rows["place"].map({**PLACES, "K3": 2}).fillna(3).astype(int)
    names = data.submissions["name"].to_numpy()[frame["submission"].to_numpy()]
    return rows.assign(
        start=frame["start"],
        end=frame["end"],
        category=category,
        band=band,
        birth=birth,
        rule=frame["rule"],
        file=names,
    )


def by_birthday(rows: pd.DataFrame, window: Window) -> np.ndarray:
    """The same count with each child in the band of its age on the day."""
    total = np.zeros((window.days, len(CATEGORIES), len(BANDS) + 1), dtype=np.int64)
    known = rows[rows["birth"] != NO_DAY]
    birth = known["birth"].to_numpy().astype(np.int32)
    edges = [
        np.full(len(known), -(2**31)),
        *(birthday(birth, years) for years in BAND_STARTS),
        np.full(len(known), 2**31),
    ]
    for band in range(len(BANDS)):
        start = np.maximum(known["start"], edges[band])
        part = known.assign(start=start, end=np.minimum(known["end"], edges[band + 1]), band=band)
        total += count(part[part["end"] > part["start"]], window)
    return total + count(rows[rows["birth"] == NO_DAY], window)


def peer_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The peer's own rows (columns CHILD, DECOM, DEC, LS, PLACE, age, category) in days and numbers."""
    return pd.DataFrame(
        {
            "child": table["CHILD"].astype(str),
            "start": _days(table["DECOM"]),
            "end": _days(table["DEC"]),
            "place": table["PLACE"],
            "ls": table["LS"],
            "category": table["category"].map(CATEGORIES.index),
            "band": table["age"].map(BANDS.index),
        }
    )


def _days(dates: pd.Series) -> np.ndarray:
    return dates_to_days(pd.to_datetime(dates)).astype(np.int64)


def account(
    history: History, data: Return, theirs: pd.DataFrame, raw: pd.DataFrame, dropped: list[str], window: Window
) -> Account:
    """Put each row on which the two differ under its reason.

    `theirs`: the peer's rows after its own cleaning; `raw`: the rows of the files that it read (child, start, end);
    `dropped`: names of the files that it did not.
    """
    mine = our_rows(history, data)
    both = mine.merge(theirs, on=KEY, how="outer", suffixes=("", "_peer"), indicator="side")
    for column in ("end", "end_peer"):  # what happens outside the days compared is no difference
        both[column] = both[column].clip(upper=window.first + window.days)
    reason = _reasons(both, history, data, raw, dropped)
    parts, rows = {}, {}
    for name in [*REASONS, ""]:
        chosen = both[reason == name]
        parts[name] = _difference(chosen, window)
        rows[name] = len(chosen) if name else 0
    grown, fixed = by_birthday(mine, window), count(mine, window)
    parts[AGE], rows[AGE] = grown - fixed, len(mine)
    unexplained = int((both["differs"] & (reason == "")).sum())
    parts = {name: part for name, part in parts.items() if name and part.any()}
    return Account(grown, count(theirs, window), parts, rows, unexplained)


def _difference(rows: pd.DataFrame, window: Window) -> np.ndarray:
    peer = rows[rows["side"] != "left_only"][["start", "end_peer", "category_peer", "band_peer"]]
    peer = peer.rename(columns=lambda name: name.removesuffix("_peer")).astype(int)
    return count(rows[rows["side"] != "right_only"].astype({"category": int, "band": int}), window) - count(
        peer, window
    )


def _reasons(both: pd.DataFrame, history: History, data: Return, raw: pd.DataFrame, dropped: list[str]) -> np.ndarray:
    """The first reason that holds for each row that differs, "" where none does or nothing differs."""
    ours, peer = both["side"] == "left_only", both["side"] == "right_only"
    shared = ~ours & ~peer
    ends, codes, bands = (shared & (both[name] != both[f"{name}_peer"]) for name in ("end", "category", "band"))
    both["differs"] = ours | peer | ends | codes | bands
    keys = pd.MultiIndex.from_frame(both[KEY])
    in_raw = keys.isin(pd.MultiIndex.from_frame(raw[KEY]))
    from_dropped = both["file"].isin(dropped).to_numpy()
    audit = history.audit[history.audit["after"] == SET_ASIDE]
    start_of = data.episodes.set_index(["submission", "line"])["decom"]
    starts = start_of.loc[pd.MultiIndex.from_frame(audit[["submission", "line"]])].to_numpy()
    aside = keys.isin(pd.MultiIndex.from_arrays([data.children[audit["child"].to_numpy(dtype=int)], starts]))
    # Ends at which only one side has a row: that row was cut there, or was not.
    alone = both[ours | peer]
    cut = _among(both["child"], both["end"], alone) | _among(both["child"], both["end_peer"], alone)
    ends_given = raw.groupby(KEY)["end"].nunique()
    two_ends = keys.isin(ends_given.index[ends_given > 1])
    rules = [
        (ours & ~in_raw, FILE),
        ((ends | codes) & from_dropped, FILE),
        (ours & ~both["child"].isin(raw.loc[raw["has_header"], "child"]), NO_HEADER),
        (ours & _same_end(both, raw), SAME_END),
        (peer & both["ls"].isin(SHORT_BREAKS), SHORT),
        (peer & (both["end_peer"] < both["start"]), BACKWARDS),
        (peer & aside, CORRECTED),
        (ends & (both["rule"] == "2") & (both["end_peer"] > both["end"]), OPEN),
        (ends & (both["rule"] == "1A"), PERIOD),
        (ends & (both["rule"] == "5"), GAP),
        (ends & cut, OVERLAP),
        (ends & two_ends, TWO_ENDS),
        (codes & (both["place"] == "K3"), K3),
        (codes & (both["place"] != both["place_peer"]), CODE),
        (bands & ~ends & ~codes, BIRTH),
    ]
    return np.select([np.asarray(mask, dtype=bool) for mask, _ in rules], [name for _, name in rules], default="")


def _among(child: pd.Series, day: pd.Series, rows: pd.DataFrame) -> np.ndarray:
    return pd.MultiIndex.from_arrays([child, day]).isin(pd.MultiIndex.from_frame(rows[KEY]))


def _same_end(both: pd.DataFrame, raw: pd.DataFrame) -> np.ndarray:
    """Whether an earlier row of the child, in the files that the peer read, has the row's end (or none, as it has)."""
    given = raw.sort_values([*KEY, "known_end"]).drop_duplicates(KEY, keep="last")
    later = given[given.duplicated(["child", "end"], keep="first")]
    return pd.MultiIndex.from_frame(both[KEY]).isin(pd.MultiIndex.from_frame(later[KEY]))
