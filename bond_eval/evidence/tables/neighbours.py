"""Tables of notebook 06: the authority beside its statistical neighbours, its region and England."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import year_ends
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.view import View
from bond_eval.intake.typed import day_number
from bond_eval.placements.panel import ENGLAND, NEIGHBOUR, OWN, REGION, measures, peers, standing, values, why_not
from bond_eval.placements.stability import VARIANTS, Rules, long_term, three_or_more

SOURCE = "the DfE files on children looked after, as supplied"
MEDIAN = "Median of the neighbours"
FEWEST = 5  # neighbours with a figure, below which nothing is judged
RATE = ("value", "lower", "upper", "mean", "median", "region", "england")
HEADINGS = ("Here", "Lower", "Upper", "Neighbours' mean", "Neighbours' median", "Region", "England")
# Days of return that a count needs before the year end, and whether the disputed rules bear on it.
NEEDS = {
    "looked_after": (0, False), "started": (364, False), "ceased": (364, False), "outside": (364, False),
    "three_or_more": (364, True), "three_in_two_years": (729, True), "long_term": (912, True),
}  # fmt: skip


def _all(view: View) -> dict[str, pd.DataFrame]:
    """Measure -> its values with the areas' roles; empty where nothing can be compared."""
    if why_not(view):
        return {}
    found = peers(view)
    roles = {key: role for key, (_, role) in found.areas.items()}
    frames = {name: values(view, name, found) for name in measures()["measure"]}
    return {name: frame.assign(role=frame["key"].map(roles)) for name, frame in frames.items() if len(frame)}


def _of(frame: pd.DataFrame, role: str) -> np.ndarray:
    return frame.loc[frame["role"] == role, "value"].to_numpy()


def _one(frame: pd.DataFrame, role: str) -> float:
    found = _of(frame, role)
    return float(found[0]) if len(found) else np.nan


@table(
    "neighbours_supplied",
    title="What is compared with what",
    row="an item",
    labels={"item": "Item"},
    values=(Value("text", "What the files say", "text", children=False),),
    source=SOURCE,
)
def neighbours_supplied(view: View) -> Rows:
    """Whether anything can be compared, the years, the neighbour set and its year, and who can be no donor."""
    reason = why_not(view)
    rows = [("Comparison", formats.sentence(reason) if reason else "Possible.")]
    if view.neighbours is not None:
        problems = view.neighbours.issues.value_counts(["problem", "file"], sort=False)
        words = [f"{n} × {problem} ({file})" for (problem, file), n in problems.items()]
        rows.append(("Problems in reading the files", "; ".join(words) or "None"))
    if not reason:
        found = peers(view)
        sets, frame = found.neighbours, values(view, "looked_after", found)
        years = sorted(set(frame["period"]))
        late = frame["year"].min() > view.as_of.year if len(frame) else False
        lacking = list(sets.loc[~sets["found"], "name"])
        donors = sets[sets["excluded"] != ""]
        rows += [
            (
                "Years",
                f"{years[0]} to {years[-1]}" + (": all later than the quarter" if late else "") if years else "None",
            ),
            ("Neighbour set", _set_in_words(found.set_year, found.source, view.baseline.year)),
            ("Neighbours", formats.listed(list(sets.loc[sets["found"], "name"])) or "None"),
            ("Neighbours without a row in the files", formats.listed(lacking) or "None"),
            (
                "No donor in page 04",
                "; ".join(f"{n}: {why}" for n, why in donors[["name", "excluded"]].to_numpy()) or "None",
            ),
        ]
    return rows


def _set_in_words(year: int, source: str, baseline: int) -> str:
    if not year:
        return (
            "None for this authority: put dfe/neighbours.csv beside the return. Only region and England are compared."
        )
    matter = "" if year == baseline else f". It is not the set of the baseline year {baseline}, which was not supplied"
    return f"That of {year} ({source}){matter}."


