"""Whatever the files say, stitching neither makes nor loses a child-day but where its audit says so."""

import datetime as dt

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bond_eval.intake.typed import NO_DAY
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.history import build_history, form
from bond_eval.placements.stitch import SET_ASIDE, stitch
from tests.helpers import DOB, day, episode, filler, load, submissions, typed_rows, write_return

ENDS = ("2018-03-31", "2019-03-31", "2020-03-31", "2020-09-30")
ORIGIN = dt.date(2016, 4, 1)
MODEST = settings(max_examples=60, deadline=None)


@st.composite
def row(draw):
    """A row of some file, right or wrong, that intake would have let through: it lies within its file's period."""
    submission = draw(st.integers(0, len(ENDS) - 1))
    reach = (dt.date.fromisoformat(ENDS[submission]) - ORIGIN).days
    # Few distinct starts, so that repeats and overlaps are common.
    start = draw(st.one_of(st.sampled_from([0, 300, 600, 700]), st.integers(0, reach)))
    length = draw(st.one_of(st.none(), st.integers(0, 500)))
    end = None if length is None or start + length > reach + 1 else start + length
    kinds = st.sampled_from([("U6", "PR1"), ("U6", "PR4"), ("K2", "PR4"), ("T1", "")])
    place, provider = draw(kinds)
    return {
        "child": draw(st.integers(0, 2)),
        "submission": submission,
        "start": (ORIGIN + dt.timedelta(days=start)).isoformat(),
        "dec": "" if end is None else (ORIGIN + dt.timedelta(days=end)).isoformat(),
        "rne": draw(st.sampled_from(["S", "P", "L", "T", ""])),
        "rec": "" if end is None else draw(st.sampled_from(["X1", "E4A", ""])),
        "place": place,
        "provider": provider,
    }


ROWS = st.lists(row(), min_size=1, max_size=14)
AS_OF = st.sampled_from([*ENDS, "2018-06-30", "2019-12-31"]).map(dt.date.fromisoformat)


def made_of(rows, as_of):
    frame = typed_rows(rows)
    return frame, stitch(frame, submissions(*ENDS), as_of)


def length(start, end, as_of, *, inclusive=False):
    """Days in care of a row that ends on `end` (NO_DAY: open), seen as of a day."""
    last = int(as_of) + 1
    stop = last if end == NO_DAY else min(int(end) + inclusive, last)
    return max(stop - int(start), 0)


@MODEST
@given(ROWS, AS_OF)
def test_child_days_are_those_of_the_rows_but_for_the_audited_changes(rows, as_of):
    frame, made = made_of(rows, as_of)
    last = day(as_of.isoformat())
    raw = sum(length(start, end, last) for start, end in zip(frame["decom"], frame["dec"], strict=True))
    starts = frame.set_index("line")["decom"]
    changed = 0
    for change in made.audit.itertuples():
        start = starts[change.line]
        changed -= length(start, change.before, last)
        if change.after != SET_ASIDE:
            changed += length(start, change.after, last, inclusive=change.rule in ("1A", "2"))
    kept = made.episodes
    assert int((kept["end"] - kept["start"]).clip(lower=0).sum()) == raw + changed
    touched = set(made.audit["line"])
    for one in kept[~kept["line"].isin(touched)].itertuples():
        original = frame[frame["line"] == one.line].iloc[0]
        assert (one.start, one.dec) == (original["decom"], original["dec"])


@MODEST
@given(ROWS, AS_OF)
def test_every_row_is_an_episode_or_set_aside_once(rows, as_of):
    frame, made = made_of(rows, as_of)
    aside = made.audit.loc[made.audit["after"] == SET_ASIDE, "line"].tolist()
    assert sorted([*made.episodes["line"].tolist(), *aside]) == frame["line"].tolist()


@MODEST
@given(ROWS, AS_OF)
def test_no_child_day_is_counted_twice_and_none_lies_after_the_date(rows, as_of):
    _, made = made_of(rows, as_of)
    seen = set()
    for one in made.episodes.itertuples():
        days = {(one.child, number) for number in range(one.start, one.end)}
        assert not days & seen
        seen |= days
    assert all(number <= day(as_of.isoformat()) for _, number in seen)
    assert (made.episodes["end"] >= made.episodes["start"]).all()


