"""Figures of findings that no other test works out: each from the sample's own files, read by pandas alone.

Every test names its tables by id, which is how a reader of a page finds it (tests/by_hand.py joins the returns).
"""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.places import REFERENCE_RUN, SAMPLE
from bond_eval.economics.into_pounds import Design, programme_spend
from bond_eval.economics.money import spread
from bond_eval.evidence.found import find_findings
from bond_eval.evidence.registry import ALL, of_findings
from bond_eval.evidence.tables import cost_avoidance
from bond_eval.placements.categories import CATEGORIES
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
    joined,
    register,
    returned,
    sample,
    there,
    told,
    wilson,
)

HOME = ["E4", "E4A", "E4B"]


def measured(row: pd.Series, name: str = "share") -> list[float]:
    return [row[name], row["lower"], row["upper"]]


def test_who_came_back_within_the_year() -> None:
    """Leavings that can be followed for a year, by period of care and not by placement."""
    periods = joined().rows.groupby("period")
    times = periods.agg(child=("CHILD", "first"), begun=("start", "first"), gone=("end", "last"))
    again = times.groupby("child")["begun"].shift(-1) - times["gone"]
    for label, days in (("12 months", 365), ("24 months", 730)):
        left = times["gone"] + days * DAY <= BEYOND
        row = built("reentries").set_index(["within", "year"]).loc[(label, ALL)]
        back = (again[left] <= days * DAY).sum()
        assert row[["children", "of"]].tolist() == [back, left.sum()] and back > 20
        assert measured(row) == pytest.approx(wilson(back, left.sum()))


def test_moves_that_are_cheaper_or_planned() -> None:
    """By the published order of costs and the reasons of the return; whoever left care made no move."""
    ranks = told("cost_order.csv").set_index("category")["rank"].astype(float)
    words = told("move_reasons.csv").set_index("reason")["stability"]
    moves = joined().moves[joined().moves["next"].notna()].replace({"P1": "With parents"})
    gap = moves["next"].map(ranks) - moves["category"].map(ranks)
    moves = moves.assign(budget=np.select([gap < 0, gap > 0, gap == 0], ["cheaper", "dearer", "similar"], "not known"))
    moves["stability"] = moves["REASON_PLACE_CHANGE"].map(words).fillna("not known")
    table = built("move_marks").set_index(["window", "budget", "stability"])
    windows = {"Before the baseline": (BASELINE - (AS_OF - BASELINE) + DAY, BASELINE),
               "Since the baseline": (BASELINE + DAY, AS_OF)}  # fmt: skip
    for (window, *kinds), row in table.iterrows():
        if "not known" in kinds:  # a row without a provider splits one stay in two, neither of which has a cost
            continue
        mine = moves[moves["end"].between(*windows[window]) & (moves[["budget", "stability"]] == kinds).all(axis=1)]
        assert row["moves"] == len(mine), (window, kinds)
    amber = table.loc[("Since the baseline", "cheaper", "unplanned")]
    assert amber["mark"] == "amber" and amber["moves"] > 5


def test_three_or_more_placements_in_the_year() -> None:
    table = built("stability_measures").query("measure == 'Three or more placements in the year'")
    rule = table[table["rule"].str.startswith("Neither")].set_index("date")
    assert [str(day) for day in rule.index] == list(FILES)
    for date, row in rule.iterrows():
        day = pd.Timestamp(date)
        open_now = there(joined().rows, day)["CHILD"]
        moves = joined().moves
        year = moves[(moves["start"] <= day) & (moves["end"] > day - pd.DateOffset(years=1) + DAY)]
        year = year[(year["end"] > year["start"]) & year["CHILD"].isin(open_now)]
        many = (year.groupby("CHILD").size() >= 3).sum()
        assert row[["children", "of"]].tolist() == [many, len(open_now)], date
        assert measured(row) == pytest.approx(wilson(many, len(open_now)))


def test_who_lives_out_of_the_borough() -> None:
    now = there(joined().rows, AS_OF)
    lies = now["PL_POST"].map(told("postcodes.csv", SAMPLE).set_index("postcode")["authority"])
    sides = pd.Series(np.where(lies == "E08000006", "Inside", "Out of borough"), index=now.index)
    groups = now["category"].where(now["category"].isin([OP, IFA]), "All other placements")
    table = built("boundary_by_category").set_index(["category", "boundary"])["children"]
    assert lies.notna().all() and table[ALL, "Out of borough"] == (sides == "Out of borough").sum()
    for (category, side), n in pd.crosstab(groups, sides).stack().items():
        assert table[category, side] == n > 0, (category, side)


def test_where_the_baseline_children_went_first() -> None:
    table = built("cohort_destinations").set_index(["cohort", "destination"])["children"]
    for name in (OP, IFA):
        cohort = there(joined().stays[joined().stays["category"] == name], BASELINE)
        left = cohort[cohort["end"] < BEYOND]
        home = left["next"].eq("P1") | (left["next"].isna() & left["REC"].isin(HOME))
        assert table[name, "Home"] == home.sum() > 5
        assert table[name, "Foster or connected care"] == left["next"].isin([IFA, OWN, KIN]).sum()
        assert table[name, "Still there"] == len(cohort) - len(left) and table[name, ALL] == len(cohort)
        assert table[name].drop(ALL).sum() == len(cohort)


