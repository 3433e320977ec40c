"""The programme pages' tables, with any file of the register missing, with none, and in worlds of known effects."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.periods import Quarter
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.view import View, load_view
from bond_eval.evidence.wording import BETTER, UNCLEAR
from bond_eval.intake.register import load_register
from bond_eval.programmes import cases
from bond_eval.sample import write_sample
from tests.helpers import SAMPLE

QUARTER = Quarter.parse("2020-21-Q2")
PAGES = ("programmes", "programme_results", "programme_claims", "route29", "transforming_care",
         "achieving_change_together")  # fmt: skip
FILES = ("activity", "cases", "contacts", "events", "measures", "people")
HEADINGS = ("route29_headings", "tcs_headings", "act_headings")
# Of which file a missing one takes the answers; people's are linked to the return, the rest have their own.
NEEDED = {"events": "Missing", "measures": "Wellbeing (the young person)",
          "contacts": "Full health assessment, of those open to the nurses"}  # fmt: skip


def opened(folder: Path) -> View:
    return load_view(folder, "salford", QUARTER, "public", 2021)


def built(view: View) -> dict[str, pd.DataFrame]:
    return {name: spec.build(view) for name, spec in registered().items() if spec.notebook in PAGES}


@pytest.fixture(scope="module")
def sample() -> View:
    return opened(SAMPLE)


@pytest.fixture(scope="module")
def tables(sample: View) -> dict[str, pd.DataFrame]:
    return built(sample)


def without(sample: View, folder: Path, *names: str) -> View:
    """The sample's view with some files of the register gone."""
    shutil.copytree(SAMPLE / "register", folder)
    for name in names:
        (folder / f"{name}.csv").unlink()
    found = load_register(folder, sample.data.children, sample.data.people, sample.as_of)
    return replace(sample, register=found)


@pytest.mark.parametrize("gone", FILES)
def test_every_table_stands_with_a_file_of_the_register_missing(gone, sample, tables, tmp_path):
    found = built(without(sample, tmp_path / "register", gone))
    for name, frame in found.items():
        assert list(frame.columns) == list(tables[name].columns), name
        protect(registered()[name], frame, "public").shown()
    said = {name: found[name].set_index("measure")["said"] for name in HEADINGS}
    assert all(len(text) > 10 for texts in said.values() for text in texts)
    cannot = {name: texts.str.startswith("cannot").sum() for name, texts in said.items()}
    if gone == "cases":
        assert cannot == {name: len(texts) for name, texts in said.items()}
        assert found["programme_funnel"].empty and found["route29_headings"]["ratio"].isna().all()
    if gone in NEEDED:
        text = said["route29_headings"][NEEDED[gone]]
        assert text == f"cannot be said: needs {shared.NEEDS[gone]}"
        others = [said["route29_headings"][NEEDED[name]] for name in NEEDED if name != gone]
        assert not any(other.startswith("cannot") for other in others)
    if gone == "activity":
        assert found["act_caseload"]["said"].str.startswith("cannot").all() and cannot["route29_headings"] == 1


def test_without_a_register_nothing_is_claimed_and_everything_says_what_it_needs(sample):
    found = built(replace(sample, register=None))
    for name in HEADINGS:
        frame = found[name]
        assert frame["said"].str.startswith("cannot be said: needs ").all()
        assert frame[["children", "before", "after", "ratio", "lower", "upper"]].isna().all().all()
        assert found[name.replace("headings", "summary")].set_index("said").at["Cannot be said", "measures"] == len(
            frame
        )
    for name in ("programme_funnel", "programme_headlines", "programme_events", "programme_care"):
        assert found[name].empty and len(found[name].columns) > 3
    assert found["route29_ages"]["said"].str.startswith("cannot").all()
    assert found["programme_pages"]["said"].str.startswith("Salford (synthetic) has given no register of ").all()
    assert found["residential_school"]["children"].notna().all(), "the return needs no register"


def test_pages_name_the_programme_as_its_own_register_does(sample, tables):
    said = tables["programme_pages"].set_index("key")["said"]
    told = "Route 29 is in the register of Salford (synthetic): live since 1 February 2020, for ages 12 to 17."
    assert said["route29"] == told and said["act"].endswith(
        "Change Together is in the register of Salford (synthetic)."
    )
    other = replace(sample, authority=replace(sample.authority, published="", name="Elsewhere"))
    renamed = other.register.programmes.replace({"name": {"Route 29": "The hub"}})
    other = replace(other, register=replace(other.register, programmes=renamed))
    hub = registered()["programme_pages"].build(other).set_index("key").loc["route29"]
    assert hub["programme"] == "The hub" and hub["said"].startswith(
        "The hub is in the register of Elsewhere: live since"
    )
    assert set(registered()["programme_funnel"].build(other)["programme"]) >= {"The hub"}
    none = registered()["programme_pages"].build(replace(other, register=None)).set_index("key")["said"]
    assert none["route29"].startswith("Elsewhere has given no register of Route 29, a programme of Salford, so ")


def test_every_published_headline_of_the_sample_agrees(tables):
    lines = tables["programme_headlines"]
    assert len(lines) > 22 and lines["verdict"].eq("agrees").all(), lines[lines["verdict"] != "agrees"]
    mine = lines[lines["programme"] == "Route 29"].set_index("line")["computed"]
    assert (mine["Of those: kept the placement"], mine["Of those: moved"]) == (16, 2)
    assert (mine["Of those: no longer looked after"], mine["Open and on the edge of care"]) == (2, 56)


