"""The synthetic register: the published headlines, children who are those of the return, planted effects."""

import io
import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bond_eval.sample import World, build_world, write_sample
from bond_eval.sample.register import COLUMNS, FAULTS, register_files
from bond_eval.sample.register_lives import truth
from tests.helpers import SAMPLE

END, LIVE, SEPTEMBER_2019 = pd.Timestamp("2020-09-30"), pd.Timestamp("2020-02-01"), pd.Timestamp("2019-09-04")
DATES = ("referral_date", "decision_date", "start_date", "end_date")
CATEGORY = {"K1": "Secure", "P1": "With parents", "H5": "Supported", "P2": "Supported", "S1": "Residential school"}
Tables = dict[str, pd.DataFrame]


def read(world: World) -> Tables:
    """The files as a reader would take them: a case given twice once, one that ended before it began not at all."""
    files, _ = register_files(world)
    tables = {}
    for name, data in files.items():
        tables[name.split("/")[1][:-4]] = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    cases = tables["cases"].drop_duplicates()
    for name in DATES:
        cases[name] = pd.to_datetime(cases[name].replace("", None), format="%Y-%m-%d")
    cases = cases[~(cases["end_date"] < cases["referral_date"])]
    people = tables["people"].set_index("child_id")
    born = pd.to_datetime(cases["child_id"].map(people["date_of_birth"]))
    at = cases["referral_date"]
    early = (at.dt.month * 100 + at.dt.day) < (born.dt.month * 100 + born.dt.day)
    tables["cases"] = cases.assign(
        care=pd.to_numeric(cases["child_id"].map(people["care_id"]).replace("", None)).astype("Int64"),
        age=at.dt.year - born.dt.year - early,
        open=cases["start_date"].notna() & cases["end_date"].isna(),
        closed=cases["start_date"].notna() & cases["end_date"].notna(),
    )
    for name in ("events", "measures", "contacts"):
        tables[name] = tables[name].assign(date=pd.to_datetime(tables[name]["date"]))
    return tables


@pytest.fixture(scope="module", params=[2021, 3])
def world(request: pytest.FixtureRequest) -> World:
    """The published counts must not be the luck of one seed."""
    return build_world(seed=request.param)


@pytest.fixture(scope="module")
def tables(world: World) -> Tables:
    return read(world)


@pytest.fixture(scope="module")
def care(world: World) -> pd.DataFrame:
    rows = world.episodes
    return rows[~rows["LS"].isin(["V3", "V4"])]


@pytest.fixture(scope="module")
def route29(tables: Tables) -> pd.DataFrame:
    cases = tables["cases"]
    return cases[cases["programme"] == "route29"]


def open_on(care: pd.DataFrame, child: int, on: pd.Timestamp) -> pd.DataFrame:
    rows = care[care["CHILD"] == child]
    return rows[(rows["DECOM"] <= on) & (rows["DEC"].isna() | (rows["DEC"] > on))]


def entries(care: pd.DataFrame, cases: pd.DataFrame) -> pd.Series:
    """The first day of care after each case's referral (NaT: none)."""
    starts = care[care["RNE"] == "S"]
    found = []
    for child, on in zip(cases["care"], cases["referral_date"], strict=True):
        mine = starts.loc[(starts["CHILD"] == child) & (starts["DECOM"] > on), "DECOM"] if pd.notna(child) else []
        found.append(min(mine, default=pd.NaT))
    return pd.Series(found, index=cases.index, dtype="datetime64[us]")


# Route 29: BOND report, section 3.1


def test_route29_has_145_cases_87_open_30_closed(route29):
    assert len(route29) == route29["child_id"].nunique() == 145
    assert (route29["open"].sum(), route29["closed"].sum()) == (87, 30)
    others = route29[~route29["open"] & ~route29["closed"]]
    assert len(others) == 28 and set(others["decision"]) == {"waiting", "not accepted"}
    assert (others["decision_date"].isna() == (others["decision"] == "waiting")).all()
    assert route29["referral_date"].min() >= LIVE


