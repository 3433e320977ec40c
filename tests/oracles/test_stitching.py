"""Stitching against the same rules followed by hand: one child at a time, one row after another, in plain Python."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bond_eval.intake.typed import NO_DAY
from bond_eval.placements.stitch import AUDIT_COLUMNS, SET_ASIDE, _order, stitch
from tests.helpers import day, submissions, typed_rows

ENDS = ("2018-03-31", "2019-03-31", "2020-03-31", "2020-09-30")
LAST = [day(end) for end in ENDS]
COLUMNS = ["child", "line", "start", "dec", "end", "rule", "rec", "reason"]


def by_hand(rows, as_of):
    """The rows of one child as dicts, and what stitching says of them: (line, rule, before, after) in order."""
    audit, forever = [], as_of + 1
    rows = sorted(rows, key=lambda r: (r["start"], r["submission"], min(r["dec"], forever), r["line"]))

    def change(row, rule, dec):
        audit.append((row["line"], rule, row["dec"], dec))
        if dec != SET_ASIDE:
            row |= {"dec": dec, "rule": rule}

    def set_aside(gone, rule):
        for row in gone:
            change(row, rule, SET_ASIDE)
        return [row for row in rows if row not in gone]

    rows = set_aside([row for row in rows if row["start"] > as_of], "A")
    for row in rows:
        ended_later = row["dec"] != NO_DAY and row["dec"] > as_of
        # A file that reaches the date, or the newest of all, says of its open rows that they are open still.
        current = LAST[row["submission"]] >= min(as_of, max(LAST))
        row["known_open"] = ended_later or (row["dec"] == NO_DAY and current)
        if ended_later:
            change(row, "A", NO_DAY)
            row |= {"rec": "", "reason": ""}
    kept = {row["start"]: row for row in rows}
    for rule in ("3", "3A"):
        again = [row for row in rows if row is not kept[row["start"]]]
        rows = set_aside(
            [r for r in again if (r["submission"] == kept[r["start"]]["submission"]) == (rule == "3")], rule
        )
    while gone := [b for a, b in pairwise(rows)
                   if b["submission"] < a["submission"] and b["start"] < a["dec"]]:  # fmt: skip
        rows = set_aside(gone, "3A")
    for a, b in pairwise(rows):
        begins, later = b["start"], b["submission"] > a["submission"]
        left_open = a["dec"] == NO_DAY and not a["known_open"]
        if left_open and later and b["rne"] == "S":
            change(a, "1A", max(a["start"], min(begins - 1, LAST[a["submission"]])))
        elif left_open and later:
            change(a, "1", begins)
        elif a["dec"] > begins:
            change(a, "4", begins)
        elif a["dec"] < begins and a["rec"] == "X1" and later:
            change(a, "5", begins)
    for row in rows:
        if row["dec"] == NO_DAY and not row["known_open"]:
            change(row, "2", max(row["start"], LAST[row["submission"]]))
        open_, counted = row["dec"] == NO_DAY, row["rule"] in ("1A", "2")
        row["end"] = forever if open_ else min(row["dec"] + counted, forever)
    return rows, audit


def returns(children, seed):
    """Rows of children who never lived, on few distinct days, so that repeats, overlaps and gaps are common."""
    rng = np.random.default_rng(seed)
    origin, rows = day("2017-01-01"), []
    for child in range(children):
        for _ in range(rng.integers(1, 6)):
            start = int(origin + 30 * rng.integers(0, 46))
            length = int(rng.choice([0, 30, 60, 300, 600]))
            ended = rng.random() < 0.6
            rows.append(
                {
                    "child": child,
                    "submission": int(rng.integers(0, len(ENDS))),
                    "start": start,
                    "dec": start + length if ended else int(NO_DAY),
                    "rne": str(rng.choice(["S", "P"])),
                    "rec": str(rng.choice(["X1", "E4A"])) if ended else "",
                    "reason": str(rng.choice(["CARPL", "PLACE"])) if ended else "",
                }
            )
    return [row | {"line": number + 2} for number, row in enumerate(rows)]


def iso(number):
    return "" if number == NO_DAY else (dt.date(1970, 1, 1) + dt.timedelta(days=number)).isoformat()


@pytest.mark.parametrize("as_of", ["2018-03-31", "2018-12-22", "2020-09-30", "2021-03-31"])
def test_stitching_gives_what_the_rules_give_by_hand(as_of):
    rows, today = returns(400, seed=day(as_of)), dt.date.fromisoformat(as_of)
    files = submissions(*ENDS)
    made = stitch(
        typed_rows([row | {"start": iso(row["start"]), "dec": iso(row["dec"])} for row in rows[::-1]]), files, today
    )
    episodes, audit = [], []
    for child in range(400):
        mine = [row | {"rule": ""} for row in rows if row["child"] == child]
        files_of = {row["line"]: row["submission"] for row in mine}
        kept, changes = by_hand(mine, day(as_of))
        episodes += [tuple(row[name] for name in COLUMNS) for row in kept]
        audit += sorted(((child, files_of[line], line, *rest) for line, *rest in changes), key=lambda one: one[:3])
    found = made.episodes[COLUMNS].astype({"rec": object, "reason": object}).fillna({"rec": "", "reason": ""})
    assert list(found.itertuples(index=False, name=None)) == episodes
    assert list(made.audit[AUDIT_COLUMNS].itertuples(index=False, name=None)) == audit
    seen = {"3", "3A", "4", "5", "A"} | ({"1", "1A", "2"} if as_of > ENDS[0] else set())
    assert {rule for *_, rule, _, _ in audit} >= seen and made.as_of == today
    days = [made.episodes[name] for name in ("start", "dec", "end")] + [
        made.audit[name] for name in ("before", "after")
    ]
    assert {str(column.dtype) for column in days} == {"int32"}
    assert (
        list(made.audit) == AUDIT_COLUMNS
        and list(made.episodes.columns[-2:]) == ["end", "rule"]
        and "index" not in made.episodes
    )


def test_keys_that_no_one_number_holds_are_sorted_all_the_same():
    """The first room is a little over 2**63, the second far over."""
    close = pd.Series([0, 2**30, 2**30]), pd.Series([0, 2**30, 2**30 - 1])
    assert _order(*close).tolist() == [0, 2, 1]  # a number of 61 bits, so that no float holds it
    for first, second in ((2**32 - 1, 2**31 + 9), (2**40, 2**40)):
        keys = pd.Series([0, first, 1, 1]), pd.Series([5, second, 3, 3])
        assert _order(*keys).tolist() == [0, 2, 3, 1]
    # One number for all is no room, and a day before 1970 takes none away.
    far = pd.Series([0, 2**23, 2**40]), pd.Series([0, 1, 2**40])
    assert _order(pd.Series([7, 7, 7]), *far).tolist() == [0, 1, 2]
    assert _order(pd.Series([0, 2**22, 2**41]) - 2**40, pd.Series([0, 1, 2**41]) - 2**40).tolist() == [0, 1, 2]
    assert _order(pd.Series([1, 0]), pd.Series([-5, 4])).tolist() == [1, 0]
