"""Categories, placements, periods of care, ages and daily counts."""

import datetime as dt

import numpy as np
import pytest

from bond_eval.intake.typed import NO_DAY
from bond_eval.placements.ages import ALL_BANDS, age_on, band_on, birthday
from bond_eval.placements.categories import CATEGORIES, OUTSIDE, categorise, category_of, leaving_groups
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.history import open_on
from tests.helpers import day, history, submissions, typed_rows

ENDS = ("2020-03-31",)
OP = {"place": "K2", "provider": "PR4"}
IFA = {"place": "U6", "provider": "PR4"}
AWAY = {"place": "T1", "provider": ""}


def run(*steps, child=0):
    """Consecutive rows of one child, each (start, how it began, codes); the last stays open."""
    rows = []
    for number, (start, rne, codes) in enumerate(steps):
        following = steps[number + 1][0] if number + 1 < len(steps) else ""
        ended = {"dec": following, "rec": "X1" if following else ""}
        rows.append({"child": child, "start": start, "rne": rne, **ended, **codes})
    return rows


@pytest.mark.parametrize(
    ("place", "provider", "year", "category"),
    [
        ("K2", "PR1", 2019, "In-house residential"),
        ("K2", "PR4", 2019, "Outside placement"),
        ("R1", "PR5", 2019, "Outside placement"),
        ("K2", "", 2019, "Other"),
        ("U4", "PR4", 2019, "IFA"),
        ("U6", "PR5", 2019, "IFA"),
        ("U5", "PR1", 2019, "In-house fostering"),
        ("U3", "PR4", 2019, "Connected carers"),
        ("K1", "PR4", 2019, "Secure"),
        ("S1", "PR4", 2019, "Residential school"),
        ("R3", "PR4", 2019, "Parent and child"),
        ("H5", "PR4", 2019, "Supported"),
        ("K3", "PR4", 2024, "Supported"),
        ("H5", "PR4", 2026, "Supported"),
        ("P1", "PR0", 2019, "With parents"),
        ("A5", "PR1", 2019, "Adoption"),
        ("Z1", "", 2024, "Other"),
        ("Z13", "", 2025, "Other"),
        ("T4", "", 2019, "Other"),
        ("X9", "PR9", 2019, "Other"),
    ],
)
def test_place_provider_and_year_give_the_category(place, provider, year, category):
    assert category_of(place, provider, year) == category
    frame = typed_rows([{"child": 0, "start": "2019-05-01", "place": place, "provider": provider}])
    assert categorise(frame, np.array([year])).tolist() == [category]


def test_categories_of_very_many_unknown_codes_take_little_memory():
    """Columns that slipped by one: thousands of distinct values where codes should stand."""
    frame = typed_rows([{"child": 0, "start": "2019-05-01", **OP}])
    for name in ("place", "provider"):
        frame[name] = frame[name].cat.add_categories([f"X{n}" for n in range(30_000)])
    assert categorise(frame, np.array([2019] * 40)).tolist() == [OUTSIDE]


def test_every_reason_for_ending_has_a_way_of_leaving():
    assert leaving_groups()["E48"] == "Special guardianship"
    assert leaving_groups()["E4B"] == "Returned home"
    assert leaving_groups()["E3"] == "Other ending"


@pytest.mark.parametrize(
    ("rne", "codes", "placements", "periods"),
    [
        ("L", {}, 1, 1),  # only the legal status changed
        ("P", {}, 2, 1),
        ("B", {}, 2, 1),
        ("T", {}, 2, 1),
        ("U", {}, 2, 1),
        ("S", {}, 2, 2),
        ("L", OP, 2, 1),  # the category changed whatever the code says
        ("", {}, 1, 1),
        ("", {"place": "U4"}, 2, 1),
        ("Q", {"provider": "PR2"}, 2, 1),
    ],
)
def test_what_begins_a_placement_and_a_period(rne, codes, placements, periods):
    made = history(run(("2019-05-01", "S", {}), ("2019-08-01", rne, codes)), ENDS)
    assert (len(made.placements), len(made.periods)) == (placements, periods)
    assert made.periods["is_open"].tolist() == [False] * (periods - 1) + [True]