def test_of_30_closed_2_became_looked_after_10_did_not_18_were(route29, care):
    closed = route29[route29["closed"]]
    before = closed["status_at_referral"] == "looked after"
    entered = entries(care, closed[~before])
    assert (before.sum(), entered.notna().sum(), entered.isna().sum()) == (18, 2, 10)
    assert (closed.loc[~before, "closure_reason"] == "became looked after").tolist() == entered.notna().tolist()
    assert (entered.dropna() > closed.loc[entered.dropna().index, "start_date"]).all()


def test_of_18_looked_after_16_kept_their_placement_2_moved_and_2_have_left_care(route29, care):
    closed = route29[route29["closed"] & (route29["status_at_referral"] == "looked after")]
    moved, left = [], []
    for case in closed.itertuples():
        mine = care[care["CHILD"] == case.care]
        changes = mine[(mine["RNE"] != "L") & (mine["DECOM"] > case.referral_date)]["DECOM"]
        assert len(open_on(care, case.care, case.referral_date)) == len(open_on(care, case.care, case.end_date)) == 1
        moved.append(((case.start_date < changes) & (changes < case.end_date)).any())
        assert moved[-1] or changes.empty
        left.append(open_on(care, case.care, END).empty)
    assert (sum(moved), len(moved) - sum(moved), sum(left)) == (2, 16, 2)


def test_39_open_cases_have_a_nurse_and_19_a_full_health_assessment(tables, route29):
    contacts = tables["contacts"][tables["contacts"]["programme"] == "route29"]
    nursed = set(contacts.loc[contacts["kind"] == "nurse", "child_id"])
    assessed = set(contacts.loc[contacts["kind"] == "health assessment", "child_id"])
    assert (len(nursed), len(assessed), assessed <= nursed) == (39, 19, True)
    assert nursed <= set(route29.loc[route29["open"], "child_id"])


def test_ages_are_mostly_14_to_17_and_the_too_young_are_8_to_11(route29):
    begun = route29[route29["start_date"].notna()]
    assert begun["age"].between(12, 17).all() and begun["age"].between(14, 17).mean() > 0.75
    young = route29[route29["decision_reason"] == "too young"]
    assert len(young) == 9 and young["age"].between(8, 11).all()
    assert set(route29.loc[route29["decision"] == "not accepted", "decision_reason"]) - {""} >= {"declined", "capacity"}


# The other programmes: BOND report 3.2 to 3.4, assurance report 3.2 and 3.4


def test_other_programmes_open_and_seen(tables):
    cases = tables["cases"]
    now = cases.groupby("programme")["open"].sum()
    assert (now["transforming_care"], now["act"], now["domestic_abuse"]) == (8, 10, 52)
    seen = cases[cases["start_date"].notna()].groupby("programme")["child_id"].nunique()
    assert seen["act"] == 21 and seen["domestic_abuse"] > 200
    assert cases.loc[cases["programme"] == "domestic_abuse", "age"].between(5, 18).all()
    twice = cases.groupby("child_id")["programme"].nunique()
    assert (twice == 2).sum() >= 6 and twice.max() == 2


def test_september_2019_as_it_stood_then(tables, care, world):
    cases = tables["cases"]
    then = cases[(cases["start_date"] <= SEPTEMBER_2019) & ~(cases["end_date"] <= SEPTEMBER_2019)]
    counts = then["programme"].value_counts()
    assert counts.to_dict() == {"transforming_care": 4, "act": 10}
    act = then[then["programme"] == "act"]
    looked_after = [not open_on(care, child, SEPTEMBER_2019).empty for child in act["care"].dropna()]
    assert (sum(looked_after), len(act) - sum(looked_after)) == (6, 4)
    if world.seed == 2021:
        secure = act[act["placement_at_referral"] == "Secure"]
        assert len(secure) == 1
        mine = care[(care["CHILD"] == secure["care"].item()) & (care["PLACE"] == "K1")]
        assert (abs(mine["DEC"] - SEPTEMBER_2019) < pd.Timedelta(days=36)).any(), "leaving its secure placement"


def count(tables: Tables, activity: str, **where: str) -> float:
    rows = tables["activity"]
    rows = rows[rows["activity"] == activity]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert len(rows)
    return pd.to_numeric(rows["value"]).sum()