def test_residential_schools_are_counted_from_the_return() -> None:
    for row in built("residential_school").itertuples():
        assert row.children == there(joined().rows, pd.Timestamp(row.date))["PLACE"].eq("S1").sum(), row.date


def test_the_latest_year_beside_the_neighbours() -> None:
    """Counts over wholes of the DfE's files; the rank and medians are of the set of neighbours beside them."""
    from scipy.stats import chi2

    files = {path.stem: pd.read_csv(path, dtype=str) for path in (SAMPLE / "dfe").glob("synthetic_*.csv")}
    near = set(told("dfe/neighbours.csv", SAMPLE)["neighbour"])
    table = built("neighbour_latest").set_index("measure")

    def counts(name: str, series: str, column: str = "children_count") -> pd.Series:
        rows, (label, told) = files[f"synthetic_{name}"], series.split("=")
        rows = rows[(rows["geographic_level"] == "Local authority") & (rows[label] == told)]
        if name == "placement_stability":
            rows = rows[rows["cla_group"] == GROUPS[measure]]
        keys = rows.set_index(["new_la_code", "time_period"])
        return pd.to_numeric(keys[column], errors="coerce")

    asked = {
        "Looked after on 31 March": ("numbers_and_rates", ["population_type=Children looked after on 31 March each "
                                     "year"], ""),
        "Three or more placements in the year": ("placement_stability", ["placement_stability=With 3 or more "
                                                 "placements during the year"], "placement_stability=Total children"),
        "Same carer for at least two years": ("placement_stability", ["placement_stability=Living with the same carer "
                                              "for at least 2 years"], "placement_stability=Total children"),
        "New placements outside the authority's boundary": (
            "new_placements", [f"breakdown=Placed outside LA boundary {far} than 20 miles from home" for far in
                               ("less", "more")], "breakdown=Total new placements"),
    }  # fmt: skip
    for measure, (file, parts, whole) in asked.items():
        part = sum(counts(file, one) for one in parts)
        of = counts(file, whole) if whole else counts(file, *parts, "population_estimate")
        per, row = 100 if whole else 10_000, table.loc[measure]
        values = (per * part / of).unstack()
        n, total = part["E08000006", "2020"], of["E08000006", "2020"]
        exact = [chi2.ppf(p, 2 * count) / 2 / total for p, count in ((0.025, n), (0.975, n + 1))]  # Garwood 1936
        limits = wilson(n, total)[1:] if whole else exact
        assert row[["count", "of"]].tolist() == [n, total]
        assert measured(row, "value") == pytest.approx([per * n / total, *(per * end for end in limits)])
        others = values.loc[values.index.isin(near), "2020"].dropna()
        rank = (others > row["value"]).sum() + 1
        said = f"neighbours ({others.median():.1f}; mean {others.mean():.1f}); rank {rank} of {len(others) + 1},"
        assert said in row["statement"]
        change = values["2020"] - values["2019"]
        assert row["change"] == pytest.approx(change["E08000006"])
        assert row["others"] == pytest.approx(change[change.index.isin(near)].median())


GROUPS = {
    "Three or more placements in the year": "CLA on 31 March",
    "Same carer for at least two years": "Children looked after continuously for at least 2.5 years on 31 March aged "
    "under 16 years",
}


@cache
def lived(programme: str) -> pd.DataFrame:
    """Each starter's days from and to which events count before its case opened and after its first start; nothing is
    known before the register's first event or the child's birth, nor counted from its 18th birthday."""
    cases = register()[(register()["programme"] == programme) & register()["start_date"].notna()]
    cases = cases.sort_values(["start_date", "child_id", "case_id"]).drop_duplicates("child_id").set_index("child_id")
    born, begun, year = dated(cases["date_of_birth"]), cases["start_date"], 365 * DAY
    opened = cases[["referral_date", "decision_date", "start_date", "end_date"]].min(axis=1)
    roof = (born + pd.DateOffset(years=18)).clip(upper=BEYOND).fillna(BEYOND)
    floor = born.clip(lower=events()["day"].min()).fillna(events()["day"].min())
    return pd.DataFrame({
        "before": (opened - year).clip(lower=floor), "before_end": opened.clip(upper=roof),
        "after": begun.clip(lower=floor), "after_end": (begun + year).clip(upper=roof),
    })  # fmt: skip


@cache
def events() -> pd.DataFrame:
    rows = told("register/events.csv", SAMPLE).drop_duplicates()
    return rows.assign(day=dated(rows["date"])).query("day <= @AS_OF")


def happened(programme: str, type: str) -> pd.DataFrame:
    """Events and days of each starter, a year before its case opened and a year after its start at the most."""
    times, found = lived(programme), {}
    met = times.join(events()[events()["type"] == type].set_index("child_id")["day"], how="inner")
    for side in ("before", "after"):
        inside = (met["day"] >= met[side]) & (met["day"] < met[f"{side}_end"])
        found[side] = inside.groupby(level=0).sum().reindex(times.index, fill_value=0)
        found[f"{side}_days"] = ((times[f"{side}_end"] - times[side]) / DAY).clip(lower=0)
    return pd.DataFrame(found)


