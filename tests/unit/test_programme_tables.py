"""Tables of the programmes: what the gate must hide, what is said of an estimate, and numbers worked out by hand."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.periods import Quarter
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables import achieving_change_together as act
from bond_eval.evidence.tables import programme_headings as shared
from bond_eval.evidence.tables import programmes, route29
from bond_eval.evidence.wording import ALIKE, BACK, BETTER, TOO_FEW, UNCLEAR, WORSE
from bond_eval.intake.typed import day_number
from bond_eval.methods.proportions import rate
from bond_eval.programmes import cases
from bond_eval.programmes.care_before_after import care_change
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.events import event_change
from tests.helpers import history
from tests.programme_frames import register

AS_OF = dt.date(2020, 9, 30)
ENDS = ("2019-03-31", "2020-03-31", "2020-09-30")
NAMES = pd.DataFrame({"programme": ["route29", "act"], "name": ["Route 29", "Achieving Change Together"],
                      "age_from": [12.0, np.nan], "live_from": [day_number(dt.date(2020, 2, 1))] * 2})  # fmt: skip


def view(found=None, rows=(), published=""):
    """Only what the tables look at; the register has its programmes' names."""
    if found is not None:
        object.__setattr__(found, "programmes", NAMES)
    return SimpleNamespace(
        register=found, as_of=AS_OF, quarter=Quarter.parse("2020-21-Q2"), shelf={}, public=True,
        history=history(list(rows), ENDS), authority=SimpleNamespace(published=published),
    )  # fmt: skip


def framed(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*shared.LABELS, *(value.name for value in shared.VALUES)])


