"""Each stitching rule alone, with its audit row; and nothing dated after the as-of date."""

import datetime as dt
import shutil

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.intake.typed import NO_DAY, read_day
from bond_eval.placements.export import audit_rows, episode_rows
from bond_eval.placements.history import build_history
from bond_eval.placements.stitch import SET_ASIDE, check_covered, stitch
from tests.helpers import (
    EPISODE_COLUMNS,
    HEADER_COLUMNS,
    SAMPLE,
    csv_text,
    day,
    episode,
    filler,
    load,
    people_of,
    submissions,
    typed_rows,
    write_return,
)

ENDS = ("2018-03-31", "2019-03-31", "2020-03-31")


def iso(number):
    if number == NO_DAY:
        return ""
    return "set aside" if number == SET_ASIDE else str(np.datetime64(int(number), "D"))


def stitched(rows, ends=ENDS, as_of=""):
    """Episodes as (child, start, dec, first day out, rule); audit as (child, file, line, rule, before, after)."""
    made = stitch(typed_rows(rows), submissions(*ends), dt.date.fromisoformat(as_of or ends[-1]))
    columns = made.episodes[["child", "start", "dec", "end", "rule"]].itertuples(index=False, name=None)
    episodes = [(child, *(iso(number) for number in numbers), rule) for child, *numbers, rule in columns]
    changes = made.audit[["child", "submission", "line", "rule", "before", "after"]].itertuples(index=False, name=None)
    return episodes, [(*row[:4], iso(row[4]), iso(row[5])) for row in changes]


def row(submission, start, dec="", **other):
    return {"child": 0, "submission": submission, "start": start, "dec": dec, **other}


LATER = row(2, "2018-09-10", rec="", rne="P")  # seen to the end, so that only the row before it is in doubt


def test_a_history_without_faults_is_left_alone():
    rows = [row(0, "2017-05-01", "2017-09-10", rec="X1"), row(1, "2017-09-10", "2018-09-10", rec="X1"), LATER]
    episodes, audit = stitched(rows)
    assert audit == []
    assert episodes == [
        (0, "2017-05-01", "2017-09-10", "2017-09-10", ""),
        (0, "2017-09-10", "2018-09-10", "2018-09-10", ""),
        (0, "2018-09-10", "", "2020-04-01", ""),
    ]


def test_rule_1_open_with_a_next_episode_ends_at_its_start():
    episodes, audit = stitched([row(0, "2017-05-01"), LATER])
    assert audit == [(0, 0, 2, "1", "", "2018-09-10")]
    assert episodes[0] == (0, "2017-05-01", "2018-09-10", "2018-09-10", "1")


@pytest.mark.parametrize(
    ("start", "last_day"), [("2018-09-10", "2018-03-31"), ("2018-04-01", "2018-03-31"), ("2018-01-15", "2018-01-14")]
)
def test_rule_1a_open_before_a_new_period_ends_the_day_before_or_with_the_file(start, last_day):
    """The last day in care is counted: a row closed so was open on it."""
    episodes, audit = stitched([row(0, "2017-05-01"), row(2, start, rne="S")])
    assert audit == [(0, 0, 2, "1A", "", last_day)]
    after = (dt.date.fromisoformat(last_day) + dt.timedelta(days=1)).isoformat()
    assert episodes[0] == (0, "2017-05-01", last_day, after, "1A")


def test_rule_2_open_and_never_seen_again_ends_with_its_file():
    episodes, audit = stitched([row(1, "2017-05-01"), {**LATER, "child": 1}])
    assert audit == [(0, 1, 2, "2", "", "2019-03-31")]
    assert episodes[0] == (0, "2017-05-01", "2019-03-31", "2019-04-01", "2")


def test_a_child_absent_from_later_files_does_not_stay_for_ever():
    rows = [row(0, "2016-05-01"), row(1, "2016-05-01"), {**LATER, "child": 1}]
    episodes, audit = stitched(rows, as_of="2020-03-31")
    assert episodes[0] == (0, "2016-05-01", "2019-03-31", "2019-04-01", "2")
    assert audit == [(0, 0, 2, "3A", "", "set aside"), (0, 1, 3, "2", "", "2019-03-31")]


def test_open_in_the_latest_file_stays_open():
    episodes, audit = stitched([row(2, "2017-05-01")])
    assert (episodes, audit) == ([(0, "2017-05-01", "", "2020-04-01", "")], [])


def test_a_year_to_date_file_closes_by_its_quarters_end():
    ends = ("2020-03-31", "2020-06-30", "2020-09-30")
    episodes, _ = stitched([row(0, "2019-05-01"), row(1, "2019-05-01"), {**LATER, "child": 1}], ends)
    assert episodes[0][2:] == ("2020-06-30", "2020-07-01", "2")


