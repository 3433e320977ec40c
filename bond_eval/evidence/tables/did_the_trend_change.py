"""Tables of notebook 04: did the trend of entries to outside placements change, and what else would explain it?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from bond_eval.core import formats
from bond_eval.economics.counterfactuals import AT
from bond_eval.economics.money import Withheld
from bond_eval.economics.scenarios import DO_NOTHING, evaluate, scenarios
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.trend_words import (
    CANNOT,
    FALL,
    PANDEMICS,
    PUBLISHED,
    RISE,
    agreement_words,
    checks,
    dates_words,
    design_name,
    findings_of,
    judged,
    neighbour_words,
    primary_words,
    standing,
    words,
    written,
)
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import ends_of
from bond_eval.methods.proportions import Estimate, rate_ratio
from bond_eval.placements.categories import OUTSIDE, rules_table
from bond_eval.placements.panel import neighbours_panel
from bond_eval.placements.series import BEGUN
from bond_eval.placements.trend import COMPARED, OLDER, Design, Trend, beside_others, first_month

METHOD = (
    "interrupted time series: quasi-Poisson regression with log child-days and autocorrelated errors; "
    "difference-in-differences; synthetic control; docs/METHODS.md"
)
SOURCE = "SSDA903 episodes and header; data/reference/interruptions.csv and its_coverage.csv; the DfE's published files"
FEWEST = Value("few", "Fewest events behind it, where 1 to 5")
RATIO = (FEWEST, *interval("ratio", "Ratio", "factor", "few"))
SEEN, MODELLED = "Seen", "Expected without the change"
ASKED = {
    "primary": "Entries of children aged 12 to 17 into outside placements since the programme began",
    "younger": "Entries at ages 12 to 17 beside those of children under 12, whom Route 29 does not take",
    "neighbours": "The change beside statistical neighbours",
    "dates": "What other dates of the start would say",
    "agreement": "Whether the designs agree",
    "baseline": "Entries in the year to the baseline beside the time before",
}
NEIGHBOUR_OUTCOMES = {
    "started": "Children starting to be looked after",
    "looked_after": "Children looked after on 31 March",
    "outside": "New placements outside the boundary",
}


def trend_of(view: View) -> Trend:
    """The series and designs of the view, made once."""
    made = Trend(view.history, view.counts, view.authority)
    kept: Trend = view.shelf.setdefault("trend", made)
    return kept


def designs_of(view: View) -> list[Design]:
    """Every design of the view, primary first, made once."""
    made: list[Design] = view.shelf.get("trend_designs", [])
    if not made:
        made = [*trend_of(view).designs(), *_beside_neighbours(view)]
        view.shelf["trend_designs"] = made
    return made


def _beside_neighbours(view: View) -> list[Design]:
    """Designs on the neighbours' published yearly rates; none where no such files were supplied."""
    designs = []
    for measure, label in NEIGHBOUR_OUTCOMES.items():
        frame = neighbours_panel(view, measure)
        if len(frame):
            own = str(frame.loc[frame["own"], "area"].iloc[0])
            designs += beside_others(frame, own, view.authority.programme_date, label)
    return designs


def _published(view: View) -> list[Design]:
    """Outside placements at the quarter's end over those of the published do-nothing: stocks, with no interval."""
    if view.authority.published != "salford" or view.as_of != dt.date(2020, 9, 30):
        return []
    found = evaluate(scenarios(), DO_NOTHING, AT)
    if isinstance(found, Withheld):
        return []
    planned = sum(line.volume or 0 for line in found.lines if line.category == OUTSIDE)
    now = int(view.counts.on(view.as_of).loc[OUTSIDE].sum())
    ratio = Estimate(now / planned, np.nan, np.nan, now, "published")
    name = f"Do-nothing of 2019: {formats.number(planned)} placements, {formats.number(now)} seen"
    return [Design(name, PUBLISHED, ratio, "", 1, fewest(now))]


def fewest(*counts: float) -> float:
    """The smallest of the counts that are 1 to 5; NaN where none is."""
    return min((float(count) for count in counts if 0 < count < MINIMUM), default=np.nan)