@table(
    "neighbour_standing",
    title="The authority beside its neighbours",
    row="a measure and year",
    labels={"measure": "Measure", "period": "Year to 31 March"},
    values=(
        Value("unit", "Unit", "text", children=False),
        *(Value(name, text, "rate", children=False) for name, text in zip(RATE, HEADINGS, strict=True)),
        Value("count", "Children or placements", "number", children=False),
        Value("areas", "Areas ranked", "number", children=False),
        Value("rank", "Rank, 1 the highest", "number", children=False),
        Value("quartile", "Quartile, 1 the highest", "number", children=False),
        Value("better", "Better is", "text", children=False),
        Value("verdict", "Beside the neighbours' median", "text", children=False),
    ),
    source=SOURCE,
    method="counts over population or whole, unrounded; Garwood's interval of a rate, Wilson's of a share",
)
def neighbour_standing(view: View) -> Rows:
    """Rate or share, neighbours' mean and median, region, England, rank, quartile and verdict, for each year."""
    specs = measures().set_index("measure")
    return [
        {"measure": specs.loc[name, "label"], "unit": specs.loc[name, "unit"], **_standing_row(part, specs.loc[name])}
        for name, frame in _all(view).items()
        for _, part in frame.groupby("year", sort=True)
    ]


def _standing_row(part: pd.DataFrame, spec: Any) -> dict[str, Any]:
    own, others = part[part["role"] == OWN].iloc[0], _of(part, NEIGHBOUR)
    known = others[~np.isnan(others)]
    mean, median = (float(np.mean(known)), float(np.median(known))) if len(known) else (np.nan, np.nan)
    lower, upper = _interval(own["count"], own["of"], float(spec["per"]))
    row = {"period": own["period"], "value": own["value"], "lower": lower, "upper": upper, "mean": mean}
    row |= {"median": median, "region": _one(part, REGION), "england": _one(part, ENGLAND), "count": own["count"]}
    # The whole of what the DfE suppressed is not shown either.
    row["of"] = own["of"] if own["count"] == own["count"] else np.nan
    rank, areas, quartile = (np.nan,) * 3 if np.isnan(own["value"]) else standing(own["value"], others)
    row |= {"rank": rank, "areas": areas, "quartile": quartile, "better": spec["polarity"]}
    return row | {"verdict": judged((lower, upper), median, len(known), str(spec["polarity"]), str(own["symbol"]))}


def _interval(count: float, of: float, per: float) -> tuple[float, float]:
    from bond_eval.methods.proportions import rate, wilson

    if np.isnan(count) or np.isnan(of):
        return np.nan, np.nan
    estimate = wilson(int(count), int(of)) if per == 100 else rate(int(count), of)
    return estimate.lower * per, estimate.upper * per


def judged(interval: tuple[float, float], median: float, areas: int, polarity: str, symbol: str) -> str:
    """A value's interval against the neighbours' median, in words that say which way is better where one is."""
    if np.isnan(interval[0]):
        return f"cannot be compared ({symbol})" if symbol else "cannot be compared: no figure"
    if areas < FEWEST:
        return f"cannot be judged: {formats.plural(areas, 'neighbour')} with a figure, needs {FEWEST}"
    if interval[0] <= median <= interval[1]:
        return "not clearly different"
    way = "higher" if interval[0] > median else "lower"
    return way if polarity == "neither" else f"{way} ({'better' if way == polarity else 'worse'})"


@table(
    "neighbour_trend",
    title="The authority, its neighbours, region and England over the years",
    row="a measure, area and year",
    labels={"measure": "Measure", "area": "Area", "year": "31 March"},
    values=(
        Value("value", "Rate or share", "rate", children=False),
        Value("role", "Compared as", "text", children=False),
        Value("symbol", "Symbol of the DfE", "text", children=False),
    ),
    source=SOURCE,
)
def neighbour_trend(view: View) -> pd.DataFrame | Rows:
    """Every area's values and the neighbours' median; a suppressed cell keeps its symbol, a gap says so."""
    specs, parts = measures().set_index("measure"), []
    for name, frame in _all(view).items():
        near = frame[frame["role"] == NEIGHBOUR].groupby("year")["value"].median().reset_index()
        frame["symbol"] = frame["symbol"].where(frame["value"].notna() | (frame["symbol"] != ""), "no row")
        parts.append(frame.assign(measure=f"{specs.loc[name, 'label']}, {specs.loc[name, 'unit']}"))
        if len(near):
            parts.append(near.assign(measure=parts[-1]["measure"].iloc[0], area=MEDIAN, role=MEDIAN, symbol=""))
    columns = ["measure", "area", "year", "value", "role", "symbol"]
    return pd.concat([part[columns] for part in parts], ignore_index=True) if parts else []