def test_rule_3_a_second_row_of_one_file_is_set_aside():
    rows = [row(2, "2017-05-01", "2017-08-01", rec="X1"), row(2, "2017-05-01", "2017-09-01", rec="X1")]
    episodes, audit = stitched(rows)
    assert audit == [(0, 2, 2, "3", "2017-08-01", "set aside")]
    assert [episode[2] for episode in episodes] == ["2017-09-01"]


def test_rule_3a_a_row_replaced_by_a_later_file_is_set_aside():
    rows = [row(0, "2017-05-01"), row(1, "2017-05-01", "2018-08-01", rec="E4A")]
    episodes, audit = stitched(rows)
    assert audit == [(0, 0, 2, "3A", "", "set aside")]
    assert episodes == [(0, "2017-05-01", "2018-08-01", "2018-08-01", "")]


def test_rule_3a_a_row_corrected_away_by_a_later_files_row_is_set_aside():
    rows = [
        row(0, "2017-05-01", "2017-06-01", rec="X1"),
        row(0, "2017-06-01", rne="P"),
        row(1, "2017-05-01", "2018-08-01", rec="E4A"),
    ]
    episodes, audit = stitched(rows)
    assert audit == [(0, 0, 2, "3A", "2017-06-01", "set aside"), (0, 0, 3, "3A", "", "set aside")]
    assert len(episodes) == 1


@pytest.mark.parametrize("later", [1, 2])
def test_rule_4_an_overlap_ends_at_the_next_start(later):
    episodes, audit = stitched([row(1, "2017-05-01", "2018-12-01", rec="X1"), row(later, "2018-09-10", rne="P")])
    assert (0, 1, 2, "4", "2018-12-01", "2018-09-10") in audit
    assert episodes[0] == (0, "2017-05-01", "2018-09-10", "2018-09-10", "4")


def test_rule_4_of_two_open_rows_in_one_file_the_first_ends():
    episodes, audit = stitched([row(2, "2017-05-01"), row(2, "2018-09-10", rne="P")])
    assert audit == [(0, 2, 2, "4", "", "2018-09-10")]
    assert [episode[3] for episode in episodes] == ["2018-09-10", "2020-04-01"]


def test_rule_5_care_that_goes_on_after_a_gap_goes_on_to_the_next_start():
    episodes, audit = stitched([row(0, "2017-05-01", "2018-02-01", rec="X1"), LATER])
    assert audit == [(0, 0, 2, "5", "2018-02-01", "2018-09-10")]
    assert episodes[0] == (0, "2017-05-01", "2018-09-10", "2018-09-10", "5")


@pytest.mark.parametrize("change", [{"rec": "E4A"}, {"submission": 2, "rec": "X1"}])
def test_a_gap_stays_a_gap_where_care_ended_or_one_file_says_so(change):
    episodes, audit = stitched([{**row(0, "2017-05-01", "2018-02-01"), **change}, LATER])
    assert audit == []
    assert episodes[0][2] == "2018-02-01"


def test_rule_a_nothing_after_the_date_is_used_nor_why_it_ended():
    rows = [row(1, "2017-05-01", "2018-09-10", rec="E4A", reason="CARPL"), row(1, "2018-10-01")]
    episodes, audit = stitched(rows, as_of="2018-06-30")
    assert audit == [(0, 1, 2, "A", "2018-09-10", ""), (0, 1, 3, "A", "", "set aside")]
    assert episodes == [(0, "2017-05-01", "", "2018-07-01", "A")]
    made = stitch(typed_rows(rows), submissions(*ENDS), dt.date(2018, 6, 30)).episodes
    assert made[["rec", "reason"]].isna().all(axis=None)


def test_an_end_on_the_day_itself_is_known():
    episodes, audit = stitched([row(1, "2017-05-01", "2018-06-30", rec="E4A")], as_of="2018-06-30")
    assert (episodes[0][3], audit) == ("2018-06-30", [])


def test_of_two_rows_of_one_start_the_as_of_date_alone_decides():
    """Which of two ends lies later is not known before either."""
    rows = [row(2, "2017-05-01", "2019-12-01", place="K2"), row(2, "2017-05-01", "2019-11-01", place="U6")]
    early = [{**one, "dec": ""} for one in rows]
    for given in (rows, early):
        made = stitch(typed_rows(given), submissions(*ENDS), dt.date(2018, 6, 30))
        assert made.episodes["place"].tolist() == ["U6"]


def test_an_episode_of_no_days_is_kept_and_counts_none():
    episodes, _ = stitched([row(2, "2019-05-01", "2019-05-01", rec="E4A")])
    assert episodes == [(0, "2019-05-01", "2019-05-01", "2019-05-01", "")]


def test_children_do_not_close_each_others_rows():
    rows = [row(2, "2017-05-01"), {**row(2, "2017-06-01"), "child": 1}, {**row(2, "2016-01-01"), "child": 2}]
    episodes, audit = stitched(rows)
    assert audit == []
    assert [episode[0] for episode in episodes] == [0, 1, 2]


