"""Funnel, waits, cohorts, overlap, capacity, sampling and equity on registers made by hand, of invented children."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bond_eval.programmes import capacity
from bond_eval.programmes.cases import UNRECORDED, cases_at, first_cases
from bond_eval.programmes.cohorts import cohort_table
from bond_eval.programmes.equity_stages import missing, stages
from bond_eval.programmes.funnel import funnel, waits
from bond_eval.programmes.overlap import combinations, membership, shared_outcome
from bond_eval.programmes.sampling import allocate, dip_sample
from tests.helpers import history
from tests.programme_frames import NO_DAY, register

AS_OF = dt.date(2020, 9, 30)
ENDS = ("2019-03-31", "2020-03-31", "2020-09-30")
FIVE = [
    {"child": 0, "referral": "2020-02-01", "decided": "2020-02-11", "start": "2020-02-21", "end": "2020-06-01",
     "closure": "completed"},
    {"child": 1, "referral": "2020-03-01", "decided": "2020-03-21", "start": "2020-04-01"},
    {"child": 2, "referral": "2020-05-01", "decided": "2020-05-11", "decision": "not accepted", "reason": "too young"},
    {"child": 3, "referral": "2020-08-01", "decision": "waiting"},
    {"child": 4, "referral": "2020-04-01", "decided": "2020-04-11", "start": "2020-05-01", "end": "2020-07-01",
     "closure": "disengaged"},
]  # fmt: skip
PEOPLE = [{}, {"sex": "Female", "care": 0}, {"birth": "2010-02-01"}, {"birth": ""}, {"ethnicity": "MWBC", "decile": 2}]


def small():
    return register(FIVE, PEOPLE)


def test_every_referral_is_at_one_place_of_the_funnel():
    row = funnel(small(), AS_OF, "route29").iloc[0]
    assert (row["referred"], row["accepted"], row["refused"], row["waiting"]) == (5, 3, 1, 1)
    assert (row["decided"], row["started"], row["ended"], row["completed"], row["open"]) == (4, 3, 2, 1, 1)


def test_the_funnel_as_it_stood_earlier_knows_nothing_later():
    row = funnel(small(), dt.date(2020, 4, 5), "route29").iloc[0]
    assert (row["referred"], row["accepted"], row["started"], row["ended"], row["waiting"]) == (3, 2, 2, 0, 1)
    cases = cases_at(small(), dt.date(2020, 5, 5))
    refused_later = cases[cases["child"] == 2].iloc[0]
    assert (refused_later["decision"], refused_later["reason"], refused_later["decided"]) == ("waiting", "", NO_DAY)
    assert not funnel(small(), dt.date(2019, 1, 1), "route29").iloc[0].any()


def test_a_case_without_any_date_is_kept_and_starts_no_clock():
    undated = register([{"child": 0, "decision": "waiting"}])
    assert funnel(undated, AS_OF).iloc[0]["referred"] == 1
    assert waits(undated, AS_OF) == []


def test_waits_count_those_who_wait_still():
    found = {wait.step: wait for wait in waits(small(), AS_OF, "route29")}
    decision = found["Referral to decision"]
    assert (decision.n, decision.observed, decision.median) == (5, 4, 10)
    start = found["Referral to start"]
    assert (start.n, start.observed, start.median) == (4, 3, 30)
    nobody = waits(register([{"child": 0, "referral": "2020-09-01", "decision": "waiting"}]), AS_OF)
    assert [(wait.observed, wait.median) for wait in nobody] == [(0, None), (0, None)]


def test_a_longer_queue_lengthens_the_median_though_nobody_new_was_seen():
    queue = [{"child": 5 + place, "referral": "2020-03-01", "decision": "waiting"} for place in range(4)]
    before, after = (
        next(wait for wait in waits(register(cases), AS_OF) if wait.step == "Referral to start")
        for cases in (FIVE, [*FIVE, *queue])
    )
    assert before.observed == after.observed and after.median is None and before.median is not None


def test_the_cohort_adds_up_in_every_characteristic():
    table = cohort_table(small(), AS_OF, "route29")
    sums = table.groupby("characteristic")[["referred", "started"]].sum()
    assert (sums == [5, 3]).all(axis=None) and len(sums) == 7
    value = table.set_index(["characteristic", "value"])["referred"]
    assert value["ethnicity", "Mixed"] == 1 and value["link", "In the looked-after return"] == 1
    assert value["age", UNRECORDED] == 1 and value["deprivation", "Most deprived fifth"] == 1


def test_two_cases_of_one_child_are_two_referrals_and_one_child():
    again = register([*FIVE, {"child": 0, "referral": "2020-08-01", "decided": "2020-08-02", "start": "2020-08-03"}])
    assert funnel(again, AS_OF, "route29").iloc[0]["referred"] == 6
    assert cohort_table(again, AS_OF).groupby("characteristic")["referred"].sum().eq(5).all()
    assert len(first_cases(cases_at(again, AS_OF))) == 3


def two_programmes():
    dates = {"referral": "2020-03-01", "decided": "2020-03-02", "start": "2020-03-05"}
    act = [{"child": child, "programme": "act", **dates} for child in (0, 5)]
    return register([*FIVE, *act], [*PEOPLE, {"care": 1}])


def test_each_child_is_in_one_combination():
    table = combinations(two_programmes(), AS_OF).set_index("programmes")
    assert table["children"].to_dict() == {"route29": 2, "act": 1, "act + route29": 1}
    assert table["number"].to_dict() == {"route29": 1, "act": 1, "act + route29": 2}
    assert table["children"].sum() == len(membership(two_programmes(), AS_OF))
    assert len(membership(two_programmes(), AS_OF, "referred")) == 6


def test_one_child_has_one_outcome_whatever_its_programmes():
    both = register(
        [{"child": 0, "referral": "2020-02-01", "decided": "2020-02-02", "start": "2020-02-03", "programme": name}
         for name in ("route29", "act")], [{"care": 0}]
    )  # fmt: skip
    looked_after = history([{"child": 0, "start": "2020-05-01", "submission": 2}], ENDS)
    table, every = shared_outcome(both, looked_after, AS_OF, 180)
    assert table["events"].sum() == 2
    assert int((every.frame["cause"] == 1).sum()) == 1 and len(every.frame) == 1


def test_opening_and_accepted_less_closed_is_closing():
    flows = capacity.flow(small(), AS_OF, "route29")
    assert (flows["opening"] + flows["accepted"] - flows["closed"] == flows["closing"]).all()
    assert flows["opening"].tolist()[1:] == flows["closing"].tolist()[:-1]
    assert list(flows["closing"]) == [2, 2, 1] and flows["whole"].all()
    # 11 February to 31 March is 50 days of case 0, 21 to 31 March 11 of case 1, over a quarter of 91 days.
    assert flows["mean"][0] == pytest.approx(61 / 91)
    assert not capacity.flow(small(), dt.date(2020, 9, 1), "route29")["whole"].iloc[-1]
    assert capacity.flow(small(), AS_OF, "act").empty


def steady_state(days_open: int, every: int, until: dt.date):
    """One case accepted every so many days since 2018, each open for the same time."""
    starts = pd.date_range("2018-04-01", until, freq=f"{every}D")
    rows = [
        {"child": place, "referral": f"{day:%Y-%m-%d}", "decided": f"{day:%Y-%m-%d}", "start": f"{day:%Y-%m-%d}",
         "end": f"{day + pd.Timedelta(days=days_open):%Y-%m-%d}"}
        for place, day in enumerate(starts)
    ]  # fmt: skip
    return register(rows)


def test_littles_law_holds_in_a_steady_state_and_is_not_asked_while_it_fills():
    settled = capacity.steady(capacity.flow(steady_state(100, 5, AS_OF), AS_OF, "route29"))
    assert settled.implied_days == pytest.approx(100, rel=0.05) and settled.reason == ""
    filling = capacity.steady(capacity.flow(steady_state(2000, 5, AS_OF), AS_OF, "route29"))
    assert filling.implied_days is None and "not steady" in filling.reason
    assert capacity.steady(capacity.flow(small(), AS_OF, "route29")) is None


def test_caseload_per_worker_takes_the_latest_staff_and_none_is_not_zero():
    staff = [{"activity": capacity.STAFF, "breakdown": kind, "first": day, "value": value}
             for kind, day, value in (("keyworker", "2020-01-01", 9), ("keyworker", "2020-07-01", 2),
                                      ("nurse", "2020-07-01", 2), ("nurse", "2020-12-01", 50))]  # fmt: skip
    found = register(FIVE, PEOPLE, activity=staff)
    assert capacity.caseload_per_worker(found, dt.date(2020, 5, 15), "route29") == (3, pytest.approx(3 / 9))
    assert capacity.caseload_per_worker(found, AS_OF, "route29") == (1, 0.25)
    assert capacity.caseload_per_worker(small(), AS_OF, "route29") == (1, None)


def test_unmet_need_counts_each_child_once_a_reason():
    refused = {"child": 2, "referral": "2018-01-05", "decided": "2018-01-10", "decision": "not accepted"}
    again = register([*FIVE, {**refused, "reason": "too young"}, refused], PEOPLE)
    table = capacity.unmet(again, AS_OF, "route29")
    assert table.to_dict("records") == [{"reason": UNRECORDED, "children": 1}, {"reason": "too young", "children": 1}]


def many(count: int = 30):
    rows = [
        {"child": place, "referral": "2020-02-01", "decided": "2020-02-02", "start": "2020-02-03",
         "status": ("looked after", "edge of care", "child in need")[min(place % 10 // 5 + (place == 0), 2)]}
        for place in range(count)
    ]  # fmt: skip
    return register(rows)


def test_a_dip_sample_is_drawn_again_from_its_seed_and_hides_its_list():
    one, two, other = (dip_sample(many(), AS_OF, "route29", size=8, seed=seed) for seed in (4, 4, 5))
    assert one.ids == two.ids != other.ids
    assert len(set(one.ids)) == 8 == one.strata["chosen"].sum()
    assert "R0" not in repr(one)
    assert (one.strata["chosen"] <= one.strata["eligible"]).all()


def test_the_order_of_rows_changes_nobody_drawn():
    plain = many()
    turned = plain.cases.assign(child=len(plain.children) - 1 - plain.cases["child"])[::-1].reset_index(drop=True)
    other = replace(plain, cases=turned, children=plain.children[::-1])
    draws = [dip_sample(one, AS_OF, "route29", size=8, seed=4).ids for one in (plain, other)]
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("eligible", "size", "given"),
    [([10, 10], 4, [2, 2]), ([90, 9, 1], 10, [7, 2, 1]), ([3, 2], 9, [3, 2]), ([5, 4, 3], 2, [1, 1, 0]), ([7], 3, [3])],
)
def test_places_go_to_every_stratum_and_in_proportion(eligible, size, given):
    assert list(allocate(np.array(eligible), size)) == given


def test_a_sample_of_nobody_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        dip_sample(many(), AS_OF, "route29", size=0, seed=1)


def unequal():
    """Of 40 boys 32 are accepted, of 40 girls 16; one child's sex is not recorded."""
    people = [{"sex": "Male"}] * 40 + [{"sex": "Female"}] * 40 + [{"sex": ""}]
    words = ["accepted"] * 32 + ["not accepted"] * 8 + ["accepted"] * 16 + ["not accepted"] * 24 + ["accepted"]
    rows = [{"child": place, "referral": "2020-02-01", "decided": "2020-02-02", "decision": word,
             "start": "2020-02-03" if word == "accepted" else ""} for place, word in enumerate(words)]  # fmt: skip
    return register(rows, people)