def test_a_gap_begins_a_period_and_contiguous_days_do_not():
    rows = [
        {"child": 0, "start": "2019-05-01", "dec": "2019-06-01", "rec": "E4A"},
        {"child": 0, "start": "2019-06-02", "rne": "P"},
    ]
    made = history(rows, ENDS)
    assert made.periods[["start", "end"]].to_numpy().tolist() == [
        [day("2019-05-01"), day("2019-06-01")],
        [day("2019-06-02"), day("2020-04-01")],
    ]
    assert made.periods["rec"].tolist()[0] == "E4A"
    rows[1]["start"] = "2019-06-01"
    assert len(history(rows, ENDS).periods) == 1


def test_a_placement_knows_its_neighbours():
    rows = run(("2019-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-09-01", "L", IFA), ("2019-10-01", "P", {}))
    rows[-1] |= {"dec": "2019-12-01", "rec": "E4A", "reason": "CARPL"}
    rows.append({"child": 1, "start": "2019-05-01", **OP})
    placed = history(rows, ENDS).placements
    assert placed["category"].tolist() == [OUTSIDE, "IFA", "In-house fostering", OUTSIDE]
    assert placed["previous"].astype(object).fillna("").tolist() == ["", OUTSIDE, "IFA", ""]
    assert placed["following"].tolist() == ["IFA", "In-house fostering", "Returned home", "Still there"]
    assert placed["is_open"].tolist() == [False, False, False, True]
    assert placed["end"].tolist()[1] == day("2019-10-01")
    assert placed["reason"].astype(object).fillna("").tolist()[2] == "CARPL"


@pytest.mark.parametrize("status", ["V3", "V4"])
def test_short_breaks_are_no_period_of_care(status):
    rows = [{"child": 0, "start": "2019-05-01", "ls": status}, {"child": 1, "start": "2019-05-01"}]
    made = history(rows, ENDS)
    assert (made.short_breaks, made.periods["child"].tolist()) == (1, [1])
    assert daily_counts(made).by_category().iloc[-1].sum() == 1


def test_nobody_looked_after_is_no_error():
    made = history([{"child": 0, "start": "2019-05-01", "ls": "V4"}], ENDS)
    assert len(made.placements) == len(made.periods) == 0
    assert daily_counts(made).cube.sum() == 0


def test_birthdays_of_those_born_on_29_february():
    birth = np.array([day("2008-02-29")], dtype=np.int32)
    assert birthday(birth, 10)[0] == day("2018-03-01")
    assert birthday(birth, 12)[0] == day("2020-02-29")
    days = ("2018-02-28", "2018-03-01", "2020-02-28", "2020-02-29")
    assert [age_on(birth, day(on))[0] for on in days] == [9, 10, 11, 12]


def test_ages_agree_with_counting_birthdays_one_by_one():
    births = [dt.date(2008, 2, 29), dt.date(2009, 12, 31), dt.date(2019, 1, 1), dt.date(2003, 3, 1)]
    days = np.array([(born - dt.date(1970, 1, 1)).days for born in births], dtype=np.int32)
    for offset in range(0, 800, 7):
        on = dt.date(2019, 1, 1) + dt.timedelta(days=offset)
        expected = [on.year - born.year - ((on.month, on.day) < (born.month, born.day)) for born in births]
        assert age_on(days, (on - dt.date(1970, 1, 1)).days).tolist() == expected


def test_bands_and_unknown_births():
    births = np.array([day(born) for born in ("2019-06-01", "2015-06-01", "2010-06-01", "2008-06-01")] + [NO_DAY])
    bands = [ALL_BANDS[band] for band in band_on(births.astype(np.int32), day("2020-03-31"))]
    assert bands == ["Under 1", "1 to 4", "5 to 9", "10 to 11", "Not known"]
    assert ALL_BANDS[band_on(births[:1].astype(np.int32), day("2019-01-01"))[0]] == "Not known"