def test_rows_in_are_rows_kept_plus_rows_set_aside(monkeypatch):
    from bond_eval.placements import stitch as room

    rows = [row(0, "2017-05-01"), row(1, "2017-05-01"), row(1, "2019-01-01")]
    made = stitch(typed_rows(rows), submissions(*ENDS), dt.date(2018, 6, 30))
    assert len(made.episodes) + (made.audit["after"] == SET_ASIDE).sum() == 3
    monkeypatch.setattr(room._Work, "_record", lambda *_: None)
    with pytest.raises(AssertionError, match="rows in"):
        stitch(typed_rows(rows), submissions(*ENDS), dt.date(2018, 6, 30))


def test_a_quarter_outside_the_files_is_refused():
    files = submissions("2019-03-31", "2020-09-30")
    check_covered(files, Quarter(2020, 2))
    with pytest.raises(InputError, match="The data end with 2020-21-Q2"):
        check_covered(files, Quarter(2020, 3))
    with pytest.raises(InputError, match="lies before them"):
        check_covered(files, Quarter(2012, 1))


YEARS = {
    "2018-19": [episode("101", "2018-06-01"), episode("102", "2018-07-01"), *filler(2018)],
    "2019-20": [
        episode("101", "2018-06-01", "2019-11-04"),
        episode("101", "2019-11-04", RNE="P", PLACE="K2", PLACE_PROVIDER="PR4"),
        *filler(2019),
    ],
}


def test_the_audit_names_child_file_and_line(tmp_path):
    data = load(write_return(tmp_path, YEARS))
    history = build_history(data, dt.date(2020, 3, 31))
    assert audit_rows(history, data).to_numpy().tolist() == [
        ["101", "2018-19/episodes.csv", 2, "3A", "open", "set aside"],
        ["102", "2018-19/episodes.csv", 3, "2", "open", "2019-03-31"],
    ]
    rows = episode_rows(history, data)
    mine = rows[rows["CHILD"].isin(["101", "102"])]
    assert mine[["CHILD", "DECOM", "DEC", "category", "placement", "rule"]].to_numpy().tolist() == [
        ["101", "2018-06-01", "2019-11-04", "In-house fostering", 1, ""],
        ["101", "2019-11-04", "", "Outside placement", 2, ""],
        ["102", "2018-07-01", "2019-03-31", "In-house fostering", 3, "2"],
    ]


def without_later(folder, target, as_of):
    """A copy of a return from which everything dated after a day was removed: rows, ends, and why they ended."""
    for path in sorted(folder.glob("*/*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "DECOM" in frame:
            start, end = (frame[name].map(lambda text: read_day(text) or 0) for name in ("DECOM", "DEC"))
            frame.loc[end > as_of, ["DEC", "REC", "REASON_PLACE_CHANGE"]] = ""
            frame = frame[start <= as_of]
        if len(frame):
            (target / path.parent.name).mkdir(parents=True, exist_ok=True)
            frame.to_csv(target / path.parent.name / path.name, index=False)
    return target


@pytest.mark.parametrize("quarter", ["2018-19-Q2", "2018-19-Q4", "2019-20-Q3"])
def test_a_run_as_of_an_earlier_quarter_uses_nothing_later(tmp_path, quarter):
    """The sample as it was known then gives the same history as the whole sample read as of then."""
    end = Quarter.parse(quarter).end
    for path in SAMPLE.glob("*/*.csv"):
        if path.name in ("episodes.csv", "header.csv"):
            (tmp_path / "all" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "all" / path.parent.name)
    whole = load(tmp_path / "all")
    then = load(without_later(tmp_path / "all", tmp_path / "then", day(end.isoformat())))
    rows = []
    for data in (whole, then):
        made = episode_rows(build_history(data, end), data)
        made["rule"] = made["rule"].replace("A", "")  # an end left out is a change in the one, absent in the other
        rows.append(made.sort_values(["CHILD", "DECOM"], ignore_index=True))
    pd.testing.assert_frame_equal(*rows)
    assert len(rows[0]) > 1000


def test_a_return_stitched_alone_changes_nothing(tmp_path):
    rows = [row for rows in YEARS.values() for row in rows if row["CHILD"] != "101"]
    text = csv_text([*rows, episode("101", "2019-11-04", RNE="P")], EPISODE_COLUMNS)
    (tmp_path / "e.csv").write_text(text)
    (tmp_path / "h.csv").write_text(csv_text(people_of(rows), HEADER_COLUMNS))
    data = load(tmp_path)
    history = build_history(data, dt.date(2020, 3, 31))
    assert history.audit.empty
    assert len(history.episodes) == len(data.episodes)
    assert day("2020-03-31") + 1 == history.episodes["end"].max()