def test_operation_encompass_by_week_and_month(tables):
    rows = tables["activity"]
    rows = rows[rows["activity"].str.startswith("Operation Encompass")].copy()
    rows["value"], rows["from"], rows["to"] = (
        pd.to_numeric(rows["value"]),
        *(pd.to_datetime(rows[n]) for n in ("from", "to")),
    )
    wide = rows.pivot_table(index=["from", "to"], columns="activity", values="value", aggfunc="sum").reset_index()
    wide.columns = [name.removeprefix("Operation Encompass ") for name in wide.columns]
    assert (wide["events"].sum(), wide["referrals"].sum(), wide["children"].sum()) == (904, 1613, 1435)
    assert (wide["events"] <= wide["referrals"]).all() and (wide["children"] <= wide["referrals"]).all()
    days = (wide["to"] - wide["from"]).dt.days + 1
    assert days.sum() == 182 and wide["from"].iloc[0] == pd.Timestamp("2020-01-01")
    weeks = wide.groupby(wide["from"] - pd.to_timedelta(wide["from"].dt.day_of_week, unit="D"))["referrals"].sum()
    assert (len(weeks), weeks.max(), weeks.idxmax()) == (27, 123, pd.Timestamp("2020-06-22"))
    months = wide.groupby(wide["from"].dt.month)["referrals"].sum()
    assert (months.max(), months.idxmax(), len(months)) == (404, 6, 6)
    assert (wide["from"].dt.month == wide["to"].dt.month).all()


def test_staff_posts_and_other_counts(tables):
    assert count(tables, "staff in post", programme="route29") == 29
    homes = {at: count(tables, "staff by home", breakdown=at) for at in ("Salford", "elsewhere")}
    assert homes == {"Salford": 13, "elsewhere": 16}
    names = ("staff care leavers", "staff existing employees", "apprenticeships planned", "apprenticeships enrolled")
    assert [count(tables, name) for name in names] == [2, 9, 18, 6]
    assert count(tables, "posts established") - count(tables, "posts filled") == 3, "the vacant posts of section 8"
    hub = tables["activity"][tables["activity"]["activity"] == "hub open"]
    assert hub["from"].tolist() == ["2020-01-06"]
    assert count(tables, "respite families") == 19
    plans = [count(tables, "child protection plans", breakdown=f"{at} domestic abuse") for at in ("with", "without")]
    assert plans[0] == 366 and int(1000 * plans[0] / sum(plans)) == 717
    assert count(tables, "children in need with domestic abuse") == 787


def test_populations_add_up_alike_and_say_they_are_made_up(tables):
    rows = tables["activity"]
    rows = rows[rows["activity"].isin(["eligible population", "children in need"])]
    assert set(rows["note"]) == {"synthetic"}
    by = rows.assign(value=pd.to_numeric(rows["value"]), split=rows["breakdown"].str.split(":").str[0])
    sums = by.groupby(["programme", "activity", "split"])["value"].sum().unstack()
    assert list(sums) == ["age", "deprivation", "disability", "ethnicity", "sex"]
    assert (sums.nunique(axis=1) == 1).all() and len(sums) == 4


# Linked to the return


@pytest.mark.parametrize("name", ["published", "null", "effect"])
def test_children_of_the_return_are_what_the_return_says(name):
    truth_ = build_world(seed=11, world=name)
    tables, rows = read(truth_), truth_.episodes
    care = rows[~rows["LS"].isin(["V3", "V4"])]
    cases, people = tables["cases"], tables["people"]
    linked = people[people["care_id"] != ""]
    born = truth_.people.set_index("CHILD")["DOB"]
    known = linked[linked["care_id"].astype(int).isin(born.index)]
    assert linked["care_id"].is_unique and (len(linked) - len(known), len(known) > 60) == (1, True)
    differ = known["date_of_birth"] != known["care_id"].astype(int).map(born).dt.strftime("%Y-%m-%d")
    assert differ.sum() == 1, "the one planted"
    looked_after = cases[cases["status_at_referral"] == "looked after"]
    assert len(looked_after) > 30 and looked_after["care"].notna().all()
    for case in cases[cases["care"].notna()].itertuples():
        there = open_on(care, case.care, case.referral_date)
        assert (not there.empty) == (case.status_at_referral == "looked after")
        if len(there) and there["PLACE"].item() in CATEGORY:
            assert case.placement_at_referral == CATEGORY[there["PLACE"].item()]
    assert ((cases["placement_at_referral"] != "") == (cases["status_at_referral"] == "looked after")).all()
    ended = cases[cases["closure_reason"] == "became looked after"]
    assert (entries(care, ended) <= ended["end_date"]).all() and len(ended)


