"""What a notebook opens: protected tables, figures, sentences and findings of one authority and quarter."""

from __future__ import annotations

import base64
import datetime as dt
import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bond_eval.core import SEED, formats
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FINDING_MIME, Finding
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE, find_data
from bond_eval.evidence import (
    cells,
    figures,
    figures_evidence,
    figures_forecast,
    figures_measures,
    figures_money,
    figures_neighbours,
)
from bond_eval.evidence.cells import Cell
from bond_eval.evidence.found import Found, find_findings, second_stage
from bond_eval.evidence.protected import Protected, html_table
from bond_eval.evidence.registry import of_findings
from bond_eval.evidence.release import Release, load_release
from bond_eval.evidence.shelf import keeps, kept_findings, kept_release
from bond_eval.intake.reference import CATEGORIES

RELEASE_VARIABLE = "BOND_RELEASE"
# A run asks for SVG beside the PNG, for its pages; the notebook of JupyterLab and of nbval holds the PNG alone.
FIGURES_VARIABLE, SVG = "BOND_FIGURES", "svg"
SYNTHETIC = " **The data is synthetic: no real child is in it.**"
MADE_TO_FIT = (
    " It was made so that the published counts and costs come out: that they do shows that the workbook counts as the "
    "report did, and not that the report was right."
)
OWN_CATEGORIES = " What a placement is goes by the authority's own placement_categories.csv before the workbook's."
CHARTS: dict[str, Callable[..., figures.Chart]] = {
    "lines": figures.lines,
    "bars": figures.bars,
    "bands": figures.bands,
    "xmr": figures.xmr,
    "curves": figures.curves,
    "flows": figures.flows,
    "stacked": figures_money.stacked,
    "waterfall": figures_money.waterfall,
    "among": figures_neighbours.among,
    "tornado": figures_money.tornado,
    "fan": figures_forecast.fan,
    "forest": figures_evidence.forest,
    "intervals": figures_evidence.intervals,
    "upset": figures_evidence.upset,
    "icons": figures_measures.icons,
    "measured": figures_measures.measured,
    "theory": figures_measures.theory,
}


def open_book(
    *,
    notebook: str,
    authority: str = "salford",
    quarter: str = "2020-21-Q2",
    data: str | Path = SAMPLE,
    audience: str = "public",
    seed: int = SEED,
) -> Book:
    """Open the release that a run prepared; where there is no run, one kept or made here from `data`.

    Raises InputError where the data cannot be used, or where a run's release is for other parameters.
    """
    wanted = Quarter.parse(quarter)
    folder = os.environ.get(RELEASE_VARIABLE)
    if not folder:
        source = find_data(data)
        return Book(notebook, kept_release(source, authority, wanted, audience, seed), source)
    release = load_release(Path(folder))
    asked = {"authority": authority, "quarter": str(wanted), "audience": audience, "seed": seed}
    differ = [name for name, value in asked.items() if release.facts[name] != value]
    if differ:
        raise InputError(f"The run was prepared for another {differ[0]}: run the workbook again.")
    return Book(notebook, release)


