"""Stability indicators, flows, moves, returns to care and cohorts, each on a case made by hand."""

import datetime as dt

import pytest

from bond_eval.placements.categories import OUTSIDE
from bond_eval.placements.cohorts import follow, stays
from bond_eval.placements.flows import monthly_flows, pooled, real_moves, shortest_period
from bond_eval.placements.moves import marks, moves_between, overall, reentries
from bond_eval.placements.stability import VARIANTS, Rules, distinct_placements, long_term, three_or_more
from tests.helpers import day, history
from tests.unit.test_placements_history import AWAY, ENDS, IFA, OP, run

DAY = dt.date(2020, 3, 31)
NEITHER, TEMPORARY, SAME, BOTH = VARIANTS
FOSTER = {"place": "U6", "provider": "PR1"}


def ni062(rows, rules=NEITHER, years=1):
    return three_or_more(history(rows, ENDS), DAY, rules, years)


def test_three_placements_in_the_year_count():
    two = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA))
    three = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-10-01", "P", FOSTER), child=1)
    assert ni062([*two, *three]) == (1, 2)


@pytest.mark.parametrize(("ended", "met"), [("2019-04-01", 0), ("2019-04-02", 1)])
def test_the_placement_open_on_the_night_of_1_april_counts(ended, met):
    assert ni062(run(("2018-05-01", "S", OP), (ended, "P", IFA), ("2019-10-01", "P", FOSTER))) == (met, 1)


def test_the_placement_begun_on_31_march_counts_and_one_begun_after_does_not():
    rows = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2020-03-31", "P", FOSTER))
    assert ni062(rows) == (1, 1)
    later = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2020-04-01", "P", FOSTER))
    assert three_or_more(history(later, ("2020-06-30",)), DAY, NEITHER) == (0, 1)


def test_a_placement_of_less_than_a_day_does_not_count():
    rows = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-08-01", "P", FOSTER))
    rows[1] |= {"dec": "2019-08-01", "line": 10}
    rows[2] |= {"start": "2019-08-02"}
    assert ni062(rows)[1] == 1
    assert ni062(rows)[0] == 0


def test_only_children_looked_after_on_the_day_count():
    rows = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-10-01", "P", FOSTER))
    rows[-1] |= {"dec": "2020-03-31", "rec": "E4A"}
    assert ni062(rows) == (0, 0)


def test_placements_of_an_earlier_period_in_the_year_count():
    rows = run(("2019-05-01", "S", OP), ("2019-06-01", "P", IFA))
    rows[-1] |= {"dec": "2019-07-01", "rec": "E4A"}
    assert ni062([*rows, {"child": 0, "start": "2019-12-01"}]) == (1, 1)


@pytest.mark.parametrize(("rules", "met"), [(NEITHER, 0), (TEMPORARY, 1), (SAME, 0), (BOTH, 1)])
def test_temporary_placements_count_only_where_asked(rules, met):
    """Away for a few days and back to the same carers: one placement, or three."""
    rows = run(("2018-05-01", "S", FOSTER), ("2019-08-01", "P", AWAY), ("2019-08-05", "P", FOSTER))
    assert ni062(rows, rules) == (met, 1)


@pytest.mark.parametrize(("rules", "met"), [(NEITHER, 0), (TEMPORARY, 0), (SAME, 1), (BOTH, 1)])
@pytest.mark.parametrize("rne", ["T", "U"])
def test_changes_within_one_carer_count_only_where_asked(rne, rules, met):
    rows = run(("2018-05-01", "S", FOSTER), ("2019-08-01", "P", IFA), ("2019-10-01", rne, IFA))
    assert ni062(rows, rules) == (met, 1)


@pytest.mark.parametrize(("place", "met"), [("A3", 0), ("A5", 0), ("A4", 1), ("A6", 1)])
def test_adoption_by_the_present_carers_is_no_move(place, met):
    codes = {"place": place, "provider": "PR1"}
    rows = run(("2018-05-01", "S", OP), ("2019-08-01", "P", FOSTER), ("2019-10-01", "P", codes))
    assert ni062(rows, BOTH) == (met, 1)


