"""Outcomes, care before and after, events, scales, comparisons on registers made by hand, of invented children."""

import datetime as dt

import numpy as np
import pytest

from bond_eval.placements.categories import OUTSIDE
from bond_eval.programmes.care_before_after import care_change
from bond_eval.programmes.comparison import compare
from bond_eval.programmes.events import event_change, event_types
from bond_eval.programmes.outcomes import ENTRY, EXIT, closed_breakdown, follow_up
from bond_eval.programmes.scales import norms, scale_change, scale_changes, sdq_bands
from tests.helpers import day, history
from tests.programme_frames import register
from tests.unit.test_placements_history import IFA, OP, run

AS_OF = dt.date(2020, 9, 30)
ENDS = ("2019-03-31", "2020-03-31", "2020-09-30")
LEFT = {"dec": "2020-08-01", "rec": "E4A"}


def case(child, start, **other):
    return {"child": child, "referral": start, "decided": start, "start": start, **other}


def care(*runs):
    """A history of children who each have a run of placements (start, rne, codes), open at the end."""
    rows = [row for child, steps in enumerate(runs) for row in run(*steps, child=child)]
    for line, row in enumerate(rows):
        row |= {"line": line + 2, "submission": len(ENDS) - 1}
    return rows


def test_becoming_looked_after_is_counted_from_the_start_and_everybody_counts():
    """Three starters: one enters after 61 days, one never, one turned 18 after 31; the fourth was in care already."""
    rows = care([("2020-04-02", "S", IFA)], [("2019-06-01", "S", IFA)])
    people = [{"care": 0}, {}, {"birth": "2002-03-03"}, {"care": 1}]
    found = follow_up(register([case(n, "2020-02-01") for n in range(4)], people), history(rows, ENDS), AS_OF)
    assert (len(found.frame), found.unlinked) == (3, 2)
    assert found.frame.set_index("child")[["time", "cause"]].to_dict("index") == {
        0: {"time": 61, "cause": 1}, 1: {"time": 243, "cause": 0}, 2: {"time": 31, "cause": 2},
    }  # fmt: skip
    table = found.at(180).set_index("cause")
    assert table.loc[ENTRY, "incidence"] == pytest.approx(1 / 3)
    assert table.loc["Turned 18", "incidence"] == pytest.approx(1 / 3)
    assert table.loc[ENTRY, "children"] == 3 and table.loc[ENTRY, "events"] == 1


def test_a_case_still_open_counts_as_much_as_a_closed_one():
    rows = care([("2020-04-02", "S", IFA)])
    closed, still = (
        follow_up(register([case(0, "2020-02-01", end=end), case(1, "2020-02-01")], [{"care": 0}, {}]),
                  history(rows, ENDS), AS_OF).at(90)["incidence"][0] for end in ("2020-03-01", "")
    )  # fmt: skip
    assert closed == still == 0.5


def test_a_child_started_before_the_returns_begin_enters_late():
    cases = [{"child": 0, "referral": "2018-02-01", "decided": "2018-02-01", "start": "2018-03-02"}]
    found = follow_up(register(cases), history(care([("2019-06-01", "S", IFA)]), ENDS), AS_OF)
    assert found.frame["entry"][0] == day("2018-04-01") - day("2018-03-02")


def test_what_comes_after_the_day_is_unknown():
    rows = care([("2020-06-01", "S", IFA)])
    one = register([case(0, "2020-02-01")], [{"care": 0}])
    earlier = follow_up(one, history(rows, ENDS), dt.date(2020, 4, 30))
    assert (earlier.frame["cause"][0], earlier.frame["time"][0]) == (0, 90)
    assert follow_up(one, history(rows, ENDS), dt.date(2020, 1, 1)).curve is None
    assert follow_up(one, history(rows, ENDS), dt.date(2020, 1, 1)).at(30).empty


def test_leaving_care_by_its_ways():
    rows = care([("2019-06-01", "S", IFA)], [("2019-06-01", "S", IFA)], [("2019-06-01", "S", IFA)])
    rows[0] |= LEFT
    rows[1] |= {"dec": "2020-07-01", "rec": "E11"}
    people = [{"care": 0}, {"care": 1}, {"care": 2}, {}]
    found = follow_up(
        register([case(n, "2020-02-01") for n in range(4)], people), history(rows, ENDS), AS_OF, outcome=EXIT
    )
    assert len(found.frame) == 3
    table = found.at(200).set_index("cause")["incidence"]
    assert table["Returned home"] == pytest.approx(1 / 3) and table["Adoption or guardianship"] == pytest.approx(1 / 3)