def slow_count(made, births):
    """Children on each night by category and band, one by one."""
    counts = {}
    for row in made.episodes.itertuples():
        born = births[row.child]
        for night in range(max(row.start, day("2019-04-01")), row.end):
            on = dt.date(1970, 1, 1) + dt.timedelta(days=night)
            if born:
                birth = dt.date.fromisoformat(born)
                age = max(on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day)), 0)
                band = next(n for n, top in enumerate((1, 5, 10, 12, 16, 18, 999)) if age < top)
            else:
                band = len(ALL_BANDS) - 1
            key = (night - day("2019-04-01"), CATEGORIES.index(row.category), band)
            counts[key] = counts.get(key, 0) + 1
    return counts


def test_daily_counts_are_those_of_counting_night_by_night():
    """Birthdays fall inside episodes; one child has no birth date, one is recorded before its birth."""
    births = {0: "2007-07-15", 1: "2008-02-29", 2: "", 3: "2019-08-01", 4: "2001-11-30"}
    rows = [
        *run(("2018-05-01", "S", OP), ("2019-08-01", "P", IFA), ("2019-10-10", "P", {}), child=0),
        *run(("2019-04-01", "S", OP), child=1),
        {"child": 2, "start": "2019-06-01", "dec": "2019-06-01", "rec": "E4A"},
        {"child": 2, "start": "2019-07-01", "dec": "2020-01-10", "rec": "E4A"},
        {"child": 3, "start": "2019-07-20", "dec": "2019-09-02", "rec": "E4A"},
        {"child": 4, "start": "2019-01-01", "dec": "2020-03-31", "rec": "E7"},
        {"child": 4, "start": "2017-01-01", "dec": "2018-12-01", "rec": "E4A"},
    ]
    made = history(rows, ENDS, births=births)
    counted = daily_counts(made)
    found = {tuple(map(int, at)): int(counted.cube[tuple(at)]) for at in np.argwhere(counted.cube)}
    assert found == slow_count(made, births)
    assert len(counted.cube) == 366


def test_child_days_by_quarter_and_counts_on_a_day():
    made = history([{"child": 0, "start": "2019-06-21", "dec": "2019-07-11", "rec": "E4A", **OP}], ENDS)
    counted = daily_counts(made)
    days = counted.child_days().query("category == @OUTSIDE").set_index("quarter")
    assert days["child_days"].tolist() == [10, 10, 0, 0]
    assert days["days"].tolist() == [91, 92, 92, 91]
    assert counted.on(dt.date(2019, 7, 10)).loc[OUTSIDE, "10 to 11"] == 1
    assert counted.on(dt.date(2019, 7, 11)).to_numpy().sum() == 0
    with pytest.raises(ValueError, match="not among the days"):
        counted.on(dt.date(2020, 4, 1))


def test_open_on_a_night():
    made = history([{"child": 0, "start": "2019-05-01", "dec": "2019-06-01", "rec": "E4A"}], ENDS)
    nights = ("2019-04-30", "2019-05-01", "2019-05-31", "2019-06-01")
    assert [len(open_on(made.periods, dt.date.fromisoformat(on))) for on in nights] == [0, 1, 1, 0]


def test_a_child_closed_by_its_files_end_is_counted_on_that_day():
    rows = [{"child": 0, "start": "2018-05-01"}, {"child": 1, "start": "2018-05-01", "submission": 1}]
    made = history(rows, ("2019-03-31", "2020-03-31"))
    daily = daily_counts(made).by_category().sum(axis=1)
    assert (daily["2019-03-31"], daily["2019-04-01"]) == (2, 1)
    assert len(submissions("2019-03-31")) == 1