def test_events_after_the_start_over_those_before() -> None:
    """Many events: the two rates that solve the negative binomial's equations, its spread by moments. Few: exact.

    Source: Cameron and Trivedi 2013, 3; Clopper and Pearson 1934.
    """
    from scipy.stats import beta

    words = told("register_words.csv").query("field == 'type'").set_index("label")["word"]
    for row in built("programme_events").to_dict("records"):
        key = next(key for key, name in NAMES.items() if name == row["programme"])
        frame = happened(key, words[row["event"]])
        both = frame[(frame["before_days"] > 0) & (frame["after_days"] > 0)]
        counts, days = both[["before", "after"]].to_numpy(), both[["before_days", "after_days"]].to_numpy()
        assert row["children"] == len(both)
        assert [row["before"], row["after"]] == counts.sum(axis=0).tolist(), row["event"]
        if counts.sum() < 20 or (counts.sum(axis=1) > 0).sum() < 10 or (counts > 0).sum(axis=0).min() < 2:
            (b, a), (f, t) = counts.sum(axis=0), days.sum(axis=0)
            low, high = (0 if a == 0 else beta.ppf(0.025, a, b + 1)), (1 if b == 0 else beta.ppf(0.975, a + 1, b))
            limits = [low / (1 - low) * f / t, np.inf if high == 1 else high / (1 - high) * f / t]
            ratio = pd.Series([a / t * f / b if b else np.inf, *limits]).replace(np.inf, np.nan)  # shown as none
            assert measured(pd.Series(row)) == pytest.approx(ratio.tolist(), nan_ok=True)
            continue
        mean = days * counts.sum(axis=0) / days.sum(axis=0)
        spread = max(0, ((counts - mean) ** 2 - counts).sum() / (mean**2).sum())
        rates = counts.sum(axis=0) / days.sum(axis=0)
        for _ in range(200):
            weights = 1 / (1 + spread * rates * days)
            rates = (weights * counts).sum(axis=0) / (weights * days).sum(axis=0)
        assert row["share"] == pytest.approx(rates[1] / rates[0], rel=1e-4), row["event"]
        assert row["lower"] < row["share"] < row["upper"]


def test_headings_say_what_the_tables_of_results_say() -> None:
    events, outcomes = built("programme_events"), built("programme_outcomes")
    met = set()
    for page, key in (("route29_headings", "route29"), ("tcs_headings", "transforming_care"), ("act_headings", "act")):
        rows = built(page)
        mine = events[events["programme"] == NAMES[key]].set_index("event")
        for row in rows[rows["measure"].isin(mine.index)].to_dict("records"):
            numbers = mine.loc[row["measure"], ["children", "before", "after", *ENDS]].tolist()
            assert [row[name] for name in ("children", "before", "after", "ratio", "lower", "upper")] == numbers
            met.add(row["measure"])
        row = rows[rows["measure"] == "Became looked after within 180 days of the start"].iloc[0]
        known = outcomes[(outcomes["programme"] == NAMES[key]) & (outcomes["cause"] == "Became looked after")].iloc[0]
        assert row[["children", "after", "ratio", "lower", "upper"]].tolist() == (
            known[["children", "events", *ENDS]].tolist()
        )
    assert {"Missing", "Arrest", "A&E attendance", "Care, education and treatment review"} <= met
    said = built("route29_summary").set_index("said")["measures"]
    starts = {"No clear change": "no clear change", "Described only": "described", "Cannot be said": "cannot be said"}
    found = built("route29_headings")["said"]
    assert {name: said[name] for name in starts} == {name: found.str.startswith(w).sum() for name, w in starts.items()}
    assert said[ALL] == said.drop(ALL).sum() == len(found)


ENDS = ("share", "lower", "upper")


