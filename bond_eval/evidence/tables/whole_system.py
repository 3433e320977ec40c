"""Tables of notebook 22: children in several programmes, capacity, unmet need, what was recommended and is it done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import Quarter
from bond_eval.evidence.disclosure import crowded
from bond_eval.evidence.gate import least
from bond_eval.evidence.registry import REGISTRY, Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.programmes import LINKED, NONE_OF, REGISTER, each, once
from bond_eval.evidence.tables.voice_and_cases import names_of
from bond_eval.evidence.view import View
from bond_eval.intake.typed import EPOCH, day_number
from bond_eval.methods.proportions import share_of
from bond_eval.programmes import capacity, outcomes, overlap
from bond_eval.programmes.cases import cases_at

HORIZON = 180  # days, as in the tables of each programme
COUNTED = ("events", "children", "with_it", "with_events")
ONCE, ADDED, TWICE = "Each child once", "Added up", "Counted on top"
SEVERAL = "More than one programme"
NO_CASES = "it cannot be said without register/cases.csv"
SPARE, FULL, OVER, UNSTATED = "spare places", "full", "over its places", "places not stated"
GIVEN_AWAY = Value("with_it", "Smallest number it would give away", inward=True)


def releasable(rows: list[np.ndarray], sensitive: list[np.ndarray]) -> list[bool]:
    """For each of some sums, in order, whether it may be shown: not if with those before it a sensitive one follows.

    A sum is a row of 0 and 1 over the counts that nobody sees by themselves; what linear combinations of the shown
    ones give is known to the reader.
    """
    shown: list[np.ndarray] = []
    free = []
    for row in rows:
        trial = np.array([*shown, row])
        rank = np.linalg.matrix_rank(trial)
        free.append(all(np.linalg.matrix_rank(np.vstack([trial, one])) > rank for one in sensitive))
        shown = [*shown, row] if free[-1] else shown
    return free


@once
def _overlaps(view: View) -> tuple[Rows, Rows]:
    """(children by combination, children by programme), each with what must be withheld."""
    if view.register is None or view.register.cases.empty:
        return [], [(ONCE, *(np.nan,) * 5, NO_CASES)]
    found = overlap.combinations(view.register, view.as_of)
    referred = overlap.membership(view.register, view.as_of, "referred").sum()
    sets = [set(name.split(overlap.TOGETHER)) for name in found["programmes"]]
    counts, number = found["children"].to_numpy(), found["number"].to_numpy()
    keys = [key for key, _, _ in each(view) if any(key in one for one in sets)]
    inside = {key: np.array([key in one for one in sets], dtype=int) for key in keys}
    keys.sort(key=lambda key: -int(inside[key] @ counts))
    # In the order in which a reader wants to know them; combinations come with the most children first.
    sums = [*(inside[key] for key in keys), (number > 1).astype(int), *(inside[key] * (number > 1) for key in keys),
            *np.eye(len(sets), dtype=int), np.ones(len(sets), dtype=int)]  # fmt: skip
    sizes = [int(row @ counts) for row in sums]
    left = {place: int(referred[key]) - sizes[place] for place, key in enumerate(keys)}
    few = [bool(least(size, left.get(place, 0))) for place, size in enumerate(sizes)]
    free = releasable(sums, [row for row, is_few in zip(sums, few, strict=True) if is_few])
    smallest = least(*sizes, *left.values())
    with_it = [0.0 if one else smallest for one in free]
    names, n = names_of(view), len(keys)
    rows = [(overlap.TOGETHER.join(names[key] for key in sorted(one)), int(number[at]), with_it[2 * n + 1 + at],
             with_it[n], int(counts[at])) for at, one in enumerate(sets)]  # fmt: skip
    said = "adding up the programmes would count some children more than once"
    said = said if sizes[n] else "adding up the programmes counts no child twice"
    each_one = [(names[key], with_it[at], int(referred[key]), sizes[at], with_it[n + 1 + at], sizes[n + 1 + at], "")
                for at, key in enumerate(keys)]  # fmt: skip
    once = (ONCE, with_it[-1], np.nan, sizes[-1], with_it[n], sizes[n], said)
    return rows, [*each_one, once]


@table(
    "overlap_combinations",
    title="Children by the programmes that they started in",
    row="a combination of programmes",
    labels={"programmes": "Programmes"},
    values=(
        Value("number", "Programmes in it", children=False),
        GIVEN_AWAY,
        Value("together", "The same, of all in several programmes", "number", children=False, inward=True),
        Value("children", "Children in these and no other", follows=("with_it",)),
    ),
    source=REGISTER,
    method="complete count, each child in one row; in public withheld where sums shown would give a small one away",
)
def overlap_combinations(view: View) -> Rows:
    """Every combination that occurs, most children first."""
    return _overlaps(view)[0]


@coarser(
    "overlap_combinations",
    "Combinations of several programmes are put together for publication, since too many of their counts are small.",
)
def overlap_in_several(frame: pd.DataFrame) -> pd.DataFrame:
    """Children in one programme alone, by programme, and all who were in several."""
    alone, several = frame[frame["number"] == 1], frame[frame["number"] > 1]
    row = several.head(1).assign(programmes=SEVERAL, with_it=several["together"], children=several["children"].sum())
    return pd.concat([alone, row], ignore_index=True)


@table(
    "overlap_totals",
    title="Children who started, and those of them in another programme too",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        GIVEN_AWAY,
        Value("referred", "Referred"),
        Value("children", "Started", of="referred", follows=("with_it",)),
        Value("with_also", "Smallest number that overlap would give away", inward=True),
        Value("also", "In another programme too", of="children", follows=("with_also",)),
        Value("said", "What it means", "text", children=False),
    ),
    source=REGISTER,
    method="complete count; the last row has every child once",
)
def overlap_totals(view: View) -> Rows:
    """Programmes by size, then all of them with each child once; that row is there without a register too."""
    return _overlaps(view)[1]


@coarser("overlap_totals", "A number is left out (x) where it would give a small one away.")
def totals_without_few(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what could not be shown: of a part the whole, so that the other parts can be."""
    also, whole = frame["also"].where(frame["with_also"] == 0), (frame["programme"] == ONCE) & (frame["with_it"] > 0)
    children = frame["children"].mask(whole)
    return frame.assign(also=also, children=children)


