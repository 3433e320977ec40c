"""One chart of each kind on fixed data that nothing else can change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bond_eval.evidence import figures_evidence, figures_measures
from bond_eval.evidence.book import CHARTS
from bond_eval.evidence.figures import Chart
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import ALL, Table, Value

YEARS = [dt.date(year, 3, 31) for year in range(2015, 2021)]
QUARTERS = [f"{year}-Q{quarter}" for year in (2016, 2017, 2018, 2019) for quarter in (1, 2, 3, 4)]
WORDS = {"title": "42 children, 6 fewer than the 48 before", "unit": "Children & < 2 others"}


def table(frame: dict[str, Any], labels: Sequence[str], margins: tuple[str, ...] = (), **kinds: str) -> Protected:
    """A protected table: `labels` are its label columns, the rest its values, counts unless `kinds` says what."""
    values = tuple(
        Value(name, name.capitalize(), kinds.get(name, "count"), children=False) for name in frame if name not in labels
    )
    headings = {name: name.capitalize() for name in labels}
    spec = Table(
        "fixed", "charts", "Fixed numbers", "a row", headings, values, margins, "no file", "by hand", pd.DataFrame
    )
    return protect(spec, pd.DataFrame(frame), "public")


def _twice(column: Sequence[Any]) -> list[Any]:
    return [*column, *column]


def _lines() -> tuple[Protected, ...]:
    n = [18, 25, 37, 48, 43, 42, 55, 59, 67, 63, 43, 51]
    return (table({"date": _twice(YEARS), "category": ["Outside"] * 6 + ["IFA"] * 6, "n": n}, ["date", "category"]),)


def _bars() -> tuple[Protected, ...]:
    return (table({"provider": ["Private", "Own", "Other"], "n": [31, 12, 7]}, ["provider"]),)


def _bands() -> tuple[Protected, ...]:
    frame = {"area": ["A", "A", "B", "B"], "year": ["2019", "2020"] * 2, "words": ["low", "high", "none", "middle"]}
    return (table(frame | {"rank": [1, 3, 0, 2]}, ["area", "year"], words="text", rank="number"),)


def _xmr(**more: Sequence[Any]) -> tuple[Protected, ...]:
    value = [12, 14, 11, 15, 13, 12, 16, 14, 13, 12, 25, 14, 12, 13, 15, 14]
    frame: dict[str, Any] = {"flow": ["Started"] * 16, "period": QUARTERS, "value": value, "mean": [13.8] * 16}
    frame |= {
        "lower": [8.0] * 16,
        "upper": [20.0] * 16,
        "verdict": ["signal: a point outside" if v > 20 else "no signal" for v in value],
    }
    kinds = dict.fromkeys(("mean", "lower", "upper"), "decimal")
    return (table(frame | more, ["flow", "period"], **kinds, verdict="text", rebased="text", unit="text"),)


def _curves() -> tuple[Protected, ...]:
    share = [1.0, 0.9, 0.75, 0.6]
    frame = {"cohort": ["Outside"] * 4, "month": [0, 3, 6, 12], "estimate": share}
    frame |= {"lower": [s - 0.1 for s in share], "upper": [min(1.0, s + 0.1) for s in share]}
    return (table(frame, ["cohort", "month"], estimate="percent", lower="percent", upper="percent"),)


def _flows() -> tuple[Protected, ...]:
    frame = {
        "from": ["IFA", "IFA", "Own", "IFA", "Own", ALL, ALL, ALL],
        "to": ["Own", "Home", "Home", ALL, ALL, "Own", "Home", ALL],
    }
    return (table(frame | {"n": [12, 20, 9, 32, 9, 12, 29, 41]}, ["from", "to"], ("from", "to")),)


def _stacked() -> tuple[Protected, ...]:
    frame = {
        "payer": ["City", "City", "Health", "Health"],
        "part": ["Staff", "Rent"] * 2,
        "pounds": [120.0, 40.0, 60.0, 0.0],
    }
    return (table(frame, ["payer", "part"], pounds="thousands"),)


def _waterfall() -> tuple[Protected, ...]:
    frame = {"step": ["2019", "New", "Left", "2020"], "n": [48, 20, -26, 42]}
    return (table(frame, ["step"], n="signed"),)


def _among() -> tuple[Protected, ...]:
    areas = ["Salford", "Median", "Bolton"]
    roles = ["Own", "Median of the neighbours", "Neighbour"]
    frame = {"measure": ["Rate per 10,000"] * 9, "year": [2018, 2019, 2020] * 3}
    frame |= {"area": [a for a in areas for _ in range(3)], "rate": [110, 108, 104, 95, 97, 99, 88, 92, 96]}
    return (
        table(
            frame | {"role": [r for r in roles for _ in range(3)]},
            ["measure", "year", "area"],
            rate="rate",
            role="text",
        ),
    )


def _tornado() -> tuple[Protected, ...]:
    frame = {"dial": ["Fees", "Counts"], "ends": ["£1,000 to £2,000", "36 to 48"], "low": [-200.0, 100.0]}
    frame |= {"high": [900.0, 500.0], "base": [300.0, 300.0]}
    return (table(frame, ["dial", "ends"], low="thousands", high="thousands", base="thousands"),)


def _fan() -> tuple[Protected, ...]:
    frame: dict[str, Any] = {"date": YEARS, "scenario": ["As it goes"] * 6, "actual": [40, 42, 44, 42, None, None]}
    frame["median"] = [40, 42, 44, 42, 45, 47]
    for level, width in ((50, 2), (80, 5), (95, 8)):
        frame[f"lower_{level}"] = [m - width for m in frame["median"]]
        frame[f"upper_{level}"] = [m + width for m in frame["median"]]
    return (table(frame, ["date", "scenario"]),)


def _forest() -> tuple[Protected, ...]:
    frame = {"design": ["Before and after", "With a comparison", "Adjusted"], "group": ["Weak", "Weak", "Stronger"]}
    frame |= {"ratio": [0.7, 1.2, 0.9], "lower": [0.5, 0.8, 0.1], "upper": [0.98, 1.8, 9.0]}
    kinds = dict.fromkeys(("ratio", "lower", "upper"), "factor")
    return (table(frame | {"shown": ["0.7", "1.2", "0.9"]}, ["design", "group"], **kinds, shown="text"),)


def _upset() -> tuple[Protected, ...]:
    return (table({"programmes": ["Route 29", "ACT", "ACT + Route 29"], "n": [30, 25, 8]}, ["programmes"]),)


def _icons() -> tuple[Protected, ...]:
    frame = {"measure": ["Outside placements", "Moves"], "shown": ["42", "12%"], "variation": ["improving", "steady"]}
    frame |= {"side": ["low", ""], "assurance": ["sometimes meets it", "never meets it"]}
    return (table(frame, ["measure"], **dict.fromkeys(("shown", "variation", "side", "assurance"), "text")),)


def _theory() -> tuple[Protected, ...]:
    frame = {"stage": ["Do", "Get"], "box": ["Train carers", "Fewer moves"], "status": ["Measured", "Not measured"]}
    return (table(frame | {"leads_to": ["Fewer moves", ""]}, ["stage", "box"], status="text", leads_to="text"),)


def _intervals() -> tuple[Protected, ...]:
    frame = {"name": ["Net", "Gross"], "middle": [120.0, 300.0], "low": [-50.0, 200.0], "high": [280.0, 410.0]}
    return (
        table(
            frame | {"text": ["120", "300"]},
            ["name"],
            middle="thousands",
            low="thousands",
            high="thousands",
            text="text",
        ),
    )


_SETS = {"programme": ["Route 29", "ACT"], "n": [38, 33]}
_DRAWN: dict[str, tuple[Callable[[], tuple[Protected, ...]], tuple[Any, ...], dict[str, Any]]] = {
    "lines": (_lines, ("date", "category", "n"), {"marks": {dt.date(2019, 3, 31): "Baseline"}}),
    "bars": (_bars, ("provider", "n"), {}),
    "bands": (_bands, ("area", "year", "words", "rank"), {}),
    "xmr": (_xmr, ("flow", "period"), {}),
    "measured": (
        lambda: _xmr(rebased=["new definition" if q == "2018-Q1" else "" for q in QUARTERS], unit=["%"] * 16),
        ("flow", "period"),
        {},
    ),
    "curves": (_curves, ("cohort", "month"), {}),
    "flows": (_flows, ("from", "to", "n"), {}),
    "stacked": (_stacked, ("payer", "part", "pounds"), {}),
    "waterfall": (_waterfall, ("step", "n"), {}),
    "among": (_among, ("measure", "year", "area", "rate"), {}),
    "tornado": (_tornado, (("dial", "ends"), ("low", "high"), "base"), {}),
    "fan": (_fan, ("date", "scenario"), {}),
    "forest": (_forest, ("design", "group", "shown"), {}),
    "intervals": (_intervals, ("name", "middle", "low", "high", "text"), {}),
    "upset": (_upset, ("programmes", "n"), {"sizes": lambda: table(_SETS, ["programme"]), "size": "n"}),
    "icons": (_icons, ("measure",), {}),
    "theory": (_theory, ("stage", "box"), {}),
}
KINDS = tuple(_DRAWN)


def drawn(kind: str, **words: Any) -> Chart:
    """The chart of a kind on its fixed data; `words` replace its title or unit."""
    frame, columns, more = _DRAWN[kind]
    functions = {**vars(figures_evidence), **vars(figures_measures), **CHARTS}
    more = {name: value() if callable(value) else value for name, value in more.items()}
    return functions[kind](*frame(), *columns, **more, **(WORDS | words))
