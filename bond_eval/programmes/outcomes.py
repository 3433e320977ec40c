"""Time to becoming looked after, and to leaving care: everybody followed from the same moment, other ends competing.

No immortal time: a child is at risk only from the day that made it one of the group (its start, for children who
started), so nobody is credited with the time that it took to get there. No share of closed cases: every starter counts,
for as long as it has been followed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.intake.typed import NO_DAY, day_number
from bond_eval.methods.proportions import wilson
from bond_eval.methods.survival import CumulativeIncidence, cumulative_incidence
from bond_eval.placements.ages import birthday
from bond_eval.placements.categories import leaving_groups
from bond_eval.placements.history import History
from bond_eval.placements.moves import moves_between
from bond_eval.programmes.cases import cases_at, first_cases

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

ENTRY, EXIT = "Became looked after", "Left care"
CAUSES = {
    ENTRY: (ENTRY, "Turned 18"),
    EXIT: ("Returned home", "Adoption or guardianship", "Independence or adulthood", "Other ending"),
}
_LEFT = {"Adopted": "Adoption or guardianship", "Special guardianship": "Adoption or guardianship"}


@dataclass(frozen=True)
class FollowUp:
    """Children followed to an outcome. frame: one row a child: child, clock (the day of time 0), entry and time (days
    from it; at risk between them), cause (0 censored, else a place in CAUSES from 1). unlinked: of frame, children not
    in the return, never known to be looked after. curve: cumulative incidence of each cause; None where frame is empty.
    """

    outcome: str
    frame: pd.DataFrame
    unlinked: int
    curve: CumulativeIncidence | None

    def at(self, days: int) -> pd.DataFrame:
        """Incidence by `days`: columns cause (in words), incidence, lower, upper, at_risk, none_of, children, events.

        Where nothing happened the curve has no ends; those followed so long (`none_of`, else NaN) give Wilson's.
        """
        names = CAUSES[self.outcome]
        if self.curve is None:
            return pd.DataFrame(
                columns=["cause", "incidence", "lower", "upper", "at_risk", "none_of", "children", "events"]
            )
        table = self.curve.at([days]).drop(columns="time")
        table["none_of"] = table["at_risk"].where((table["incidence"] == 0) & (table["at_risk"] > 0))
        for place, few in table["none_of"].dropna().items():
            none = wilson(0, int(few))
            table.loc[place, ["lower", "upper"]] = none.lower, none.upper
        by_then = self.frame[self.frame["time"] <= days]
        events = [int((by_then["cause"] == number).sum()) for number in table["cause"]]
        return table.assign(cause=list(names), children=len(self.frame), events=events)


def follow_up(
    register: Register, history: History, as_of: dt.date, programme: str = "", *, outcome: str = ENTRY
) -> FollowUp:
    """Follow each child who started, from its first start, to the outcome (ENTRY or EXIT), its rivals or `as_of`."""
    rows = first_cases(cases_at(register, as_of, programme))
    return followed(history, as_of, rows, rows["start"].to_numpy(dtype=np.int64), outcome)


def followed(history: History, as_of: dt.date, rows: pd.DataFrame, clock: np.ndarray, outcome: str) -> FollowUp:
    """Follow the children of some cases (one a child), each from its day in `clock`.

    Where the returns begin later, the child enters late: it is at risk only from then. ENTRY is of children not looked
    after on that day, EXIT of those who were.
    """
    at_risk_from = np.maximum(clock, day_number(history.first_day))
    stays = periods_from(history, rows["care"].to_numpy(), at_risk_from)
    end, cause = _to_entry(rows, stays) if outcome == ENTRY else _to_exit(stays)
    cause = np.where(end > day_number(as_of), 0, cause)
    end = np.minimum(end, day_number(as_of) + 1)
    fit = (stays["in_care"].to_numpy() == (outcome == EXIT)) & (end > at_risk_from)
    frame = pd.DataFrame({"child": rows["child"], "clock": clock, "entry": at_risk_from - clock})
    frame = frame.assign(time=end - clock, cause=cause)[fit].reset_index(drop=True)
    curve = None
    if len(frame):
        curve = cumulative_incidence(frame["time"], frame["cause"], causes=len(CAUSES[outcome]), entry=frame["entry"])
    return FollowUp(outcome, frame, int((rows["care"][fit] < 0).sum()), curve)


def periods_from(history: History, care: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """What the return knows of some children (-1 unknown to it) from a day each on: one row a child.

    Columns: in_care (on the night of the day), leaves (int64, first day out of the period it was in; NO_DAY where it
    was in none or stays), way (how it ended, a code), enters (first day of the next period; NO_DAY where there is
    none).
    """
    asked = pd.DataFrame({"row": np.arange(len(care)), "child": care, "day": day})
    met = asked.merge(history.periods, on="child", how="inner")
    now = met[(met["start"] <= met["day"]) & (met["end"] > met["day"])].drop_duplicates("row", keep="last")
    now = now.set_index("row")
    after = met[met["start"] > met["day"]].groupby("row")["start"].min()
    result = pd.DataFrame(index=asked["row"])
    result["in_care"] = result.index.isin(now.index)
    result["leaves"] = now["end"].mask(now["is_open"], NO_DAY).reindex(result.index, fill_value=NO_DAY)
    result["way"] = now["rec"].reindex(result.index)
    result["enters"] = after.reindex(result.index, fill_value=NO_DAY)
    return result


def _to_entry(rows: pd.DataFrame, stays: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Day and cause of the first of becoming looked after and turning 18."""
    enters = stays["enters"].to_numpy(dtype=np.int64)
    adult = birthday(rows["birth"].to_numpy(), 18).astype(np.int64)
    return np.minimum(enters, adult), np.where(enters <= adult, 1, 2)