@table(
    "shared_outcomes",
    title=f"Within {HORIZON} days of the start: each programme's count, their sum, and each child once",
    row="an outcome and a way of counting",
    labels={"outcome": "Outcome", "counted": "Counted"},
    values=(
        GIVEN_AWAY,
        Value("children", "Children followed", follows=("with_it",)),
        Value("with_events", "Smallest number that the events would give away", inward=True),
        Value("events", "To whom it happened", of="children", follows=("with_it", "with_events")),
        NONE_OF,
        *interval("share", "Cumulative incidence", "percent", *COUNTED, ends=NONE_OF.name),
        Value("said", "What it means", "text", children=False),
    ),
    source=LINKED,
    method="each child once from its first start in any programme; Aalen-Johansen cumulative incidence, 95% interval",
)
def shared_outcomes(view: View) -> Rows:
    """Becoming looked after, and returning home from care. The whole is never more than the sum."""
    names = (outcomes.ENTRY, outcomes.EXIT)
    if view.register is None or view.register.cases.empty:
        return [(outcomes.CAUSES[outcome][0], TWICE, *(np.nan,) * 8, NO_CASES) for outcome in names]
    found = {one: overlap.shared_outcome(view.register, view.history, view.as_of, HORIZON, one) for one in names}
    # Those counted on top in one outcome and in the other add up to children whom another table counts.
    few = least(
        *(n for parts, once in found.values() for n in (*parts["children"], parts["children"].sum() - len(once.frame)))
    )
    return [row for one in names for row in _shared(view, one, *found[one], few)]


def _shared(
    view: View, outcome: str, parts: pd.DataFrame, found: outcomes.FollowUp, few: float
) -> list[tuple[Any, ...]]:
    first = found.at(HORIZON).head(1)
    once = (len(found.frame), int(first["events"].sum()))
    added = (int(parts["children"].sum()), int(parts["events"].sum()))
    if once[0] > added[0] or once[1] > added[1]:
        raise AssertionError(f"{outcome}: children counted once are more than their sum")
    on_top = added[1] - once[1]
    with_events = least(*parts["events"], *(parts["children"] - parts["events"]), on_top)
    bounds = first[[NONE_OF.name, "incidence", "lower", "upper"]].iloc[0].tolist() if len(first) else [np.nan] * 4
    said = "adding up counts some of them more than once" if on_top else "adding up counts none of them twice"
    names, none, outcome = names_of(view), (np.nan,) * 4, outcomes.CAUSES[outcome][0]
    rows = [(outcome, names[name], 0.0, n, 0.0, events, *none, "") for name, n, events in parts.itertuples(index=False)]
    rows += [(outcome, ADDED, few, added[0], with_events, added[1], *none, "")]
    rows += [(outcome, ONCE, few, once[0], with_events, once[1], *bounds, "")]
    # What was counted on top is no part of the children on top: its own size alone decides.
    return [*rows, (outcome, TWICE, 0.0, np.nan, 0.0, on_top, *none, said)]


@table(
    "caseloads",
    title="Open cases at the end of each quarter",
    row="a programme and day",
    labels={"programme": "Programme", "date": "Date"},
    values=(Value("open", "Open cases"),),
    source=REGISTER,
    method="opening + taken on − closed, checked in every quarter",
)
def caseloads(view: View) -> Rows:
    """The closing caseload of `programme_flow` with the quarter's last day."""
    return [
        (name, min(Quarter.parse(quarter).end, view.as_of), closing)
        for key, name, register in each(view)
        for quarter, closing in capacity.flow(register, view.as_of, key)[["quarter", "closing"]].itertuples(index=False)
    ]


