"""What an authority states as data: re-basings, targets, own measures, values known later; and rare events' charts."""

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence.gate import protect
from bond_eval.evidence.measured import Known
from bond_eval.evidence.rare import CLOCKS, rare_chart
from bond_eval.evidence.registry import registered
from bond_eval.evidence.scorecard import (
    IMPROVING,
    SPECIAL,
    STEADY,
    TOO_FEW,
    WORSE,
    measures,
    measures_of,
    score,
    starts,
    with_own,
)  # fmt: skip
from bond_eval.evidence.tables.assurance_view import NO_DATE, NO_RETURN, NOW, PAPERS, THEN, by_hand
from bond_eval.evidence.tables.measures_of_success import UNMEASURED
from bond_eval.evidence.tables.when_shall_we_know import detectable_effects, when_known
from bond_eval.evidence.view import View, load_view
from bond_eval.intake.forms import form_table
from bond_eval.intake.measures import FORMS, load_measures
from bond_eval.methods.spc_rare import COMMONER, EITHER, FAIL, NOT_JUDGED, PASS, RARER, g_chart, t_chart
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.history import build_history
from bond_eval.placements.stitch import check_covered
from tests.programme_frames import register
from tests.unit.test_scorecard import a_measure, rows

QUARTER, AS_OF = Quarter.parse("2020-21-Q2"), dt.date(2020, 9, 30)
DEFINED = ",".join(row["column"] for row in form_table(FORMS.table)["definitions"]) + "\n"
LOW, HIGH = [10.0, 11, 9, 10, 12, 8, 10, 11, 9, 10, 11, 9], [20.0, 21, 19, 20, 22, 18, 20, 21, 19, 20, 21, 19]


@pytest.fixture(scope="module")
def whole() -> View:
    return load_view(SAMPLE, "salford", QUARTER, "public", 2021)


@pytest.fixture(scope="module")
def view(whole) -> View:
    """Without what these tests do not need, so that they are quick."""
    return replace(whole, register=None, finance=None)