@table(
    "neighbour_latest",
    title="The last year here, and the change to it beside that of the neighbours",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("unit", "Unit", "text", children=False),
        *interval("value", "Here", "rate"),
        Value("count", "Children or placements", "number", children=False),
        Value("of", "Of", "number", children=False),
        Value("years", "Years to 31 March", "text", children=False),
        Value("change", "Change here", "decimal", children=False),
        Value("others", "Median change of the neighbours", "decimal", children=False),
        Value("areas", "Neighbours with both years", "number", children=False),
        Value("statement", "In words", "text", children=False),
        Value("trend", "Change in words", "text", children=False),
    ),
    source=SOURCE,
    method="counts over population or whole, unrounded; Garwood's interval of a rate, Wilson's of a share",
)
def neighbour_latest(view: View) -> pd.DataFrame:
    """One row a measure, always: where nothing can be compared the words say why."""
    found, rows, frames = why_not(view), [], _all(view)
    for spec in measures().to_dict("records"):
        frame = frames.get(spec["measure"])
        if frame is None:
            text = f"{spec['label']}: {found or 'not available: the DfE files supplied hold no such series.'}"
            rows.append({"measure": spec["label"], "unit": spec["unit"], "statement": text, "trend": text})
            continue
        last = frame[frame["year"] == frame["year"].max()]
        row = _standing_row(last, spec)
        change = _change(frame, view.baseline.year)
        words = {"statement": _in_words(row, spec, last), "trend": _change_in_words(change, spec)}
        named = {"measure": spec["label"], "unit": spec["unit"], "years": "{} to {}".format(*change.pop("years"))}
        rows.append({**row, **change, **named, **words})
    numbers = ["value", "lower", "upper", "count", "of", "change", "others", "areas"]
    frame = pd.DataFrame(rows, columns=["measure", "unit", *numbers, "years", "statement", "trend"])
    return frame.astype(dict.fromkeys(numbers, float))


def _in_words(row: dict[str, Any], spec: Any, last: pd.DataFrame) -> str:
    start = f"{spec['label']}, {row['period']}: "
    if np.isnan(row["value"]):
        return f"{start}the authority's own figure {row['verdict']}."
    whole = f"of the {formats.number(row['of'])} children here"
    unit = spec["unit"] if spec["unit"].startswith("%") else f" {spec['unit'].replace('children', whole)}"
    figure = f"{_number(row['value'])}{unit} ({_number(row['lower'])} to {_number(row['upper'])})"
    names = dict(zip(last["role"], last["area"], strict=True))
    wider = [
        f"{names[role]} {_number(row[key])}"
        for role, key in ((REGION, "region"), (ENGLAND, "england"))
        if role in names
    ]
    tail = f"; {', '.join(wider)}." if wider else "."
    if np.isnan(row["median"]):
        return f"{start}{figure}; no neighbour has a figure{tail}"
    near = f"the median of {formats.plural(int(row['areas']) - 1, 'statistical neighbour')}"
    near += f" ({_number(row['median'])}; mean {_number(row['mean'])})"
    if row["verdict"].startswith("cannot"):
        return f"{start}{figure}, beside {near}: {row['verdict']}{tail}"
    link = "from" if "different" in row["verdict"] else "than"
    rank = f"rank {int(row['rank'])} of {int(row['areas'])}, 1 being the highest (quartile {int(row['quartile'])})"
    return f"{start}{figure}, {row['verdict']} {link} {near}; {rank}{tail}"


def _number(value: float) -> str:
    return "not available" if np.isnan(value) else formats.number(value, 1)


def _change(frame: pd.DataFrame, baseline: int) -> dict[str, Any]:
    """From the baseline year, or the first year where that is not in the files, to the last."""
    years = sorted(set(frame["year"]))
    first = baseline if baseline in years and baseline < years[-1] else years[0]
    wide = frame.pivot(index="key", columns="year", values="value")
    change = (wide[years[-1]] - wide[first]).to_numpy()
    role = frame.drop_duplicates("key").set_index("key").loc[wide.index, "role"].to_numpy()
    near = change[(role == NEIGHBOUR) & ~np.isnan(change)]
    own = float(change[role == OWN][0]) if first < years[-1] else np.nan
    span = (float(near.min()), float(near.max())) if len(near) else (np.nan, np.nan)
    median = float(np.median(near)) if len(near) else np.nan
    return {"change": own, "others": median, "areas": len(near), "span": span, "years": (first, years[-1])}