@coarser("caseloads", "A programme with few open cases is shown by financial year, since its quarters would be small.")
def caseloads_by_year(frame: pd.DataFrame) -> pd.DataFrame:
    """Of a programme with many small caseloads, those at the end of each financial year and on the last day."""
    parts = []
    for _, part in frame.groupby("programme", sort=False):
        years = [str(Quarter.of(day))[:7] for day in part["date"]]
        parts.append(part.groupby(years).tail(1) if crowded(REGISTRY["caseloads"], part) else part)
    return pd.concat(parts, ignore_index=True) if parts else frame


def places_left(open_cases: float, places: float) -> str:
    """Where a caseload stands against the places that were stated (NaN: not stated)."""
    if not places > 0:
        return UNSTATED
    return OVER if open_cases > places else FULL if open_cases == places else SPARE


@table(
    "system_capacity",
    title="Open cases against places and staff, and whether the caseload is steady",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("open", "Open cases"),
        Value("places", "Places in all", children=False),
        Value("spare", "Spare", "signed", follows=("open",)),
        Value("workers", "Staff in post"),
        Value("counted", "Staff counted on", "text", children=False),
        Value("per_worker", "Cases a worker", "decimal", follows=("open", "workers")),
        GIVEN_AWAY,
        # Either of the two can be worked out from the other and the caseload.
        Value("taken", "Taken on in four quarters", follows=("closed", "with_it")),
        Value("closed", "Closed in four quarters", follows=("taken", "with_it")),
        Value("days", "Days a case then lasts", "number", follows=("open", "taken", "closed", "with_it")),
        Value("steady", "Is the caseload steady?", "text", children=False),
        Value("verdict", "Against its places", "text", follows=("open",)),
    ),
    source=f"{REGISTER}; programmes.csv for the places",
    method="Little's law only where the last four whole quarters were near balance",
)
@once
def system_capacity(view: View) -> Rows:
    """Programmes with cases. Places and staff are as stated, the staff perhaps of long ago."""
    rows = []
    for key, name, register in each(view):
        open_cases, per_worker = capacity.caseload_per_worker(register, view.as_of, key)
        places = float(register.programmes.set_index("programme").at[key, "capacity"])
        flows = capacity.flow(register, view.as_of, key)
        last, found = flows[flows["whole"].astype(bool)].tail(capacity.QUARTERS), capacity.steady(flows)
        moved = [int(last[column].sum()) for column in ("accepted", "closed")] if found else [np.nan, np.nan]
        # The quarters stand in another table, which withholds the small ones.
        few = least(*last["accepted"], *last["closed"])
        reason = "Yes" if found and not found.reason else found.reason if found else "Fewer than four whole quarters"
        workers, counted = _staff(register, view, key)
        rows.append((name, open_cases, places, places - open_cases, workers, counted,
                     np.nan if per_worker is None else per_worker, few, *moved,
                     np.nan if found is None or found.implied_days is None else found.implied_days, reason,
                     places_left(open_cases, places)))  # fmt: skip
    return rows


@coarser("system_capacity", "Cases taken on and closed are left out (x) where those of a quarter are few.")
def capacity_without_flow(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the flow of programmes of which it could not be shown."""
    return frame.assign(**{name: frame[name].where(frame["with_it"] == 0) for name in ("taken", "closed", "days")})


def _staff(register: Any, view: View, key: str) -> tuple[float, str]:
    """(staff in post by the last count, the day of that count in words)."""
    rows = register.activity[register.activity["first"] <= day_number(view.as_of)]
    rows = rows[(rows["programme"] == key) & (rows["activity"] == capacity.STAFF)]
    if rows.empty:
        return np.nan, "not counted"
    last = int(rows["first"].max())
    return float(rows.loc[rows["first"] == last, "value"].sum()), formats.date(EPOCH + dt.timedelta(days=last))


@table(
    "unmet_need",
    title="Referrals that were turned away, and for the child's age",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("referred", "Children referred"),
        Value("refused", "Not taken on", of="referred"),
        Value("young", "Of them too young", of="refused"),
        *interval("share", "Too young, of those referred", "percent", "young", "referred", "refused"),
        Value("said", "What can be said", "text", children=False),
    ),
    source=REGISTER,
    method="complete count; Wilson 95% interval; nobody knows how many were never referred",
)
def unmet_need(view: View) -> Rows:
    """Every programme, those without a case among them; the ages are those that the programme had then."""
    counts = {name: _turned_away(cases_at(register, view.as_of, key)) for key, name, register in each(view)}
    lacking, rows = "the register has no case of it" if counts else NO_CASES, []
    for name in (name for key, name in names_of(view).items() if key):
        referred, refused, young = counts.get(name, (np.nan,) * 3)
        said = "those whom nobody refers are not in it" if name in counts else lacking
        rows.append((name, referred, refused, young, *share_of(young, referred)[2:], said))
    return rows


def _turned_away(cases: pd.DataFrame) -> tuple[int, int, int]:
    refused = cases[cases["refused"]]
    young = refused[refused["reason"] == capacity.TOO_YOUNG]
    return cases["child"].nunique(), refused["child"].nunique(), young["child"].nunique()
