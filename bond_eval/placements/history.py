"""Episodes to placements to periods of care: one history for each child.

An episode changes with legal status, placement or carer. A *placement* is a run of episodes in one placement:
it ends where RNE says that the placement changed (P, B, T, U), where the category changes whatever RNE says,
and with the period. A *period of care* is contiguous time looked after: it ends at a gap or where RNE = S.
Short breaks (legal status V3, V4) are not periods of care and are left out here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.intake.ssda903 import Return
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import CATEGORIES, LEFT, Rules, categorise, leaving_groups
from bond_eval.placements.stitch import Stitched, stitch

SHORT_BREAKS = ("V3", "V4")
TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
ADOPTED_BY_CARER = ("A3", "A5")  # the child stays where it is
ADOPTED_BY_OTHERS = ("A4", "A6")
NEXT = (*CATEGORIES, *LEFT, "Still there")


@dataclass(frozen=True)
class History:
    """What happened to each child up to `as_of`. All rows are of children: confidential.

    `episodes`: the stitched rows with category, placement and period (numbers), short breaks left out.
    `placements`: one row a placement, in order: child, period, start, end (first day not counted), is_open,
    category, place, provider, location, ls, reason (why it ended), rec, rne, same_carer, temporary, previous
    (category, "" at the start of a period), following (a category, a way of leaving care, or "Still there").
    `periods`: child, start, end, is_open, rec. `people`: by child number. `short_breaks`: rows left out.
    """

    as_of: dt.date
    first_day: dt.date
    episodes: pd.DataFrame
    placements: pd.DataFrame
    periods: pd.DataFrame
    people: pd.DataFrame
    audit: pd.DataFrame
    short_breaks: int


def build_history(data: Return, as_of: dt.date, *, short_breaks: bool = False) -> History:
    """Stitch the returns as of a date and form placements and periods; `short_breaks`: with V3 and V4 among them."""
    stitched = stitch(data.episodes, data.submissions, as_of)
    years = data.submissions["year"].to_numpy()
    first = dt.date(int(years.min()), 4, 1)
    return form(stitched, years, data.people, first, short_breaks=short_breaks, own=data.categories)


def form(
    stitched: Stitched,
    years: np.ndarray,
    people: pd.DataFrame,
    first_day: dt.date,
    *,
    short_breaks: bool = False,
    own: Rules = (),
) -> History:
    """Form placements and periods from stitched episodes; `own`: the authority's rules of what a placement is."""
    frame = stitched.episodes
    frame = frame.assign(category=categorise(frame, years, own))
    breaks = frame["ls"].isin(() if short_breaks else SHORT_BREAKS).to_numpy()
    frame = frame[~breaks].reset_index(drop=True)
    new_period, new_placement = _changes(frame)
    frame = frame.assign(period=np.cumsum(new_period) - 1, placement=np.cumsum(new_placement) - 1)
    periods = _periods(frame, new_period, stitched.as_of)
    placements = _placements(frame, new_placement, stitched.as_of)
    return History(stitched.as_of, first_day, frame, placements, periods, people, stitched.audit, int(breaks.sum()))