def test_short_breaks_are_not_looked_after():
    assert ni062([{"child": 0, "start": "2019-05-01", "ls": "V4"}]) == (0, 0)


@pytest.mark.parametrize(("start", "of"), [("2018-04-01", 1), ("2018-04-02", 0)])
def test_two_years_are_of_those_looked_after_throughout(start, of):
    rows = run((start, "S", OP), ("2018-08-01", "P", IFA), ("2019-10-01", "P", FOSTER))
    assert ni062(rows, years=2) == (of, of)


def ni063(rows, rules=NEITHER, birth="2008-05-17"):
    return long_term(history(rows, ENDS, births={0: birth}), DAY, rules)


@pytest.mark.parametrize(
    ("start", "moved", "result"),
    [
        ("2017-10-01", "2018-04-01", (1, 1)),
        ("2017-10-01", "2018-04-02", (0, 1)),
        ("2017-10-02", "2018-04-01", (0, 0)),
    ],
)
def test_long_term_stability_is_two_years_of_two_and_a_half(start, moved, result):
    assert ni063(run((start, "S", OP), (moved, "P", FOSTER))) == result


@pytest.mark.parametrize(("birth", "of"), [("2004-03-31", 0), ("2004-04-01", 1)])
def test_long_term_stability_is_of_those_under_16(birth, of):
    assert ni063(run(("2016-05-01", "S", FOSTER)), birth=birth)[1] == of


def test_an_unknown_birth_is_not_taken_as_under_16():
    assert ni063(run(("2016-05-01", "S", FOSTER)), birth="") == (0, 0)


def test_a_new_period_begins_the_two_and_a_half_years_anew():
    assert ni063(run(("2016-05-01", "S", FOSTER), ("2018-01-01", "S", FOSTER))) == (0, 0)


@pytest.mark.parametrize(("rules", "steady"), [(NEITHER, 1), (TEMPORARY, 0), (BOTH, 0)])
def test_days_away_break_stability_only_where_they_count(rules, steady):
    rows = run(("2016-05-01", "S", FOSTER), ("2019-08-01", "P", AWAY), ("2019-08-05", "P", FOSTER))
    assert ni063(rows, rules) == (steady, 1)


@pytest.mark.parametrize("place", ["A3", "A4", "A5", "A6"])
@pytest.mark.parametrize(("moved", "steady"), [("2018-03-01", 1), ("2018-06-01", 0)])
def test_an_adoptive_placement_counts_together_with_the_one_before(place, moved, steady):
    codes = {"place": place, "provider": "PR1"}
    rows = run(("2016-05-01", "S", OP), (moved, "P", FOSTER), ("2019-11-01", "P", codes))
    assert ni063(rows) == (steady, 1)


def test_the_rules_say_in_words_what_they_count():
    assert len({rules.label for rules in VARIANTS}) == 4
    assert "Temporary placements" in Rules(temporary=True).label
    assert distinct_placements(history(run(("2018-05-01", "S", OP)), ENDS), NEITHER)["key"].tolist() == [1]


def of(rows, **other):
    return history(rows, ENDS, **other)


def test_moves_with_their_day_reason_and_destination():
    rows = run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-10-01", "P", FOSTER))
    rows[0] |= {"reason": "CARPL"}
    rows[1] |= {"reason": "CREQB"}
    rows[2] |= {"dec": "2019-12-01", "rec": "E4A"}
    moves = moves_between(of(rows), dt.date(2019, 4, 1), DAY)
    assert moves[["day", "origin", "destination", "in_care"]].to_numpy().tolist() == [
        [day("2019-08-01"), OUTSIDE, "IFA", True],
        [day("2019-10-01"), "IFA", "In-house fostering", True],
        [day("2019-12-01"), "In-house fostering", "Home, left care", False],
    ]
    assert moves["reason"].astype(object).fillna("").tolist() == ["CARPL", "CREQB", ""]
    assert marks(moves)[["budget", "stability"]].to_numpy().tolist() == [
        ["cheaper", "planned"],
        ["cheaper", "unplanned"],
    ]
    assert len(moves_between(of(rows), dt.date(2019, 10, 2), DAY)) == 1