def test_scores_at_the_start_and_again() -> None:
    """The score nearest the start within 90 days, and the last that came 60 days after it; a paired t interval."""
    from scipy.stats import t

    words = told("register_words.csv").set_index(["field", "label"])["word"]
    scores = told("register/measures.csv", SAMPLE).drop_duplicates()
    scores = scores.assign(day=dated(scores["date"]), score=pd.to_numeric(scores["score"], errors="coerce"))
    scores = scores[(scores["day"] <= AS_OF) & scores["score"].notna()]
    known = [word for field, word in words.items() if field[0] == "rater"]
    scores["rater"] = scores["rater"].where(scores["rater"].isin(known), "")  # a word of no form: not known whose
    cases = register()[register()["start_date"].notna()].sort_values("start_date")
    cases = cases.drop_duplicates(["programme", "child_id"])[["programme", "child_id", "start_date"]]
    near = cases.merge(scores, on=["programme", "child_id"])
    near = near.assign(away=(near["day"] - near["start_date"]).abs())
    by = ["programme", "measure", "rater", "child_id"]
    first = near[near["away"] <= 90 * DAY].sort_values(["away", "day"]).drop_duplicates(by)
    later = first[[*by, "day", "score"]].merge(near[[*by, "day", "score"]], on=by, suffixes=("", "_again"))
    later = later[later["day_again"] >= later["day"] + 60 * DAY].sort_values("day_again")
    later = later.drop_duplicates(by, keep="last")
    changes = (later["score_again"] - later["score"]).groupby([later[name] for name in by[:3]])
    begun, scored = cases.groupby("programme").size(), first.groupby(by[:3]).size()
    wellbeing = dict.fromkeys(("starters", "scored", "pairs"), 0)
    for row in built("programme_scales").to_dict("records"):
        key = next(key for key, name in NAMES.items() if name == row["programme"])
        rater = words.get(("rater", row["rater"]), "")
        kind = (key, words["measure", row["measure"]], rater)
        n = int(changes.size().get(kind, 0))
        assert [row["starters"], row["scored"], row["pairs"]] == [begun[key], scored.get(kind, 0), n], kind
        if np.isfinite(row["share"]):
            mean, half = changes.mean()[kind], changes.sem()[kind] * t.ppf(0.975, n - 1)
            assert measured(pd.Series(row)) == pytest.approx([mean, mean - half, mean + half]), kind
        if row["measure"] == "Wellbeing":
            wellbeing = {name: n + row[name] for name, n in wellbeing.items()}
    whole = built("score_completion").set_index(["measure", "programme"]).loc[("Wellbeing: the young person", ALL)]
    assert whole[[*wellbeing]].tolist() == [*wellbeing.values()] and wellbeing["pairs"] > 20
    assert measured(whole) == pytest.approx(wilson(wellbeing["pairs"], wellbeing["starters"]))


def test_who_is_not_recorded_or_turned_away_as_too_young() -> None:
    missing, unmet = built("equity_missing").set_index(["programme", "characteristic"]), built("unmet_need")
    fields = {"Sex": "sex", "Ethnicity": "ethnicity", "Disability": "disability", "Deprivation": "deprivation_decile"}
    header = returned("header").drop_duplicates("CHILD", keep="last").set_index("CHILD")
    for key, name in NAMES.items():
        people = register()[register()["programme"] == key]
        for field, column in (("sex", "SEX"), ("ethnicity", "ETHNIC")):  # filled from the return where blank
            known = people["care_id"].map(header[column])
            people = people.assign(**{field: people[field].where(people[field] != "", known)})
        people, n = people.fillna({"sex": "", "ethnicity": ""}), people["child_id"].nunique()
        for label, field in fields.items():
            lacking = people.loc[people[field].isin(["", "REFU", "NOBT"]), "child_id"].nunique()
            row = missing.loc[(name, label)]
            assert row[["children", "of"]].tolist() == [lacking, n], (name, label)
            assert measured(row) == pytest.approx(wilson(lacking, n))
        refused = people[(people["decision"] == "not accepted") & people["start_date"].isna()]
        young = refused.loc[refused["decision_reason"] == "too young", "child_id"].nunique()
        row = unmet.set_index("programme").loc[name]
        assert row[["referred", "refused", "young"]].tolist() == [n, refused["child_id"].nunique(), young], name
        assert measured(row) == pytest.approx(wilson(young, n))


def counts(programme: str, activity: str, first: str = "", last: str = "2020-09-30") -> pd.Series:
    """Sums of the register's activity file by breakdown, of what began in a time."""
    rows = told("register/activity.csv", SAMPLE)
    rows = rows[(rows["programme"] == programme) & (rows["activity"] == activity) & rows["from"].between(first, last)]
    return rows["value"].astype(float).groupby(rows["breakdown"]).sum()


def test_training_files_plans_and_conferences_are_those_of_the_activity_file() -> None:
    places, staff = (counts("trauma", name) for name in ("practitioners trained", "workforce"))
    table = built("trauma_training").set_index("sector")
    for sector, row in table.iterrows():
        n, of = ((part.sum() if sector == ALL else part[str(sector).lower()]) for part in (places, staff))
        assert row[["children", "of"]].tolist() == [n, of] and measured(row) == pytest.approx(wilson(n, of))
    assert len(table) == len(staff) + 1

    [row] = built("trauma_change").to_dict("records")
    audits = [counts("trauma", "files audited", *days) for days in (("2020-01-01", "2020-03-31"), ("2020-07-01",))]
    (p, *first), (q, *last) = (wilson(one["trauma informed"], one.sum()) for one in audits)
    # Newcombe 1998, method 10: the distances of the two shares from their own limits.
    low = q - p - np.hypot(q - last[0], first[1] - p)
    high = q - p + np.hypot(last[1] - q, p - first[0])
    files = [n for one in audits for n in (one["trauma informed"], one.sum())]
    assert [row[name] for name in ("before", "before_of", "after", "after_of")] == files
    assert [row[name] for name in ("change", "lower", "upper")] == pytest.approx([100 * x for x in (q - p, low, high)])

    post, before = (counts("route29", name).sum() for name in ("staff in post", "staff existing employees"))
    row = built("social_value").set_index("measure").loc["Staff newly recruited"]
    assert row[["children", "of"]].tolist() == [post - before, post]
    assert measured(row) == pytest.approx(wilson(post - before, post))

    plans = counts("trauma", "parents with adult mental health services")
    whole = built("adult_mental_health").set_index("programme").loc[ALL]
    assert whole[["referred", "planned"]].tolist() == [plans["referred"], plans["joint plan"]]
    assert measured(whole) == pytest.approx(wilson(plans["joint plan"], plans["referred"]))

    years = [counts("domestic_abuse", "MARAC cases", f"{year}-10-01", f"{year + 1}-09-30") for year in (2018, 2019)]
    table = built("marac_change").set_index("measure")
    for part, measure in ((None, "Cases, latest year"), ("repeat", "Share of cases that are repeats")):
        before, after = ((one[part] if part else one.sum()) for one in years)
        assert table.loc[measure, ["before", "after"]].tolist() == [before, after]
    (b, n), (a, m) = ((one["repeat"], one.sum()) for one in years)
    ratio, half = a / m / (b / n), 1.959964 * np.sqrt(1 / a - 1 / m + 1 / b - 1 / n)  # Katz 1978
    limits = [ratio, ratio / np.exp(half), ratio * np.exp(half)]
    assert measured(table.iloc[-1], "ratio") == pytest.approx(limits)


