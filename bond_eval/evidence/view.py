"""The data of one authority, quarter and audience, as builders see it. Confidential: never leaves the release."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bond_eval.core.periods import Quarter, year_ends
from bond_eval.economics.sealing import SealedRun
from bond_eval.intake import dfe
from bond_eval.intake.authority import Authority, read_authority
from bond_eval.intake.finance import FOLDER, Finance, load_finance
from bond_eval.intake.measures import FOLDER as MEASURES
from bond_eval.intake.measures import Measures, load_measures
from bond_eval.intake.reference import published, read_reference
from bond_eval.intake.register import FOLDER as REGISTER
from bond_eval.intake.register import Register, load_register
from bond_eval.intake.ssda903 import Return, load_return
from bond_eval.placements.categories import EXTERNAL, in_use
from bond_eval.placements.cohorts import Cohort, follow
from bond_eval.placements.costing import LINES, Unpriced, cost_by_year
from bond_eval.placements.counts import DailyCounts, daily_counts
from bond_eval.placements.history import History, build_history
from bond_eval.placements.stitch import check_covered


@dataclass(frozen=True)
class View:
    """One authority's return as of a quarter's end; `seals`: what the runs of earlier quarters sealed."""

    authority: Authority
    quarter: Quarter
    audience: str
    seed: int
    data: Return
    history: History
    finance: Finance | None = None
    neighbours: dfe.Dfe | None = None
    measures: Measures | None = None
    register: Register | None = None
    seals: tuple[SealedRun, ...] = ()

    @cached_property
    def shelf(self) -> dict[str, Any]:
        """What builders worked out and others of them need again, by a name of their own."""
        return {}

    @property
    def as_of(self) -> dt.date:
        """The quarter's last day: nothing later is used."""
        return self.quarter.end

    @property
    def public(self) -> bool:
        """True where small numbers must not be shown."""
        return self.audience == "public"

    @property
    def baseline(self) -> dt.date:
        """Date of the baseline cohorts: the authority's own, and never before the data begin."""
        return max(self.authority.baseline(self.quarter), self.history.first_day)

    @cached_property
    def counts(self) -> DailyCounts:
        """Children by day, category and age band."""
        return daily_counts(self.history)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories of placement that this authority tells apart."""
        return in_use(self.data.categories)

    @cached_property
    def published(self) -> pd.DataFrame:
        """Published figures of this authority; empty where there are none."""
        return published(self.authority.published)

    @cached_property
    def cohorts(self) -> dict[str, Cohort]:
        """The children in each external category at the baseline, followed to the as-of date."""
        return {category: follow(self.history, category, self.baseline) for category in EXTERNAL}

    @cached_property
    def costs(self) -> pd.DataFrame | Unpriced | None:
        """Cost by year and category of the published lines; why it cannot be said; None without finance files."""
        return self.finance and cost_by_year(self.history, self.finance, categories=tuple(LINES))

    @property
    def supplied(self) -> dict[str, Any]:
        """Folders beside the return -> what was read from them (with `hashes`); None where there was nothing."""
        return {FOLDER: self.finance, REGISTER: self.register, dfe.FOLDER: self.neighbours, MEASURES: self.measures}

    def year_ends(self) -> list[dt.date]:
        """Every 31 March of the data, and the quarter's last day."""
        days = year_ends(self.history.first_day, self.as_of)
        return days if days and days[-1] == self.as_of else [*days, self.as_of]


def load_view(
    data: Path, authority: str, quarter: Quarter, audience: str, seed: int, seals: tuple[SealedRun, ...] = ()
) -> View:
    """Read the return at `data` and form its history as of the quarter's end. Raises InputError."""
    folder = data if data.is_dir() else data.parent
    who = read_authority(folder, authority)
    loaded = load_return(data, who)
    check_covered(loaded.submissions, quarter)
    finance = load_finance(folder / FOLDER, loaded.children, quarter.end)
    register = load_register(folder / REGISTER, loaded.children, loaded.people, quarter.end)
    neighbours = dfe.load_dfe(folder / dfe.FOLDER)
    known = set(read_reference("measures.csv")["id"])
    measures = load_measures(folder / MEASURES, known, quarter.end)
    history = build_history(loaded, quarter.end)
    return View(who, quarter, audience, seed, loaded, history, finance, neighbours, measures, register, seals)
