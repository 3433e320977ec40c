"""The project's register: each verdict as a person read it, the shared list, and what a changed fact does."""

import csv
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.evidence import claims_facts
from bond_eval.evidence.claims import (
    CONTRADICTS,
    DIFFERS,
    EXACT,
    ROUNDS,
    TOPICS,
    UNTESTED,
    VERDICTS,
    check_claims,
    project_claims,
)
from bond_eval.evidence.claims_facts import facts_frame, project_facts
from bond_eval.evidence.claims_formula import names_in
from bond_eval.intake.reference import read_reference

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "reference" / "claims.csv"
SOURCES = ROOT.parent / "shared" / "sources"
DOCUMENTS = {
    "BOND report to Cabinet 2021": "001",
    "Best Value assurance report September 2019": "002",
    "Cabinet decision February 2021": "000",
    "Southampton edge-of-care decision 2017": "003",
    "Sandwell invest-to-save report": "004",
}
MEANS = {
    "yes": EXACT,
    "rounds": ROUNDS,
    "no": DIFFERS,
    "contradiction": CONTRADICTS,
    "not_testable": UNTESTED,
    "ambiguous": UNTESTED,
}
# Verdicts of the shared list that a second reading changed; the reasons are in docs/decisions/0005.
CORRECTED = {
    "C022": ROUNDS,
    "C024": UNTESTED,
    "C041": EXACT,
    "C048": EXACT,
    "C054": ROUNDS,
    "C065": UNTESTED,
    "C066": UNTESTED,
    "C095": UNTESTED,
    "C096": UNTESTED,
    "C097": ROUNDS,
    "C101": UNTESTED,
    "C107": ROUNDS,
    "C109": EXACT,
    "C111": UNTESTED,
    "C112": UNTESTED,
    "C114": EXACT,
    "C118": EXACT,
}
# The same figure, put otherwise: the row's value is now one that the document holds.
REPHRASED = {"C009", "C049", "C050", "C059", "C064", "C092", "C094", "C113", "C119", "C120"}


@pytest.fixture(scope="module")
def results():
    return {result.claim_id: result for result in project_claims()}


@pytest.fixture(scope="module")
def register():
    return read_reference("claims.csv"), project_facts()


def shared_rows():
    if not SHARED.exists():
        pytest.skip("the shared list of claims is not beside this repository")
    with SHARED.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_claim_has_the_verdict_that_was_read(results):
    assert [result.claim_id for result in results.values() if result.problem] == []
    assert all(result.expect == result.verdict for result in results.values())


def test_counts_by_verdict(results):
    assert Counter(result.verdict for result in results.values()) == {
        EXACT: 86,
        ROUNDS: 27,
        DIFFERS: 25,
        CONTRADICTS: 8,
        UNTESTED: 95,
    }


def test_verdicts_are_the_shared_lists_but_for_the_corrections(results):
    changed = {
        row["claim_id"]: results[row["claim_id"]].verdict
        for row in shared_rows()
        if MEANS[row["reconciles"]] != results[row["claim_id"]].verdict
    }
    assert changed == CORRECTED


def test_values_are_the_shared_lists_but_for_those_rephrased(results):
    other = {row["claim_id"] for row in shared_rows() if float(row["value"]) != results[row["claim_id"]].value}
    assert other == REPHRASED


def test_the_decision_record_names_every_correction():
    text = (ROOT / "docs" / "decisions" / "0005-claims-corrected.md").read_text(encoding="utf-8")
    assert [claim for claim in sorted({*CORRECTED, *REPHRASED}) if claim not in text] == []


@pytest.mark.parametrize(
    ("claim", "recomputed"),
    [
        ("C006", 26132),
        ("C013", 20871),
        ("C014", 5261),
        ("C007", 23332),
        ("C017", 22911),
        ("C018", 421),
        ("C019", 221),
        ("C020", 141),
        ("C040", 611),
        ("C039", 26016),
        ("C088", 2591),
        ("C090", 2419),
        ("C062", 655500),
        ("C096", 15.152),
        ("C104", 3284),
    ],
)
def test_tables_are_reproduced_to_the_thousand(results, claim, recomputed):
    assert results[claim].recomputed == pytest.approx(recomputed, abs=1e-9)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("C025", "34.5"),
        ("C027", "60.1"),
        ("C040", "£366k"),
        ("C094", "16.2"),
        ("C094", "13.0"),
        ("C120", "£18,792"),
        ("C092", "£63k"),
    ],
)
def test_explanations_tell_what_the_numbers_imply(results, claim, told):
    assert told in results[claim].reason


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (787, "children in need"),
        (79, "of cases"),
        (904, "events"),
        (123, "week 26"),
        (404, "June 2020"),
        (50, "MARAC repeats"),
        (200, "match"),
        (115, "keyworker"),
        (12000, "law enforcement"),
        (300000, "exploitation"),
        (785, "Outreach"),
        (18, "level 4"),
        (4, "Specialist roles"),
    ],
)
def test_figures_that_the_shared_list_lacked_have_rows(results, value, words):
    assert [result for result in results.values() if result.value == value and words in result.quote]


# Printed with a full stop for a comma, or worked out from a date as printed.
NOT_AS_PRINTED = {
    "act_claim",
    "years_to_september_2020",
    "encompass_peak_week_day",
    "decision_day",
    "decision_in_force_day",
}