def test_who_was_asked_and_what_they_told() -> None:
    asked = told("measures/voice.csv", SAMPLE)[["invited", "responded"]].astype(int).sum()
    row = built("voice").iloc[-1]
    assert row[["asked", "answered"]].tolist() == asked.tolist()
    assert measured(row) == pytest.approx(wilson(asked["responded"], asked["invited"]))
    cases = told("measures/case_studies.csv", SAMPLE).query("consent == 'yes'")
    themes = {(row.theme, NAMES.get(row.programme, "Trauma-informed approaches")) for row in cases.itertuples()}
    table = built("case_themes")
    assert set(zip(table["theme"], table["programme"], strict=True)) == themes and set(table["present"]) == {1}
    assert len(table) == len(themes) < len(told("measures/case_studies.csv", SAMPLE))


def test_claims_in_placements() -> None:
    """Source: BOND report to Cabinet 2021, 3.2 to 3.4, 6.5 and the programme table: £ claimed, for how many, each."""
    published = [(4_000_000, 72, 200_000, 1724), (2_100_000, 8, 350_000, 158), (6_650_000, 19, 350_000, 158),
                 (3_780_000, 21, 180_000, 136), (522_000, 52, 2_622_000 / 52, 348)]  # fmt: skip
    for row, (claimed, children, each, cost) in zip(built("programme_claims").itertuples(), published, strict=True):
        assert (row.claimed, row.children, row.unit_cost) == pytest.approx((claimed, children, each))
        assert (row.implied, row.needed) == pytest.approx((claimed / each, 1000 * cost / each))
        assert row.share == pytest.approx(1000 * cost / each / children)


def test_benefits_with_a_target_and_a_count_can_be_judged() -> None:
    """Source: the reports' targets and counts; a target above its baseline is to be reached from below."""
    file = told("benefits.csv").query("authority == 'salford'")
    both = (file["target"] != "") & (file["realised"] != "")
    table = built("benefits")
    assert table["benefit"].tolist() == file["benefit"].tolist()
    assert table["whole"].tolist() == both.astype(int).tolist()
    told_so = table[both.to_numpy()].set_index("benefit")[["baseline", "target", "realised"]]
    assert told_so.to_numpy().tolist() == [[48, 25, 42], [63, 106, 51], [0, 640, 1280], [0, 10, 8]]
    reached = table["status"] == "reached by the published figure"
    assert table.loc[reached, "benefit"].tolist() == ["First year's placement saving"]


def test_published_figures_are_counted_by_verdict() -> None:
    file, table = told("claims.csv"), built("claims_by_topic")
    file = file[~file["section"].str.contains("our test")]
    assert table["claims"].sum() == len(file) == 235
    verdicts = built("claims").query("kind == 'published'").groupby(["topic", "verdict"]).size()
    for row in table.itertuples():
        assert row.claims == verdicts.get((row.topic, row.verdict), 0), row
    # What somebody read as open is so by the file; for the rest a formula stands in it that the package works out.
    open_to_no_test = file[file["expect"] == "not testable"].groupby("topic").size()
    found = table[table["verdict"] == "not testable"].set_index("topic")["claims"]
    assert found[found > 0].to_dict() == open_to_no_test.to_dict() and (table["claims"] >= 0).all()
    expected = file.groupby("expect").size()
    sums = table.groupby("verdict")["claims"].sum()
    assert sums[sums > 0].to_dict() == expected.to_dict()


def test_tariffs_and_worth_of_two_other_authorities() -> None:
    """Southampton: £460k a year; an outcome worth £160k. Sandwell: £287,500 in two years, 3.5% a year."""
    anyway = (0.1, (15 - 6) / 21, 0.9)
    settings = [(share, n) for share in anyway for n in (3, 6, 12)]
    table = built("contract_tariffs")
    for row, (share, n) in zip(table.itertuples(), settings, strict=True):
        assert (row.outcomes, row.anyway) == (str(n), f"{100 * share:.0f}%")
        assert (row.provider, row.council) == pytest.approx((460_000 / n, 160_000 * (1 - share)))
        assert row.agree == (460_000 / n <= 160_000 * (1 - share))
    assert table["agree"].sum() == 4
    worth = built("proposal_value").set_index("measure")["pounds"]
    assert worth["Put in, at the first year's worth"] == pytest.approx(287_500 / 2 * (1 + 1 / 1.035))
    assert built("service_cost")["cost"].tolist() == [173.265, 460]