@table(
    "trend_series",
    title="Entries of children aged 12 to 17 into outside placements, seen and expected without the change",
    row="a period, as long as the time since the programme began and a year at most, and whether it was seen",
    labels={"first": "Period from", "series": "Series"},
    values=(
        Value("months", "Months", "number", children=False),
        Value("entries", "Entries"),
        Value("shown", "Seen or expected", "number", follows=("entries",)),
    ),
    method="counts; expected: the primary model with its change left out",
)
def trend_series(view: View) -> Rows:
    """Entries in equal periods before and after the change, and what the primary model expects where it stands."""
    trend = trend_of(view)
    n, _ = trend.one(BEGUN, OLDER)
    start = trend.place(view.authority.programme_date) or len(n)
    length = min(len(n) - start or 12, 12) if view.public else 1
    firsts = [*range(start % length, start, length), *range(start, len(n) - length + 1, length)]
    expected = trend.expected()
    rows: list[Any] = []
    for at in firsts:
        # As words the few periods of a public chart stand apart; months are too many for words.
        first = trend.months[at] if length == 1 else f"{trend.months[at]:%b %Y}"
        total = n[at : at + length].sum()
        rows.append((first, SEEN, length, int(total), float(total)))
        if expected is not None:
            rows.append((first, MODELLED, length, np.nan, float(expected[at : at + length].sum())))
    return rows


@table(
    "trend_dates",
    title="When the trend could have changed, as the documents date it",
    row="an event",
    labels={"label": "Event"},
    values=(
        Value("date", "Date", "text"),
        Value("month", "First month after", "text"),
        Value("where", "Where", "text"),
        Value("note", "What else is said", "text"),
    ),
    source="data/reference/interruptions.csv",
    method="published dates",
)
def trend_dates(view: View) -> Rows:
    """Candidate dates, the pandemic's among them."""
    return [
        (
            row.label, formats.date(row.date), formats.month(first_month(row.date)),
            f"{row.document}{f', {row.section}' if row.section else ''}", row.note or "-",
        )
        for row in trend_of(view).dates.itertuples()
    ]  # fmt: skip


@table(
    "trend_designs",
    title="What each design says of the change",
    row="a design",
    labels={"group": "Kind", "design": "Design"},
    values=(
        *RATIO,
        Value("n", "Months, areas or entries", "number", follows=("few",)),
        Value("shown", "Ratio and interval", "text", follows=("few",)),
        Value("reading", "Reading", "text", follows=("few",)),
        Value("standing", "May the interval be trusted", "text"),
        Value("checks", "What is left over", "text", follows=("few",)),
        Value("maryland", "Maryland scale, at most", "number"),
    ),
    source=SOURCE,
    method=METHOD,
)
def trend_designs(view: View) -> Rows:
    """The primary design first; every other one is exploratory. A ratio below 1: fewer than was to be expected."""
    rows = []
    for one in [*designs_of(view), *_published(view)]:
        ratio = one.ratio
        alone = one.group == PUBLISHED
        shown = one.why if ratio is None else formats.number(ratio.value, 2) if alone else written(ratio)
        rows.append(
            (
                one.group, design_name(one), one.few, *ends_of(ratio),
                ratio.n if ratio and not alone else np.nan, "not judged" if ratio is None else shown,
                "no interval" if alone else judged(ratio), standing(one), checks(one), one.maryland,
            )
        )  # fmt: skip
    return rows


@table(
    "trend_answer",
    title="The primary result, and those beside it, in words",
    row="a question",
    labels={"question": "Question"},
    values=(
        Value("asked", "What is asked", "text"),
        FEWEST,
        *interval("value", "Value", "factor", "few"),
        Value("n", "Months, areas or entries", "number", follows=("few",)),
        Value("statement", "In words", "text", follows=("few",)),
    ),
    source=SOURCE,
    method=METHOD,
)
def trend_answer(view: View) -> Rows:
    """One row a question, always: where it cannot be answered the words say why."""
    designs = designs_of(view)
    young = next(one for one in designs if one.group == COMPARED)
    others = [one for one in designs if one.group == COMPARED and one is not young]
    beside = next((one for one in others if one.ratio and "synthetic" in one.name), others[0] if others else None)
    programme = view.authority.programme_date
    since = first_month(programme) if programme else None
    rows = [
        ("primary", designs[0], primary_words(designs[0], since)),
        ("younger", young, words(young, "Against children under 12, entries at ages 12 to 17 changed by a factor of")),
        ("neighbours", beside, neighbour_words(beside)),
        ("baseline", *_baseline(view)),
    ]
    found = []
    for question, one, statement in rows:
        ratio, few = (one.ratio, one.few) if one else (None, np.nan)
        found.append((question, ASKED[question], few, *ends_of(ratio), ratio.n if ratio else np.nan, statement))
    for question, (count, said) in {"dates": dates_words(designs), "agreement": agreement_words(designs)}.items():
        found.append((question, ASKED[question], np.nan, count, np.nan, np.nan, np.nan, said))
    return found


