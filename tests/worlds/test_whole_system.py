"""Notebooks 22 and 24: children counted once, caseloads that add up, nothing given away, each input perhaps absent."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE, SAMPLE
from bond_eval.evidence.figures import NOTHING
from bond_eval.evidence.figures_evidence import upset
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import registered
from bond_eval.evidence.scorecard import IMPROVING, NO_DATA, NOT_CHARTED, STEADY, WORSE, measures
from bond_eval.evidence.tables import recommendations as done
from bond_eval.evidence.tables import voice_and_cases as voices
from bond_eval.evidence.tables import whole_system as system
from bond_eval.evidence.tables import wider_evidence as wider
from bond_eval.evidence.view import View, load_view
from bond_eval.evidence.wording import TOO_FEW
from bond_eval.intake.measures import FOLDER as MEASURES
from bond_eval.intake.measures import load_measures
from bond_eval.intake.register import FOLDER as REGISTER
from bond_eval.intake.register import PROGRAMMES, load_register
from tests.helpers import day, history
from tests.programme_frames import NO_DAY, register, typed

QUARTER, AS_OF = Quarter.parse("2020-21-Q2"), dt.date(2020, 9, 30)
ENDS = ("2018-03-31", "2019-03-31", "2020-03-31", "2020-09-30")
NOTEBOOKS = ("whole_system", "recommendations", "voice_and_cases")
FILES = [
    *(f"register/{name}.csv" for name in ("cases", "measures", "events", "contacts", "people", "activity")),
    *(f"measures/{name}.csv" for name in ("values", "targets", "case_studies", "voice")),
    "register", "measures",
]  # fmt: skip


def built(view: View, audience: str) -> dict[str, Protected]:
    specs = {name: spec for name, spec in registered().items() if spec.notebook in NOTEBOOKS}
    view = replace(view, audience=audience)  # one for all of them, so that what they share is worked out once
    return {name: protect(spec, spec.build(view), audience) for name, spec in specs.items()}


@pytest.fixture(scope="module")
def view() -> View:
    return load_view(SAMPLE, "salford", QUARTER, "public", 2021)


def without(view: View, lost: str, folder: Path) -> View:
    """The view of a copy of the sample in which a file or folder is missing."""
    for name in (REGISTER, MEASURES):
        shutil.copytree(SAMPLE / name, folder / name)
    shutil.rmtree(folder / lost) if (folder / lost).is_dir() else (folder / lost).unlink()
    found = load_register(folder / REGISTER, view.data.children, view.data.people, view.as_of)
    told = load_measures(folder / MEASURES, set(measures()), view.as_of)
    return replace(view, register=found, measures=told)


@pytest.fixture(scope="module")
def public(view: View) -> dict[str, Protected]:
    return built(view, "public")


@pytest.fixture(scope="module")
def internal(view: View) -> dict[str, Protected]:
    return built(view, "internal")


@pytest.mark.parametrize("lost", FILES)
def test_any_file_may_be_missing(lost: str, view: View, tmp_path: Path) -> None:
    tables = built(without(view, lost, tmp_path), "public")
    once = tables["overlap_totals"].where(programme=system.ONCE)
    voice = tables["voice"].where(programme="All", activity="All")
    no_cases = lost in ("register", "register/cases.csv")
    assert once.texts("said")[0].endswith("cases.csv") == no_cases
    assert (once.cells("also")[0].symbol == "x") == no_cases
    assert (voice.texts("said") == [voices.NO_VOICE]) == (lost in ("measures", "measures/voice.csv"))
    assert (len(tables["case_themes"]) == 0) == (lost in ("measures", "measures/case_studies.csv"))
    parents = tables["adult_mental_health"].where(programme="All").texts("said")
    assert (parents == [done.NO_ACTIVITY]) == (lost in ("register", "register/activity.csv"))
    assert len(tables["recommendations"]) == len(done.read_reference(done.FILE))


def test_each_child_is_counted_once_on_the_sample(view: View, internal: dict[str, Protected]) -> None:
    cases = view.register.cases  # type: ignore[union-attr]
    started = cases[cases["start"] != NO_DAY].groupby("child")["programme"].nunique()
    totals, combos = internal["overlap_totals"], internal["overlap_combinations"]
    assert combos.total("children").value == len(started) == totals.last("children", programme=system.ONCE).value
    assert totals.last("also", programme=system.ONCE).value == (started > 1).sum()
    programmes = totals.where(programme=[name for name in totals.label("programme") if name != system.ONCE])
    assert programmes.total("children").value == started.sum()
    for outcome in set(internal["shared_outcomes"].label("outcome")):
        rows = internal["shared_outcomes"].where(outcome=outcome)
        whole, added, on_top = (
            rows.last("events", counted=way).value for way in (system.ONCE, system.ADDED, system.TWICE)
        )
        assert (whole or 0) + (on_top or 0) == added


def shown_sums(tables: dict[str, Protected], combos: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """What a reader of the public tables knows of the combinations: rows of 0 and 1, and their sums."""
    inside = [name.split(" + ") for name in combos]
    rows, sums = [], []
    for name, cell in zip(
        tables["overlap_combinations"].label("programmes"), tables["overlap_combinations"].cells("children"),
        strict=True,
    ):  # fmt: skip
        if cell.known:
            rows.append([float(name == one) for one in combos])
            sums.append(cell.value)
    totals = tables["overlap_totals"]
    for place, name in enumerate(totals.label("programme")):
        for value, least in (("children", 1), ("also", 2)):
            cell = totals.cells(value)[place]
            if cell.known:
                rows.append([float(len(one) >= least and (name == system.ONCE or name in one)) for one in inside])
                sums.append(cell.value)
    return np.array(rows), np.array(sums)


def test_no_small_overlap_can_be_worked_out(public: dict[str, Protected], internal: dict[str, Protected]) -> None:
    """An attack by linear programming: each small combination could still be another whole number."""
    from scipy.optimize import linprog

    combos = list(internal["overlap_combinations"].label("programmes"))
    rows, sums = shown_sums(public, combos)
    attacked = 0
    for place, cell in enumerate(internal["overlap_combinations"].cells("children")):
        if 1 <= (cell.value or 0) <= 5:
            wish = np.eye(len(combos))[place]
            low, high = (linprog(sign * wish, A_eq=rows, b_eq=sums).fun * sign for sign in (1, -1))
            assert high - low >= 1
            attacked += 1
    assert attacked and len(rows) >= 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=6), st.integers(0, 10_000))
def test_what_is_releasable_never_fixes_a_small_count(counts: list[int], seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = [*dice.integers(0, 2, (4, len(counts))), *np.eye(len(counts), dtype=int)]
    sensitive = [row for row in rows if 1 <= row @ counts <= 5]
    free = system.releasable(rows, sensitive)
    shown = np.array([row for row, one in zip(rows, free, strict=True) if one], dtype=float).reshape(-1, len(counts))
    for one in sensitive:
        left = one - shown.T @ np.linalg.pinv(shown.T) @ one if len(shown) else one
        assert np.linalg.norm(left) > 1e-9
    assert sensitive or all(free)


def stub(cases: list[dict], rows: list[dict] | None = None, **more) -> SimpleNamespace:
    """A view of a hand-built register; each child stands in the return under its own number."""
    children = max(row["child"] for row in cases) + 1
    people = [{"care": n} for n in range(children)]
    programmes = [{"programme": key, "name": key, "capacity": 12.0} for key in ("a", "b")]
    found = replace(register(cases, people, **more), programmes=typed(programmes, PROGRAMMES, {"capacity": np.nan}))
    past = history(rows or [{"child": 99, "start": "2018-06-01"}], ENDS)
    return SimpleNamespace(register=found, history=past, as_of=AS_OF, public=False, shelf={}, audience="internal")


def test_a_child_in_two_programmes_has_one_outcome() -> None:
    dates = {"referral": "2019-06-01", "decided": "2019-06-01", "start": "2019-06-01"}
    cases = [{"child": n, "programme": key, **dates} for n in range(7) for key in ("a", "b")]
    rows = [{"child": n, "start": "2019-08-01", "submission": 3, "line": n + 2} for n in range(7)]
    frame = system.shared_outcomes(stub(cases, rows))
    events = frame[frame["outcome"] == "Became looked after"].set_index("counted")["events"]
    assert [events[name] for name in ("a", "b", system.ADDED, system.ONCE, system.TWICE)] == [7, 7, 14, 7, 7]
    totals = system.overlap_totals(stub(cases, rows)).set_index("programme")
    assert totals.loc[system.ONCE, ["children", "also"]].tolist() == [7, 7]
    assert "more than once" in totals.at[system.ONCE, "said"]


def test_a_whole_above_its_sum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = {"referral": "2019-06-01", "decided": "2019-06-01", "start": "2019-06-01"}
    view = stub(
        [{"child": n, "programme": "a", **dates} for n in range(7)],
        [{"child": n, "start": "2019-08-01", "submission": 3, "line": n + 2} for n in range(7)],
    )
    right = system.overlap.shared_outcome
    for column in ("children", "events"):

        def lacking(*given, column=column):
            parts, whole = right(*given)
            return parts.assign(**{column: parts[column] - 1}), whole

        monkeypatch.setattr(system.overlap, "shared_outcome", lacking)
        with pytest.raises(AssertionError, match="more than their sum"):
            system.shared_outcomes(view)


def test_littles_law_is_asked_only_of_a_steady_caseload() -> None:
    starts = pd.date_range("2019-04-10", "2020-09-30", freq="10D")
    cases = [
        {"child": n, "programme": "a", "referral": f"{start:%Y-%m-%d}", "decided": f"{start:%Y-%m-%d}",
         "start": f"{start:%Y-%m-%d}", "end": f"{start + pd.Timedelta(days=120):%Y-%m-%d}"}
        for n, start in enumerate(starts)
    ]  # fmt: skip
    for case in cases:
        case["end"] = case["end"] if day(case["end"]) <= day("2020-09-30") else ""
    steady = system.system_capacity(stub(cases)).iloc[0]
    assert steady["steady"] == "Yes" and abs(steady["days"] - 120) < 10
    assert steady["verdict"] == system.FULL and steady["spare"] == 0
    rising = system.system_capacity(stub([{**case, "end": ""} for case in cases])).iloc[0]
    assert np.isnan(rising["days"]) and "not steady" in rising["steady"] and rising["verdict"] == system.OVER


def test_the_caseloads_are_those_of_the_flow(view: View) -> None:
    flow, mine = registered()["programme_flow"].build(view), system.caseloads(view)
    assert list(mine["open"]) == list(flow["closing"])
    assert all((flow["opening"] + flow["accepted"] - flow["closed"]) == flow["closing"])


@pytest.mark.parametrize(
    ("part", "of", "said"),
    [(9, 9, TOO_FEW), (5, 10, voices.DESCRIBED), (float("nan"), float("nan"), voices.NO_VOICE)],
)
def test_wording_of_a_share(part: float, of: float, said: str) -> None:
    """Nobody set what share would do, so none is judged."""
    frame = pd.DataFrame({"part": [part], "whole": [of]})
    assert voices.with_shares(frame, "part", "whole", voices.NO_VOICE)["said"].tolist() == [said]


def test_wordings_of_places_resilience_and_recommendations() -> None:
    nan = float("nan")
    assert [system.places_left(n, 10) for n in (9, 10, 11)] == [system.SPARE, system.FULL, system.OVER]
    assert system.places_left(9, nan) == system.UNSTATED
    told = [(nan, nan, nan), (0, 0, 0), (4, 0, 0), (nan, 3, 0), (nan, 3, 2)]
    assert [done.readiness(*one) for one in told] == [done.UNKNOWN, done.UNUSED, done.TOLD, done.BEGUN, done.IN_USE]
    assert [done.is_done(one, "improving", 5) for one in (IMPROVING, WORSE, STEADY, NO_DATA, "")] == [
        done.DONE, done.NOT_SHOWN, done.NOT_SHOWN, done.NOT_KNOWN, done.NOT_KNOWN,
    ]  # fmt: skip
    assert [done.is_done(NOT_CHARTED, "value", n) for n in (3, 0, nan)] == [
        done.STARTED, done.NOT_SHOWN, done.NOT_SHOWN,
    ]  # fmt: skip
    said = [done.capacity_said(*one) for one in ((0, 0, 0), (2, 1, 1), (2, 0, 1), (2, 0, 0), (2, 2, 0))]
    assert len(set(said)) == 4 and said[2] == said[3] and "cannot be said" in said[0]
    told = [done.resilience_said(*one) for one in ((5, 0, 0), (0, 0, 5), (0, 5, 5), (0, 2, 5), (1, 0, 4))]
    assert len(set(told)) == 5 and told[-1] == f"{told[1]}; not known for 1"


def test_a_recommendation_of_no_measure_is_an_error(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    table = done.read_reference(done.FILE)
    for column in ("measure", "shown_by"):
        wrong = table.assign(**{column: "nonsense"})
        monkeypatch.setattr(done, "read_reference", lambda name, wrong=wrong: wrong)
        with pytest.raises(InputError, match=r"recommendations\.csv line 2: .*nonsense"):
            done.recommendations(view)


def test_shares_of_those_asked_stand_on_all_of_them(internal: dict[str, Protected]) -> None:
    voice = internal["voice"]
    rows = pd.read_csv(SAMPLE / "measures" / "voice.csv")
    assert voice.cell("asked", programme="All", activity="All").value == rows["invited"].sum()
    assert voice.members().total("answered").value == rows["responded"].sum()


def test_the_summary_is_of_the_programmes_and_the_recommendations(internal: dict[str, Protected]) -> None:
    tracker, known = internal["recommendations"], internal["recommendations_summary"].where(by="All")
    counted = dict(zip(known.label("done"), known.numbers("recommendations"), strict=True))
    assert counted == {word: tracker.texts("done").count(word) for word in counted}
    assert sum(counted.values()) == len(tracker) == len(pd.read_csv(REFERENCE / done.FILE))
    room, summary = internal["system_capacity"].numbers("spare"), internal["system_summary"]
    spare, resilient = (summary.where(statement=name) for name in ("spare", "resilience"))
    assert spare.numbers("programmes") == [sum(places > 0 for places in room)]
    assert spare.numbers("of") == [sum(places == places for places in room)]
    scored = pd.read_csv(SAMPLE / "register" / "measures.csv")["measure"].eq(done.RESILIENCE)
    assert not scored.any() and resilient.numbers("programmes") == [0]
    # A programme of which it is not known is not one that measures nothing.
    ready = internal["resilience_readiness"].texts("status")
    assert resilient.numbers("of") == [len(ready) - ready.count(done.UNKNOWN)] and done.UNKNOWN in ready


def test_scores_and_files_are_of_all_who_started(internal: dict[str, Protected]) -> None:
    cases = pd.read_csv(SAMPLE / "register" / "cases.csv").dropna(subset="start_date")
    started = cases.groupby("programme")["child_id"].nunique()
    scores, strata = internal["score_completion"], internal["dip_strata"].where(status="All")
    assert set(scores.where(programme="Route 29").numbers("starters")) == {started["route29"]}
    steps = zip(*(scores.numbers(name) for name in ("pairs", "scored", "starters", "referred")), strict=True)
    assert all(list(row) == sorted(row) for row in steps)
    [well] = {name for name in scores.label("measure") if name.startswith("Wellbeing")}
    for name in ("starters", "pairs"):
        whole, *parts = (scores.where(measure=well, programme=one).total(name).value for one in
                         ("All", "Route 29", "Domestic abuse (Harbour)"))  # fmt: skip
        assert whole == sum(parts) > 0
    assert sorted(strata.numbers("eligible")) == sorted(started) and set(strata.numbers("chosen")) == {voices.DIP}


def test_whoever_was_not_looked_after_since_stayed_out() -> None:
    dates = {"referral": "2019-06-01", "decided": "2019-06-01", "start": "2019-06-01"}
    cases = [{"child": n, "programme": "a", **dates} for n in range(12)]
    rows = [{"child": n, "start": "2019-08-01", "submission": 3, "line": n + 2} for n in range(3)]
    [shown] = wider.stayed_out_table(stub(cases, rows)).to_dict("records")
    assert [shown[name] for name in ("programme", "children", "of", "published")] == ["a", 9, 12, "none"]
    assert (shown["lower"], shown["upper"]) == pytest.approx((0.4677, 0.9111), abs=1e-4)
    designs, told = wider.wider_designs(None).set_index("design"), pd.read_csv(REFERENCE / "wider_evidence.csv")
    assert designs["statements"].sum() == len(told)
    trials = told[told["maryland"] >= 4]
    assert list(designs.loc["A trial"]) == [len(trials), trials["effect"].count()]


def test_an_upset_chart_draws_nothing_that_is_withheld(public: dict[str, Protected]) -> None:
    combos, totals = public["overlap_combinations"], public["overlap_totals"]
    words = {"title": "T", "unit": "Children"}
    chart = upset(combos, "programmes", "children", sizes=totals, size="children", **words)
    top, left = chart.figure.axes[1:3]
    heights = [bar.get_height() for bar in top.patches]
    assert heights == [cell.value or 0 for cell in combos.cells("children")] and 0 in heights
    known = [cell.value or 0 for cell in totals.cells("children")[:-1]]
    assert [bar.get_width() for bar in left.patches] == known
    assert chart.alt.count("withheld") == heights.count(0) + known.count(0)
    nothing = upset(combos.where(programmes=[]), "programmes", "children", sizes=totals, size="children", **words)
    assert NOTHING in [text.get_text() for text in nothing.figure.texts] and NOTHING in nothing.alt
    assert not any(axis.get_visible() for axis in nothing.figure.axes)
