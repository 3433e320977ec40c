"""Words and guards of the pages on equity, domestic abuse, trauma-informed work and social value."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import ALL, registered
from bond_eval.evidence.tables import domestic_abuse as abuse
from bond_eval.evidence.tables import equity
from bond_eval.evidence.wording import BETTER, TOO_FEW, UNCLEAR, WORSE
from bond_eval.methods.equity import relative_rate
from bond_eval.methods.proportions import rate_ratio
from bond_eval.methods.spc import xmr
from tests.helpers import day


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((40, 100, 100, 400), equity.MORE),
        ((10, 100, 100, 400), equity.LESS),
        ((25, 100, 100, 400), equity.ALIKE),
        ((9, 9, 10, 40), TOO_FEW),
    ],
)
def test_a_group_is_judged_more_less_alike_or_not_at_all(counts: tuple[int, ...], words: str) -> None:
    found = relative_rate(*counts)
    assert equity.reach_words(found.estimate.value, found.differs, counts[1]) == words
    assert equity.reach_words(np.nan, False, counts[1]) == equity.NOT_COMPARED


def test_differences_are_weighed_against_those_that_chance_gives() -> None:
    """Of 20 comparisons chance alone gives one; four or more come up in 1.6% of cases, three in 7.5%."""
    assert [round(equity.chance_of(20, differ), 3) for differ in (0, 3, 4)] == [1, 0.075, 0.016]
    counts = ((0, 0, 14), (20, 0, 20), (20, 3, 0), (20, 4, 30), (1, 0, 40))
    assert [equity.many_words(*each) for each in counts] == [
        TOO_FEW,
        "no clear difference between groups",
        "not clearly more differences than chance could give",
        "more differences than chance alone would give",
        "too few to say whether groups differ (1 of 41 comparisons could be judged)",
    ]


def staged(*rows: tuple[str, str, str, int, int]) -> pd.DataFrame:
    """Stages as programmes.equity_stages gives them, with the rates worked out."""
    frame = pd.DataFrame(rows, columns=["stage", "characteristic", "value", "before", "reached"])
    others = (
        frame.groupby(["stage", "characteristic"])[["before", "reached"]].transform("sum")
        - frame[["before", "reached"]]
    )
    found = [
        relative_rate(*pair) for pair in zip(frame.reached, frame.before, others.reached, others.before, strict=True)
    ]
    return frame.assign(
        rate=frame["reached"] / frame["before"],
        relative_rate=[one.estimate.value for one in found],
        lower=[one.estimate.lower for one in found],
        upper=[one.estimate.upper for one in found],
        moved=[one.moved for one in found],
        differs=[one.differs for one in found],
        method=[one.estimate.method for one in found],
    )


def public(frame: pd.DataFrame) -> pd.DataFrame:
    spec = registered()["equity_stages"]
    rows = equity._rows(frame).assign(programme="P")
    names = [*spec.labels, *(value.name for value in spec.values)]
    return protect(spec, rows[names], "public").frame.set_index(["stage", "value"])


def test_few_who_fall_out_between_two_stages_cannot_be_worked_out() -> None:
    """60 referred, 57 decided: the three who wait would show, so neither 57 nor what follows from it is shown."""
    shown = public(staged(
        ("Referred", "sex", "Female", 900, 60), ("Referred", "sex", "Male", 900, 80),
        ("Accepted", "sex", "Female", 57, 40), ("Accepted", "sex", "Male", 70, 50),
    ))  # fmt: skip
    assert shown.loc[("Referred", "Female"), "reached"] == 60
    hidden = ["before", "rate", "ratio", "lower", "upper", "said", "moved"]
    assert shown.loc[("Accepted", "Female"), hidden].isna().all()
    # With the total shown, the other group's number would give it away.
    assert shown.loc[("Accepted", ALL), "before"] == 127 and pd.isna(shown.loc[("Accepted", "Male"), "before"])
    assert shown.loc[("Accepted", "Female"), "verdict"] == equity.ALIKE


def test_a_guard_reaches_back_over_a_stage_that_is_hidden() -> None:
    """70 referred, 64 decided, 60 accepted and started: 60 tells of the four refused wherever it stands."""
    shown = public(staged(
        ("Referred", "sex", "Female", 900, 70), ("Referred", "sex", "Male", 900, 200),
        ("Accepted", "sex", "Female", 64, 60), ("Accepted", "sex", "Male", 190, 150),
        ("Started", "sex", "Female", 60, 60), ("Started", "sex", "Male", 150, 150),
    ))  # fmt: skip
    assert shown.loc[("Accepted", "Female"), "before"] == 64
    assert pd.isna(shown.loc[("Accepted", "Female"), "reached"])
    assert pd.isna(shown.loc[("Started", "Female"), "before"]) and pd.isna(shown.loc[("Started", "Female"), "reached"])


def test_a_population_hardly_larger_than_the_referred_hides_them() -> None:
    shown = public(staged(("Referred", "sex", "Female", 63, 60), ("Referred", "sex", "Male", 900, 80)))
    assert pd.isna(shown.loc[("Referred", "Female"), "reached"])
    assert shown.loc[("Referred", "Female"), "before"] == 63


def test_two_groups_against_each_other_are_one_comparison() -> None:
    rows = equity._rows(staged(
        ("Referred", "sex", "Female", 400, 200), ("Referred", "sex", "Male", 400, 80),
        ("Referred", "age", "12 to 13", 300, 90), ("Referred", "age", "14 to 15", 300, 90),
        ("Referred", "age", "16 to 17", 200, 60),
    ))  # fmt: skip
    compared, differ, chance, _, few, *_ = equity._counted(rows)
    assert (compared, differ, few) == (4, 1, 0) and chance == pytest.approx(0.2)


def encompass(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame([(day(first), day(last), n) for first, last, n in rows], columns=["first", "last", "value"])


def test_a_week_runs_from_monday_and_knows_how_much_of_it_is_counted() -> None:
    found = abuse.by_period(encompass(
        ("2020-06-26", "2020-06-28", 20), ("2020-06-29", "2020-06-30", 9), ("2020-07-01", "2020-07-05", 30),
        ("2020-07-01", "2020-07-05", 2),
    ), "W")  # fmt: skip
    assert found.to_numpy().tolist() == [[day("2020-06-22"), 20, 3], [day("2020-06-29"), 41, 7]]


def test_counts_that_cross_a_border_belong_to_no_week_and_no_month() -> None:
    across = encompass(("2020-06-26", "2020-07-02", 20), ("2020-07-06", "2020-07-12", 9))
    assert abuse.by_period(across, "W").empty and abuse.by_period(across, "M").empty
    assert abuse.by_period(across[1:], "M").to_numpy().tolist() == [[day("2020-07-01"), 9, 7]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([50, 52, 49, 51] * 4 + [80], abuse.ROSE),
        ([50, 52, 49, 51] * 4 + [20], abuse.FELL),
        ([50, 52, 49, 51] * 4, UNCLEAR),
        ([50, 52, 90], TOO_FEW),
    ],
)
def test_a_series_rose_fell_stayed_or_is_too_short(values: list[int], words: str) -> None:
    assert abuse.direction(xmr([float(value) for value in values]).frame()) == words


def test_cases_rose_fell_or_neither() -> None:
    ratios = [rate_ratio(n, 1, 540, 1) for n in (740, 400, 560)]
    assert [abuse.direction_of(one) for one in ratios] == [abuse.ROSE, abuse.FELL, UNCLEAR]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ((10, 40), (30, 40), BETTER),
        ((30, 40), (10, 40), WORSE),
        ((9, 40), (14, 40), UNCLEAR),
        ((3, 9), (8, 9), TOO_FEW),
    ],
)
def test_practice_changed_for_better_for_worse_or_unclear(
    first: tuple[int, int], last: tuple[int, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bond_eval.evidence.tables import trauma_informed

    rows = [
        ("trauma informed" if informed else "not", first_day, first_day + 90, n)
        for first_day, (yes, of) in ((18262, first), (18444, last))
        for informed, n in ((True, yes), (False, of - yes))
    ]
    frame = pd.DataFrame(rows, columns=["breakdown", "first", "last", "value"])
    monkeypatch.setattr(trauma_informed, "activity", lambda *_: frame)
    found = trauma_informed.trauma_change(None)  # type: ignore[arg-type]
    assert found["verdict"].tolist() == [words]
    assert found["change"].tolist() == [pytest.approx(100 * (last[0] / last[1] - first[0] / first[1]))]  # points


def test_who_was_both_notified_and_taken_on_goes_with_the_few_who_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 13 taken on 10 were notified: 10 beside 13 would give 3 away, in whichever row or table it stands."""
    found = [(abuse.REACH, 10.0, 1000.0, 3.0), (abuse.BOTH, 10.0, 13.0, 990.0)]
    monkeypatch.setattr(abuse, "_reach", lambda _: found)
    for name in ("_plans", "_marac_shares"):
        monkeypatch.setattr(abuse, name, lambda _: [])
    view = SimpleNamespace(authority=SimpleNamespace(published=""))
    for name, both in (("domestic_abuse_shares", [abuse.REACH, abuse.BOTH]), ("harbour_reach", ["Both"])):
        shown = protect(registered()[name], registered()[name].build(view), "public").where(line=both)
        assert [cell.symbol for cell in shown.cells("children")] == ["c"] * len(both)
        assert "apart" not in shown.frame.columns


def test_a_part_that_is_larger_than_its_whole_has_no_share() -> None:
    assert np.isnan(abuse.share_of(12, 10)[2]) and np.isnan(abuse.share_of(3, 0)[2])
    assert abuse.share_of(13, 29)[2:] == pytest.approx((0.4483, 0.2841, 0.6245), abs=5e-4)


def test_few_staff_are_withheld_with_all_that_follows_from_them() -> None:
    spec = registered()["social_value"]
    rows = [("Staff who are care leavers", *abuse.share_of(2, 29), 2, 0, "C150"),
            ("Staff who live here", *abuse.share_of(13, 29), 13, 0, "C074")]  # fmt: skip
    names = [*spec.labels, *(value.name for value in spec.values)]
    shown = protect(spec, pd.DataFrame(rows, columns=names), "public")
    few, many = (shown.where(measure=row[0]) for row in rows)
    for name in ("children", "share", "lower", "upper", "published", "gap"):
        assert few.cells(name)[0].symbol == "c", name
        assert many.cells(name)[0].known, name
    assert few.texts("claim") == ["C150"]