@MODEST
@given(ROWS, AS_OF)
def test_daily_counts_add_up_to_the_child_days(rows, as_of):
    _, made = made_of(rows, as_of)
    children = max(row["child"] for row in rows) + 1
    people = pd.DataFrame({"birth": np.full(children, day(DOB), dtype=np.int32), "sex": "Male"})
    history = form(made, submissions(*ENDS)["year"].to_numpy(), people, ORIGIN)
    cube = daily_counts(history).cube
    assert cube.sum() == (made.episodes["end"] - made.episodes["start"]).sum()
    assert cube.min() >= 0
    assert cube.sum(axis=(1, 2)).max() <= children
    placements, periods = history.placements, history.periods
    assert (placements["end"] - placements["start"]).sum() == cube.sum() == (periods["end"] - periods["start"]).sum()


@MODEST
@given(ROWS, AS_OF)
def test_stitching_what_was_stitched_changes_nothing(rows, as_of):
    _, made = made_of(rows, as_of)
    closed = made.episodes["dec"] != NO_DAY
    again = made.episodes.rename(columns={"start": "decom"}).drop(columns=["end", "rule"])
    # The last day in care of a row closed by 1A or 2 is written as any other end: the first day not in care.
    again["dec"] = np.where(closed, made.episodes["end"], NO_DAY).astype(np.int32)
    second = stitch(again, submissions(*ENDS), as_of)
    assert second.audit.empty
    columns = ["child", "start", "end", "line", "place"]
    pd.testing.assert_frame_equal(second.episodes[columns], made.episodes[columns], check_dtype=False)


@MODEST
@given(ROWS, AS_OF, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, as_of, random):
    frame, made = made_of(rows, as_of)
    order = list(range(len(frame)))
    random.shuffle(order)
    second = stitch(frame.take(order).reset_index(drop=True), submissions(*ENDS), as_of)
    pd.testing.assert_frame_equal(second.episodes, made.episodes)
    pd.testing.assert_frame_equal(second.audit.reset_index(drop=True), made.audit.reset_index(drop=True))


@MODEST
@given(ROWS)
def test_what_is_known_of_a_day_does_not_change_with_what_comes_after(rows):
    """As of a day, rows that begin after it and ends after it may be anything, or absent."""
    as_of = dt.date(2019, 3, 31)
    kept = [row for row in rows if row["start"] <= as_of.isoformat()]
    then = [row | ({"dec": "", "rec": ""} if row["dec"] > as_of.isoformat() else {}) for row in kept]
    if not kept:
        return
    lines = [number + 2 for number, row in enumerate(rows) if row in kept]
    _, whole = made_of(rows, as_of)
    _, part = made_of([row | {"line": line} for row, line in zip(then, lines, strict=True)], as_of)
    columns = ["child", "start", "dec", "end", "line", "submission"]
    pd.testing.assert_frame_equal(whole.episodes[columns], part.episodes[columns])
    reasons = [made.episodes["rec"].astype(object).fillna("").tolist() for made in (whole, part)]
    assert reasons[0] == reasons[1]


@settings(max_examples=12, deadline=None)
@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_the_files_does_not_matter(tmp_path_factory, names):
    """Time is read from the dates in a file, never from its name or its place."""
    years = [
        [episode("101", "2017-06-01"), episode("102", "2017-07-01"), *filler(2017)],
        [episode("101", "2017-06-01", "2018-11-04"), episode("101", "2018-11-04", RNE="P", PLACE="K2"), *filler(2018)],
        [episode("101", "2018-11-04", "2019-12-01", RNE="P", PLACE="K2", REC="E4A"), *filler(2019)],
    ]
    folder = write_return(tmp_path_factory.mktemp("files"), dict(zip(names, years, strict=True)))
    data = load(folder)
    assert data.submissions["name"].tolist() == [f"{name}/episodes.csv" for name in names]
    history = build_history(data, dt.date(2020, 3, 31))
    mine = history.episodes[history.episodes["child"] < 2]
    assert mine[["start", "end", "rule"]].to_numpy().tolist() == [
        [day("2017-06-01"), day("2018-11-04"), ""],
        [day("2018-11-04"), day("2019-12-01"), ""],
        [day("2017-07-01"), day("2018-04-01"), "2"],
    ]
    assert history.people["birth"].tolist() == [day(DOB)] * 14