def test_small_published_counts_are_withheld_in_public_and_shown_inside(tables):
    spec, lines = registered()["programme_headlines"], tables["programme_headlines"]
    public, inside = (protect(spec, lines, audience).shown() for audience in ("public", "internal"))
    small = lines["published"].between(1, 5)
    assert small.sum() >= 4
    assert public.loc[small, ["Published", "Difference", "Verdict"]].eq("c").all().all()
    assert public.loc[small, "Claim"].str.match(r"C\d{3}").all(), "whoever may know finds it on the claims page"
    assert inside.loc[small, "Published"].isin(list("12345")).all()
    assert not public["Worked out"].isin(list("12345")).any()


def test_words_that_pass_no_gate_hold_no_small_number(tables):
    for name, column in (("route29_headings", "said"), ("tcs_headings", "said"), ("act_headings", "said"),
                         ("route29_ages", "said"), ("act_length", "said"),
                         ("programme_events", "verdict")):  # fmt: skip
        texts = tables[name][column]
        assert not texts.str.contains(r"\b[1-5]\b(?! months| years)").any(), name
    shown = protect(registered()["route29_fidelity"], tables["route29_fidelity"], "public").shown()
    assert not shown["What the register shows"].str.match(r"^[1-5] ").any()


def test_cases_are_worked_out_once_for_all_tables(sample, monkeypatch):
    calls: list[tuple] = []
    whole = cases._as_they_stood
    monkeypatch.setattr(cases, "_as_they_stood", lambda *asked: calls.append(asked[1:]) or whole(*asked))
    built(replace(sample, register=replace(sample.register)))
    assert len(calls) == len(set(calls)) and len(calls) < 20


def test_route29_is_in_the_sample_what_the_report_says_of_its_posts_ages_and_hub(tables):
    fidelity = tables["route29_fidelity"].set_index("statement")["shown"]
    assert fidelity.iloc[0].startswith("open since 6 January 2020") and "6 of 6 posts filled" in set(fidelity)
    assert any(re.match(r"87 open at the hub, 3\.0 for each", text) for text in fidelity)
    ages = tables["route29_ages"].set_index("age").loc["All"]
    assert ages["children"] == 9 and ages["lower"] < 9 / ages["years"] < ages["upper"]
    staff = tables["route29_staff"].set_index("group")
    assert (staff["gap"] == 0).all() and staff.at["In post", "staff"] == 29
    by_hand = pd.read_csv(SAMPLE / "measures" / "values.csv").query("measure_id == 'staff_new'").iloc[-1]
    assert by_hand[["numerator", "denominator"]].tolist() == [staff.at["Newly recruited", "staff"], 29]
    left = tables["route29_contradictions"].set_index("line")["published"]
    assert (
        left["Neither, of the cases"] - left["Neither, of the referrals"] == left["Cases in total"] - left["Referrals"]
    )


def test_transforming_care_counts_and_claims_of_the_sample(tables, sample):
    claims = tables["tcs_claims"].set_index("claim")
    assert claims["implied"].tolist() == [6, 19] and claims["children"].tolist() == [8, 19]
    assert claims.at["Respite in summer", "months"] == pytest.approx(92 / 365.25 * 12)
    assert claims.at["Children open", "months"] == 24, "the first was taken on eighteen months before the quarter's end"
    activity = tables["tcs_activity"]
    assert activity.loc[activity["period"] == "All", "children"].tolist() == [19, 14]
    schools = tables["residential_school"]
    assert schools["date"].iloc[-1] == sample.as_of
    there = sample.history.placements
    open_now = there[(there["category"] == "Residential school") & there["is_open"]]
    assert schools["children"].iloc[-1] == open_now["child"].nunique()


# Worlds of known effects


@pytest.fixture(scope="module", params=["null", "effect"])
def world(request, tmp_path_factory) -> tuple[str, dict[str, pd.DataFrame]]:
    """Three times as many children, so that what was planted can be told from chance."""
    folder = tmp_path_factory.mktemp(request.param)
    write_sample(folder, world=request.param, children=1800, seed=3)
    view = opened(folder)
    names = (*HEADINGS, "programme_events", "route29_summary")
    return request.param, {name: registered()[name].build(view) for name in names}


def test_the_pages_find_the_planted_effect_and_none_where_there_is_none(world):
    name, found = world
    mine = found["route29_headings"].set_index("measure")
    planted = ["Missing", "Arrest", "Wellbeing (the young person)", mine.index[mine.index.str.contains("parent")][0]]
    untouched = ["A&E attendance", "Exclusion from school", "Substance misuse identified"]
    assert mine.loc[planted, "said"].eq(BETTER if name == "effect" else UNCLEAR).all()
    assert mine.loc[untouched, "said"].eq(UNCLEAR).all()
    missing = mine.loc["Missing"]
    error = np.log(missing["upper"] / missing["lower"]) / 2 / 1.96
    truth = 0.6 if name == "effect" else 1.0
    assert abs(np.log(missing["ratio"] / truth)) < 2.6 * error and error < 0.1
    risk = found["act_headings"].set_index("measure")["said"]["Exploitation risk (worker)"]
    assert risk == (BETTER if name == "effect" else UNCLEAR)


def test_false_alarms_are_as_few_as_they_should_be(world):
    name, found = world
    said = pd.concat([found[table]["said"] for table in HEADINGS])
    judged = said[said.str.startswith(("changed", "no clear change", "fell"))]
    moved = judged.str.startswith("changed").sum()
    assert len(judged) > 25
    if name == "null":
        assert moved <= 0.05 * len(judged) + 2 * np.sqrt(0.05 * 0.95 * len(judged))
    else:
        assert moved >= 6
    counts = found["route29_summary"].set_index("said")["measures"]
    assert (counts["Better"] >= 4) == (name == "effect")