def public(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    return protect(registered()[name], frame, "public").shown()


def started(child: int, on: str = "2020-05-01", end: str = "", **more) -> dict:
    return {"child": child, "referral": on, "decided": on, "start": on, "end": end, **more}


# cases, once a register


def test_cases_are_worked_out_once_and_what_is_done_to_a_copy_stays_there(monkeypatch):
    calls = []
    whole = cases._as_they_stood
    monkeypatch.setattr(cases, "_as_they_stood", lambda *asked: calls.append(asked[1:]) or whole(*asked))
    found = register([started(0), started(1, programme="act")])
    first = cases_at(found, AS_OF, "route29")
    first["status"] = "changed by a caller"
    first.loc[0, "years"] = -99
    again = cases_at(found, AS_OF, "route29")
    assert again["status"].tolist() == ["edge of care"] and again["years"].tolist() == [15]
    assert len(cases_at(found, dt.date(2020, 4, 30), "route29")) == 0 and len(cases_at(found, AS_OF)) == 2
    assert calls == [(AS_OF, "route29"), (dt.date(2020, 4, 30), "route29"), (AS_OF, "")]
    assert len(cases_at(register([]), AS_OF, "route29")) == 0, "another register has its own"


# what the gate must hide


def funnel_of(accepted: int, ended: int, waiting: int, refused: int) -> dict[str, str]:
    rows = [started(n, end="2020-08-01" if n < ended else "") for n in range(accepted)]
    rows += [{"child": accepted + n, "referral": "2020-06-01", "decision": "waiting"} for n in range(waiting)]
    rows += [
        {"child": accepted + waiting + n, "referral": "2020-06-01", "decided": "2020-06-08", "decision": "not accepted"}
        for n in range(refused)
    ]
    shown = public("programme_funnel", programmes.programme_funnel(view(register(rows))))
    return dict(zip(shown["Stage"], shown["Cases"], strict=True))


def test_no_stage_of_the_funnel_can_be_worked_out_from_the_others():
    few_wait = funnel_of(accepted=40, ended=12, waiting=3, refused=9)
    assert [few_wait[stage] for stage in ("Waiting", "Not accepted", "Decided", "Accepted", "Open")] == [
        "c", "c", "c", "40", "28"]  # fmt: skip
    few_refused = funnel_of(accepted=40, ended=12, waiting=8, refused=4)
    assert [few_refused[stage] for stage in ("Waiting", "Not accepted", "Decided", "Accepted")] == ["c", "c", "c", "40"]
    few_ended = funnel_of(accepted=40, ended=2, waiting=8, refused=9)
    assert [few_ended[stage] for stage in ("Ended", "Open", "Accepted", "Waiting")] == ["c", "c", "40", "8"]
    plain = funnel_of(accepted=40, ended=12, waiting=8, refused=9)
    assert "c" not in plain.values() and plain["Referred"] == "57"


def test_flows_are_hidden_where_a_small_caseload_would_follow_from_them():
    frame = pd.DataFrame([("Route 29", "2020-21-Q1", 3, 20, 7, 16), ("Route 29", "2020-21-Q2", 16, 20, 7, 29)],
                         columns=["programme", "quarter", "opening", "accepted", "closed", "closing"])  # fmt: skip
    assert public("programme_flow", frame).iloc[:, 2:].to_numpy().tolist() == [["c", "c", "c", "16"],
                                                                              ["16", "20", "7", "29"]]  # fmt: skip


def scales_of(better: int, same: int, worse: int, without: int) -> dict[str, str]:
    row = {"programme": "Route 29", "measure": "M", "rater": "R", "starters": 60, "scored": 50, "pairs": 40,
           "share": -1.0, "lower": -2.0, "upper": 0.0, "better": better, "same": same, "worse": worse,
           "without": without, "gap": 0.1, "cannot": f"{without} of the pairs have no norm.",
           "verdict": UNCLEAR}  # fmt: skip
    return public("programme_scales", pd.DataFrame([row])).iloc[0].to_dict()


def test_reliable_change_is_shown_whole_or_not_at_all():
    hidden = scales_of(better=3, same=20, worse=17, without=0)
    assert {hidden[name] for name in ("Better beyond measurement error", "No reliable change", "Worse")} == {"c"}
    told = scales_of(better=10, same=20, worse=8, without=2)
    assert told["What cannot be worked out"] == "c" and told["Worse"] == "c", "numbers in words pass no gate"
    assert scales_of(better=10, same=20, worse=10, without=0)["Worse"] == "10"


CARE = [{"child": n, "start": "2020-01-01", "submission": 2} for n in range(9)]
HOME = {"place": "K2", "provider": "PR1", "location": "IN"}


def test_days_in_a_category_count_the_children_who_had_one_and_are_withheld_where_they_are_few():
    rows = [{**row, **(HOME if row["child"] == 0 else {})} for row in CARE]
    found = register([started(n) for n in range(9)], [{"care": n} for n in range(9)])
    seen = view(found, rows)
    days = care_change(found, seen.history, AS_OF, "route29").days.set_index("category")
    assert days["placed"].sum() == 9 and sorted(days["placed"]) == [1, 8]
    from bond_eval.evidence.tables.programme_results import programme_care

    shown = public("programme_care", programme_care(seen))
    assert set(shown["Days before"]) == {"c"}, "one child's days, and those of all the others but one"
    alike = view(register([started(n) for n in range(9)], [{"care": n} for n in range(9)]), CARE)
    assert "c" not in public("programme_care", programme_care(alike))["Days before"].tolist()


def test_events_of_children_who_are_seen_on_one_side_only_are_no_comparison():
    """One turned 18 before the start, and only to that one did anything happen."""
    people = [{"birth": "2002-05-10"}, {}]
    cases_ = [started(0, "2020-05-20"), started(1, "2020-05-20")]
    events = [{"child": 0, "type": "missing", "day": "2020-03-01"}, {"child": 1, "type": "arrest", "day": "2019-06-01"}]
    found = event_change(register(cases_, people, events=events), AS_OF, "route29", "missing")
    assert found.frame.loc[0, ["recent", "after_days"]].tolist() == [1, 0]
    assert found.change is None and found.mean.recent.ratio.n == 1 and found.mean.after is None


# headings: what is said


def event_row(verdict: str, **more) -> pd.DataFrame:
    row = {"programme": "Route 29", "event": "Missing", "children": 40, "before": 80, "after": 30, "share": 0.621,
           "lower": 0.514, "upper": 0.748, "verdict": verdict}  # fmt: skip
    return pd.DataFrame([{**row, **more}])


def missing_heading(frame: pd.DataFrame, found=None) -> dict:
    seen = view(found or register([started(0)]))
    seen.shelf["programme_events"] = frame
    return shared.headings(seen, "route29", [("Missing", "event", "Missing", "events")])[0]


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [(BETTER, "Better"), (WORSE, "Worse"), (UNCLEAR, "No clear change"), (BACK, "No clear change"),
     (TOO_FEW, "Too few or too early"), (ALIKE, "No clear change"), (shared.DESCRIBED, "Described only"),
     (shared.EARLY, "Too few or too early"), (shared.NONE, "Too few or too early"),
     ("cannot be said: needs anything", "Cannot be said")],
)  # fmt: skip
def test_every_verdict_is_told_and_counted_under_its_kind(verdict, kind):
    row = missing_heading(event_row(verdict))
    assert (row["said"], row["shown"], row["ratio"]) == (verdict, "0.62 (0.51 to 0.75)", 0.621)
    counts = dict(shared.summary([row["said"]] * 2))
    assert counts.pop(kind) == 2 and counts.pop("All") == 2 and not any(counts.values())