def test_marks_need_both_cost_and_reason():
    assert [overall(*pair) for pair in (("dearer", "unplanned"), ("dearer", "planned"), ("similar", "planned"))] == [
        "red",
        "amber",
        "green",
    ]
    assert overall("cheaper", "not known") == overall("not known", "planned") == "not marked"


def test_days_away_are_no_move():
    """Away and back to the same carers ends nothing; away and then elsewhere is one move to there."""
    back = run(("2018-05-01", "S", IFA), ("2019-08-01", "P", AWAY), ("2019-08-05", "P", IFA))
    assert real_moves(of(back).placements)[["start", "end", "is_open"]].to_numpy().tolist() == [
        [day("2018-05-01"), day("2020-04-01"), True]
    ]
    on = run(("2018-05-01", "S", IFA), ("2019-08-01", "P", AWAY), ("2019-08-05", "P", OP))
    moves = moves_between(of(on), dt.date(2019, 4, 1), DAY)
    assert moves[["origin", "destination"]].to_numpy().tolist() == [["IFA", OUTSIDE]]
    last = run(("2018-05-01", "S", IFA), ("2020-03-30", "P", AWAY))
    assert real_moves(of(last).placements)["is_open"].tolist() == [True]
    assert follow(of(last), "IFA", dt.date(2019, 3, 31)).frame["left"].tolist() == [False]


def test_a_change_within_one_carer_is_no_move_and_its_end_is_not_lost():
    rows = run(("2018-05-01", "S", IFA), ("2019-06-01", "T", {**IFA, "place": "U4"}), ("2019-10-01", "P", OP))
    moves = moves_between(of(rows), dt.date(2019, 4, 1), DAY)
    assert moves[["day", "origin", "destination"]].to_numpy().tolist() == [[day("2019-10-01"), "IFA", OUTSIDE]]
    flows = pooled(monthly_flows(of(rows)), "month").query("n > 0")
    assert flows[["direction", "period", "n"]].to_numpy().tolist() == [
        ["ended", "2019-10", 1],
        ["started", "2019-10", 1],
    ]


def test_flows_by_month_add_up_to_longer_periods():
    rows = [
        *run(("2019-04-30", "S", OP), ("2019-05-01", "P", FOSTER), child=0),
        *run(("2019-05-31", "S", IFA), child=1),
    ]
    flows = monthly_flows(of(rows))
    by_month = flows.pivot(index="month", columns="direction", values="n")
    assert by_month.loc[dt.date(2019, 4, 1)].to_dict() == {"ended": 0, "started": 1}
    assert by_month.loc[dt.date(2019, 5, 1)].to_dict() == {"ended": 1, "started": 2}
    assert by_month.to_numpy().sum() == 4
    assert [len(pooled(flows, period)) for period in ("month", "quarter", "half-year", "year")] == [24, 8, 4, 2]
    assert set(pooled(flows, "half-year")["period"]) == {"2019-20-H1", "2019-20-H2"}
    assert shortest_period(flows, minimum=1) == "month"
    assert shortest_period(flows, minimum=6) == "year"


@pytest.mark.parametrize(
    ("back", "within", "result"),
    [("2019-07-31", 30, [True]), ("2019-08-01", 30, [False]), ("2019-08-01", 31, [True]), ("", 30, [False])],
)
def test_returns_to_care_within_some_days(back, within, result):
    rows = [{"child": 0, "start": "2018-05-01", "dec": "2019-07-01", "rec": "E4A"}]
    rows += [{"child": 0, "start": back}] if back else []
    rows += [{"child": 1, "start": "2019-07-02"}]
    assert reentries(of(rows), within)["returned"].tolist() == result


@pytest.mark.parametrize(("left", "followed"), [("2020-03-02", 1), ("2020-03-03", 0)])
def test_only_leavings_that_can_be_followed_count(left, followed):
    rows = [{"child": 0, "start": "2018-05-01", "dec": left, "rec": "E4A"}]
    assert len(reentries(of(rows), 30)) == followed