def _changes(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Masks of episodes that begin a period of care, and of those that begin a placement."""
    child, start, end = (frame[name].to_numpy() for name in ("child", "start", "end"))
    first = np.append(True, child[1:] != child[:-1]) if len(frame) else np.zeros(0, dtype=bool)
    gap = np.append(True, start[1:] > end[:-1]) if len(frame) else first
    rne = frame["rne"]
    period = first | gap | (rne == "S").to_numpy()
    category = frame["category"].array.codes
    moved = rne.isin(("P", "B", "T", "U")).to_numpy() | np.append(True, category[1:] != category[:-1])[: len(frame)]
    # Where RNE is not known, another place or provider is the best sign of a move that there is.
    place, provider = frame["place"].array.codes, frame["provider"].array.codes
    differs = np.append(True, (place[1:] != place[:-1]) | (provider[1:] != provider[:-1]))[: len(frame)]
    unknown = ~rne.isin(("S", "L", "P", "B", "T", "U")).to_numpy()
    return period, period | moved | (unknown & differs)


def _ends(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last row of each run that begins where `mask` is true."""
    first = np.flatnonzero(mask)
    return first, np.append(first[1:], len(mask)) - 1 if len(first) else first


def _periods(frame: pd.DataFrame, begins: np.ndarray, as_of: dt.date) -> pd.DataFrame:
    first, last = _ends(begins)
    return pd.DataFrame(
        {
            "child": frame["child"].to_numpy()[first],
            "start": frame["start"].to_numpy()[first],
            "end": frame["end"].to_numpy()[last],
            "is_open": frame["end"].to_numpy()[last] > day_number(as_of),
            "rec": frame["rec"].astype(object).to_numpy()[last],
        }
    )


def _placements(frame: pd.DataFrame, begins: np.ndarray, as_of: dt.date) -> pd.DataFrame:
    first, last = _ends(begins)
    opening = frame.take(first)
    placements = opening[["child", "period", "start", "category", "place", "provider", "location", "ls", "rne"]]
    placements = placements.reset_index(drop=True)
    closing = frame.take(last)
    placements["end"] = closing["end"].to_numpy()
    placements["is_open"] = placements["end"] > day_number(as_of)
    placements["reason"] = closing["reason"].array
    placements["rec"] = closing["rec"].array
    placements["same_carer"] = placements["rne"].isin(("T", "U")).to_numpy()
    placements["temporary"] = placements["place"].isin(TEMPORARY).to_numpy()
    return _with_neighbours(placements)


def _with_neighbours(placements: pd.DataFrame) -> pd.DataFrame:
    """Add the category before and what followed, within the period of care."""
    period = placements["period"].to_numpy()
    category = placements["category"].array.codes
    same = period[1:] == period[:-1]
    before = np.full(len(placements), -1, dtype=np.int8)
    before[1:][same] = category[:-1][same]
    after = np.full(len(placements), -1, dtype=np.int8)
    after[:-1][same] = category[1:][same]
    rec = placements["rec"].array
    ways = [NEXT.index(leaving_groups().get(code, "Other ending")) for code in rec.categories]
    left = np.array([*ways, NEXT.index("Other ending")], dtype=np.int8)[rec.codes]
    still = placements["is_open"].to_numpy()
    after = np.where(after >= 0, after, np.where(still, NEXT.index("Still there"), left)).astype(np.int8)
    return placements.assign(
        previous=pd.Categorical.from_codes(before, categories=list(CATEGORIES)),
        following=pd.Categorical.from_codes(after, categories=list(NEXT)),
    )


def regrouped(placements: pd.DataFrame, opening: np.ndarray, closing: np.ndarray) -> pd.DataFrame:
    """Placements that begin as rows `opening` and end as rows `closing` (positions), their neighbours found anew."""
    rows, last = placements.take(opening).reset_index(drop=True), placements.take(closing)
    ends = {name: last[name].array for name in ("end", "is_open", "reason", "rec")}
    return _with_neighbours(rows.assign(**ends))


def without_temporary(placements: pd.DataFrame) -> pd.DataFrame:
    """Placements but the temporary ones (T0-T4), which end none: where only they follow, it goes on to their end."""
    kept = np.flatnonzero(~placements["temporary"].to_numpy())
    period = placements["period"].to_numpy()
    final = np.append(period[kept][1:] != period[kept][:-1], True)[: len(kept)]
    return regrouped(placements, kept, np.where(final, np.searchsorted(period, period[kept], side="right") - 1, kept))


def open_on(frame: pd.DataFrame, day: dt.date) -> pd.DataFrame:
    """Rows (episodes, placements or periods) that are open on the night of `day`."""
    number = day_number(day)
    return frame[(frame["start"].to_numpy() <= number) & (frame["end"].to_numpy() > number)]