def test_the_review_of_the_first_twelve_months() -> None:
    """What was planned for those looked after at the baseline, at the numbers that came, less the published outturn."""
    month_ends = pd.date_range("2019-04-30", "2020-03-31", freq="ME")
    rows = joined().rows
    came = np.mean([len(there(rows, day)) for day in month_ends]) / len(there(rows, BASELINE))
    [row] = built("review").to_dict("records")
    planned = 48 * 200 + 2 * 200 + 63 * 40
    assert [row["saved"], row["planned"]] == pytest.approx([planned * came - 11_072, 640], abs=0.01)
    assert row["demand"] == pytest.approx(came - 1) and row["raw"] == pytest.approx(planned - 11_072, abs=1)
    least = min(there(rows, day)["category"].isin([OP, IFA]).sum() for day in month_ends)
    assert row["children"] == least and row["verdict"] == "on track"


def net(at: dict) -> tuple:
    """£000 a year that the dials avoid, and that less the programmes' cost, written out in one line a part."""
    parts = at["op_baseline"] * (at["op_still_without"] - at["op_still"]) * (at["op_fee_000"] - at["after_op_000"])
    ifas = at["ifa_baseline"] * (at["ifa_still_without"] - at["ifa_still"])
    parts = at["attribution"] * (parts + ifas * (at["ifa_fee_000"] - at["after_ifa_000"]))
    spared = at["edge_children"] * (at["p0"] - at["p1"]) * at["op_if_looked_after"] * at["stay"]
    edge = spared * at["op_fee_000"] - np.maximum(spared, 0) * at["edge_instead_000"]
    ups = at["step_up_children"] * (at["step_up_0"] - at["step_up_1"]) * at["stay"]
    avoided = parts + edge + ups * (at["op_fee_000"] - at["ifa_fee_000"])
    return avoided, avoided - at["cost_000"]


def test_the_net_position_is_that_of_its_draws() -> None:
    """A seeded draw of each dial; the model is written again here, and the five years are discounted by hand."""
    from bond_eval.evidence.tables.what_would_change_the_answer import simulated

    drawn = simulated(sample()).inputs
    avoided, left = net(drawn)
    row = built("net_position").iloc[-1]
    limits = np.quantile(left, [0.025, 0.975])
    assert row[["mean", "lower", "upper"]].tolist() == pytest.approx([left.mean(), *limits])
    assert row["above"] == (left > 0).mean()
    full = built("option_net").iloc[0]
    assert full[["gross", "net"]].tolist() == pytest.approx([2591, 2591 - avoided.mean()])
    limits = np.quantile(2591 - avoided, [0.025, 0.975])
    assert full[["lower", "upper"]].tolist() == pytest.approx(limits) and full["pays"] == (avoided > 2591).mean()

    factor = (1.035 ** -np.arange(5)).sum()
    prices = told("deflators.csv").set_index("year")["index"].astype(float)
    saved, cost = avoided * prices["2021-22"] / prices["2019-20"] * factor, 2791 * factor
    row = built("appraisal").set_index(["benefit", "basis"]).loc[("avoided cost", "as given")]
    assert row[["pv_benefit", "pv_cost"]].tolist() == pytest.approx([saved.mean(), cost])
    limits = np.quantile(saved - cost, [0.025, 0.975])
    assert row[["npv", "lower", "upper"]].tolist() == pytest.approx([saved.mean() - cost, *limits])
    assert row["ratio"] == pytest.approx(saved.mean() / cost)


def test_which_dial_alone_brings_the_net_position_to_nought() -> None:
    """The net position goes one way along each dial, so that its sign at the two ends says whether it is met."""
    from bond_eval.evidence.dials import dials

    known = dials("net position")
    means = {name: (dial.low + dial.mode + dial.high) / 3 for name, dial in known.items()}
    free = {name: dial for name, dial in known.items() if dial.low < dial.high}
    reached = [int(np.prod([net(means | {name: end})[1] for end in (dial.low, dial.high)]) < 0)
               for name, dial in free.items()]  # fmt: skip
    table = built("net_break_even")
    assert table["reached"].tolist() == reached and sum(reached) == 1
    # 97 of 100: the net position is a straight line of this dial.
    none, whole = (net(means | {"op_still_without": share})[1] for share in (0, 1))
    assert table.loc[table["reached"] == 1, "needed"].tolist() == [f"{100 * none / (none - whole):.0f}%"]