def test_the_breakdown_of_closed_cases_adds_up():
    """One entered care, one did not, three were in it: one kept the placement, one moved, one left."""
    rows = care(
        [("2020-04-02", "S", IFA)],
        [("2019-06-01", "S", IFA)],
        [("2019-06-01", "S", IFA), ("2020-04-01", "P", OP)],
        [("2019-06-01", "S", IFA)],
    )
    rows[-1] |= LEFT
    status = ["edge of care", "looked after", "looked after", "looked after", "child in need", "looked after"]
    cases = [case(n, "2020-02-01", end="2020-06-01", status=word) for n, word in enumerate(status)]
    cases += [case(6, "2020-02-01"), {"child": 7, "referral": "2020-05-01", "decision": "waiting"}]
    people = [{"care": 0}, {"care": 1}, {"care": 2}, {"care": 3}, {}, {}, {}, {}]
    table = closed_breakdown(register(cases, people), history(rows, ENDS), AS_OF, "route29").set_index("line")[
        "children"
    ]
    assert table.to_dict() == {
        "Referred": 8, "Open": 1, "Waiting or not accepted": 1, "Closed": 6, "Became looked after": 1,
        "Did not become looked after": 1, "Looked after at referral": 4, "Kept the placement": 2,
        "Moved during or after the work": 1, "Placement not known to the return": 1, "No longer looked after": 1,
    }  # fmt: skip


def test_days_and_moves_in_equal_windows():
    """100 days of room after the start: 100 before it are looked at. The child moved once before and not after."""
    rows = care([("2019-06-01", "S", OP), ("2020-06-01", "P", IFA)])
    start = "2020-06-23"
    found = care_change(register([case(0, start)], [{"care": 0}]), history(rows, ENDS), AS_OF)
    days = found.days.set_index("category")
    assert found.children == 1
    assert tuple(days.loc[OUTSIDE, ["before", "after"]]) == (78, 0)
    assert tuple(days.loc["IFA", ["before", "after"]]) == (22, 100)
    assert (found.moves.ratio.value, found.moves.ratio.n) == (0, 1)


def test_a_child_not_in_care_at_the_start_or_seen_too_briefly_is_not_compared():
    rows = care([("2020-07-01", "S", OP)], [("2019-06-01", "S", OP)])
    cases = [case(0, "2020-06-23"), case(1, "2020-09-20")]
    found = care_change(register(cases, [{"care": 0}, {"care": 1}]), history(rows, ENDS), AS_OF)
    assert (found.children, found.moves) == (0, None) and found.days.empty


def test_nobody_who_moved_gives_no_rate():
    rows = care([("2019-06-01", "S", OP)], [("2019-06-01", "S", OP)])
    cases = [case(0, "2020-06-23"), case(1, "2020-05-20")]
    found = care_change(register(cases, [{"care": 0}, {"care": 1}]), history(rows, ENDS), AS_OF)
    assert found.moves is None and found.children == 2


def missing_on(child, *days):
    return [{"child": child, "type": "missing", "day": text} for text in days]


def test_events_fall_into_their_windows_and_the_wait_into_none():
    cases = [{"child": 0, "referral": "2020-02-01", "start": "2020-03-01"}]
    events = missing_on(0, "2019-01-15", "2019-06-01", "2020-01-15", "2020-02-15", "2020-03-01", "2020-09-30")
    found = event_change(register(cases, events=events), AS_OF, "route29", "missing")
    row = found.frame.iloc[0]
    assert (row["earlier"], row["recent"], row["after"]) == (1, 1, 2)
    assert (row["earlier_days"], row["recent_days"], row["after_days"]) == (274, 91, 214)
    assert found.change.ratio.value == pytest.approx((2 / 214) / (2 / 365))


def test_exposure_stops_at_the_datas_first_day_the_as_of_date_and_the_18th_birthday():
    cases = [{"child": 0, "referral": "2020-02-01", "start": "2020-02-01"}]
    events = missing_on(0, "2019-12-03", "2020-03-01")
    found = event_change(register(cases, [{"birth": "2002-05-01"}], events=events), AS_OF, "route29", "missing")
    row = found.frame.iloc[0]
    assert (row["earlier_days"], row["recent_days"], row["after_days"]) == (0, 60, 90)
    other = {"child": 0, "type": "arrest", "day": "2019-01-01"}
    known = event_change(register(cases, events=[*events, other]), AS_OF, "route29", "missing")
    assert known.frame["earlier_days"][0] + known.frame["recent_days"][0] == 365
    earlier = event_change(register(cases, events=events), dt.date(2020, 2, 10), "route29", "missing")
    assert (earlier.frame["after"][0], earlier.frame["after_days"][0]) == (0, 10)