# Faults, shape, bytes


def test_faults_are_there_once_each_and_disturb_no_headline(tmp_path):
    report = write_sample(tmp_path, children=600)
    assert Counter(fault.kind for fault in report.register) == dict.fromkeys(FAULTS, 1)
    raw = {name: pd.read_csv(tmp_path / f"register/{name}.csv", dtype=str, keep_default_na=False) for name in COLUMNS}
    assert {name: ",".join(table.columns) for name, table in raw.items()} == COLUMNS
    assert raw["cases"].duplicated().sum() == 1
    assert (
        raw["cases"]["end_date"].where(raw["cases"]["end_date"] != "", "9") < raw["cases"]["referral_date"]
    ).sum() == 1
    known = set(raw["people"]["child_id"])
    strange = {name: (~raw[name]["child_id"].isin(known)).sum() for name in ("cases", "events", "measures", "contacts")}
    assert strange == {"cases": 0, "events": 1, "measures": 0, "contacts": 0}
    assert (~raw["measures"]["rater"].isin(["parent", "teacher", "self", "worker"])).sum() == 1
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert all(f"- 1 × {what} (`{kind}`)" in text for kind, what in FAULTS.items())


def test_the_committed_register_is_what_the_generator_writes():
    fresh, _ = register_files(build_world())
    assert {name: (SAMPLE / name).read_bytes() for name in fresh} == fresh
    assert sum(map(len, fresh.values())) < 450_000


def test_same_world_same_bytes_and_scale(tmp_path):
    first, _ = register_files(build_world(seed=4, children=120, world="null"))
    assert first == register_files(build_world(seed=4, children=120, world="null"))[0]
    assert first != register_files(build_world(seed=6, children=120, world="null"))[0]
    small, large = (read(build_world(seed=4, children=size)) for size in (120, 1200))
    assert (len(small["cases"]), len(large["cases"])) == (pytest.approx(87, abs=4), pytest.approx(870, abs=8))
    assert count(large, "Operation Encompass referrals") == 3226
    register_files(build_world(seed=4, children=1))


def test_dates_and_scores_are_possible(tables):
    cases = tables["cases"]
    ordered = [cases[name] for name in DATES]
    for before, after in pairwise(ordered):
        assert not (after < before).any()
    assert cases[list(DATES)].max().max() <= END
    tops = {"sdq_total": 40, "sdq_impact": 10, "wellbeing": 35, "exploitation_risk": 30, "attendance": 100, "eet": 1}
    scores = tables["measures"]
    assert pd.to_numeric(scores["score"]).le(scores["measure"].map(tops)).all()
    assert set(scores["rater"]) == {"parent", "teacher", "self", "worker", "carer"}
    sdq = scores[(scores["measure"] == "sdq_total") & (scores["programme"] == "route29")]
    times = sdq.groupby(["child_id", "rater"]).size()
    assert times.max() == 2 and 0.2 < (times == 1).mean() < 0.9, "some last scores are missing"
    assert all(tables[name]["date"].max() <= END for name in ("events", "contacts", "measures"))
    kinds = {"missing", "arrest", "a_and_e", "exclusion", "exploitation_risk", "cetr", "admission", "marac", "cp_plan",
             "cin_plan", "neet", "substance_misuse", "domestic_abuse_notification"}  # fmt: skip
    assert kinds <= set(tables["events"]["type"])


# Null and effect worlds


@pytest.fixture(scope="module", params=["null", "effect"])
def planted(request: pytest.FixtureRequest) -> tuple[dict, Tables, pd.DataFrame]:
    """What a larger world says of itself, its register, and its time in care."""
    world = build_world(seed=3, children=4000, world=request.param)
    rows = world.episodes
    return truth(request.param), read(world), rows[~rows["LS"].isin(["V3", "V4"])]


