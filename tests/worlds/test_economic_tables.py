"""The economic tables of the synthetic Salford: each published sum comes out, and only where it was published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE, ROOT, SAMPLE
from bond_eval.evidence.claims import project_claims
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.release import Release, _facts
from bond_eval.evidence.tables import benefits_realisation
from bond_eval.evidence.tables.what_would_change_the_answer import simulated
from bond_eval.evidence.tables.when_shall_we_know import information_worth
from bond_eval.evidence.view import load_view
from bond_eval.intake import reference
from bond_eval.sample import write_sample
from bond_eval.workbook.run import run_workbook
from bond_eval.workbook.settings import RunSettings

QUARTER = Quarter.parse("2020-21-Q2")
ROOMS = ("case_for_change", "cost_avoidance", "what_would_change_the_answer", "funding_options",
         "invest_to_save", "delivery_options", "benefits_realisation", "funding_control", "claims_register",
         "placement_trends", "placement_forecast")  # fmt: skip


def build_release(data: Path, authority: str, quarter: Quarter, audience: str, seed: int) -> Release:
    """A release of the economic tables alone: what the others cost to build is not tested here."""
    view = load_view(data, authority, quarter, audience, seed)
    specs = {name: spec for name, spec in registered().items() if spec.notebook in ROOMS}
    return Release(_facts(view), {name: protect(spec, spec.build(view), audience) for name, spec in specs.items()})


def found(data: Path, out: Path, *notebooks: str) -> dict[str, dict[str, object]]:
    """Findings by id of a run of some notebooks, on the economic tables."""
    settings = RunSettings(data, "salford", QUARTER, out, only=notebooks, audit=False)
    report = run_workbook(settings, build=build_release)
    assert [(result.name, result.message) for result in report.results if not result.done] == []
    findings = json.loads((report.folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    return {str(finding["id"]): finding for finding in findings}


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
    """Sandwell: £287,500 at par loses £18.8k at 3.5%; Southampton: 173,265 to 460,000 in four years.

    Six outcomes are the most likely number; a cap at the cost of the service keeps what more of them would bring.
    """
    worth = dict(zip(release.tables["proposal_value"].label("measure"),
                     numbers(release, "proposal_value", "pounds"), strict=True))  # fmt: skip
    assert worth["Put in"] == 287500 and round(worth["Lost by repaying at par"] or 0) == 18792
    assert numbers(release, "proposal_profile", "factor") == pytest.approx([1.035**-year for year in range(4)])
    assert sum(numbers(release, "proposal_profile", "net")) == pytest.approx(-worth["Lost by repaying at par"])
    assert numbers(release, "proposal_requirements", "stated") == [1, 1, 1]
    assert numbers(release, "service_cost", "growth") == [None, pytest.approx(0.2765, abs=5e-5)]
    paid = [numbers(release, "contract_cap", name) for name in ("uncapped", "capped", "provider")]
    assert paid == [[230e3, 460e3, 920e3], [230e3, 460e3, 460e3], [-230e3, 0, 0]]


def test_knowing_everything_is_worth_what_choosing_without_it_loses() -> None:
    """The mean of the better choice in each draw, to run the programmes or not, less the better of the two means."""
    view: Any = SimpleNamespace(seed=2021, shelf={})
    net, worth = simulated(view).result * 1000, information_worth(view).set_index("unknown")["worth"]
    assert worth["All of them"] == round(np.maximum(net, 0).mean() - max(net.mean(), 0), -2) > 0
    assert worth.between(0, worth["All of them"]).all()


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
    for table in ("position_steps", "position_counterfactuals", "cost_by_line", "cost_against_budget", "review",
                  "monitoring_pack", "benefits", "sealed_forecasts", "jump", "control_template"):  # fmt: skip
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


def test_the_published_claim_for_the_edge_of_care_is_one_point(release: Release) -> None:
    """Source: the report, 6.5 and 8 (circa 4m), and 3.1 (two of twelve)."""
    avoided = numbers(release, "edge_claim", "avoided")
    assert avoided[:3] == pytest.approx([4000, 72 * 0.25 * 200, 72 * (0.25 - 2 / 12) * 200])
    assert avoided[3:6] == pytest.approx([300, 150, 135]) and avoided[6] < 135
    lower, upper = (numbers(release, "edge_claim", name)[-1] for name in ("lower", "upper"))
    assert lower < 0 < upper


def test_the_net_position_is_of_its_parts_and_of_its_seed(release: Release) -> None:
    likely = numbers(release, "net_position", "likely")
    assert sum(likely[:-1]) == pytest.approx(likely[-1])
    assert -2591 in likely
    swings = numbers(release, "net_tornado", "swing")
    assert swings == sorted(swings, reverse=True)
    again, other = (build_release(SAMPLE, "salford", QUARTER, "public", seed) for seed in (2021, 7))
    mean = numbers(release, "net_position", "mean")
    assert numbers(again, "net_position", "mean") == mean != numbers(other, "net_position", "mean")


def test_net_costs_follow_from_the_draws_and_stopping_avoids_nothing(release: Release) -> None:
    net = dict(zip(release.tables["option_net"].label("option"), numbers(release, "option_net", "net"), strict=True))
    assert net["Full implementation"] - net["Reduced"] == pytest.approx(2591 - 2419)
    assert net["Discontinue"] == pytest.approx(88.5 + 35 * 10)
    worth = release.tables["appraisal"]
    assert worth.label("basis").count("as given") == worth.label("basis").count("after optimism bias") == 5
    for benefit, before in zip(worth.label("benefit"), worth.cells("npv"), strict=True):
        assert benefit in ("cashable saving", "avoided cost", "partner benefit") and before.known


def test_the_months_add_up_to_the_year_and_the_plan_is_judged_by_its_rule(release: Release) -> None:
    months = dict(zip(release.tables["monitoring_pack"].label("month"),
                      numbers(release, "monitoring_pack", "spend"), strict=True))  # fmt: skip
    assert len(months) == 12 and list(months)[-1] == "September 2020"
    assert numbers(release, "monitoring_pack", "so_far")[-1] == pytest.approx(2466.2)
    review = release.tables["review"]
    assert review.texts("verdict") == ["on track"] and "80%" in review.texts("rule")[0]
    # The plan's cost less the outturn of the same year, which the five-year table has.
    assert review.cells("raw")[0].value == pytest.approx(9600 + 400 + 2520 - 11072, abs=1)


def test_benefits_sums_jump_and_overlap(release: Release) -> None:
    """Source: assurance report 2019, 1; BOND report 2021, 3, 6.4 and 6.5."""
    assert numbers(release, "benefit_sums", "computed") == [640, 1280]
    assert numbers(release, "benefit_sums", "difference") == [0, -20]
    assert numbers(release, "jump", "amount") == [421, 1704, 190, 2315]
    sealed = release.tables["sealed_forecasts"]
    assert sealed.texts("checked") == ["the same", "the same"]
    assert sealed.cell("error", name="likely").value == -190 and not sealed.cell("error", name="do nothing").known
    assert release.tables["published_parts"].last("amount", claim="All").value == 15152


def test_what_is_counted_twice_in_pounds_is_withheld_with_the_few_who_are(release: Release) -> None:
    """At each programme's own worth two sums would tell of 11 and 21 children how many, and whom twice, there are."""
    view = load_view(SAMPLE, "salford", QUARTER, "internal", 2021)
    seen = benefits_realisation.overlap_seen(view).set_index("programme")
    assert seen.loc["All", ["parts", "whole"]].round().tolist() == [14666, 14516] and seen.loc["All", "with_it"] == 2
    shown = release.tables["overlap_seen"]
    assert not any(cell.known for cell in shown.cells("whole"))
    assert shown.cell("children", programme="Route 29").value == 117