def _to_exit(stays: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Day and way of leaving care."""
    names = CAUSES[EXIT]
    groups = stays["way"].map(leaving_groups()).fillna(names[-1])
    cause = groups.replace(_LEFT).map({name: number for number, name in enumerate(names, start=1)})
    return stays["leaves"].to_numpy(dtype=np.int64), cause.to_numpy(dtype=np.int64)


def closed_breakdown(register: Register, history: History, as_of: dt.date, programme: str) -> pd.DataFrame:
    """Cases by how they stand, as published breakdowns count them: columns line, children (cases), of (the line above).

    For reconciling to a publication only: a share of closed cases leaves out everybody still helped, and says nothing
    of success. Looked after at referral is what the register says, else what the return says of the day the case
    opened. Placement and care afterwards are the return's; cases that it cannot place are a line of their own.
    """
    cases = cases_at(register, as_of, programme)
    closed = cases[cases["accepted"] & cases["ended"]].reset_index(drop=True)
    then = periods_from(history, closed["care"].to_numpy(), closed["opened"].to_numpy())
    today = day_number(as_of)
    said = closed["status"].to_numpy()
    was = (said == "looked after") | ((said == "") & then["in_care"].to_numpy())
    became = ~was & ((closed["closure"] == "became looked after").to_numpy() | (then["enters"] <= today).to_numpy())
    begun = closed["start"].where(closed["started"], closed["opened"]).to_numpy(dtype=np.int64)
    placed = was & then["in_care"].to_numpy()
    moved = placed & _moved_since(history, closed["care"].to_numpy(), begun, as_of)
    now = periods_from(history, closed["care"].to_numpy(), np.full(len(closed), today))
    gone = placed & ~now["in_care"].to_numpy()
    lines = [
        ("Referred", len(cases), ""),
        ("Open", int((cases["accepted"] & ~cases["ended"]).sum()), "Referred"),
        ("Waiting or not accepted", int((~cases["accepted"]).sum()), "Referred"),
        ("Closed", len(closed), "Referred"),
        (ENTRY, int(became.sum()), "Closed"),
        ("Did not become looked after", int((~was & ~became).sum()), "Closed"),
        ("Looked after at referral", int(was.sum()), "Closed"),
        ("Kept the placement", int((placed & ~moved).sum()), "Looked after at referral"),
        ("Moved during or after the work", int(moved.sum()), "Looked after at referral"),
        ("Placement not known to the return", int((was & ~placed).sum()), "Looked after at referral"),
        ("No longer looked after", int(gone.sum()), "Looked after at referral"),
    ]
    return pd.DataFrame(lines, columns=["line", "children", "of"])


def _moved_since(history: History, care: np.ndarray, day: np.ndarray, as_of: dt.date) -> np.ndarray:
    """Mask of rows whose child moved to another placement, still in care, after the row's day."""
    moves = moves_between(history, history.first_day, as_of)
    moves = moves[moves["in_care"]].rename(columns={"day": "moved"})
    met = pd.DataFrame({"row": np.arange(len(care)), "child": care, "day": day}).merge(moves, on="child")
    found = np.zeros(len(care), dtype=bool)
    found[met.loc[met["moved"] > met["day"], "row"]] = True
    return found