def decided(tables: Tables) -> pd.DataFrame:
    """Decided cases of an age for the programme; `begins`: the start, or six days after a refusal."""
    cases = tables["cases"]
    cases = cases[(cases["decision"] != "waiting") & (cases["decision_reason"] != "too young")]
    would = cases["decision_date"] + pd.Timedelta(days=6)
    return cases.assign(begins=cases["start_date"].fillna(would), taken=cases["decision"] == "accepted")


def test_event_rates_after_the_start_are_the_planted_ones(planted):
    says, tables, _ = planted
    cases = decided(tables)
    cases = cases[(cases["programme"] == "route29") & (cases["begins"] <= END)]
    for kind, ratio in (("missing", says["event_rate_ratio_from_start"]["route29"]["missing"]), ("a_and_e", 1.0)):
        mine = tables["events"][tables["events"]["type"] == kind].merge(cases, on="child_id")
        after, before = mine["date"] >= mine["begins"], mine["date"] < mine["referral_date"]
        years = (END - cases["begins"]).dt.days.groupby(cases["taken"]).sum() / 365.25
        rates = mine[after].groupby("taken").size() / years
        # Children vary, so counts are overdispersed: the spread is of children, not of events.
        per = mine[after].groupby("child_id").size().reindex(cases["child_id"]).fillna(0)
        spread = sum(
            per[flag].var() * flag.sum() / per[flag].sum() ** 2
            for flag in (cases["taken"].to_numpy(), ~cases["taken"].to_numpy())
        )
        assert abs(np.log(rates[True] / rates[False] / ratio)) < 2.6 * np.sqrt(spread), kind
        if kind == "missing":
            fell = rates[False] / (mine[before & ~mine["taken"]].shape[0] / (~cases["taken"]).sum() * 365.25 / 365)
            assert fell < 0.96, "referral follows a bad spell, so fewer follow it whatever is done"


def test_parents_scores_change_as_planted_and_other_raters_do_not(planted):
    says, tables, _ = planted
    scores = tables["measures"].assign(score=pd.to_numeric(tables["measures"]["score"]))
    scores = scores[(scores["measure"] == "sdq_total") & (scores["rater"] != "carer")].sort_values("date")
    pairs = scores.groupby(["rater", "child_id", "programme"])["score"].agg(["first", "last", "size"])
    change = (pairs["last"] - pairs["first"])[pairs["size"] == 2]
    for rater, expected in (("parent", says["sdq_total_parent_change"]), ("teacher", 0.0), ("self", 0.0)):
        mine = change[rater]
        assert abs(mine.mean() - expected) < 0.25 + 2.6 * mine.std() / np.sqrt(len(mine)), rater


def test_entering_care_has_the_planted_hazard_ratio_and_is_in_the_return(planted):
    says, tables, care = planted
    cases = decided(tables)
    edge = cases["programme"].isin(["route29", "act"]) & (cases["status_at_referral"] == "edge of care")
    cases = cases[edge & (cases["begins"] <= END)]
    met = cases.merge(care, left_on="care", right_on="CHILD")
    there = (met["DECOM"] <= met["referral_date"]) & ~(met["DEC"] <= met["referral_date"])
    assert len(met) and not there.any(), "nobody on the edge of care is in it"
    entered = entries(care, cases)
    assert (entered.dropna() > cases.loc[entered.dropna().index, "begins"] - pd.Timedelta(days=6)).all()
    years = (entered.fillna(END) - cases["begins"]).dt.days.clip(lower=0).groupby(cases["taken"]).sum() / 365.25
    events = entered.notna().groupby(cases["taken"]).sum()
    ratio = (events[True] / years[True]) / (events[False] / years[False])
    error = np.sqrt((1 / events).sum())
    assert (
        error < 0.25
        and abs(np.log(ratio / says["becoming_looked_after_hazard_ratio_route29_and_act_from_start"])) < 2 * error
    )


def test_truth_says_what_the_register_holds(tmp_path):
    write_sample(tmp_path, children=60, world="effect")
    held = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["register"]
    assert held == truth("effect")
    assert held["event_rate_ratio_from_start"]["route29"]["missing"] == 0.6
    changed = [key for key, value in truth("null").items() if value != held[key]]
    assert len(changed) == 5 and truth("null") == truth("published")