def test_every_fact_is_printed_in_its_document():
    """The number, in pounds, thousands or millions, occurs in the text of the document that the fact names."""
    if not SOURCES.exists():
        pytest.skip("the source documents are not beside this repository")
    texts = {name: next(SOURCES.glob(f"{start}*")).read_text(encoding="utf-8") for name, start in DOCUMENTS.items()}
    facts = facts_frame()
    facts = facts[facts["document"].isin(texts)]
    absent = {row["name"] for row in facts.to_dict("records") if not _printed(row["value"], texts[row["document"]])}
    assert absent == NOT_AS_PRINTED


SMALL_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _printed(value: float, text: str) -> bool:
    sizes = (value, value / 1000, value * 1000)
    forms = {form for size in sizes for form in (f"{size:,.10g}", f"{size:.10g}", f"{size:.1f}") if _same(form, size)}
    forms |= {SMALL_WORDS[int(value)]} if value in range(len(SMALL_WORDS)) else set()
    return any(re.search(rf"(?<![\d.,]){re.escape(form)}(?!\d|[.,]\d)", text, re.IGNORECASE) for form in forms)


def _same(form: str, size: float) -> bool:
    return float(form.replace(",", "")) == pytest.approx(size)


def test_each_row_is_whole(results):
    frame = read_reference("claims.csv")
    assert list(frame["claim_id"]) == [f"C{number:03d}" for number in range(1, len(frame) + 1)]
    assert set(frame["topic"]) == set(TOPICS)
    assert set(frame["expect"]) <= set(VERDICTS)
    for column in ("document", "section", "quote", "value", "unit"):
        assert (frame[column] != "").all(), column
    assert ((frame["missing"] != "") == (frame["expect"] == UNTESTED)).all()
    assert ((frame["against"] != "") == (frame["expect"] == CONTRADICTS)).all()
    assert (frame["quote"].str.split().str.len() <= 16).all()


def test_what_a_row_is_against_is_there(results):
    known = {*results, *project_facts()}
    words = [r["against"] for r in read_reference("claims.csv").to_dict("records") if r["against"]]
    assert [text for text in words if text not in known] == ["Appendix 1 of the same report, where the metrics stand"]


def test_formulas_hold_facts_and_not_figures():
    """Numbers in a formula are constants of arithmetic: weeks, per cent, thousands, halves, a start counted in."""
    constants = {"1", "2", "3", "5", "7", "12", "52", "100", "1000"}
    used = {
        number for text in read_reference("claims.csv")["formula"] for number in re.findall(r"(?<![\w.])[\d.]+", text)
    }
    assert used <= constants


def test_every_fact_has_a_source():
    frame = facts_frame()
    assert len(frame) == 245
    for column in ("unit", "document", "section"):
        assert (frame[column] != "").all(), column
    documents = {*read_reference("claims.csv")["document"], "HM Treasury Green Book 2022"}
    assert set(frame["document"]) == documents


def test_a_fact_is_written_in_one_place():
    raw = read_reference("facts.csv")
    assert ((raw["value"] == "") == (raw["same_as"] != "")).all()


FACTS_USED = sorted({name for text in read_reference("claims.csv")["formula"] for name in names_in(text)})


@pytest.mark.parametrize("name", FACTS_USED)
def test_changing_a_fact_changes_every_claim_that_rests_on_it(name, register, results):
    claims, facts = register
    # Far enough that no rounding of a published figure covers it.
    after = check_claims(claims, facts | {name: facts[name] * 10 + 1000})
    using = [result for result in after if name in result.facts]
    assert using
    for result in using:
        before = results[result.claim_id]
        assert result.recomputed != before.recomputed, result.claim_id
        if before.verdict in (EXACT, ROUNDS):
            assert result.verdict == DIFFERS, result.claim_id
            assert result.problem.startswith("Read as"), result.claim_id
    untouched = [result for result in after if name not in result.facts]
    assert all(result.verdict == results[result.claim_id].verdict for result in untouched)


def test_a_baseline_of_46_ends_the_contradictions_and_unmakes_the_tables(results):
    after = {r.claim_id: r for r in check_claims(read_reference("claims.csv"), project_facts() | {"op_baseline": 46.0})}
    assert [after[claim].verdict for claim in ("C010", "C028", "C029")] == [EXACT] * 3
    assert all(after[claim].problem.startswith("It no longer contradicts") for claim in ("C010", "C028", "C029"))
    assert all(after[claim].verdict == DIFFERS for claim in ("C001", "C005", "C006", "C030"))


def test_a_fact_held_by_another_table_is_read_from_there(monkeypatch):
    def changed(name):
        frame = read_reference(name)
        if name == "programme_costs.csv":
            frame.loc[frame["programme"] == "Route 29", "amount_000"] = "1000"
        return frame

    monkeypatch.setattr(claims_facts, "read_reference", changed)
    assert project_facts()["recurrent_route29"] == 1000
    after = {result.claim_id: result for result in check_claims(read_reference("claims.csv"), project_facts())}
    assert after["C087"].verdict == DIFFERS


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"same_as": "options.csv:amount_000:item=Nothing"}, "it names 0"),
        ({"same_as": "options.csv:amount_000:group=cut"}, "it names 3"),
        ({"same_as": "options.csv:amount:item=Redundancy"}, "no column amount"),
        ({"value": "many"}, "has no number"),
        ({"name": "min", "value": "1"}, "is no name"),
    ],
)
def test_a_fact_without_a_value_is_an_error_with_its_name(monkeypatch, row, said):
    whole = {"name": "x", "value": "", "same_as": "", "unit": "", "document": "", "section": ""} | row
    monkeypatch.setattr(
        claims_facts,
        "read_reference",
        lambda name: pd.DataFrame([whole]) if name == "facts.csv" else read_reference(name),
    )
    with pytest.raises(InputError, match=said):
        project_facts()