def empty_history():
    return history([{"child": 0, "start": "2018-05-01", "dec": "2018-06-01", "rec": "E4A"}], ENDS)


def test_each_stage_is_compared_with_the_one_before():
    population = pd.DataFrame({"characteristic": "sex", "value": ["Male", "Female"], "children": [4000, 4000]})
    table = stages(unequal(), empty_history(), AS_OF, "route29", population=population)
    rows = table.set_index(["stage", "characteristic", "value"])
    girls = rows.loc[("Accepted", "sex", "Female")]
    assert (girls["before"], girls["reached"], girls["relative_rate"]) == (40, 16, pytest.approx(0.5))
    assert girls["differs"] and girls["moved"] > 0
    started = rows.loc[("Started", "sex", "Female")]
    assert (started["before"], started["reached"], started["relative_rate"]) == (16, 16, 1) and not started["differs"]
    assert rows.loc[("Referred", "sex", "Female")]["relative_rate"] == pytest.approx(1)
    unknown = rows.loc[("Accepted", "sex", UNRECORDED)]
    assert unknown["before"] == 1 and np.isnan(unknown["relative_rate"])


def test_without_a_population_nothing_is_said_of_referral():
    table = stages(unequal(), empty_history(), AS_OF, "route29")
    assert "Referred" not in set(table["stage"])
    assert missing(unequal(), AS_OF).set_index("characteristic").loc["sex", "not_recorded"] == 1
    assert missing(unequal(), AS_OF).set_index("characteristic").loc["disability", "not_recorded"] == 81


def test_a_start_too_late_to_be_followed_is_in_no_completion():
    late = [{**row, "start": "2020-08-01"} for row in FIVE if "start" in row]
    table = stages(register(late, PEOPLE), empty_history(), AS_OF, "route29")
    assert table[table["stage"].isin(["Completed", "Stayed out of care"])].empty