def _baseline(view: View) -> tuple[Design | None, str]:
    """Was the baseline an unusual time? Entries in the year to it against the years before."""
    trend, at = trend_of(view), view.baseline
    n, exposure = trend.one(BEGUN, OLDER)
    last = sum(month <= at for month in trend.months)
    year, before = slice(max(last - 12, 0), last), slice(0, max(last - 12, 0))
    if last < 24 or min(exposure[year].sum(), exposure[before].sum()) == 0 or n[:last].sum() == 0:
        return None, f"Whether the baseline was an unusual time {CANNOT}: needs a year and more before the year to it."
    ratio = rate_ratio(int(n[year].sum()), exposure[year].sum(), int(n[before].sum()), exposure[before].sum())
    words = {
        RISE: "the baseline was set at a high, from which a fall was to be expected without any programme",
        FALL: "the baseline was set at a low",
    }.get(judged(ratio), "no clear sign that the baseline was set at an unusual time")
    start = f"In the year to {formats.date(at)} entries ran at {written(ratio)} times the rate of the time before"
    made = Design("baseline", "", ratio, "", 1, fewest(n[year].sum(), n[before].sum()))
    return made, f"{start} ({formats.number(ratio.n)} in all): {words}."


PANDEMIC = "The pandemic began weeks after the programme"
NOT_TAKEN = "Children whom Route 29 does not take change too"
REACHED = "The under-12s are reached by the case review, TCS and Harbour"
TOGETHER = "Several programmes began together"


@table(
    "trend_threats",
    title="What else would explain the result, and what the data say of it",
    row="a threat",
    labels={"threat": "Threat"},
    values=(
        FEWEST,
        Value("found", "What was found", "text", follows=("few",)),
        Value("tested", "Standing", "text"),
    ),
    source=SOURCE,
    method=METHOD,
)
def trend_threats(view: View) -> Rows:
    """Each threat tested where the data allow it, and otherwise stated."""
    named = {one.name: one for one in designs_of(view)}
    base, words = _baseline(view)
    rules = rules_table(view.data.categories)
    years = {str(year) for year in range(view.history.first_day.year, view.as_of.year + 1)}
    dated = rules[(rules["category"] == OUTSIDE) & (rules["valid_from"].isin(years) | rules["valid_to"].isin(years))]
    ifa, home = named["Entering IFAs, 12 to 17"], named["Entering other residential care, 12 to 17"]
    care, young = named["Coming into care, 12 to 17"], named["Entering outside placements, under 12"]
    rows = [
        (PANDEMIC, *findings_of(named, *PANDEMICS)),
        ("The baseline was an unusual time", words, "tested", base.few if base else np.nan),
        ("Children go to IFAs or other residential care instead", *findings_of(named, ifa.name, home.name)),
        ("Fewer children come into care at all", *findings_of(named, care.name)),
        (NOT_TAKEN, *findings_of(named, young.name)),
        (
            "A change of codes looks like a change of trend",
            f"{formats.number(len(dated))} rules for outside placements begin or end within the years of the data",
            "tested in part: a change of recording practice is in no table", np.nan,
        ),
        (
            REACHED,
            "They are no clean control: Maryland 2 at most", "stated", np.nan,
        ),
        (TOGETHER, "Nothing here tells Route 29 from the others", "stated", np.nan),
    ]  # fmt: skip
    if not view.authority.published:  # then it is not known to have these programmes
        rows = [row for row in rows if row[0] not in (PANDEMIC, NOT_TAKEN, REACHED, TOGETHER)]
    return [(threat, few, found, tested) for threat, found, tested, few in rows]