@pytest.mark.parametrize(
    ("said", "told"),
    [((UNCLEAR, BACK, shared.EARLY), "none of 2 measures that can be judged moved by more than chance; not judged: 1 "
      "too few or too early"),
     ((BETTER, BETTER, WORSE, ALIKE), "of 4 measures that can be judged, 2 moved for the better and 1 for the worse by "
      "more than chance"),
     ((TOO_FEW, shared.DESCRIBED), "none of 2 measures can be judged; not judged: 1 too few or too early and 1 only "
      "described")],
)  # fmt: skip
def test_the_verdicts_of_a_page_are_summed_up_whichever_way_they_went(said, told):
    assert shared.summed_up(dict(shared.summary(said))) == told


def test_a_heading_without_rows_says_what_it_needs_or_that_nothing_was_recorded():
    none = event_row(BETTER).iloc[:0]
    assert missing_heading(none)["said"] == shared.NONE
    absent = register([started(0)])
    object.__setattr__(absent, "absent", ("events",))
    row = missing_heading(none, absent)
    assert row["said"] == f"cannot be said: needs {shared.NEEDS['events']}" and "ratio" not in row
    without = shared.headings(view(None), "route29", [("Missing", "event", "Missing", "events")])[0]
    assert without["said"] == f"cannot be said: needs {shared.NEEDS['cases']}" and "shown" not in without


def test_children_taken_on_beside_those_who_were_not_or_wait_by_hand():
    """Twelve taken on, two of them looked after in the half-year from the decision; none of twelve refused."""
    refusal = {"decision": "not accepted", "start": ""}
    rows = [{**started(n, "2020-01-02"), **(refusal if n >= 12 else {})} for n in range(24)]
    stays = [{"child": n, "start": "2020-03-01", "submission": 2} for n in range(2)]
    seen = view(register(rows, [{"care": n if n < 2 else -1} for n in range(24)]), stays)
    asked = [("Entry to care", "comparison", against, "cases") for against in ("refused", "waiting")]
    refused, waiting = shared.headings(seen, "route29", asked)
    assert [refused[name] for name in ("children", "beside", "after", "before")] == [12, 12, 2, 0]
    assert refused["ratio"] == pytest.approx(2 / 12) and refused["lower"] < 0 < refused["upper"]
    assert refused["said"] == ALIKE and refused["shown"].startswith("17 (")
    assert waiting["beside"] == 0 and waiting["said"] == TOO_FEW and waiting["shown"] is None


def test_a_small_count_takes_the_words_of_its_estimate_with_it():
    shown = public("route29_headings", framed(missing_heading(event_row(BETTER, after=4)))).iloc[0]
    assert shown["Estimate (95% interval)"] == shown["Events after"] == "c"


def test_estimates_in_words():
    assert shared.told(-8.06, -21.6, 5.5, "decimal") == "−8.1 (−21.6 to 5.5)"
    assert shared.told(0.125, -0.0726, 0.31, "points") == "13 (−7 to 31)"
    assert shared.told(0.08, np.nan, np.nan, "percent") == "8%" and shared.told(np.nan, 0, 1, "percent") is None


# Route 29's own


def test_contacts_for_each_open_case_a_month_by_hand():
    rows = [started(0), started(1), started(2, end="2020-06-30")]
    contacts = [{"child": 0, "programme": "route29", "day": day} for day in ("2020-07-01", "2020-09-30", "2020-06-30")]
    contacts += [{"child": 2, "programme": "route29", "day": "2020-08-01"}]
    found = register(rows, contacts=contacts)
    cases_, one = route29.dose(found, view(found), "route29")
    # Two cases open on all 92 days; the third had ended, so that its contact is no part of an open case.
    assert cases_ == 2 and one.value == pytest.approx(2 / (2 * 92 / (365.25 / 12)))
    assert route29.dose(register([]), view(register([])), "route29") is None