def test_forecasts_are_quantiles_of_their_paths() -> None:
    """Today's number and those before it are counted from the return; what is to come are the simulated paths'."""
    from bond_eval.evidence.tables.placement_forecast import outlook

    scenario = outlook(sample()).scenarios[0]
    last = pd.Timestamp("2022-09-30").date()
    night = np.sort(scenario.paths.night(last)[:, 0])
    table = built("forecast_by_month")
    mine = table[(table["scenario"] == scenario.name) & (table["category"] == OP)].set_index("date")
    row, n = mine.loc[last], len(night)
    assert row[["median", "lower_95", "upper_95"]].tolist() == [night[round(p * (n - 1))] for p in (0.5, 0.025, 0.975)]
    for day, seen in mine["actual"].dropna().items():
        assert seen == (there(joined().rows, pd.Timestamp(day))["category"] == OP).sum(), day
    days = scenario.paths.child_days(pd.Timestamp("2021-04-01").date(), pd.Timestamp("2022-03-31").date())
    costs = built("forecast_costs")
    year = costs[(costs["scenario"] == scenario.name) & (costs["year"] == "2021-22")].set_index("category")
    assert year.loc[ALL, "days"] == np.median(days.sum(axis=1))
    costs_of = np.sort((days * outlook(sample()).prices).sum(axis=1)) / 1000
    shown = year.loc[ALL, ["median", "lower_95", "upper_95"]].tolist()
    assert shown == pytest.approx([costs_of[round(p * (n - 1))] for p in (0.5, 0.025, 0.975)])
    # The price list where no fee of a child's own stands: all placements together come to about that.
    weekly = told("finance/unit_costs.csv", SAMPLE).drop_duplicates("category", keep="last").set_index("category")
    names = list(year.index.drop(ALL))
    listed = np.median(days @ weekly["pounds_per_week"].astype(float).reindex(names).to_numpy()) / 7 / 1000
    assert year.loc[ALL, "median"] == pytest.approx(listed, rel=0.1)
    beds = built("forecast_sufficiency").set_index(["scenario", "category"]).loc[(scenario.name, OP)]
    peaks = np.sort(scenario.paths.daily[:, :, 0].max(axis=1))
    assert beds[["median", "upper_80"]].tolist() == [peaks[round(p * (n - 1))] for p in (0.5, 0.9)]


def entered(low: int, high: int) -> tuple[pd.Series, pd.Series]:
    """Entries to outside placements at some ages by month, and the child-days of all looked after at those ages."""
    months = pd.period_range("2015-04", "2020-09", freq="M")
    stays, rows = joined().stays.query("category == @OP and start >= '2015-04-01'"), joined().rows
    born = dated(stays["CHILD"].map(births()))
    aged = stays["start"].between(born + pd.DateOffset(years=low), born + pd.DateOffset(years=high) - DAY)
    n = stays.loc[aged, "start"].dt.to_period("M").value_counts().reindex(months, fill_value=0)
    born = dated(rows["CHILD"].map(births()))
    first, last = (born + pd.DateOffset(years=years) for years in (low, high))
    first, last = np.maximum(rows["start"], first), np.minimum(rows["end"], last)
    edges = [(month.start_time, (month + 1).start_time) for month in months]
    inside = [last.clip(upper=end) - first.clip(lower=start) for start, end in edges]
    return n, pd.Series([(nights / DAY).clip(lower=0).sum() for nights in inside], months)


def test_the_change_of_trend_is_near_what_a_plain_regression_says() -> None:
    """The baseline's year and the comparison with the under-12s to the last digit; the primary model weighs
    neighbouring months, so that a plain Poisson regression lies near it."""
    import statsmodels.api as sm
    from scipy.stats.contingency import odds_ratio

    (n, days), (young, others) = entered(12, 18), entered(0, 12)
    table = built("trend_answer").set_index("question")
    year, before = n["2018-04":"2019-03"].sum(), n[:"2018-03"].sum()
    share = np.array(wilson(year, year + before))
    risk = days[:"2018-03"].sum() / days["2018-04":"2019-03"].sum()
    row = table.loc["baseline"]
    assert [*measured(row, "value"), row["n"]] == pytest.approx([*(share / (1 - share) * risk), year + before])
    since = n.index >= "2020-02"
    counted = [[series[part].sum() for part in (since, ~since)] for series in (n, young)]
    over = [series[since].sum() / series[~since].sum() for series in (others, days)]
    row = table.loc["younger"]
    assert row["value"] == pytest.approx(odds_ratio(counted).statistic * over[0] / over[1])
    assert row["n"] == np.sum(counted) and row["few"] == counted[1][0]
    lockdown = np.zeros(len(n))
    lockdown[[59, 60, 61, 62, 63]] = 9 / 31, 1, 1, 1, 3 / 31  # 23 March to 3 July 2020
    columns = np.column_stack([np.ones(len(n)), np.arange(len(n)), since, lockdown])
    fit = sm.GLM(n.to_numpy(), columns, family=sm.families.Poisson(), offset=np.log(days.to_numpy())).fit()
    assert table.loc["primary", "value"] == pytest.approx(np.exp(fit.params[2]), rel=0.08)
    designs = built("trend_designs")
    dates = designs[designs["group"].isin(["Primary", "Another date"])]
    assert table.loc["dates", "value"] == (dates["reading"] != "cannot be judged").sum() == len(dates) - 1
    compared = designs[~designs["group"].isin(["Another outcome", "Published"]) & designs["few"].isna()]
    assert table.loc["agreement", "value"] == compared["ratio"].notna().sum() > 10