def test_no_event_is_no_ratio_and_without_any_no_day_is_known_of():
    one = event_change(register([case(0, "2020-03-01")]), AS_OF, "route29", "arrest")
    assert one.change is None and one.mean is None and one.frame.filter(like="_days").eq(0).all(axis=None)
    other = register([case(0, "2020-03-01")], events=missing_on(0, "2019-05-01", "2020-03-05"))
    found = event_change(other, AS_OF, "route29", "arrest")
    assert found.change is None and found.mean is None and event_types(other) == ("missing",)


def scores(child, rater, *pairs, measure="sdq_total"):
    return [{"child": child, "measure": measure, "rater": rater, "day": when, "score": float(n)} for when, n in pairs]


def test_raters_are_never_mixed():
    measures = scores(0, "parent", ("2020-02-05", 24)) + scores(0, "teacher", ("2020-07-01", 10))
    found = scale_changes(register([case(0, "2020-02-01")], measures=measures), AS_OF, "route29")
    assert [(one.rater, one.scored, one.pairs) for one in found] == [("parent", 1, 0), ("teacher", 0, 0)]
    assert all(one.change is None for one in found)


def test_pairs_reliable_change_and_bands_of_the_parent_form():
    """A fall from 24 to 12 is beyond 6.8 points (SD 5.8, reliability 0.82), one from 24 to 20 is not."""
    ends = {0: 12, 1: 20, 2: 33, 3: None}
    measures = [row for child in ends for row in scores(child, "parent", ("2020-02-05", 24))]
    measures += [row for child, n in ends.items() if n for row in scores(child, "parent", ("2020-07-01", n))]
    measures += scores(0, "parent", ("2020-02-25", 30))  # an end score comes 60 days or more after the start score
    measures += scores(4, "parent", ("2019-02-05", 3), ("2020-07-01", 9))  # no score near its start
    found = scale_change(
        register([case(n, "2020-02-01") for n in range(5)], measures=measures), AS_OF, "route29", "sdq_total", "parent"
    )
    assert (found.starters, found.scored, found.pairs) == (5, 4, 3)
    assert found.change.value == pytest.approx((-12 - 4 + 9) / 3) and found.change.n == 3
    assert found.reliable == {"Better": 1, "No reliable change": 1, "Worse": 1, "No norm": 0}
    assert found.bands.set_index("band").loc["Close to average"].tolist() == [0, 1]
    assert found.bands.set_index("band").loc["Very high"].tolist() == [3, 2]
    assert found.gap is None and any("missing pairs" in reason for reason in found.cannot)
    assert found.added is None and any("sdq_impact" in reason for reason in found.cannot)


def test_the_added_value_needs_the_parent_form_its_ages_and_the_emotional_scale():
    measures = []
    for child, later in ((0, 12), (1, 20)):
        measures += scores(child, "parent", ("2020-02-05", 24), ("2020-07-01", later))
        measures += scores(child, "parent", ("2020-02-05", 4), measure="sdq_impact")
    measures += scores(0, "teacher", ("2020-02-05", 24), ("2020-07-01", 12))
    emotional = scores(0, "parent", ("2020-02-05", 6), measure="sdq_emotional")
    emotional += scores(1, "parent", ("2020-02-05", 6), measure="sdq_emotional")
    cases = [case(0, "2020-02-01"), case(1, "2020-02-01")]

    def added(measures, rater, birth="2005-01-15"):
        people = [{"birth": birth}] * 2
        return scale_change(register(cases, people, measures=measures), AS_OF, "route29", "sdq_total", rater)

    found = added([*measures, *emotional], "parent").added
    # Expected without help: 2.3 + 19.2 + 0.8 - 1.8 = 20.5.
    assert found.value == pytest.approx(((20.5 - 12) + (20.5 - 20)) / 2)
    assert any("sdq_emotional" in reason for reason in added(measures, "parent").cannot)
    assert any("parent form only" in reason for reason in added([*measures, *emotional], "teacher").cannot)
    assert added([*measures, *emotional], "parent", birth="2002-12-15").added is None