def test_sources_are_held_against_payments(release: Release) -> None:
    control = release.tables["control_template"]
    assert control.where(funder="Greater Manchester").total("approved").value == 660
    assert control.total("approved").value == 3284 + 660
    assert control.total("spent").value == pytest.approx(2466.2)
    filled = release.tables["gm_funding_template"]
    assert filled.cell("figure", heading="Spend to date: Greater Manchester").value == pytest.approx(660)


def test_a_payment_without_an_approval_is_picked_up(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "more")
    path = tmp_path / "more" / "finance" / "programme_spend.csv"
    path.write_text(path.read_text() + "Hub building,2020-04,50000,Capital programme\n")
    control = build_release(tmp_path / "more", "salford", QUARTER, "public", 2021).tables["control_template"]
    row = control.where(programme="Hub building")
    assert row.cells("spent")[0].value == 50 and not row.cells("approved")[0].known
    assert "belongs elsewhere" in row.texts("flag")[0]


def test_the_seven_needs_name_notebooks_and_tables_that_are_there(release: Release) -> None:
    needs = reference.read_reference("assurance_needs.csv")
    assert len(needs) == 7
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {name.strip() for text in needs["met_by"] for name in text.split(";")} <= there
    assert set(needs["table"]) <= set(registered())


@pytest.fixture
def dearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The reference tables with one figure changed: an outside placement at 250 and not 200."""
    copy = tmp_path / "reference"
    shutil.copytree(REFERENCE, copy)
    path = copy / "scenarios.csv"
    text = path.read_text(encoding="utf-8")
    assert ",200,," in text
    path.write_text(text.replace(",200,,", ",250,,"), encoding="utf-8")
    monkeypatch.setattr(reference, "REFERENCE", copy)
    yield copy


def test_one_changed_figure_changes_verdicts_and_findings_wherever_it_is_used(
    release: Release, dearer: Path, tmp_path: Path
) -> None:
    after = build_release(SAMPLE, "salford", QUARTER, "public", 2021)
    changed = {name for name, shown in after.tables.items() if shown.to_csv() != release.tables[name].to_csv()}
    assert changed >= {
        "case_lines", "case_totals", "case_steps", "case_stress", "case_implied", "case_break_even", "case_baseline",
        "position_steps", "position_counterfactuals", "option_thresholds", "option_net", "appraisal",
        "assumption_dials", "net_position", "net_tornado", "net_grid", "net_break_even", "edge_claim",
        "programme_tests", "stopping_risks", "contract_tariffs", "review", "sealed_forecasts", "benefit_sums", "claims",
    }  # fmt: skip
    verdicts = {claim.claim_id: claim.verdict for claim in project_claims()}
    assert verdicts["C001"] == "does not reconcile"
    assert "no re-basing explains" in after.tables["sealed_forecasts"].texts("checked")[0]
    statements = {id: str(f["statement"]) for id, f in found(
        SAMPLE, tmp_path / "out", "30_case_for_change", "32_what_would_change_the_answer").items()}  # fmt: skip
    assert statements["case_for_change.break_even"].startswith("Full implementation pays for itself with 12.3")
    assert "£4,500k at the report's own unit cost" in statements["what_would_change_the_answer.edge_of_care"]


def test_in_the_null_world_no_pound_is_claimed_without_an_interval_that_spans_nought(tmp_path: Path) -> None:
    write_sample(tmp_path / "data", world="null", children=120)
    pages = ("31_cost_avoidance", "32_what_would_change_the_answer", "33_funding_options", "34_invest_to_save",
             "36_benefits_realisation")  # fmt: skip
    findings = found(tmp_path / "data", tmp_path / "out", *pages)
    # What a report claimed is told as its claim, and what was spent is no saving.
    claims = {id: f for id, f in findings.items() if f["unit"] == "£000" and f["kind"] == "economic"
              and id not in ("cost_avoidance.projection", "cost_avoidance.outturns")}  # fmt: skip
    assert {"what_would_change_the_answer.net", "funding_options.net", "funding_options.appraisal"} <= set(claims)
    for id, finding in claims.items():
        if finding["value"] is not None:
            low, high = finding["interval"]
            assert low < 0 < high, id
    for id in (
        "cost_avoidance.fixed",
        "cost_avoidance.rebased",
        "invest_to_save.review",
        "benefits_realisation.rebased",
    ):
        assert findings[id]["value"] is None, id
