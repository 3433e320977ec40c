"""The economic tables of the synthetic Salford: each published sum comes out, and only where it was published."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence.release import Release, build_release

QUARTER = Quarter.parse("2020-21-Q2")


@pytest.fixture(scope="module")
def release() -> Release:
    return build_release(SAMPLE, "salford", QUARTER, "public", 2021)


def numbers(release: Release, table: str, value: str, **labels: object) -> list[float | None]:
    return [cell.value for cell in release.tables[table].where(**labels).cells(value)]


def test_the_published_scenarios_come_out_to_the_thousand(release: Release) -> None:
    """Source: BOND report to Cabinet 2021, 6.1, 6.2 and 6.5."""
    assert numbers(release, "case_totals", "computed") == [21672, 23332, 22911, 26132, 20871, 421, 5261]
    assert numbers(release, "case_totals", "difference") == [0] * 7
    assert numbers(release, "case_stress", "avoidance", point="to September 2020") == [421, 221, 141]
    assert [round(n or 0, 1) for n in numbers(release, "case_implied", "placements")] == [34.5, 60.1]
    needed = numbers(release, "case_break_even", "needed", cost_of="Full implementation")
    assert [round(n or 0, 1) for n in needed] == [16.2, 13.0]


def test_costs_from_fees_are_the_published_ones_and_the_last_is_a_projection(release: Release) -> None:
    """Source: the report's five-year table and 6.4."""
    years = ["2016-17", "2017-18", "2018-19", "2019-20", "2020-21"]
    costs = numbers(release, "cost_against_budget", "cost", year=years)
    assert [round(cost or 0) for cost in costs] == [6814, 7543, 10454, 11072, 10284]
    assert [round(n or 0) for n in numbers(release, "cost_against_budget", "variance", year=years)] == [
        -606, -1335, -3863, -4481, -3693,
    ]  # fmt: skip
    standing = release.tables["cost_against_budget"].where(year="2020-21").label("standing")
    assert standing == ["projection"]
    lines = {line: numbers(release, "cost_by_line", "cost", year="2020-21", line=line)[0] for line in
             ("Outside placement", "IFA", "In-house")}  # fmt: skip
    assert [round(cost or 0) for cost in lines.values()] == [8103, 2181, 9646]


def test_the_position_depends_on_its_do_nothing(release: Release) -> None:
    """611 (366 and 245) against the do-nothing of 2019, 2,315 against the re-based one; no sum over time."""
    fixed = numbers(release, "position_counterfactuals", "avoidance", counterfactual="fixed in 2019")
    assert fixed == [611, 366, 245]
    rebased = numbers(release, "position_counterfactuals", "avoidance", counterfactual="re-based as published")
    assert rebased == [2315, 5106, -2791]
    assert numbers(release, "position_counterfactuals", "avoidance", counterfactual="cumulative from July 2019") == [
        None
    ]
    steps = numbers(release, "position_steps", "amount")
    assert sum(n or 0 for n in steps[:-1]) == steps[-1] == 22721


def test_options_cost_what_was_published_and_need_so_much_to_be_real(release: Release) -> None:
    """Source: the report, section 8; 2,591 and 2,419 against reductions of 3,402 and 5,106 before programme cost."""
    assert numbers(release, "option_costs", "recurrent")[:2] == [2591, 2419]
    shares = numbers(release, "option_thresholds", "share", option="Full implementation")
    assert [round(share or 0, 3) for share in shares] == [0.762, 0.853, 0.507]
    withheld = release.tables["option_costs"].where(option="Discontinue")
    assert not withheld.cells("recurrent")[0].known and "not published" in withheld.texts("note")[0]
    assert release.tables["stopping_risks"].known_total("money").value == 315


def test_other_authorities_sums(release: Release) -> None:
    """Sandwell: £287,500 at par loses £18.8k at 3.5%; Southampton: 173,265 to 460,000 in four years."""
    worth = dict(zip(release.tables["proposal_value"].label("measure"),
                     numbers(release, "proposal_value", "pounds"), strict=True))  # fmt: skip
    assert worth["Put in"] == 287500 and round(worth["Lost by repaying at par"] or 0) == 18792
    assert round(numbers(release, "service_growth", "share")[0] or 0, 3) == 0.276


def test_the_register_counts_published_figures_and_not_tests_of_our_own(release: Release) -> None:
    kinds = release.tables["claims"].label("kind")
    assert release.tables["claims_by_topic"].total("claims").value == kinds.count("published") == 235
    assert kinds.count("our test") == 6


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The same return of an authority of which nothing was published and that has no finance files."""
    copy = tmp_path / "bare"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("finance", "authority.toml"))
    return copy


def test_nothing_is_claimed_where_nothing_was_published_or_supplied(bare: Path) -> None:
    built = build_release(bare, "elsewhere", QUARTER, "public", 2021)
    for table in ("position_steps", "position_counterfactuals", "cost_by_line", "cost_against_budget"):
        assert len(built.tables[table]) == 0, table
    assert built.tables["cost_problems"].label("reason") == ["No finance files were supplied"]


def test_a_category_without_a_price_withholds_the_cost_and_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "unpriced"
    shutil.copytree(SAMPLE, copy)
    path = copy / "finance" / "unit_costs.csv"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("Connected carers")]
    path.write_text("\n".join(kept) + "\n")
    built = build_release(copy, "salford", QUARTER, "public", 2021)
    assert len(built.tables["cost_by_line"]) == 0
    assert any("Connected carers" in text for text in built.tables["cost_problems"].texts("missing"))
