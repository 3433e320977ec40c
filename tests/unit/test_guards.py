"""Slips that no other test saw when they were planted or mutated: one small test each, of children who never lived."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bond_eval.audit.small import small
from bond_eval.audit.tables import Number
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.economics.appraisal import adjust_for_optimism, appraise, attributable, benefit_cost_ratio, payback
from bond_eval.economics.avoidance import Course, step_up_pounds
from bond_eval.economics.discounting import discount_factors
from bond_eval.economics.money import Benefit, Kind
from bond_eval.economics.reference import amount_000, load
from bond_eval.economics.scenarios import (
    BASELINE,
    GROWTH,
    avoidance,
    evaluate,
    growth_on_one_basis,
    implied,
    implied_placements,
    scenarios,
    stress,
    totals,
    with_baseline,
)  # fmt: skip
from bond_eval.evidence.disclosure import Plan, crowded, make_plan
from bond_eval.evidence.figures import flows
from bond_eval.evidence.gate import FEWER, ROUNDED, one_childs, protect
from bond_eval.evidence.registry import ALL, Table, Value
from bond_eval.intake.typed import NO_DAY
from bond_eval.methods.value_of_information import value_of_information
from bond_eval.placements.ages import birthday
from bond_eval.placements.stitch import check_covered, stitch
from bond_eval.programmes.equity_stages import ACCEPTED, stages
from bond_eval.programmes.events import event_change
from bond_eval.programmes.scales import scale_change
from bond_eval.sample import days as sample_days
from bond_eval.sample.dice import Dice
from bond_eval.workbook.reuse import Store, release_key, run_key
from bond_eval.workbook.settings import RunSettings
from tests.helpers import day, history, submissions, typed_rows
from tests.programme_frames import register
from tests.unit.test_evidence import table
from tests.unit.test_finance_files import read
from tests.unit.test_programmes_outcomes import AS_OF, case, missing_on, scores
from tests.unit.test_stitch import row, stitched


def test_an_end_on_the_day_after_the_as_of_date_is_not_known():
    episodes, audit = stitched([row(1, "2017-05-01", "2018-07-01", rec="E4A")], as_of="2018-06-30")
    assert (episodes[0][2], [change[3] for change in audit]) == ("", ["A"])


def test_an_event_on_the_day_that_a_window_ends_is_not_in_it():
    """Opened on 1 February: that day is of the wait. Followed for 365 days from 1 March 2019: to 28 February 2020."""
    cases = [{"child": 0, "referral": "2019-02-01", "start": "2019-03-01"}]
    events = missing_on(0, "2018-01-15", "2019-01-31", "2019-02-01", "2020-02-28", "2020-02-29")
    row = event_change(register(cases, events=events), AS_OF, "route29", "missing").frame.iloc[0]
    assert (row["earlier"], row["recent"], row["after"]) == (0, 1, 1)


def test_a_group_is_compared_with_the_others_and_not_with_everybody():
    people = [{"sex": "Female"}] * 6 + [{"sex": "Male"}] * 4
    cases = [case(n, "2020-02-01") for n in range(10)]
    for one in cases[:3]:
        one |= {"decision": "not accepted", "start": ""}
    found = stages(register(cases, people), history([], ("2020-09-30",)), AS_OF, "route29")
    found = found[(found["stage"] == ACCEPTED) & (found["value"] == "Female")].iloc[0]
    assert (found["before"], found["reached"]) == (6, 3) and found["relative_rate"] == pytest.approx((3 / 6) / (4 / 4))


def test_fewer_difficulties_are_better():
    measures = scores(0, "parent", ("2020-02-05", 24), ("2020-07-01", 12))
    found = scale_change(register([case(0, "2020-02-01")], measures=measures), AS_OF, "route29", "sdq_total", "parent")
    assert (found.reliable["Better"], found.reliable["Worse"]) == (1, 0)


def test_knowing_more_of_what_is_declined_in_any_case_is_worth_nothing():
    generator = np.random.default_rng(4)
    worth = value_of_information(generator.normal(-100, 1, 4000), {"noise": generator.normal(0, 1, 4000)})
    assert (worth.whole, worth.parts["noise"]) == (0, 0)


def test_no_flow_that_is_withheld_is_named_in_the_text_alternative():
    names = ["from", "to", "n"]
    cells = [("A", "B", 9), ("A", "C", 8), ("A", ALL, 17), ("D", "B", 7), ("D", "C", 2), ("D", ALL, 9),
             (ALL, "B", 16), (ALL, "C", 10), (ALL, ALL, 26)]  # fmt: skip
    shown = table(
        pd.DataFrame(cells, columns=names), {"from": "From", "to": "To"}, Value("n", "Moves"), margins=names[:2]
    )
    assert "D to C" not in flows(shown, "from", "to", "n", title="T", unit="Moves").alt


def test_what_is_kept_hangs_on_every_part_of_what_it_was_made_of():
    settings = RunSettings(Path("data"), "salford", Quarter(2020, 2), Path("out"))
    store = Store(files={"data/a.csv": "1", "notebooks/01.ipynb": "1"}, program="p")
    others = [
        (replace(settings, seed=1), store),
        (replace(settings, audience="internal"), store),
        (replace(settings, quarter=Quarter(2020, 1)), store),
        (settings, replace(store, program="q")),
        (settings, replace(store, files={**store.files, "data/a.csv": "2"})),
    ]
    kept = {release_key(*made) for made in [(settings, store), *others]}
    whole = {run_key(*made, ()) for made in [(settings, store), *others]} | {run_key(settings, store, ("02",))}
    assert (len(kept), len(whole)) == (6, 7)
    # A changed notebook makes other pages of the same tables.
    changed = replace(store, files={**store.files, "notebooks/01.ipynb": "2"})
    assert release_key(settings, changed) in kept and run_key(settings, changed, ()) not in whole


def test_the_planted_truth_draws_from_end_to_end_and_has_birthdays_as_the_package_does():
    dice = Dice(1)
    assert {dice.between(1, 3) for _ in range(100)} == {1, 2, 3}
    born = sample_days.day(2004, 2, 29)
    for years in (16, 18):
        assert birthday(np.array([born], dtype=np.int32), years).tolist() == [sample_days.birthday(born, years)]


def test_a_unit_cost_ends_the_day_before_the_next(tmp_path):
    rows = "IFA,2019-04-01,,700,\nIFA,2020-04-01,,800,\n"
    found = read(tmp_path, {"unit_costs.csv": f"category,from,to,pounds_per_week,price_base\n{rows}"})
    assert found.unit_costs["end"].tolist() == [day("2020-03-31"), NO_DAY]


def test_what_may_be_nought_or_whole_may_be():
    whole = Benefit(100.0, Kind.AVOIDED)
    assert [attributable(whole, deadweight=1 - share, attribution=share).pounds for share in (0, 1)] == [0, 100]
    assert Course(0, 1, 0).years() == 0
    same = step_up_pounds(3, 0.5, 0.1, 365, 100, 100).pounds
    assert same == 0 and isinstance(same, float)
    without = with_baseline(scenarios(), 0)
    assert without.loc[without["line"] == BASELINE, "volume"].unique().tolist() == [0]


def test_draws_of_a_benefit_stand_against_one_row_of_costs_and_the_other_way_about():
    draws, row = np.full((3, 2), 100.0), np.array([50.0, 0.0])
    (gains,) = appraise(row, [Benefit(draws, Kind.AVOIDED)])
    (losses,) = appraise(draws, [Benefit(row, Kind.AVOIDED)])
    assert np.shape(gains.npv) == np.shape(losses.npv) == (3,) and (gains.npv == -losses.npv).all()


def test_the_eve_of_the_first_return_can_be_reported_and_no_quarter_before_it():
    files = submissions("2016-03-31", "2017-03-31")
    check_covered(files, Quarter.parse("2014-15-Q4"))
    with pytest.raises(InputError, match=r"begin with the return to 31/03/2016"):
        check_covered(files, Quarter.parse("2014-15-Q3"))


def test_an_appraisal_uses_the_table_it_is_given_and_says_all_that_it_found():
    table = load("optimism_bias.csv").assign(adjustment=0.5)
    value, grade = adjust_for_optimism(100, 1, "cost", table)
    assert value == 150 and grade.description and grade.source
    assert benefit_cost_ratio([0.5, 0], [1, 0]) == 2
    assert appraise([10.0, 0.0], [Benefit(np.array([0.0, 5.0]), Kind.AVOIDED)])[0].pv_cost == 10
    np.testing.assert_array_equal(payback([[100, 0], [1, 0], [1, 0]], [[0, 0], [2, 0], [1, 0]]), [np.nan, 0, 0])
    for name, shares in ("Deadweight", (2, 1)), ("Attribution", (0, 2)):
        with pytest.raises(ValueError, match=f"^{name} is a share"):
            attributable(Benefit(1.0, Kind.AVOIDED), deadweight=shares[0], attribution=shares[1])


def test_a_million_that_comes_back_to_the_penny_is_paid_back():
    """In two equal parts, each discounted: rounding alone leaves the balance a hair below nought."""
    back = 1e6 / discount_factors(range(3))[1:].sum()
    assert payback([1e6, 0, 0], [0, back, back]) == 2


def test_a_scenario_says_which_it_is_and_what_its_lines_are_made_of():
    names, rows = ["volume", "unit_cost_000", "note"], scenarios()
    rows = rows[(rows["scenario"] == "likely") & (rows["point"] == "2023-24")]
    found = evaluate(rows, "likely", "2023-24")
    wanted = rows[names].astype(object).where(rows[names].notna(), None).to_numpy().tolist()
    assert [[getattr(line, name) for name in names] for line in found.lines] == wanted and found.scenario == "likely"
    assert any(None in row for row in wanted) and any(all(row) for row in wanted)
    gone = evaluate(rows.assign(volume=np.nan, amount_000=np.nan), "likely", "2023-24")
    assert gone.reason == f"likely at 2023-24 has no cost for: {'; '.join(gone.missing)}" and len(gone.missing) == 8
    steps = stress(scenarios(), "2023-24")
    assert list(steps) == ["step", "avoidance_000", "change_000"] and steps["step"][0] == "as published"


def test_scenarios_are_told_apart_in_the_order_of_the_file():
    found = avoidance(scenarios(), "2023-24")
    lines = [line.line for side in (found.counterfactual, found.programme) for line in side.lines]
    assert found.by_line()["line"].tolist() == list(dict.fromkeys(lines))
    assert implied_placements(10, 2, 1.0) == 12
    told = implied(scenarios(), totals(), "best")
    assert told.scenario == "best" and told.total_000 == amount_000(
        totals(), scenario="best", point="2023-24", measure="cost avoidance"
    )
    gone = scenarios().assign(volume=lambda table: table["volume"].mask(table["line"] == GROWTH))
    with pytest.raises(InputError, match="no single volume"):
        growth_on_one_basis(gone)


def test_money_of_one_or_two_is_withheld_though_their_number_is_no_secret():
    frame = pd.DataFrame({"row": list("abcd"), "children": [0, 1, 2, 3], "cost": [0.0, 10.0, 20.0, 30.0]})
    values = Value("children", "Staff", children=False), Value("cost", "Cost", "pounds", follows=("children",))
    assert list(table(frame, {"row": "Row"}, *values).shown()["Cost"]) == ["£0", "c", "c", "£30"]


def test_a_table_is_crowded_by_small_rests_too():
    frame = pd.DataFrame({"row": list("abcd"), "n": [10, 10, 20, 20], "whole": [12, 13, 40, 40]})
    told = table(frame, {"row": "Row"}, Value("n", "Those", of="whole"), Value("whole", "All")).table
    assert crowded(told, frame) and not crowded(told, frame.assign(whole=[12, 40, 40, 40]))
    assert crowded(told, frame.assign(whole=40, n=[5, 2, 20, 20]))


def test_what_is_known_on_the_as_of_date_itself_decides_and_what_comes_after_does_not():
    ended = [row(2, "2017-05-01", end, rec="E4A") for end in ("2018-06-30", "2018-06-29")]
    assert [one[2] for one in stitched(ended, as_of="2018-06-30")[0]] == ["2018-06-30"]
    later = typed_rows([row(2, "2017-05-01", place="K2"), row(2, "2017-05-01", "2018-07-01", rec="E4A", place="U6")])
    made = stitch(later, submissions("2017-03-31", "2018-03-31", "2019-03-31"), dt.date(2018, 6, 30))
    assert made.episodes["place"].tolist() == ["U6"]
    assert [one[1] for one in stitched([row(2, "2018-06-30")], as_of="2018-06-30")[0]] == ["2018-06-30"]


PART = Value("n", "N", of="whole"), Value("whole", "All")


def public(plan=None, source="SSDA903", margins=(), values=PART, **cells):
    """The columns of a table of rows a, b, … as the public edition shows them."""
    rows = [ALL if margins and at == 3 else "abcd"[at] for at in range(len(cells["n"]))]
    frame = pd.DataFrame({"row": rows, **cells})
    spec = Table("t", "n", "A title", "a row", {"row": "Row"}, values, margins, source, "count", lambda view: frame)
    return [list(column) for _, column in protect(spec, frame, "public", plan).shown().drop(columns="Row").items()]


def test_a_part_and_its_rest_are_each_guarded_and_none_of_a_few_is_no_secret():
    assert public(n=[3, 35, 20], whole=[40, 40, 40])[0] == ["c", "c", "20"]
    assert public(n=[0, 9], whole=[4, 30]) == [["0", "9"], ["c", "30"]]
    shown = Value("n", "N", of="whole"), Value("whole", "Of", children=False)
    assert public(values=shown, n=[0, 9], whole=[4, 30]) == [["c", "9"], ["4", "30"]]
    assert public(source="Hospital Episode Statistics", n=[23, 20], whole=[30, 40])[0] == ["c", "20"]


def test_the_gate_and_the_plan_each_withhold_and_neither_lets_out_what_the_other_does_not():
    one, money = (Value("n", "N"),), (Value("n", "N"), Value("cost", "Cost", "pounds"))
    total = {"values": one, "margins": ("row",), "n": [3, 10, 20, 33]}
    assert public(**total) == [["c", "c", "20", "33"]]
    assert public(Plan(), **total) == [["c", "10", "20", "33"]]
    assert public(Plan(frozenset({("t", ("a",), "cost")})), values=money, n=[9, 9], cost=[1.0, 2.0])[1] == ["c", "£2"]


def test_each_childs_rows_are_judged_by_its_own():
    """Two rows of one start for each of two children; what ended before the date keeps its reason."""
    starts = {0: "2017-05-01", 1: "2017-06-01"}
    rows = [row(1, start, "2017-09-01", child=child, rec="E4A", reason="CARPL") for child, start in starts.items()] * 2
    rows += [row(1, "2017-07-01", "2018-12-01", child=2, rec="E8", reason="PLACE")]
    made = stitch(typed_rows(rows), submissions("2017-03-31", "2018-03-31", "2019-03-31"), dt.date(2018, 6, 30))
    assert made.audit[["child", "rule"]].to_numpy().tolist() == [[0, "3"], [1, "3"], [2, "A"]]
    assert made.episodes["rec"].astype(object).where(made.episodes["rec"].notna(), "").tolist() == ["E4A", "E4A", ""]
    assert made.episodes["reason"].notna().tolist() == [True, True, False]


def test_the_attacker_takes_one_to_five_for_small():
    assert [small(Number(float(count), 0)) for count in (0, 1, 5, 6)] == [False, True, True, False]


def test_the_plan_withholds_one_child_and_a_part_of_which_few_are_left():
    frame = pd.DataFrame({"row": list("abc"), "n": [1, 38, 20], "whole": [40, 40, 40]})
    told = table(frame, {"row": "Row"}, *PART).table
    plan = make_plan({"t": (told, frame)}, {"as_of": "2020-09-30", "baseline": "2019-03-31"})
    assert {(row[0], column) for _, row, column in plan.hidden} == {("a", "n"), ("b", "n")}


def test_a_reader_is_told_what_was_done_to_rows_and_counts_and_nothing_where_nothing_was():
    def note(audience="public", source="SSDA903", fewer=False, said="", kind="count", rows=2):
        frame = pd.DataFrame({"row": list("ab")[:rows], "n": [30, 31][:rows]})
        spec = Table("t", "n", "T", "a row", {"row": "Row"}, (Value("n", "N", kind),), (), source, "count",
                     lambda view: frame, said=said)  # fmt: skip
        return protect(spec, frame, audience, fewer=fewer).note

    rounded = ROUNDED.format("", 5)
    assert [note(), note(rows=0, source="hospital data"), note(source="hospital data", kind="number")] == ["", "", ""]
    assert [note(fewer=True), note(fewer=True, said="In fewer rows.")] == [FEWER, "In fewer rows."]
    assert [note(source="hospital data"), note("internal", "hospital data")] == [rounded, ""]
    assert note(source="hospital data", fewer=True) == f"{FEWER} {rounded}"
    spec = Table("t", "n", "T", "a row", {"row": "Row"}, (Value("n", "N", event="row"),), (), "SSDA903", "count", note)
    frame = pd.DataFrame({"row": ["A&E attendance", "All of the city's"], "n": [30, 1_472]})
    assert protect(spec, frame, "public").note == ROUNDED.format(" (A&E attendance)", 5)


def test_an_inward_column_is_in_no_public_table_and_what_is_missing_is_not_withheld():
    values = (Value("n", "N"), Value("why", "Why", "text", follows=("n",), inward=True),
              Value("cost", "Cost", "pounds", follows=("n",)))  # fmt: skip
    frame = pd.DataFrame({"row": list("abc"), "n": [3, 9, None], "why": list("xyz"), "cost": [None, 2.0, 3.0]})
    spec = Table("t", "n", "T", "a row", {"row": "Row"}, values, (), "SSDA903", "count", lambda view: frame)
    shown, inside = protect(spec, frame, "public"), protect(spec, frame, "internal")
    assert [value.name for value in shown.table.values] == ["n", "cost"] == list(shown.symbols)
    assert list(shown.frame) == ["row", "n", "cost"] and list(inside.frame) == ["row", "n", "why", "cost"]
    assert shown.symbols.to_numpy().tolist() == [["c", "x"], ["", ""], ["x", ""]]
    assert inside.symbols.to_numpy().tolist() == [["", "", "x"], ["", "", ""], ["x", "", ""]]
    assert shown.frame["n"].tolist() == [None, 9.0, None] and (shown.audience, shown.note) == ("public", "")


def test_hospital_counts_are_to_the_nearest_five_and_what_is_worked_out_from_them_to_two_figures():
    rows = {"kind": ["A&E attendance", "A&E attendance", "A&E attendance", "Missing"], "n": [13, 8, 0, 13],
            "rate": [0.12345, -1284.5, 0.0, 0.12345], "words": ["1.249 (12.5 to 1284.5)", None, "10.4 of 0.0", "1.249"],
            "far": [1.234, 1.234, 1.234, 1.234], "free": [13.26, 13.26, 13.26, 13.26], "m": [13, 8, 0, 13]}  # fmt: skip
    behind = {"follows": ("n",)}
    values = (Value("n", "N", event="kind"), Value("rate", "Rate", "decimal", **behind),
              Value("words", "Words", "text", **behind), Value("far", "Far", "number", follows=("free", "n")),
              Value("free", "Free", "number"), Value("m", "M"))  # fmt: skip
    frame = pd.DataFrame(rows)
    spec = Table("t", "n", "T", "a row", {"kind": "Kind"}, values, (), "SSDA903", "count", lambda view: frame)
    shown = protect(spec, frame, "public", Plan()).frame
    assert shown["n"].tolist() == [15, 10, 0, 13] and shown["m"].tolist() == [13, 8, 0, 13]
    assert shown["rate"].tolist() == pytest.approx([0.12, -1300, 0, 0.12345])
    assert shown["words"].where(shown["words"].notna(), None).tolist() == ["1.2 (12 to 1300)", None, "10 of 0", "1.249"]
    assert shown["far"].tolist() == pytest.approx([1.2, 1.2, 1.2, 1.234]) and shown["free"].tolist() == [13.26] * 4


def test_a_count_alone_withheld_takes_the_smallest_of_its_line_with_it_and_the_total_last():
    def hidden(n, whole, rows=("a", "b", "c", ALL)):
        frame = pd.DataFrame({"row": rows, "n": n, "whole": whole})
        spec = Table("t", "n", "T", "a row", {"row": "Row"}, PART, ("row",), "S", "count", lambda view: frame)
        return (protect(spec, frame, "public").symbols["n"] == "c").tolist()

    forty = [40] * 4
    assert hidden([3, 12, 9, 24], forty) == [True, False, True, False]
    assert hidden([3, 12, 9, 0], forty) == [True, False, True, False]
    assert hidden([9, 12, 6, 27], forty) == [False] * 4
    assert hidden([3, 0, 9, 12], forty) == [True, False, True, False]
    # None that is not zero: the smallest of what there is. The total alone: of its members one.
    assert hidden([38, 0, 0, 90], [40, 40, 40, 200]) == [True, True, False, False]
    assert hidden([12, 9, 14, 38], forty) == [False, True, False, True]
    assert hidden([20, 20], [22, 40], ("a", ALL)) == [True, True] and hidden([3, 0], [40, 40], ("a", ALL)) == [
        True,
        True,
    ]
    assert hidden([3, 4, 9, 16], forty) == [True, True, False, False]
    # The rows of another table's order, and two margins: what one line asks for, the lines across it answer.
    assert hidden([24, 12, 9, 3], forty, (ALL, "a", "b", "c")) == [False, False, True, True]
    body = pd.DataFrame([[3, 9, 20], [11, 14, 12], [14, 15, 16]], index=list("abc"), columns=list("xyz"))
    body.loc[ALL] = body.sum()
    body[ALL] = body.sum(axis=1)
    frame = body.rename_axis("row").reset_index().melt("row", var_name="column", value_name="n")
    spec = Table("t", "n", "T", "a row", {"row": "Row", "column": "Column"}, (Value("n", "N"),), ("row", "column"), "S",
                 "count", lambda view: frame)  # fmt: skip
    found = frame[protect(spec, frame, "public").symbols["n"] == "c"]
    # Row by row and column by column until none is left alone: the smallest of each, in the second round too.
    assert sorted(found["row"] + found["column"]) == ["ax", "ay", "bx", "by", "bz", "cx", "cz"]


def test_a_mean_over_rows_of_which_one_is_withheld_is_withheld_in_all_of_them_and_what_follows_it_too():
    values = (Value("told", "Told", "text", follows=("mean",)),
              Value("mean", "Mean", "decimal", follows=("n",), over="group"), Value("n", "N"),
              Value("own", "Own", "decimal", follows=("n",)))  # fmt: skip
    frame = pd.DataFrame({"group": list("ppqq"), "row": list("abcd"), "told": list("wxyz"), "mean": 6.0,
                          "n": [3, 9, 9, 0], "own": 1.0})  # fmt: skip
    spec = Table("t", "n", "T", "a row", {"group": "G", "row": "R"}, values, (), "S", "count", lambda view: frame)
    symbols = protect(spec, frame, "public").symbols
    assert symbols.to_numpy().tolist() == [["c"] * 4, ["c", "c", "", ""], [""] * 4, [""] * 4]
    plan = Plan(frozenset({("t", ("q", "c"), "n")}))
    assert protect(spec, frame, "public", plan).symbols.to_numpy().tolist() == [
        ["c"] * 4, ["c", "c", "", ""], ["c"] * 4, ["c", "c", "", ""],
    ]  # fmt: skip


def test_money_of_few_children_or_mostly_of_one_is_withheld():
    values = (Value("children", "Children", children=False), Value("cost", "Cost", "thousands", follows=("children",)),
              Value("free", "Free", "money"), Value("top", "Top", "percent", largest="most"),
              Value("rate", "Rate", "rate", follows=("children",)),
              Value("both", "Both", "money", follows=("children",), largest="most"))  # fmt: skip
    frame = pd.DataFrame({"row": list("abcd"), "children": [0, 2, 3, 1], "cost": 1.0, "free": 1.0, "top": 0.5,
                          "rate": 1.0, "both": 1.0, "most": [0.86, 0.85, None, "0.9"]}, index=[4, 5, 6, 7])  # fmt: skip
    spec = Table("t", "n", "T", "a row", {"row": "Row"}, values, (), "S", "count", lambda view: frame)
    symbols = protect(spec, frame, "public").symbols
    assert {name: "".join(symbol or "." for symbol in symbols[name]) for name in symbols} == {
        "children": "....", "cost": ".c.c", "free": "....", "top": "c..c", "rate": "....", "both": "cc.c",
    }  # fmt: skip


def test_the_share_of_one_child_in_a_line_of_cost_is_whole_where_the_line_is_withheld():
    lines = pd.DataFrame({"cost_pounds": [100.0, 100.0, 0.0, -5.0, 100.0, 1.0], "children": [6, 5, 6, 6, 0, 7],
                          "largest_pounds": [40.0, 40.0, 2.0, 3.0, 30.0, 0.5]})  # fmt: skip
    assert one_childs(lines).tolist() == [0.4, 1, 0, 0, 0.3, 0.5]
