"""Tables of the returns that no other test names, each worked out again from the sample's own files.

Every test names its tables by id, which is how a reader of a page finds it (tests/by_hand.py joins the returns).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.places import SAMPLE
from bond_eval.evidence.registry import ALL, registered
from tests.by_hand import (
    AS_OF,
    BASELINE,
    BEYOND,
    DAY,
    FILES,
    IFA,
    KIN,
    NAMES,
    OP,
    OWN,
    births,
    built,
    dated,
    ends,
    joined,
    register,
    returned,
    sample,
    there,
    told,
    wilson,
)

MODULES = {
    "episodes": "Episodes", "header": "Header", "reviews": "Reviews", "uasc": "UASC", "oc2": "OC2", "oc3": "OC3",
    "ad1": "AD1", "placed_adoption": "PlacedAdoption", "prev_perm": "PrevPerm", "missing": "Missing",
}  # fmt: skip
ENTERED = "Became looked after"
Z = 1.959964


def reasons(codes: pd.Series, blank: str) -> dict[str, int]:
    words = told("codes.csv").query("code_set == 'REASON_PLACE_CHANGE'").set_index("code")["label"]
    return codes.map(words).fillna(blank).value_counts().to_dict()


def test_files_and_rows_are_those_of_the_folder() -> None:
    received = built("files_received").set_index("module")
    for file, module in MODULES.items():
        rows, files = returned(file), len(list(SAMPLE.glob(f"20*/{file}.csv")))
        aside = joined().rules["unusable"] if file == "episodes" else 0
        assert received.loc[module].tolist() == [files, len(rows), aside], module
    parts = received.drop(ALL)
    assert received.loc[ALL].tolist() == parts.sum().tolist() and not parts.drop(list(MODULES.values())).any(axis=None)
    covered = built("returns_covered")
    assert [str(day) for day in covered["to"]] == list(FILES)
    assert covered["rows"].tolist() == returned("episodes").groupby("file").size().tolist()
    years = [f"{year}-{year - 1999}" for year in range(2015, 2020)]
    assert covered["return"].tolist() == [*years, "2020-21 (part)"]


def test_rows_changed_in_joining_are_those_of_the_rules() -> None:
    stitched = built("stitching").set_index("rule")["rows"].to_dict()
    assert stitched == {rule: n for rule, n in joined().rules.items() if rule != "unusable"}
    aside = stitched["3"] + stitched["3A"] + joined().rules["unusable"]
    assert len(returned("episodes")) - aside == len(joined().rows) + sample().history.short_breaks


def test_reasons_are_those_that_the_return_gives() -> None:
    moves, table = joined().moves, built("ending_reasons")
    year = moves[moves["end"].between(AS_OF - 364 * DAY, AS_OF) & moves["next"].notna()]
    bought = year[year["category"].isin([OP, IFA])]
    for group, mine in (("All", year), ("Outside placement and IFA", bought)):
        rows = table[table["group"] == group].set_index("reason")["ended"]
        assert rows[ALL] == len(mine) == rows.drop(ALL).sum()
        assert rows.drop(ALL)[lambda n: n > 0].to_dict() == reasons(mine["REASON_PLACE_CHANGE"], "Not recorded")
    lies = moves["PL_POST"].map(told("postcodes.csv", SAMPLE).set_index("postcode")["authority"])
    new = moves[lies.notna() & (lies != "E08000006") & moves["start"].between(BASELINE + DAY, AS_OF)]
    came = new["before"].isna()
    found = built("new_out_of_area").set_index("reason")["placements"].to_dict()
    expected = {ALL: len(new), "Came into care": int(came.sum())}
    assert found == expected | reasons(new.loc[~came, "before"], "Reason not recorded")


def test_agency_placements_that_end_in_residential_care() -> None:
    table = built("ifa_to_residential")
    ended = joined().moves[(joined().moves["category"] == IFA) & (joined().moves["end"] < BEYOND)]
    windows = ((BASELINE - (AS_OF - BASELINE) + DAY, BASELINE), (BASELINE + DAY, AS_OF))
    for row, (first, last) in zip(table.itertuples(), windows, strict=True):
        mine = ended[ended["end"].between(first, last)]
        n = mine["next"].isin([OP, "Own home", "K1", "S1"]).sum()
        assert (row.children, row.of) == (n, len(mine)) and len(mine) > n > 0
        assert (row.share, row.lower, row.upper) == pytest.approx(wilson(n, len(mine)))
        assert row.covers == f"18 months to {last.day} {last:%B %Y}"


def test_a_year_that_is_not_over_says_how_far_it_goes() -> None:
    covers = built("flows_by_year").groupby("year")["covers"].unique().str.join(" ")
    assert covers.pop("2020-21") == "to 30 September 2020" and set(covers) == {"the whole year"}


def test_each_statement_of_the_baseline_stands_beside_its_day() -> None:
    """Source: the BOND report says 48 in 6.1 and 46 in 2.5; the assurance report of 2019 says 46, with no date."""
    table = built("baseline_statements")
    assert [str(day) for day in table["date"]] == ["2019-03-31", "2019-03-01", "2019-03-31"]
    counts = [(there(joined().rows, pd.Timestamp(day))["category"] == OP).sum() for day in table["date"]]
    assert table["children"].tolist() == counts and table["published"].tolist() == [48, 46, 46]
    assert table["difference"].tolist() == [n - told for n, told in zip(counts, (48, 46, 46), strict=True)]


def test_cohorts_are_followed_as_the_return_says() -> None:
    """Nobody is lost before the as-of date, so the curves are plain shares; their limits are written out here."""
    curves, parts = built("cohort_survival"), built("cohort_incidence")
    public = registered()["cohort_survival"].build(replace(sample(), audience="public"))
    for name in (OP, IFA):
        cohort = there(joined().stays[joined().stays["category"] == name], BASELINE)
        left, n = cohort[cohort["end"] < BEYOND], len(cohort)
        days = np.array([0, *sorted(((left["end"] - BASELINE) / DAY).unique()), (BEYOND - BASELINE) / DAY])
        curve = curves[curves["cohort"] == name]
        gone = np.array([((left["end"] - BASELINE) / DAY <= day).sum() for day in days])
        before = np.array([((left["end"] - BASELINE) / DAY < day).sum() for day in days])
        share = 1 - gone / n
        assert curve["months"].tolist() == [round(12 * day / 365.25, 2) for day in days]
        assert curve["at_risk"].tolist() == (n - before).tolist()
        spread = np.exp(Z * np.sqrt(gone / n / share / n))
        limits = np.column_stack([share, share / spread, np.minimum(share * spread, 1)])
        assert ends(curve, "estimate") == pytest.approx(limits, abs=1e-5)
        steps = -np.diff(public[public["cohort"] == name]["estimate"]) * n
        assert steps.sum() == pytest.approx(gone[-1]) and all(step > 5.9 or step < 0.1 for step in steps)

        mine = parts[parts["cohort"] == name]
        whose = mine.groupby("destination")["children"].max()
        foster = left["next"].isin([IFA, OWN, KIN]).sum()
        assert whose.sum() == gone[-1] and whose["Foster or connected care"] == foster > 0
        assert set(mine["of"]) == {n} and mine["estimate"].tolist() == pytest.approx((mine["children"] / n).tolist())
        last = mine[mine["months"] == mine["months"].max()]["estimate"].sum()
        assert last + curve["estimate"].iloc[-1] == pytest.approx(1)
        some = mine[mine["children"] > 0]
        p = some["estimate"].to_numpy()
        power = np.exp(Z * np.sqrt((1 - p) / p / n) / np.log(p))
        assert ends(some, "estimate")[:, 1:] == pytest.approx(np.column_stack([p ** (1 / power), p**power]), rel=1e-4)


def test_windows_of_the_forecast_hold_what_the_return_saw_in_them() -> None:
    windows, rows = built("forecast_windows").set_index("scenario"), joined().rows
    entry = ~rows.duplicated("period")
    before = rows.groupby("period")["category"].shift()
    adult = dated(rows["CHILD"].map(births())) + pd.DateOffset(years=18)  # leaving on it is growing up
    for scenario, days in (("Continue", ("2019-09-30", "2020-09-30")), ("Stop", ("2016-12-31", "2018-12-31"))):
        first, last = (pd.Timestamp(day) for day in days)
        assert pd.Timestamp("2015-04-01") <= first < last <= AS_OF
        seen = windows.loc[scenario]
        assert seen["window"] == f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}" and seen["reason"] == "-"
        begun = rows["start"].between(first + DAY, last)
        nights = (rows["end"].clip(upper=last) - rows["start"].clip(lower=first)) // DAY
        assert seen[["entrants", "nights"]].tolist() == [(entry & begun).sum(), nights.clip(lower=0).sum()]
        assert seen["into"] == (begun & (rows["category"] == OP) & before.notna() & (before != OP)).sum()
        gone = ~rows.duplicated("period", keep="last") | (rows.groupby("period")["category"].shift(-1) != OP)
        gone &= (rows["category"] == OP) & rows["end"].between(first + DAY, last) & (rows["end"] < adult)
        assert seen["out"] == gone.sum()
    same = windows.drop(columns="reason")
    assert (
        same.loc["Extend to 8 and over"].tolist() == same.loc["Continue"].tolist()
    )  # its own rates are not its window


def test_the_backcast_is_of_quarters_that_could_be_forecast() -> None:
    """The last value and what came are counted from the return; of the model only that its bands lie in one another."""
    table = built("forecast_backcast")
    quarters = pd.date_range("2016-03-31", AS_OF, freq="QE")
    counts = {day: there(joined().rows, day)["category"].value_counts() for day in quarters}
    for row in table.itertuples():
        pairs = [(day, day + pd.offsets.MonthEnd(row.horizon)) for day in quarters]
        pairs = [pair for pair in pairs if pair[1] <= AS_OF]
        was, came = ([counts[day].sum() if row.category == ALL else counts[day][row.category] for day in days]
                     for days in zip(*pairs, strict=True))  # fmt: skip
        assert (row.origins, row.least) == (len(pairs), min(came))
        assert row.last_value == pytest.approx(np.mean(np.abs(np.subtract(came, was))))
        assert 0 <= row.inside_50 <= row.inside_80 <= row.inside_95 <= 1 and row.model > 0
        nearer = abs(row.model - row.last_value) >= 0.5 and row.model < row.last_value
        assert (row.verdict == "nearer than the last value") is nearer
    assert len(table) == len(table[["category", "horizon"]].drop_duplicates()) == 3 * 5


def test_leaving_in_the_first_half_year_beside_later() -> None:
    """The score interval of a ratio of rates is Wilson's of the events' share, as odds: Graham and others 2003."""
    stays = joined().stays[joined().stays["start"] > pd.Timestamp("2015-04-01")]
    for row in built("forecast_duration").itertuples():
        mine = stays[stays["category"] == row.category]
        nights, left = (mine["end"] - mine["start"]) // DAY, mine["end"] < BEYOND
        early, late = (left & (nights <= 182)).sum(), (left & (nights > 182)).sum()
        risk = nights.clip(upper=182).sum(), (nights - 182).clip(lower=0).sum()
        shares = np.array(wilson(early, early + late))
        assert (row.ratio, row.lower, row.upper) == pytest.approx(tuple(shares / (1 - shares) * risk[1] / risk[0]))
        assert np.isnan(row.few) and row.verdict.startswith("length of stay matters") == (row.lower > 1)


def test_waits_are_kaplan_meier_medians_of_the_cases() -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    table = built("programme_waits").set_index(["programme", "step"])
    steps = {"Referral to decision": ("referral_date", "decision_date"), "Decision to start": ("decision_date",
             "start_date"), "Referral to start": ("referral_date", "start_date")}  # fmt: skip
    for (programme, name), (step, (first, then)) in ((a, b) for a in NAMES.items() for b in steps.items()):
        mine = register()[(register()["programme"] == programme) & register()[first].notna()]
        decided = mine["decision"] == "accepted" if step == "Decision to start" else mine["decision"] != "not accepted"
        mine = mine[decided | (step == "Referral to decision")]
        until = mine[then].fillna(mine["end_date"]).fillna(AS_OF)
        curve = SurvfuncRight(((until - mine[first]) / DAY).to_numpy(), mine[then].notna().to_numpy().astype(int))
        row = table.loc[(name, step)]
        assert row[["children", "reached"]].tolist() == [len(mine), mine[then].notna().sum()]
        assert row["median"] == curve.surv_times[curve.surv_prob <= 0.5 + 1e-9][0]
        assert row["lower"] <= row["median"] and not row["upper"] < row["median"]
    assert len(table) == len(NAMES) * len(steps)


def test_what_became_of_all_who_started() -> None:
    """Every starter is followed from the start, for becoming looked after or for leaving care, and never for both.

    The dial is two of twelve closed cases: BOND report to Cabinet 2021, 3.1 and 6.5.
    """
    from statsmodels.duration.survfunc import CumIncidenceRight

    table, seen = built("programme_outcomes"), built("edge_seen").set_index("seen_in")
    rows = joined().rows.groupby("period")
    spells = rows.agg(care_id=("CHILD", "first"), begun=("start", "first"), gone=("end", "last"))
    cases = register()[register()["start_date"].notna()].sort_values("start_date")
    birth = dated(cases["date_of_birth"]).fillna(AS_OF)  # whoever has none grows up after all this
    cases = cases.assign(adult=birth + pd.DateOffset(years=18))
    for programme, name in NAMES.items():
        mine = cases[cases["programme"] == programme].drop_duplicates("child_id")
        met = mine.merge(spells, on="care_id")
        cared = met[(met["begun"] <= met["start_date"]) & (met["gone"] > met["start_date"])]["child_id"]
        entry = met[met["begun"] > met["start_date"]].groupby("child_id")["begun"].min()
        out = mine[~mine["child_id"].isin(cared) & (mine["adult"] > mine["start_date"])]
        enters = entry.reindex(out["child_id"]).set_axis(out.index)
        first = pd.concat([enters, out["adult"]], axis=1).min(axis=1).clip(upper=BEYOND)
        cause = np.select([first == BEYOND, enters <= out["adult"]], [0, 1], 2)
        days = ((first - out["start_date"]) / DAY).to_numpy()
        rows = table[table["programme"] == name].set_index(["outcome", "cause"])
        for number, label in enumerate((ENTERED, "Turned 18"), start=1):
            row = rows.loc[(ENTERED, label)]
            assert row[["children", "events"]].tolist() == [len(out), ((cause == number) & (days <= 180)).sum()], name
            assert row["at_risk"] == (days >= 180).sum()
            assert row["unlinked"] == (out["care_id"] == "").sum()
        left = rows[rows.index.get_level_values("outcome") == "Left care"]
        assert set(left["children"]) == ({cared.nunique()} if len(cared) else set())
        if f"The register: {name}" in seen.index:
            row = seen.loc[f"The register: {name}"]
            then = days <= row["days"]
            assert row[["children", "events"]].tolist() == [len(out), ((cause == 1) & then).sum()]
            curve = CumIncidenceRight(days, cause.astype(float))
            steps = np.append(0, curve.cinc[0]) if 1 in cause else np.zeros(len(curve.times) + 1)
            share = steps[np.searchsorted(curve.times, row["days"], side="right")]
            assert row["share"] == pytest.approx(share) and not row["lower"] > share and not row["upper"] < share
    dial = seen.loc["The dial: closed cases as published"]
    assert ends(dial.to_frame().T, "share")[0] == pytest.approx(wilson(2, 12), abs=5e-4)
