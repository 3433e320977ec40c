"""The demand model: what it counts, what its paths keep, and what it refuses."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import month_end
from bond_eval.intake.typed import NO_DAY
from bond_eval.methods.transitions import Gammas, arrivals, intensities
from bond_eval.placements import demand_paths
from bond_eval.placements.backcast import backcast, origins, summary
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.demand import (
    BANDS,
    Model,
    Population,
    Window,
    child_nights,
    fit,
    latest_window,
    leave_out,
    population,
)
from bond_eval.placements.demand_paths import bands, simulate
from bond_eval.placements.history import History
from bond_eval.placements.outlook import CONTINUE, EXTEND, EXTENDED, OP, STOP, extend, reference_ends, scenarios
from tests.helpers import day, history

OPENED, AS_OF = dt.date(2018, 4, 1), dt.date(2020, 3, 31)
WHOLE = Window(OPENED, AS_OF)
OUT = {"place": "K2", "provider": "PR4"}
AGENCY = {"place": "U6", "provider": "PR4"}
LAST = len(CATEGORIES)


def small(births: dict[int, str] | None = None) -> History:
    """Four children: one comes and moves, one stays, one turns 18, one leaves."""
    rows = [
        {"child": 0, "start": "2018-06-01", "dec": "2018-09-01", "rec": "X1", "submission": 0},
        {"child": 0, "start": "2018-09-01", "rne": "P", "submission": 0, **OUT},
        {"child": 0, "start": "2018-09-01", "rne": "P", "submission": 1, **OUT},
        {"child": 1, "start": "2018-04-01", "submission": 0, **AGENCY},
        {"child": 1, "start": "2018-04-01", "submission": 1, **AGENCY},
        {"child": 2, "start": "2018-04-01", "dec": "2018-10-01", "rec": "E11", "submission": 0, **OUT},
        {"child": 3, "start": "2018-05-01", "dec": "2019-02-01", "rec": "E4A", "submission": 0},
    ]
    born = {0: "2005-01-15", 1: "2010-02-10", 2: "2000-10-01", 3: "2017-06-01", **(births or {})}
    return history(rows, ("2019-03-31", "2020-03-31"), births=born)


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(small(), WHOLE)


def test_moves_exits_entrants_and_nights_are_those_of_the_window(model: Model) -> None:
    fostering = CATEGORIES.index("In-house fostering")
    assert model.events.sum() == 2  # a leaving on the 18th birthday is no exit by a rate
    assert model.events[BANDS.index("12 to 15"), fostering, OP] == 1
    assert model.events[BANDS.index("1 to 4"), fostering, LAST] == 1
    assert model.entrants.sum() == 2  # both who were there on the first night are no entrants
    # 2018-04-01 to 2020-03-30 are the nights at risk; the first two children of the first night are on every one.
    assert model.exposure[:, CATEGORIES.index(IFA)].sum() == WHOLE.days == 730
    assert model.exposure.sum() == 730 + 183 + 276 + (day("2020-03-31") - day("2018-06-01"))
    assert model.exposure.sum() + 2 == child_nights(small(), OPENED, AS_OF).sum()  # two are there on the last night


def test_who_came_less_who_left_is_the_change(model: Model) -> None:
    first, last = population(small(), OPENED), population(small(), AS_OF)
    left = model.events[:, :, LAST].sum() + 1  # one turned 18
    assert len(last.birth) == len(first.birth) + model.entrants.sum() - left == 2


def test_a_child_grows_from_band_to_band_by_its_birthdays(model: Model) -> None:
    ifa = CATEGORIES.index(IFA)
    assert model.exposure[BANDS.index("8 to 11"), ifa] == 730
    turned = fit(small({1: "2006-10-01"}), WHOLE).exposure[:, ifa]
    assert turned[BANDS.index("8 to 11")] == 183 and turned[BANDS.index("12 to 15")] == 547


def test_an_unknown_birth_date_is_a_band_of_its_own_and_never_ages() -> None:
    base = small()
    people = base.people.assign(birth=base.people["birth"].where(base.people.index != 1, NO_DAY))
    known = fit(replace(base, people=people), WHOLE)
    assert known.exposure[BANDS.index("Not known")].sum() == 730
    start = Population(np.array([CATEGORIES.index(IFA)]), np.array([NO_DAY], dtype=np.int32))
    assert simulate(_still(known), start, AS_OF, 8000, seed=1, paths=3).grown.sum() == 0


def _still(model: Model) -> Model:
    """Nobody moves, leaves or comes."""
    none = (np.zeros((1, len(BANDS), LAST, LAST + 1)), np.zeros((1, len(BANDS), LAST)))
    return replace(model, scale=none)


def test_one_child_and_no_exits_stays_until_18(model: Model) -> None:
    born = np.array([day("2003-06-15")], dtype=np.int32)
    start = Population(np.array([OP]), born)
    paths = simulate(_still(model), start, AS_OF, 730, seed=5, paths=4)
    grown = (dt.date(2021, 6, 15) - AS_OF).days
    assert (paths.daily[:, :grown, OP] == 1).all() and not paths.daily[:, grown:].any()
    assert paths.grown.tolist() == [1] * 4 and not paths.exits.any() and not paths.entrants.any()
    assert paths.child_days(AS_OF, dt.date(2021, 6, 30))[:, OP].tolist() == [grown] * 4


def test_every_path_keeps_its_children(model: Model) -> None:
    paths = simulate(model, population(small(), AS_OF), AS_OF, 730, seed=3, paths=200)
    totals = paths.daily.sum(axis=2, dtype=int)
    assert (paths.daily >= 0).all()
    assert (totals[:, -1] == totals[:, 0] + paths.entrants - paths.exits - paths.grown).all()
    assert paths.exits.any() and paths.entrants.any()


def test_the_same_seed_gives_the_same_paths_and_another_others(model: Model) -> None:
    start = population(small(), AS_OF)
    one, two, other = (simulate(model, start, AS_OF, 300, seed=seed, paths=50).daily for seed in (1, 1, 2))
    assert (one == two).all() and (one != other).any()


def test_blocks_bound_the_memory_and_change_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    births = np.arange(day("2003-04-01"), day("2019-04-01"), 2, dtype=np.int32)
    start = Population(np.arange(len(births)) % LAST, births)
    tracemalloc.start()
    whole = simulate(model, start, AS_OF, 365, seed=1, paths=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6 + 30 * 100 * len(births)  # bytes; in one block 78 for each child of a path
    monkeypatch.setattr(demand_paths, "BLOCK", 777)
    parts = simulate(model, start, AS_OF, 365, seed=1, paths=100)
    assert (parts.daily == whole.daily).all() and (parts.exits == whole.exits).all() and whole.exits.any()


def test_an_authority_may_have_more_children_than_a_short_number_holds(model: Model) -> None:
    start = Population(np.full(40_000, OP), np.full(40_000, day("2010-01-01"), dtype=np.int32))
    assert (simulate(_still(model), start, AS_OF, 2, seed=1, paths=2).daily[:, :, OP] == 40_000).all()


def test_nights_simulated_agree_with_the_rates_they_are_drawn_from() -> None:
    """A thousand children, one way out at 1 in 100 a night: 0.99^n are left after n nights."""
    weights = np.zeros((len(BANDS), LAST, LAST + 1))
    weights[:, OP, LAST] = 1e9
    sure = Gammas(weights * 0.01, np.full((len(BANDS), LAST, 1), 1e9))
    known = replace(fit(small(), WHOLE), entrants=np.zeros((len(BANDS), LAST)), scale=None)
    known.__dict__["rates"] = sure
    start = Population(np.full(1000, OP), np.full(1000, day("2012-01-01"), dtype=np.int32))
    left = simulate(known, start, AS_OF, 100, seed=4, paths=20).daily[:, -1].sum(axis=1).mean()
    assert left == pytest.approx(1000 * np.exp(-1.0), rel=0.02)


def test_a_sure_move_takes_one_night_and_a_birthday_comes_first(model: Model) -> None:
    weights = np.zeros((len(BANDS), LAST, LAST + 1))
    weights[:, OP, LAST] = 1e9
    sure = replace(model, entrants=np.zeros((len(BANDS), LAST)))
    sure.__dict__["rates"] = Gammas(weights * 50, np.full((len(BANDS), LAST, 1), 1e9))
    births = np.array([day("2002-04-01"), day("2010-05-05")], dtype=np.int32)  # one is 18 the next day
    paths = simulate(sure, Population(np.array([OP, OP]), births), AS_OF, 2, seed=1, paths=10)
    assert paths.daily[:, :, OP].tolist() == [[2, 0, 0]] * 10
    assert paths.grown.tolist() == paths.exits.tolist() == [1] * 10


def test_only_what_happens_between_the_first_and_the_last_night_counts() -> None:
    moved, left = dt.date(2018, 9, 1), dt.date(2019, 9, 1)
    assert fit(small(), Window(moved, left)).events.sum() == 1  # the move was before the first night
    assert fit(small(), Window(moved - dt.timedelta(days=1), left)).events.sum() == 2
    assert fit(small(), Window(dt.date(2019, 2, 1), AS_OF)).events.sum() == 0
    assert fit(small(), Window(OPENED, dt.date(2019, 4, 1))).events.sum() == 2


def test_a_category_that_nobody_was_in_stays_empty(model: Model) -> None:
    paths = simulate(model, population(small(), AS_OF), AS_OF, 365, seed=1, paths=100)
    assert not paths.daily[:, :, CATEGORIES.index("Secure")].any()


def test_bands_are_whole_children_one_inside_the_other(model: Model) -> None:
    found = bands(simulate(model, population(small(), AS_OF), AS_OF, 365, seed=1, paths=99).daily[:, -1])
    order = ["lower_95", "lower_80", "lower_50", "median", "upper_50", "upper_80", "upper_95"]
    stack = np.array([found[name] for name in order])
    assert (np.diff(stack, axis=0) >= 0).all() and stack.dtype.kind == "i"


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Window(dt.date(2019, 12, 31), AS_OF), "91 nights"),
        (Window(AS_OF, OPENED), "0 nights"),
        (Window(dt.date(2017, 1, 1), AS_OF), "not within the data"),
        (Window(OPENED, dt.date(2021, 3, 31)), "not within the data"),
    ],
)
def test_a_window_that_is_short_or_outside_the_data_is_refused(window: Window, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit(small(), window)


def test_a_window_in_which_nobody_was_looked_after_is_refused() -> None:
    empty = leave_out(small(), np.arange(4))
    with pytest.raises(InputError, match="Nobody was looked after"):
        fit(empty, WHOLE)


def test_children_may_be_left_out() -> None:
    without = fit(leave_out(small(), np.array([1])), WHOLE)
    assert without.exposure[:, CATEGORIES.index(IFA)].sum() == 0


def test_rates_are_shrunk_to_category_and_age_and_keep_what_cannot_happen_at_nought() -> None:
    events = np.zeros((2, 2, 3))
    events[0, 0, 2], events[1, 0, 2], events[1, 1, 0] = 40, 1, 3
    days = np.array([[40_000.0, 0.0], [100.0, 3_000.0]])
    events[0, 1] = 0
    rates = intensities(events, days, weight=1000.0).mean
    assert rates[0, 0, 2] == pytest.approx(0.001, rel=0.05)  # much seen: its own
    assert 0.0 < rates[1, 0, 2] < 0.01  # 1 in 100 nights, drawn to the mean
    assert rates[1, 0, 2] > 1.5 / 1100  # what the mean adds to one move in 1,100 nights
    assert rates[0, 0, 1] == rates[1, 1, 1] == 0.0  # no move to state 1 was seen
    assert rates[0, 1, 0] == 0.0  # seen in the other stratum alone


def test_draws_have_the_mean_and_spread_of_their_gamma() -> None:
    gammas = intensities(np.full((1, 1, 1), 30.0), np.full((1, 1), 3000.0), weight=1e-9)
    drawn = gammas.draw(np.random.default_rng(1), 20_000)
    assert drawn.mean() == pytest.approx(0.01, rel=0.01)
    assert drawn.std() == pytest.approx(np.sqrt(30) / 3000, rel=0.03)


def test_arrivals_add_up_to_all_who_came_and_one_spread_over_what_was_not_seen() -> None:
    found = arrivals(np.array([[8.0, 0.0], [1.0, 1.0]]), 100.0)
    assert found.mean.sum() == pytest.approx((10 + 1) / 100)
    assert found.mean[0, 1] > 0


@pytest.mark.parametrize("bad", [(np.zeros((1, 2)), np.zeros((1, 2))), (np.ones((1, 1, 1)), np.zeros((1, 1)))])
def test_counts_that_cannot_be_are_refused(bad: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError):
        intensities(*bad)


def test_reference_windows_end_a_year_before_the_eve_and_on_it() -> None:
    assert reference_ends(dt.date(2020, 2, 1)) == (dt.date(2018, 12, 31), dt.date(2020, 1, 31))
    assert reference_ends(dt.date(2020, 1, 1)) == (dt.date(2018, 12, 31), dt.date(2019, 12, 31))
    assert reference_ends(None) == ()
    assert latest_window(small(), AS_OF, 5) == WHOLE  # no further back than the data


def test_scenarios_say_why_there_are_none() -> None:
    made = {scenario.name: scenario for scenario in scenarios(small(), None, seed=1, paths=20)}
    assert made[CONTINUE].paths is not None and made[CONTINUE].reason == ""
    for name in (STOP, EXTEND):
        assert made[name].paths is None and made[name].reason.startswith("no day is given")
    late = {scenario.name: scenario for scenario in scenarios(small(), dt.date(2019, 6, 1), seed=1, paths=20)}
    assert "nights" in late[STOP].reason


def test_extend_changes_ages_8_to_11_alone(model: Model) -> None:
    moves, entries = extend(model, model, np.random.default_rng(1), 400).scale or (np.ones(1), np.ones(1))
    others = [place for place in range(len(BANDS)) if place != EXTENDED]
    assert (moves[:, others] == 1).all() and (entries[:, others] == 1).all()
    assert (moves[:, EXTENDED, OP] != 1).any()
    # The same window twice: the ratio says nothing, so its median is about 1.
    ratios = (moves[:, EXTENDED, OP, LAST], moves[:, EXTENDED, CATEGORIES.index(IFA), OP], entries[:, EXTENDED, OP])
    assert [round(float(np.median(np.log(ratio)))) for ratio in ratios] == [0, 0, 0]


def test_backcasts_see_nothing_of_what_comes_after() -> None:
    base, cut = small(), dt.date(2019, 6, 30)
    rows = backcast(base, seed=1, days=[cut], paths=50)
    gone = base.placements["child"] == 1
    ends = base.placements["end"].mask(gone, day("2019-08-15")).astype("int32")
    left = base.placements["following"].mask(gone, "Returned home")
    changed = base.placements.assign(end=ends, following=left, is_open=base.placements["is_open"] & ~gone)
    moved = replace(base, placements=changed)
    again = backcast(moved, seed=1, days=[cut], paths=50)
    assert (rows["median"] == again["median"]).all() and (rows["actual"] != again["actual"]).any()
    assert set(rows["horizon"]) == {3}  # a horizon beyond the data is left out
    total = rows[rows["category"] == "All"]
    assert total["actual"].tolist() == [2] and total["carried"].tolist() == [2]


def test_each_origin_is_fitted_to_its_own_last_two_years(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Window] = []
    monkeypatch.setattr("bond_eval.placements.backcast.fit", lambda h, w: seen.append(w) or fit(h, w))
    backcast(small(), seed=1, paths=5)
    assert [window.last for window in seen] == origins(small())
    assert {window.first for window in seen} == {OPENED}


def test_backcast_summary_is_the_mean_over_origins() -> None:
    rows = backcast(small(), seed=1, paths=50)
    assert rows["origin"].nunique() == len(origins(small())) > 1
    found = summary(rows).set_index(["category", "horizon"])
    mine = rows[(rows["category"] == OUTSIDE) & (rows["horizon"] == 3)]
    assert found.loc[(OUTSIDE, 3), "model"] == pytest.approx((mine["median"] - mine["actual"]).abs().mean())
    assert found.loc[(OUTSIDE, 3), "inside_95"] == pytest.approx(mine["inside_95"].mean())


def test_month_ends_forward_and_back() -> None:
    assert month_end(dt.date(2020, 9, 30), 5) == dt.date(2021, 2, 28)
    assert month_end(dt.date(2020, 9, 30), -7) == dt.date(2020, 2, 29)
    assert month_end(dt.date(2020, 12, 1), 0) == dt.date(2020, 12, 31)