class Book:
    """Tables, figures and findings for one notebook. In a public book nothing else can be reached."""

    def __init__(self, notebook: str, release: Release, data: Path | None = None) -> None:
        self.notebook, self.release, self.data = notebook, release, data
        self._findings: set[str] = set()

    @property
    def day(self) -> dt.date:
        """The quarter's last day."""
        return dt.date.fromisoformat(self.release.facts["as_of"])

    @property
    def baseline(self) -> dt.date:
        """Date of the baseline cohorts."""
        return dt.date.fromisoformat(self.release.facts["baseline"])

    @property
    def name(self) -> str:
        """The authority's name."""
        return str(self.release.facts["authority_name"])

    def table(self, id: str) -> Protected:
        """A registered table. Raises KeyError, naming those there are."""
        if id in of_findings():
            return second_stage(id, self.findings(), self.release.facts["audience"])
        if id not in self.release.tables:
            raise KeyError(f"no table {id!r}; there are {', '.join(self.release.tables)}")
        return self.release.tables[id]

    def findings(self) -> Found:
        """What the first stage found. Raises InputError where there are no findings of the same data.

        Outside a run, the workbook is run once for them where none are there: see shelf.kept_findings.
        """
        folder = os.environ.get(RELEASE_VARIABLE)
        try:
            return find_findings(self.release.facts, Path(folder) if folder else None)
        except InputError:
            if folder or self.data is None or not keeps(self.data, self.release.facts["audience"]):
                raise
        return kept_findings(self.data, self.release.facts)

    def say(self, text: str) -> None:
        """Show a computed sentence or two (Markdown)."""
        _display({"text/markdown": " ".join(text.split()), "text/plain": " ".join(text.split())})

    def about_data(self) -> None:
        """Rows, period covered and gaps of the data behind this book, in a sentence or two."""
        facts = self.release.facts
        rows = sum(item["rows"] for item in facts["inputs"])
        issues = ", ".join(f"{_few(n)} {severity}s" for severity, n in facts["issues"].items()) or "none"
        first = formats.date(dt.date.fromisoformat(facts["first_day"]))
        self.say(
            f"{formats.number(rows)} rows of {len(facts['inputs'])} files of {self.name}, from {first}, used up to "
            f"{formats.date(self.day)} and no further. Issues found in reading them: {issues}; notebook 00 "
            f"groups them by rule. Counts are of children unless stated."
            + OWN_CATEGORIES * any(item["file"] == CATEGORIES for item in facts["inputs"])
            + SYNTHETIC * facts["synthetic"]
            + MADE_TO_FIT * (facts["synthetic"] and bool(facts["published"]))
        )

    def date(self, day: dt.date) -> str:
        """31 March 2019."""
        return formats.date(day)

    def compare(self, new: Cell, old: Cell) -> str:
        """ "6 fewer than the 48"; says so where a confidential number forbids it."""
        return cells.compare(new, old)

    def share(self, estimate: Cell, low: Cell, high: Cell) -> str:
        """ "8% (6% to 10%)"; says so where there is none to give."""
        return cells.with_interval(estimate, low, high)

    def chart(self, kind: str, table: Protected, *columns: str, **words: Any) -> None:
        """Draw and show a chart: `kind` is one of CHARTS, `columns` those that it takes."""
        self._show(CHARTS[kind](table, *columns, **words), table)

    def _show(self, chart: figures.Chart, table: Protected) -> None:
        """Show a chart with its alt text, as PNG at 100 dpi, and below it, folded, the protected numbers it is of."""
        # Raw display takes PNG as text, as a notebook file stores it.
        png, alt = base64.b64encode(chart.png()).decode("ascii"), chart.alt
        data, told = {"image/png": png, "text/plain": alt}, {"image/png": {"alt": alt}}
        if os.environ.get(FIGURES_VARIABLE) == SVG:
            data["image/svg+xml"], told["image/svg+xml"] = chart.svg(), {"alt": alt}
        _display(data, told)
        _display(_behind(table))

    def finding(  # a finding is many-sided; each side is a keyword with the usual case as its default
        self,
        name: str,
        statement: str,
        *,
        value: Cell,
        table: Protected,
        questions: tuple[str, ...],
        unit: str = "children",
        interval: tuple[Cell, Cell] | None = None,
        n: Cell | None = None,
        kind: str = "descriptive",
        no_interval: str = "complete count",
        strength: str = "Complete count of the records",
        caveats: tuple[str, ...] = (),
        completeness: str | float = "",
        decision: str = "",
        method: str = "",
    ) -> None:
        """Emit a finding: a sentence, and its JSON under our own MIME type. Raises ValueError where it is not whole.

        `strength` of a causal finding is "Maryland N"; `decision` is what it bears on; `method` where it is not the
        table's.
        """
        id = f"{self.notebook.split('_', 1)[-1]}.{name}"
        if id in self._findings:
            raise ValueError(f"finding {id!r} is emitted twice")
        self._findings.add(id)
        bounds = _bounds(interval) if value.known else None
        spec = table.table
        base = n if n is not None else value if unit == "children" else Cell(None)
        finding = Finding(
            id=id,
            statement=formats.sentence(statement),
            questions=questions,
            kind=kind,
            unit=unit,
            value=value.value,
            interval=bounds,
            no_interval="" if bounds else no_interval if value.known else _why_unknown(value),
            n=None if base.value is None else int(base.value),
            period=f"to {formats.date(self.day)}",
            method=method or spec.method,
            strength=strength,
            source=f"table {spec.id}, from {spec.source}",
            caveats=caveats,
            table=spec.id,
            completeness=completeness,
            decision=decision,
        )
        number = len(self._findings)
        _display(
            {
                FINDING_MIME: finding.as_dict(),
                "text/plain": f"Finding {number}. {finding.statement}",
                "text/html": _finding_html(number, finding),
            }
        )


def _behind(table: Protected) -> dict[str, Any]:
    rows = html_table(table.shown(), table.table.title, len(table.table.labels))
    folded = f'<details class="data"><summary>Data behind this figure</summary>{rows}</details>'
    return {"text/html": folded, "text/plain": f"Data behind this figure: table {table.table.id}."}


def _few(number: int | None) -> str:
    return "fewer than 6" if number is None else formats.number(number)


def _why_unknown(value: Cell) -> str:
    return "too few" if value.symbol == cells.CONFIDENTIAL else "not available"


def _bounds(interval: tuple[Cell, Cell] | None) -> tuple[float, float] | None:
    if interval is None or interval[0].value is None or interval[1].value is None:
        return None
    return float(interval[0].value), float(interval[1].value)


def _finding_html(number: int, finding: Finding) -> str:
    basis = [f"Strength: {finding.strength}", f"Method: {finding.method}", f"Source: {finding.source}"]
    if finding.n is not None and finding.unit != "children":
        basis.insert(0, f"n = {formats.number(finding.n)}")
    basis += [f"Caveat: {caveat}" for caveat in finding.caveats]
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in basis)
    statement = html.escape(finding.statement)
    return f'<div class="finding"><p><strong>Finding {number}.</strong> {statement}</p><ul>{lines}</ul></div>'


def _display(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    from IPython.display import display

    display(data, metadata=metadata, raw=True)


def warm() -> None:
    """Draw and forget a first chart, so that a process forked from this one need not load what drawing loads."""
    import pandas as pd

    figure, axis = figures.canvas()
    axis.plot([0, 1])
    figures.titled(figure, "A first chart", "of nothing")
    chart = figures.Chart(figure, repr(pd.DataFrame({"of": ["nothing"]})))
    chart.png()
    chart.svg()