def supplied(view: View, folder, **files: str) -> View:
    """The view with these files as its measures folder: name -> text."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return replace(view, measures=load_measures(folder, set(measures()), view.as_of))


def table(view: View, id: str):
    spec = registered()[id]
    return protect(spec, spec.build(view), view.audience)


# Summaries --------------------------------------------------------------------------------------------------------


def test_the_summaries_count_the_rows_of_the_board_and_of_the_theories(view):
    summary, theory, known = (table(view, id) for id in ("scorecard_summary", "theory_of_change", "theory_summary"))
    counted = dict(zip(summary.label("verdict"), summary.numbers("measures"), strict=True))
    variations = table(view, "scorecard").texts("variation")
    assert counted == {verdict: variations.count(verdict) for verdict in counted}
    assert sum(counted.values()) == len(variations)
    for name in dict.fromkeys(theory.label("diagram")):
        states = theory.where(diagram=name).texts("status")
        judged = sum(state in (IMPROVING, WORSE, STEADY) for state in states)
        shown = [known.cell(value, diagram=name).value for value in ("boxes", "judged", "blank")]
        assert shown == [len(states), judged, states.count(UNMEASURED)]
    assert known.cell("boxes", diagram="All").value == len(theory)


def test_a_value_by_hand_that_differs_from_the_computed_one_is_shown_beside_it(view):
    found = table(view, "measure_conflicts")
    hand = pd.read_csv(SAMPLE / "measures" / "values.csv").set_index(["measure_id", "period"])["value"]
    computed, told, gap = (found.cell(name, period="2019-20-Q3").value for name in ("numerator", "hand", "gap"))
    assert told == hand["op_started", "2019-20-Q3"] == 15 and gap == told - computed == 2


def test_each_question_waits_for_the_measure_that_would_show_the_smallest_fall(view):
    seen, when = detectable_effects(view), when_known(view)
    for row in when.to_dict("records"):
        falls = [fall for fall, asked in zip(seen["fall"], seen["questions"], strict=True)
                 if row["question"] in asked.split(", ")]  # fmt: skip
        assert row["uncounted"] == (not falls) and row["fall"] == pytest.approx(min(falls, default=np.nan), nan_ok=True)
    assert len(when) == 10 and 0 < when["uncounted"].sum() < 10


# Re-basing --------------------------------------------------------------------------------------------------------


def test_a_stated_step_is_no_signal_and_the_last_limits_are_those_of_the_target():
    series, day = rows([*LOW, *HIGH]), rows(LOW)["first"].iloc[-1] + dt.timedelta(days=1)
    plain = a_measure(better="down", target=30.0)
    stated = replace(plain, rebased=((day, "Counted anew"),))
    assert (score(plain, series).variation, score(stated, series).variation) == (WORSE, STEADY)
    assert starts(stated, series["first"]) == {12: "Counted anew"}
    assert score(replace(stated, target=25.0), series).assurance == PASS
    # Of both stretches together the mean is 15: a target of 12 is then met now and then, and of the last alone never.
    targets = [score(replace(one, target=12.0), series).assurance for one in (plain, stated)]
    assert targets == [EITHER, FAIL]


def test_a_stretch_is_judged_by_its_own_points():
    day = rows(LOW)["first"].iloc[-1] + dt.timedelta(days=1)
    stated = a_measure(better="down", target=30.0, rebased=((day, "Counted anew"),))
    short = score(stated, rows([*LOW, *HIGH[:11]]))
    assert (short.variation, short.assurance) == (TOO_FEW, NOT_JUDGED)
    early = rows([*LOW[:5], *HIGH])
    late = replace(stated, rebased=((early["first"].iloc[5], "Counted anew"),))
    assert (score(late, early).variation, score(late, early).assurance) == (STEADY, PASS)


def test_a_date_outside_the_series_starts_nothing():
    first = rows(LOW)["first"]
    for day in (dt.date(2010, 1, 1), dt.date(2030, 1, 1), first.iloc[0]):
        assert starts(a_measure(rebased=((day, "Why"),)), first) == {}


def test_the_folder_says_where_charts_start_anew_and_the_page_why(view, tmp_path):
    values = "measure_id,period,value,known_on\n" + "".join(
        f"camhs,{2018 + at // 12}-{at % 12 + 1:02d},{200 + 100 * (at >= 12) + at % 3},\n" for at in range(30)
    )
    stated = "measure_id,rebase_from,reason\n"
    lines = ("camhs,2019-01-01,One door opened\n", "op_open,2019-01-01,A stock is not charted\n",
             "camhs,2020-02-15,Told by week\n")  # fmt: skip
    changed = supplied(view, tmp_path, values=values, rebasings=stated + "".join(lines))
    found = table(changed, "rebasings")
    assert dict(zip(found.texts("reason"), found.texts("judged"), strict=True)) == {
        "One door opened": "yes", "Told by week": "not yet: 12 are needed", "A stock is not charted": "not charted",
    }  # fmt: skip
    chart = table(changed, "measure_series").where(measure="Referrals to CAMHS")
    assert [place for place, why in enumerate(chart.texts("rebased")) if why] == [12, 26]
    means = chart.numbers("mean")
    assert means[11] == pytest.approx(201) and means[12] == pytest.approx(301, abs=1) and np.isnan(means[26])


# Targets and own measures -----------------------------------------------------------------------------------------


def test_the_target_that_began_last_holds_and_none_of_the_future(view, tmp_path):
    text = "measure_id,target,from,baseline\n"
    known = lambda text, name: with_own(measures()["op_open"], Known(supplied(view, tmp_path, t=text), view.history))  # noqa: E731
    assert known(text + "op_open,36,2020-04-01,48\nop_open,40,2019-04-01,50\nop_open,1,2020-10-01,\n", "a").target == 36
    always = known(text + "op_open,33,,\n", "b")
    assert (always.target, always.baseline) == (33, measures()["op_open"].baseline)


def test_an_authority_edits_a_file_and_not_the_code(view, tmp_path):
    changed = (
        "camhs,M7,CAMHS waits,Weeks,weeks,,,count,neither,month,none,,By hand,CAMHS,,,short,all,M7,\n"
        "waits,M7,Waits,Weeks,weeks,,,count,down,month,xmr,,By hand,CAMHS,,6,short,all,M7|B3,\n"
    )
    own = supplied(view, tmp_path, own=DEFINED + changed)
    found = measures_of(own)
    assert list(found) == [*measures(), "waits"] and found["camhs"].name == "CAMHS waits"
    assert (found["waits"].better, found["waits"].target, found["waits"].questions) == ("down", 6, ("M7", "B3"))
    board = table(own, "scorecard")
    assert {"CAMHS waits", "Waits"} <= set(board.label("measure")) and "Referrals to CAMHS" not in board.label(
        "measure"
    )
    assert len(board) == len(measures()) + 1
    assert len(measures_of(replace(view, measures=None))) == len(measures())


def test_a_rare_chart_of_what_has_no_single_events_is_named_with_file_and_line(view, tmp_path):
    line = "op_open,M1b,Stock,Stock,children,,,count,down,quarter,t,op_open,SSDA903,Lead,,,short,all,M1b,\n"
    with pytest.raises(InputError, match=r"measures/own\.csv line 2: chart 't' needs the days of single events"):
        measures_of(supplied(view, tmp_path, own=DEFINED + line))


def test_every_measure_with_a_rare_chart_has_its_clock():
    kinds = {one.computed: one.chart for one in measures().values() if one.chart in ("t", "g")}
    assert kinds == {name: kind for name, (kind, *_) in CLOCKS.items()}


# Rare events ------------------------------------------------------------------------------------------------------


def known(cases, events=(), as_of="2020-09-30"):
    view = SimpleNamespace(register=register(cases, events=events))
    return SimpleNamespace(view=view, history=SimpleNamespace(as_of=dt.date.fromisoformat(as_of)))


def test_the_clock_of_arrests_runs_as_fast_as_cases_are_open():
    cases = [
        {"child": 0, "referral": "2020-01-01", "start": "2020-01-01"},
        {"child": 1, "referral": "2020-01-11", "start": "2020-01-11", "end": "2020-01-20"},
    ]
    when = ("2020-01-05", "2020-01-12", "2020-02-01")
    events = [{"child": child, "type": "arrest", "day": on} for child, on in zip((0, 1, 0), when, strict=True)]
    outside = {"child": 1, "type": "arrest", "day": "2020-02-03"}  # after the case was closed
    chart = rare_chart(known(cases, [*events, outside], "2020-02-10"), "arrest")
    # 5 January: 5 case-days. 12 January: 12 + 2 of the second child. 1 February: 32 + its 10.
    assert chart.gaps.tolist() == [9.0, 28.0] and chart.kind == "t"
    assert rare_chart(known(cases), "arrest") is None and rare_chart(known(cases, events), "op_open") is None


def test_turned_away_for_age_is_counted_in_referrals():
    reasons = ["", "too young", "", "", "too young", "too young", ""]
    cases = [{"child": n, "referral": f"2020-01-{n + 1:02d}", "reason": why} for n, why in enumerate(reasons)]
    assert rare_chart(known(cases), "too_young").gaps.tolist() == [2.0, 0.0]
    assert rare_chart(known(cases, as_of="2020-01-05"), "too_young").gaps.tolist() == [2.0]


def test_a_long_gap_in_progress_is_a_signal_before_it_ends():
    gaps = [10.0, 12, 8, 11, 9, 10, 13, 7, 10, 11, 9, 12]
    days = np.append(0, np.cumsum(gaps))
    upper = t_chart(days).upper
    assert t_chart(days, running=upper - 0.1).verdict == "common cause"
    assert t_chart(days, running=upper + 0.1).verdict == RARER
    assert t_chart(days[:12], running=10_000).verdict == "too few events"
    assert g_chart(gaps, running=100).verdict == RARER and g_chart(gaps, running=20).verdict == "common cause"


def test_seven_short_gaps_in_a_row_are_more_frequent_though_none_is_outside():
    gaps = [20.0, 22, 18, 21, 19, 23, 17, 16, 14, 15, 13, 15, 14, 13]
    chart = t_chart(np.append(0, np.cumsum(gaps)))
    assert gaps[-1] > chart.lower and chart.verdict == COMMONER


@pytest.mark.parametrize(
    ("better", "longer", "shorter"), [("down", IMPROVING, WORSE), ("up", WORSE, IMPROVING), ("none", SPECIAL, SPECIAL)]
)
def test_longer_gaps_are_fewer_events_on_the_board(better, longer, shorter):
    series, measure = rows([1.0, 2.0]), a_measure(better=better, chart="t")
    for verdict, variation, high in ((RARER, longer, False), (COMMONER, shorter, True), ("common cause", STEADY, False),
                                     ("too few events", TOO_FEW, False)):  # fmt: skip
        found = score(measure, series, replace(t_chart([1, 2]), verdict=verdict))
        assert (found.variation, found.high, found.assurance) == (variation, high, "no target")


def test_the_public_page_has_the_verdict_and_no_gap_of_a_rare_event(whole):
    inside = replace(whole, audience="internal")
    public, internal = table(whole, "rare_events"), table(inside, "rare_events")
    assert len(table(whole, "rare_series")) == 0 and len(public) == 5
    exact = pd.Series(table(inside, "rare_series").label("measure")).value_counts()
    for measure, told, verdict in zip(*(public.label("measure"), *map(public.texts, ("gaps", "verdict"))), strict=True):
        count = int(exact[measure])
        assert told == (f"{count // 10 * 10} or more" if count >= 10 else "fewer than 10")
        assert internal.where(measure=measure).texts("gaps") == [str(count)]
        assert verdict in ("common cause", RARER, COMMONER) if count >= 12 else verdict == "too few events"


# The assurance timetable ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def timetable(view):
    return table(view, "assurance_view")


def shown(found, day, mode, measure):
    (text,) = found.where(date=day, mode=mode, measure=measure).texts("shown")
    return text


def test_the_timetable_is_the_service_and_finance_groups(timetable):
    """Assurance report of 2019, 2.3: numbers since January 2019, then cost, then key metrics, then the full case."""
    found = timetable
    papers = dict(zip(found.label("date"), found.texts("paper"), strict=True))
    assert {day: papers[day] for day in PAPERS} == PAPERS and papers[dt.date(2020, 6, 30)] == "Quarterly report"
    assert list(papers) == sorted(papers) and len(papers) == 7
    assert list(dict.fromkeys(found.label("section"))) == ["1 Numbers", "2 Cost", "3 Key metrics"]
    numbers = set(found.where(section="1 Numbers").label("measure"))
    assert {"Children in outside placements", "Children in IFA placements", "IFA placements begun",
            "Outside placements begun"} <= numbers  # fmt: skip


def test_nothing_is_known_then_that_came_later(timetable):
    day = dt.date(2019, 12, 31)
    assert shown(timetable, day, THEN, "Children in outside placements") == NO_RETURN
    assert shown(timetable, day, NOW, "Children in outside placements") == "49"
    assert shown(timetable, day, THEN, "Cost of external placements") == NO_DATE
    eet = "In education, employment or training"
    # Told on 28 January 2020 and revised on 20 May.
    assert shown(timetable, day, THEN, eet).endswith("in 2019-20-Q2")
    assert shown(timetable, dt.date(2020, 3, 31), THEN, eet) == "63% in 2019-20-Q3"
    assert shown(timetable, day, NOW, eet) == "75% in 2019-20-Q3"


@pytest.mark.parametrize(("newer", "withheld"), [(40, True), (44, False), (36, False)])
def test_a_value_by_hand_revised_by_a_few_is_withheld_as_it_was_known_then(view, tmp_path, newer, withheld):
    text = "measure_id,period,value,numerator,denominator,known_on\neet,2019-20-Q3,0.6,36,60,2020-01-28\n"
    changed = supplied(view, tmp_path, values=f"{text}eet,2019-20-Q3,{newer / 60},{newer},60,2020-05-20\n")
    gap, part, of, said = by_hand(changed, measures()["eet"], dt.date(2020, 3, 31), THEN)
    assert (gap, part, of, said) == (4.0 if withheld else 0.0, 36, 60, "60% in 2019-20-Q3")
    row = {"date": dt.date(2020, 3, 31), "mode": THEN, "section": "", "measure": "", "paper": "", "gap": gap,
           "numerator": part, "denominator": of, "shown": said}  # fmt: skip
    (cell,) = protect(registered()["assurance_view"], pd.DataFrame([row]), "public").cells("shown")
    assert cell.known != withheld


def test_the_scorecard_as_of_a_day_takes_the_value_that_was_known_by_then(view, tmp_path):
    from bond_eval.evidence.scorecard import series

    text = "measure_id,period,value,known_on\ncamhs,2020-04,200,2020-05-10\ncamhs,2020-04,240,2020-08-10\n"
    changed = supplied(view, tmp_path, values=text)
    at = lambda day: series(Known(changed, replace(view.history, as_of=day)), measures()["camhs"])["value"].max()  # noqa: E731
    assert (at(dt.date(2020, 6, 30)), at(AS_OF)) == (200, 240)


def test_the_sample_has_three_consecutive_quarters_of_which_the_next_revises_the_last(whole):
    """Rows left open by the return of March 2020 and closed by the year-to-date file come a quarter later."""
    quarters = [Quarter.parse(name) for name in ("2019-20-Q4", "2020-21-Q1", "2020-21-Q2")]
    assert [quarter.next() for quarter in quarters[:2]] == quarters[1:]
    day, found = quarters[0].end, []
    for quarter in quarters:
        check_covered(whole.data.submissions, quarter)
        found.append(int(daily_counts(build_history(whole.data, quarter.end)).on(day).to_numpy().sum()))
    assert found[0] != found[1] == found[2]