def test_the_smallest_fall_is_seen_four_times_in_five() -> None:
    """Counts before and after are drawn, fewer by their spread between quarters, and tested with their sum as given."""
    from scipy.stats import binom

    moves = joined().moves.query("category == @OP and start >= '2015-04-01'")
    born = dated(moves["CHILD"].map(births()))
    aged = moves["start"].between(born + pd.DateOffset(years=12), born + pd.DateOffset(years=18) - DAY)
    quarters = moves.loc[aged, "start"].dt.to_period("Q").value_counts().sort_index()[:"2019Q4"]
    row = built("detectable_effects").set_index("measure").loc["Outside placements begun, ages 12 to 17"]
    assert row[["events", "quarters", "after"]].tolist() == [quarters.sum(), len(quarters), 2]
    assert row["dispersion"] == pytest.approx(quarters.var() / quarters.mean())
    draws, each = np.random.default_rng(1), quarters.var() / quarters.mean() * len(quarters)
    for change in (1 - row["fall"], 1 + row["rise"]):
        before, after = (draws.poisson(quarters.sum() / each * time, 40_000) for time in (len(quarters), 2 * change))
        tails = binom.cdf(after, before + after, 2 / 21), binom.sf(after - 1, before + after, 2 / 21)
        assert (np.minimum(*tails) <= 0.025).mean() == pytest.approx(0.8, abs=0.02)


def test_comparisons_of_groups_are_counted_once_a_pair() -> None:
    table, stages = built("equity_summary").set_index(["programme", "stage"]), built("equity_stages")
    stages = stages[stages["verdict"] != "not compared"]
    for (programme, stage), row in table.iterrows():
        judged, differ = 0, 0
        mine = stages[(stages["programme"] == programme) & (stages["stage"].eq(stage) | (stage == ALL))]
        for _, groups in mine.groupby(["stage", "characteristic"]):
            groups = groups.iloc[:1] if len(groups) == 2 else groups  # two groups: one comparison from either side
            known = groups[groups["verdict"] != "too few to judge"]
            judged += len(known)
            differ += ((known["lower"] > 1) | (known["upper"] < 1)).sum()
        assert row[["compared", "differ"]].tolist() == [judged, differ], (programme, stage)
        assert row["chance"] == pytest.approx(judged / 20)
    assert table.loc[("Route 29", ALL), "differ"] > 5
    people = register().query("programme == 'route29'").drop_duplicates("child_id")
    need = counts("route29", "children in need")
    for label in ("No", "Yes"):
        row = stages[(stages["programme"] == "Route 29") & (stages["stage"] == "Referred, of children in need")
                     & (stages["characteristic"] == "Disability") & (stages["value"] == label)].iloc[0]  # fmt: skip
        assert row["before"] == need[f"disability: {label.lower()}"]
        assert row["reached"] == (people["disability"] == label.lower()).sum()


def test_questions_that_have_findings_are_counted() -> None:
    """The ten of Appendix 4 and the four of the scope: some finding with a value is of each, none with a comparison."""
    facts = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"]
    found = find_findings(facts, None)
    asked, table = told("questions.csv"), of_findings()["answer_summary"].build(found).set_index("of")
    named = {question for one in found for question in one["questions"] if one["value"] is not None}
    for row, kind in zip(table.itertuples(), ("question", "scope"), strict=True):
        ids = set(asked.loc[asked["kind"] == kind, "id"])
        assert (row.asked, row.answered) == (len(ids), len(ids & named)) and row.compared == 0
    assert not any(grade in one["strength"] for one in found for grade in ("Maryland 3", "Maryland 4", "Maryland 5"))


def test_pounds_of_a_design_are_its_median_and_what_was_spent_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three draws of a made-up design: median 200, ends by linear interpolation, one in three above what was spent."""
    pounds, spent = np.array([-100_000.0, 200_000.0, 400_000.0]), 250_000.0
    days = np.zeros((3, len(CATEGORIES)))
    days[:, [CATEGORIES.index(OP), CATEGORIES.index(IFA)]] = [[1, 9], [5, 2], [3, 4]]
    view = sample()
    made = Design("Demand model", AS_OF.date(), days, spread(pounds), spread(pounds - spent), spent)
    monkeypatch.setattr(cost_avoidance, "outlook", lambda view: SimpleNamespace(designs=(made,)))
    [row] = built("avoided_by_design").to_dict("records")
    assert [row[name] for name in ("median", "lower", "upper", "net", "net_lower", "net_upper", "spend")] == (
        pytest.approx([200, -85, 390, -50, -335, 140, 250])
    )
    assert [row["outside_days"], row["ifa_days"]] == [3, 4]
    assert [row["above_zero"], row["paid"]] == pytest.approx([2 / 3, 1 / 3])
    external = joined().rows[joined().rows["category"].isin([OP, IFA])]
    assert view.as_of == AS_OF.date() and row["children"] == there(external, AS_OF)["CHILD"].nunique()
    payments = told("finance/programme_spend.csv", SAMPLE)
    since = payments[payments["month"] >= "2019-01"]["pounds"].astype(float).sum()
    assert programme_spend(view.finance, pd.Timestamp("2019-01-01").date(), view.as_of) == pytest.approx(since)
