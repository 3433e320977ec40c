"""What the demand model says where the truth is known: nothing where nothing changed, and which way it did."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.periods import Quarter, month_end
from bond_eval.economics.into_pounds import NO_SPEND, Design, Outlook, priced
from bond_eval.economics.money import Spread, Withheld
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables.placement_forecast import LIMITS, judged
from bond_eval.evidence.view import load_view
from bond_eval.intake.authority import read_authority
from bond_eval.intake.finance import Finance, load_finance
from bond_eval.intake.ssda903 import load_return
from bond_eval.intake.typed import day_number
from bond_eval.placements.backcast import backcast
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.demand import fit, latest_window, population
from bond_eval.placements.demand_paths import simulate
from bond_eval.placements.history import build_history
from bond_eval.placements.trend import Trend
from bond_eval.sample import write_sample
from bond_eval.sample.days import birthday
from bond_eval.sample.world import careers

AS_OF = dt.date(2020, 9, 30)
OP = CATEGORIES.index(OUTSIDE)


def outlook(folder: Path, world: str, seed: int, children: int = 600, *, series: bool = False) -> Outlook:
    """A world's returns and finance files written, read again and set before the model."""
    write_sample(folder, world=world, seed=seed, children=children)
    authority = read_authority(folder, "demo")
    data = load_return(folder, authority)
    history = build_history(data, AS_OF)
    finance, trend = load_finance(folder / "finance", data.children, AS_OF), None
    if series:
        trend = Trend(history, daily_counts(history), authority)
    return Outlook(history, finance, authority.programme_date, 2021, trend)


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def null(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outlook:
    return outlook(tmp_path_factory.mktemp("null"), "null", request.param)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Outlook:
    return outlook(tmp_path_factory.mktemp("one"), "null", 1)


def test_where_nothing_changed_no_avoided_cost_is_claimed(null: Outlook) -> None:
    """A shock to moves (lockdown) and a run of entries before the baseline are in it, and no effect."""
    assert [design.name for design in null.designs] == [
        "Demand model to 31 December 2018", "Demand model to 31 January 2020",
    ]  # fmt: skip
    for design in null.designs:
        assert isinstance(design.pounds, Spread) and design.pounds.spans_zero, design
        assert design.standing.startswith("no clear difference")
        outside = np.quantile(np.asarray(design.days)[:, OP], [0.025, 0.975])
        assert outside[0] < 0 < outside[1]


def test_bands_hold_what_they_say_where_rates_stay(tmp_path: Path) -> None:
    """All categories, origins and horizons of two authorities; origins overlap, so the bounds are wide."""
    parts = [backcast(outlook(tmp_path / str(seed), "null", seed).history, seed=1) for seed in (5, 6)]
    rows = pd.concat(parts)[lambda frame: frame["category"] != "All"]
    held = {level: rows[f"inside_{level}"].mean() for level in (50, 80, 95)}
    assert 0.45 <= held[50] <= 0.72 and 0.74 <= held[80] <= 0.90 and 0.90 <= held[95] <= 0.99, held


def nights(world: str, children: int, seed: int) -> int:
    """True nights in outside placements at 12 to 17 from February to September 2020, from the lives themselves."""
    lives, _ = careers(seed, children, world)
    since, total = day_number(dt.date(2020, 2, 1)), 0
    for life in lives:
        low, high = max(birthday(life.born, 12), since), min(birthday(life.born, 18), day_number(AS_OF) + 1)
        for period in life.periods:
            ends = [*(first for _, first in period.stays[1:]), period.end or high]
            spent = (
                min(end, high) - max(first, low)
                for (kind, first), end in zip(period.stays, ends, strict=True)
                if kind == "op"
            )
            total += sum(max(part, 0) for part in spent)
    return total


def test_an_effect_is_seen_in_a_larger_authority_and_its_direction_is_right(tmp_path: Path) -> None:
    """From February 2020 entries to outside placements at 12 to 17 are halved and leavings go up by 60%."""
    made = outlook(tmp_path, "effect", 1, children=1800, series=True)
    found = made.designs[1]
    days = np.asarray(found.days)[:, OP]
    assert np.quantile(days, 0.05) > 0
    assert isinstance(found.pounds, Spread) and found.pounds.median > 0 and found.pounds.above_zero > 0.9
    # The worlds part with the programme, so their difference is what was truly avoided; the planned series says so too.
    truth = nights("null", 1800, 1) - nights("effect", 1800, 1)
    planned = next(design for design in made.designs if design.name.startswith("Entries, planned"))
    low, median, high = np.quantile(np.asarray(planned.days)[:, OP], [0.025, 0.5, 0.975])
    assert truth > 0 and low < truth < high and median > 0
    assert isinstance(planned.pounds, Spread) and planned.pounds.above_zero > 0.9


def test_where_nothing_changed_no_series_claims_avoided_cost(tmp_path: Path) -> None:
    made = outlook(tmp_path, "null", 2, children=1200, series=True)
    names = [design.name for design in made.designs[2:]]
    assert names[0] == "Entries, planned: level from February 2020" and len(names) == 4
    for design in made.designs[2:]:
        assert isinstance(design.pounds, Withheld) or design.pounds.spans_zero, design
    assert isinstance(made.designs[2].pounds, Spread)
    days = next(design for design in made.designs if design.name.startswith("Child-days"))
    assert isinstance(days.pounds, Withheld) and "too alike" in days.standing


def test_one_seed_gives_one_answer_and_another_another(one: Outlook) -> None:
    def median(seed: int) -> float:
        (_, design) = Outlook(one.history, one.finance, one.programme, seed).designs
        assert isinstance(design.pounds, Spread)
        return design.pounds.median

    (_, before) = one.designs
    assert isinstance(before.pounds, Spread) and median(2021) == before.pounds.median != median(7)


def test_a_thousand_paths_of_two_years_take_under_five_seconds_of_a_core(one: Outlook) -> None:
    start = population(one.history, AS_OF)
    began = time.process_time()
    model = fit(one.history, latest_window(one.history, dt.date(2018, 12, 31)))
    made = simulate(model, start, AS_OF, (month_end(AS_OF, 24) - AS_OF).days, seed=1, paths=1000)
    assert time.process_time() - began < 5.0
    assert made.daily.shape == (1000, 731, len(CATEGORIES)) and len(start.birth) > 500


def without(finance: Finance, **frames: pd.DataFrame) -> Finance:
    return replace(finance, **frames)


def test_what_is_missing_is_named_and_never_nought(one: Outlook) -> None:
    assert one.finance is not None
    bare = Outlook(one.history, None, one.programme, 1)
    assert all(isinstance(design.pounds, Withheld) and "fees.csv" in design.standing for design in bare.designs)
    assert isinstance(bare.prices, Withheld)
    assert Outlook(one.history, one.finance, None, 1).designs == ()
    costs = one.finance.unit_costs
    unpriced = without(one.finance, unit_costs=costs[costs["category"] != "Connected carers"])
    design = Outlook(one.history, unpriced, one.programme, 1).designs[0]
    assert isinstance(design.pounds, Withheld) and "Connected carers" in design.standing
    unspent = without(one.finance, spend=one.finance.spend.iloc[:0])
    design = Outlook(one.history, unspent, one.programme, 1).designs[0]
    assert isinstance(design.net, Withheld) and design.net.reason == NO_SPEND
    assert isinstance(design.pounds, Spread) and design.programme_pounds is None


def test_net_is_avoided_less_programme_draw_by_draw() -> None:
    days, prices = np.zeros((4, len(CATEGORIES))), np.full((4, len(CATEGORIES)), 100.0)
    days[:, OP], days[:, CATEGORIES.index(IFA)] = [10, 20, 30, 40], [-5, -5, -5, -5]
    found = priced("a", AS_OF, days, prices, 2000.0)
    assert isinstance(found.pounds, Spread) and isinstance(found.net, Spread)
    assert found.pounds.mean == 2000.0 and found.net.mean == 0.0 and found.net.above_zero == 0.5
    with pytest.raises(ValueError, match="draws"):
        priced("a", AS_OF, days, prices[:3], 2000.0)


@pytest.mark.parametrize(
    ("lower", "upper", "words"), [(-1, 1, "no clear difference"), (1, 2, "less was spent"), (-2, -1, "more was spent")]
)
def test_the_words_follow_the_interval(lower: float, upper: float, words: str) -> None:
    spread = Spread((lower + upper) / 2, (lower + upper) / 2, lower, upper, 0.5)
    assert Design("a", AS_OF, np.zeros((1, 1)), spread, spread).standing.startswith(words)


def test_a_forecast_is_not_called_nearer_for_half_a_child() -> None:
    assert judged(3.2, 3.6).startswith("no nearer")
    assert judged(3.0, 4.0).startswith("nearer") and judged(4.0, 3.0).startswith("further")


def test_a_forecast_of_few_children_gives_none_of_them_away(tmp_path: Path) -> None:
    write_sample(tmp_path, world="null", seed=3, children=60)
    view = load_view(tmp_path, "demo", Quarter.parse("2020-21-Q2"), "public", 1)
    tables = {name: registered()[name] for name in ("forecast_by_month", "forecast_costs", "forecast_sufficiency")}
    hidden = {}
    for name, spec in tables.items():
        shown = protect(spec, spec.build(view), "public")
        numbers = {"median", "upper_80", *(LIMITS if name != "forecast_sufficiency" else ())}
        now = [cell.symbol for cell in shown.cells("now")]
        assert "c" in now and "" in now
        for column in numbers:
            assert all(not cell.known for cell, symbol in zip(shown.cells(column), now, strict=True) if symbol == "c")
        # Today's number stands in three tables by the same categories: what one withholds, the others do.
        rows = shown.where(date=AS_OF) if name == "forecast_by_month" else shown
        hidden[name] = {category for category, cell in zip(rows.label("category"), rows.cells("now"), strict=True)
                        if not cell.known}  # fmt: skip
        if name != "forecast_costs":
            medians = [cell.value for cell in shown.cells("median") if cell.value is not None]
            assert medians and not [median for median in medians if 1 <= median <= 5]
    assert len({frozenset(names) for names in hidden.values()}) == 1
    other = protect(registered()["placements_at_date"], registered()["placements_at_date"].build(view), "public")
    there = other.where(date=AS_OF)
    assert hidden["forecast_by_month"] == {
        category
        for category, cell in zip(there.label("category"), there.cells("children"), strict=True)
        if not cell.known
    }