def test_more_referrals_a_year_by_hand():
    young = [{"child": n, "referral": "2020-06-01", "decided": "2020-06-03", "decision": "not accepted",
              "reason": "too young"} for n in range(7)]  # fmt: skip
    found = register([*young, *(started(7 + n) for n in range(3))], [{"birth": "2010-03-01"}] * 7 + [{}] * 3)
    rows = route29.route29_ages(view(found)).set_index("age")
    years = (AS_OF - dt.date(2020, 1, 31)).days / 365.25
    expected = rate(7, years)
    assert rows.index.tolist() == ["8 to 11", "All"] and rows.at["All", "children"] == 7
    assert rows.loc["All", ["rate", "lower", "upper"]].tolist() == [expected.value, expected.lower, expected.upper]
    assert rows.at["All", "now"] == pytest.approx(10 / years) and "lower bound" in rows.at["All", "said"]
    few = route29.route29_ages(view(register(young[:4], [{"birth": "2010-03-01"}] * 4)))
    assert few["said"].tolist() == [TOO_FEW] * 2
    assert public("route29_ages", few)["More referrals a year"].tolist() == ["c", "c"]


@pytest.mark.parametrize(("part", "words"), [(45, "45 of 117"), (0, "0 of 117"), (3, "few"), (114, "nearly all")])
def test_a_part_in_words_holds_no_small_number(part, words):
    assert route29._part(part, 117, "who started")["shown"] == f"{words} who started"


def test_fidelity_says_where_a_statement_comes_from_and_what_is_not_recorded():
    rows = [{"activity": "multi-disciplinary posts filled", "value": 6.0, "first": "2020-09-30", "last": "2020-09-30"},
            {"activity": "multi-disciplinary posts established", "value": 7.0, "first": "2020-09-30",
             "last": "2020-09-30"}]  # fmt: skip
    table = route29.route29_fidelity(view(register([started(n) for n in range(8)], activity=rows)))
    assert set(table["standing"]) == {"stated", "to be confirmed"} and (table["source"] != "").all()
    assert set(table.loc[table["standing"] == "stated", "source"].str[:11]) == {"BOND report"}
    shown = table["shown"].tolist()
    assert "6 of 7 posts filled" in shown and "8 open at the hub" in shown and "not recorded in the register" in shown
    without = route29.route29_fidelity(view(None))
    assert len(without) == len(table) and without["shown"].str.startswith("not ").all()


def test_staff_are_guarded_as_children_are_and_stand_beside_the_published():
    staff = {"staff in post": 29, "staff care leavers": 2, "staff existing employees": 9}
    rows = [{"activity": name, "value": float(n), "first": "2020-09-30", "last": "2020-09-30"}
            for name, n in staff.items()]  # fmt: skip
    shown = public("route29_staff", route29.route29_staff(view(register([], activity=rows), published="salford")))
    by = shown.set_index("Group")
    asked = ["In post", "Care leavers", "Newly recruited", "Salford residents"]
    assert by.loc[asked, "Staff"].tolist() == ["29", "c", "20", "x"]
    assert by.loc[asked, "Published"].tolist() == ["29", "c", "20", "13"]


def test_the_published_counts_contradict_each_other_in_a_table():
    rows = [started(n, end="2020-08-01" if n < 7 else "") for n in range(20)]
    table = route29.route29_contradictions(view(register(rows), published="salford")).set_index("line")
    assert table["register"].tolist() == [20, 20, 13, 7, 0, 0]
    gap = table.at["Cases in total", "published"] - table.at["Referrals", "published"]
    assert (
        table.at["Neither, of the cases", "published"] - table.at["Neither, of the referrals", "published"] == gap > 0
    )
    assert route29.route29_contradictions(view(register(rows))).empty, "another authority has not published them"


def in_care(*spells: tuple[str, str, str], **more) -> list[dict]:
    """Spells of (start, end or "", IN or OUT), a child each."""
    return [{"child": n, "start": start, "dec": end, "rec": "E4A" if end else "", "location": place, "submission": 2,
             **more} for n, (start, end, place) in enumerate(spells)]  # fmt: skip