def test_a_cohort_is_followed_until_it_leaves_or_to_the_day():
    base = dt.date(2019, 3, 31)
    rows = [
        *run(("2018-05-01", "S", OP), child=0),
        *run(("2018-05-01", "S", OP), ("2019-05-01", "P", IFA), child=1),
        *run(("2018-05-01", "S", OP), ("2019-06-01", "P", OP), ("2019-07-01", "P", {"place": "H5"}), child=2),
        *run(("2018-05-01", "S", OP), child=3),
        *run(("2018-05-01", "S", OP), ("2019-05-01", "P", IFA), ("2020-01-01", "P", OP), child=4),
        *run(("2018-05-01", "S", OP), ("2019-03-31", "P", IFA), child=5),
        *run(("2019-04-01", "S", OP), child=6),
        *run(("2018-05-01", "S", OP), ("2019-05-01", "P", AWAY), ("2019-05-06", "P", IFA), child=7),
    ]
    rows[6] |= {"dec": "2019-09-01", "rec": "E4A"}
    cohort = follow(of(rows), OUTSIDE, base)
    frame = cohort.frame.set_index("child")
    assert frame["days"].to_dict() == {0: 367, 1: 31, 2: 92, 3: 154, 4: 31, 7: 31}
    assert frame["left"].to_dict() == {0: False, 1: True, 2: True, 3: True, 4: True, 7: True}
    assert frame["there_now"].to_dict() == {0: True, 1: False, 2: False, 3: False, 4: True, 7: False}
    assert frame["destination"].to_dict() == {
        0: "",
        1: "Foster or connected care",
        2: "Supported or independent",
        3: "Home",
        4: "Foster or connected care",
        7: "Foster or connected care",
    }
    assert cohort.new["child"].tolist() == [6]
    assert cohort.new["start"].tolist() == [day("2019-04-01")]


def test_a_stay_goes_on_through_moves_in_one_category_and_days_away():
    rows = run(("2018-05-01", "S", OP), ("2019-05-01", "P", AWAY), ("2019-05-06", "P", OP), ("2019-07-01", "P", IFA))
    found = stays(of(rows))
    assert found[["category", "start", "end"]].to_numpy().tolist() == [
        [OUTSIDE, day("2018-05-01"), day("2019-07-01")],
        ["IFA", day("2019-07-01"), day("2020-04-01")],
    ]


def test_moving_one_childs_placement_moves_every_figure_by_the_right_amount():
    """The same child, first in an agency's foster home and then in an outside placement, all else equal."""
    others = [*run(("2018-05-01", "S", OP), child=1), *run(("2018-05-01", "S", IFA), ("2019-12-01", "P", OP), child=2)]
    before, after = (
        of([*run(("2018-05-01", "S", FOSTER), ("2019-11-01", "P", codes), child=0), *others]) for codes in (IFA, OP)
    )
    from bond_eval.placements.counts import daily_counts

    change = daily_counts(after).by_category() - daily_counts(before).by_category()
    nights = (DAY - dt.date(2019, 11, 1)).days + 1
    assert change.sum()[lambda sums: sums != 0].to_dict() == {OUTSIDE: nights, "IFA": -nights}
    assert (change.loc[:"2019-10-31"] == 0).all(axis=None)
    first = dt.date(2019, 4, 1)
    pairs = [moves_between(made, first, DAY).value_counts(["origin", "destination"]) for made in (before, after)]
    moved = (pairs[1].sub(pairs[0], fill_value=0)).loc[lambda sums: sums != 0].to_dict()
    assert moved == {("In-house fostering", "IFA"): -1, ("In-house fostering", OUTSIDE): 1}
    sizes = [len(follow(made, OUTSIDE, dt.date(2019, 12, 31)).frame) for made in (before, after)]
    assert sizes == [2, 3]
    assert [three_or_more(made, DAY, NEITHER) for made in (before, after)] == [(0, 3), (0, 3)]
    flows = [monthly_flows(made)["n"].tolist() for made in (before, after)]
    assert flows[0] == flows[1]