def test_a_measure_without_a_norm_has_no_reliable_change_and_more_wellbeing_is_better():
    measures = scores(0, "self", ("2020-02-05", 20), ("2020-07-01", 26), measure="wellbeing")
    found = scale_change(register([case(0, "2020-02-01")], measures=measures), AS_OF, "route29", "wellbeing", "self")
    assert found.reliable["No norm"] == 1 and found.bands.empty and found.frame["end"].tolist() == [26]
    assert any("norm" in reason for reason in found.cannot)


def test_the_published_tables_are_whole():
    bands = sdq_bands().groupby(["version", "measure", "rater"])
    for (_, measure, rater), part in bands:
        part = part.sort_values("low")
        assert part["low"].iloc[0] == 0 and (part["low"].to_numpy()[1:] == part["high"].to_numpy()[:-1] + 1).all()
        top = 40 if measure == "sdq_total" else 6 if rater == "teacher" else 10
        assert part["high"].iloc[-1] == top
    assert len(bands) == 12
    table = norms()
    assert (table["sd"] > 0).all() and table["reliability"].between(0, 1).all()
    assert set(table["standing"]) <= {"published", "to be confirmed"}
    assert not table.duplicated(["measure", "rater", "age_from"]).any()


def comparison_register(**first):
    """Twelve accepted and twelve refused, decided on one day; two and six of them later looked after."""
    cases = [{"child": n, "referral": "2019-09-01", "decided": "2019-09-10",
              "decision": "accepted" if n < 12 else "not accepted",
              "start": "2019-10-01" if n < 12 else ""} for n in range(24)]  # fmt: skip
    entered = [0, 1, *range(12, 18)]
    people = [{"care": entered.index(n) if n in entered else -1} for n in range(24)]
    cases[0] |= first
    return register(cases, people), history(care(*[[("2019-11-01", "S", IFA)]] * 8), ENDS)


def test_taken_on_against_refused_from_the_decision():
    found = compare(*comparison_register(), AS_OF, "route29")
    assert found.difference.value == pytest.approx(2 / 12 - 6 / 12) and found.difference.n == 24
    assert found.causal
    assert found.frame.groupby("treated")["reached"].sum().to_dict() == {False: 6, True: 2}


def test_an_accepted_child_that_never_started_stays_among_the_accepted():
    """It became looked after before help began: left out, the treated would look better than they were."""
    found = compare(*comparison_register(start=""), AS_OF, "route29")
    assert found.difference.value == pytest.approx(2 / 12 - 6 / 12)


def test_unlike_groups_allow_no_wording_of_cause():
    one, past = comparison_register()
    one.people.loc[:11, "sex"] = "Female"
    found = compare(one, past, AS_OF, "route29")
    assert found.difference is not None and not found.causal


def test_children_not_followed_to_the_horizon_are_left_out():
    one, past = comparison_register()
    found = compare(one, past, dt.date(2019, 12, 31), "route29")
    assert found.frame.empty and found.difference is None and not found.causal


def test_the_waiting_design_looks_at_the_landmark_and_not_at_what_came_later():
    """On day 60 child 0 has begun, 1 and 2 wait; 1 begins afterwards and stays with those who waited."""
    starts = ["2019-09-20", "2020-01-10", "", "2019-09-20"]
    cases = [{"child": n, "referral": "2019-09-01", "decided": "2019-09-10", "start": start}
             for n, start in enumerate(starts)]  # fmt: skip
    cases.append({"child": 4, "referral": "2019-09-01", "decided": "2019-09-10", "decision": "not accepted"})
    past = history(care([("2019-09-25", "S", IFA)], [("2019-12-01", "S", IFA)]), ENDS)
    found = compare(register(cases, [{"care": 0}, {"care": 1}, {}, {}, {}]), past, AS_OF, "route29", against="waiting")
    assert found.frame.set_index("child")[["treated", "reached"]].to_dict("index") == {
        1: {"treated": False, "reached": True}, 2: {"treated": False, "reached": False},
        3: {"treated": True, "reached": False},
    }  # fmt: skip
    with pytest.raises(ValueError, match="Choose a design"):
        compare(register(cases), past, AS_OF, "route29", against="others")


def test_nothing_here_shows_an_identifier():
    one, past = comparison_register()
    shown = repr(compare(one, past, AS_OF, "route29")) + repr(follow_up(one, past, AS_OF))
    assert not any(name in shown for name in one.children)
    assert np.issubdtype(one.cases["start"].dtype, np.integer)