def of_starters(build, rows: list[dict], children: int) -> dict:
    found = register([started(n) for n in range(children)], [{"care": n} for n in range(children)])
    return build(view(found, rows))


def test_out_of_borough_at_the_start_and_now_by_hand():
    stays = in_care(*[("2020-01-01", "", "IN")] * 14, *[("2020-01-01", "", "OUT")] * 6)
    same = of_starters(route29._out_of_borough, stays, 20)
    assert (same["children"], same["before"], same["after"], same["shown"], same["said"]) == (20, 6, 6, "0", UNCLEAR)
    moved = [{**row, "dec": "2020-07-01", "rec": "X1"} if row["child"] >= 14 else row for row in stays]
    back = [{**row, "start": "2020-07-01", "rne": "P", "location": "IN"} for row in stays if row["child"] >= 14]
    better = of_starters(route29._out_of_borough, [*moved, *back], 20)
    assert (better["before"], better["after"], better["said"]) == (6, 0, BETTER) and better["shown"].startswith("−30 (")
    few = of_starters(route29._out_of_borough, stays[:8], 8)
    assert few["said"] == TOO_FEW
    unknown = of_starters(route29._out_of_borough, [{**row, "location": "not known"} for row in stays], 20)
    assert unknown["said"].startswith("cannot be said") and "children" not in unknown


def test_who_came_back_into_care_by_hand():
    left = in_care(*[("2020-01-01", "2020-05-20", "IN")] * 12)
    back = [{"child": n, "start": "2020-06-20", "submission": 2} for n in range(6)]
    row = of_starters(route29._back, [*left, *back], 12)
    assert (row["children"], row["after"], row["shown"]) == (12, 6, "50% (25% to 75%)")
    assert of_starters(route29._back, left[:5], 5)["said"] == TOO_FEW


# Achieving Change Together's own


def act_cases(*spans: tuple[str, str]) -> list[dict]:
    return [started(n, start, end, programme="act") for n, (start, end) in enumerate(spans)]


@pytest.mark.parametrize(
    ("end", "said"),
    [("2020-03-01", "shorter than the model's"), ("2020-07-31", "longer than the model's"),
     ("2020-06-15", "no different from the model's, as far as can be told"), ("", "too early")],
)  # fmt: skip
def test_how_long_a_case_lasts_is_told_against_the_model(end, said):
    spread = [(f"2019-06-{1 + n:02d}", end) for n in range(29)]
    row = act.act_length(view(register(act_cases(*spread)))).iloc[0]
    assert row["said"].startswith(said) and row["children"] == 29 and row["planned"] == 12
    if end:
        middle = (dt.date.fromisoformat(end) - dt.date(2019, 6, 15)).days / (365.25 / 12)
        assert row["value"] == pytest.approx(middle, abs=0.05)
    few = act.act_length(view(register(act_cases(*spread[:4])))).iloc[0]
    assert few["said"] == TOO_FEW


def test_caseload_is_told_against_the_model_quarter_by_quarter():
    staff = [{"programme": "act", "activity": "staff in post", "value": 1.0, "first": "2020-03-01",
              "last": "2020-03-01"}]  # fmt: skip
    spans = [("2019-11-01", "")] * 6 + [("2020-05-01", "")]
    table = act.act_caseload(view(register(act_cases(*spans), activity=staff))).set_index("quarter")
    assert table["children"].tolist() == [6, 6, 7, 7] and table["each"].tolist()[1:] == [6, 7, 7]
    assert table["said"].str[:6].tolist() == ["cannot", "within", "more t", "more t"]


def test_secure_placements_at_the_start_left_and_begun():
    secure = {"place": "K1", "provider": "PR1"}
    rows = [{"child": 0, "start": "2020-01-01", "dec": "2020-07-01", "rec": "E4A", "submission": 2, **secure},
            {"child": 1, "start": "2020-01-01", "submission": 2, **secure},
            {"child": 2, "start": "2020-06-01", "submission": 2, **secure}]  # fmt: skip
    found = register([started(n, programme="act") for n in range(3)], [{"care": n} for n in range(3)])
    table = act.act_secure(view(found, rows))
    assert table["children"].tolist() == [2, 1, 1] and table["of"].tolist() == [3, 2, 3]
    assert set(public("act_secure", table)["Young people"]) == {"c"}