def _change_in_words(change: dict[str, Any], spec: Any) -> str:
    first, last = change["years"]
    start = f"{spec['label']}, {spec['unit']}, from {first} to {last}: "
    if np.isnan(change["change"]):
        return f"{start}no change can be given, as one of the years is missing or suppressed."
    own = _signed(change["change"])
    if change["areas"] < FEWEST:
        return f"{start}{own} here; too few neighbours have both years ({change['areas']}) to judge it."
    low, high = change["span"]
    place = "within" if low <= change["change"] <= high else "outside"
    near = f"median {_signed(change['others'])}, from {_signed(low)} to {_signed(high)}"
    return f"{start}{own} here, {place} the range of {change['areas']} neighbours ({near})."


def _signed(value: float) -> str:
    text = formats.number(abs(value), 1)
    return text if float(text.replace(",", "")) == 0 else f"{'+' if value > 0 else '−'}{text}"


@table(
    "neighbours_reconciled",
    title="Counts worked out from the return beside those that the DfE published for this authority",
    row="a count, rule and year",
    labels={"measure": "Count", "rule": "What counts as a placement", "date": "Date"},
    values=(
        Value("own", "From the return", of="of"),
        Value("published", "Published", "number", follows=("own", "of"), children=False),
        Value("difference", "Difference", "signed", follows=("own", "of"), children=False),
        Value("of", "Whole, from the return"),
        Value("published_of", "Whole, published", "number", follows=("own", "of"), children=False),
        Value("difference_of", "Difference of the wholes", "signed", follows=("own", "of"), children=False),
        Value("symbol", "Symbol of the DfE", "text", children=False),
    ),
    source=f"SSDA903 episodes; {SOURCE}",
)
def neighbours_reconciled(view: View) -> Rows:
    """Own counts and published ones of every 31 March that both have; what the DfE suppressed is not given away.

    Each disputed rule is shown in the internal edition only: two that differ by a few children would give those away.
    In public a year is left out in which few are counted, or few are not: what the DfE published would tell them.
    """
    specs, rows = measures().set_index("measure"), []
    for name, frame in _all(view).items():
        mine = frame[(frame["role"] == OWN) & (frame["count"].notna() | (frame["symbol"] != ""))].set_index("year")
        needs, disputed = NEEDS.get(name, (0, None))
        days = year_ends(view.history.first_day, view.as_of) if disputed is not None else []
        for day in [day for day in days if day.year in mine.index and (day - view.history.first_day).days >= needs]:
            for rules in VARIANTS if disputed and not view.public else VARIANTS[:1]:
                own = _own(view, name, day, rules)
                if own is not None and not (view.public and _few(own)):
                    labels = (specs.loc[name, "label"], rules.label if disputed else "Does not matter", day)
                    share = specs.loc[name, "per"] == 100
                    rows.append((*labels, *_pair(own, mine.loc[day.year], share, hide=view.public)))
    return rows


def _few(own: tuple[int, int]) -> bool:
    """True for a count, a whole or a remainder of 1 to 5."""
    return any(0 < number < MINIMUM for number in (*own, own[1] - own[0]))


def _pair(own: tuple[int, int], theirs: pd.Series, share: bool, *, hide: bool) -> tuple[float | str, ...]:
    """Own and published count and whole. A rate's whole is the population, which no return has."""
    n, of = float(own[0]), float(own[1]) if share else np.nan
    # The DfE hides larger cells too, so that small ones cannot be worked out: ours would undo it.
    n = np.nan if hide and theirs["symbol"] else n
    count, whole = float(theirs["count"]), float(theirs["of"]) if share else np.nan
    return n, count, n - count, of, whole, of - whole, str(theirs["symbol"])


def _own(view: View, measure: str, day: dt.date, rules: Rules) -> tuple[int, int] | None:
    """The return's own (count, whole) on a 31 March or in the year to it; None where it has no location of any."""
    history, last = view.history, day_number(day)
    first = day_number(dt.date(day.year - 1, 4, 1))
    if measure == "looked_after":
        return int(view.counts.on(day).to_numpy().sum()), 0
    if measure in ("started", "ceased"):
        column = "start" if measure == "started" else "end"
        periods = history.periods[history.periods[column].between(first, last)]
        return periods["child"].nunique(), 0
    if measure == "outside":
        new = history.placements[history.placements["start"].between(first, last)]
        return (int((new["location"] == "OUT").sum()), len(new)) if new["location"].isin(("IN", "OUT")).any() else None
    if measure == "long_term":
        return long_term(history, day, rules)
    return three_or_more(history, day, rules, years=2 if measure == "three_in_two_years" else 1)
