"""Tables of the register and of published documents that no other test names, against the files and the documents."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest

from bond_eval.core.places import REFERENCE, REFERENCE_RUN, SAMPLE
from bond_eval.evidence.registry import ALL, registered
from bond_eval.evidence.tables import social_value
from tests.by_hand import built, ends, register, sample, told, wilson

VERDICTS = ("Better", "Worse", "No clear change", "Too few or too early", "Described only", "Cannot be said")


def verdict(row: pd.Series) -> str:
    """What a row of headings comes to by its own numbers: below is better, and under ten nothing is judged."""
    if row["form"] == "Share":
        return "Described only"
    numbers = [row["children"], row["beside"] if row["form"].startswith("Difference") else row["children"]]
    if not min(numbers) >= 10:
        return "Too few or too early"
    _, low, high = (float(text.replace("−", "-")) for text in re.findall(r"−?[\d.]+", row["shown"]))
    null = 1 if row["form"].startswith("Rate") else 0
    return "No clear change" if low <= null <= high else "Better" if high < null else "Worse"


def test_summaries_count_the_rows_of_their_headings() -> None:
    for programme, summary, headings, measures in (
        ("act", "act_summary", "act_headings", 14),
        ("transforming_care", "tcs_summary", "tcs_headings", 9),
    ):
        counts, rows = built(summary).set_index("said")["measures"], built(headings)
        found = rows.apply(verdict, axis=1).value_counts()
        assert counts.drop(ALL).to_dict() == {name: found.get(name, 0) for name in VERDICTS}
        assert counts[ALL] == counts.drop(ALL).sum() == len(rows) == measures
        begun = register()[(register()["programme"] == programme) & register()["start_date"].notna()][
            "child_id"
        ].nunique()
        assert set(rows[rows["measure"] == "A&E attendance"]["children"]) == {begun}


def counted(programme: str, activity: str) -> dict[str, float]:
    """What the register's activity file counts, summed by its breakdown."""
    rows = told("register/activity.csv", SAMPLE)
    rows = rows[(rows["programme"] == programme) & (rows["activity"] == activity)]
    return rows.assign(value=rows["value"].astype(float)).groupby("breakdown")["value"].sum().to_dict()


def test_trauma_work_is_what_the_activity_file_counts() -> None:
    practice, rows = built("trauma_practice"), told("register/activity.csv", SAMPLE)
    audits = rows[rows["activity"] == "files audited"].pivot(index="from", columns="breakdown", values="value")
    audits = audits.astype(float).sort_index()
    assert practice["period"].tolist() == ["January 2020 to March 2020", "July 2020 to September 2020"]
    for row, (part, other) in zip(practice.itertuples(), audits[["trauma informed", "not trauma informed"]].to_numpy(),
                                  strict=True):  # fmt: skip
        assert tuple(row)[2:] == pytest.approx((part, part + other, *wilson(part, part + other)))

    table = built("trauma_referrals")
    sources = counted("trauma", "referrals")
    made = {("Referrals", name.capitalize()): n for name, n in (sources | {"all": sum(sources.values())}).items()}
    parents = counted("trauma", "parents with adult mental health services")
    made |= {("Parents and adult mental health", name.capitalize()): n for name, n in parents.items()}
    assert table.set_index(["group", "source"])["referrals"].to_dict() == made and len(table) == len(made)

    held = [counted("trauma", name) for name in ("practitioners trained", "workforce", "files audited", "referrals")]
    scored = [(told(f"register/{name}.csv", SAMPLE)["programme"] == "trauma").any() for name in ("cases", "measures")]
    ready = built("trauma_readiness")
    expected = [*map(bool, held), *map(bool, scored), False]
    assert ready["data"].tolist() == ["yes" if one else "none" for one in expected]
    assert ready["lacking"].tolist() == [int(not one) for one in expected] and ready["needs"].str.len().min() > 10


def test_steps_of_the_perpetrator_pilot() -> None:
    """The cost of the pilot, £108,476: BOND report to Cabinet 2021, 3.4."""
    table, counts = built("perpetrator_pilot").set_index("step"), counted("domestic_abuse", "perpetrator pilot")
    order = ["referred", "started", "completed"]
    assert list(table.index) == [name.capitalize() for name in order]
    assert table["children"].tolist() == [counts[name] for name in order]
    assert table["cost"].tolist() == pytest.approx([108476 / counts[name] for name in order])
    assert table.loc["Referred", ["of", "share", "lower", "upper"]].isna().all()
    for before, name in pairwise(order):
        row = table.loc[name.capitalize()]
        assert row["of"] == counts[before]
        assert ends(row.to_frame().T, "share")[0] == pytest.approx(wilson(counts[name], counts[before]))


def test_proxies_price_nothing_without_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    table, file = built("social_value_proxies").set_index("measure"), told("social_value_proxies.csv")
    staff, homes = (sum(counted("route29", name).values()) for name in ("staff in post", "staff by home"))
    leavers, existing = (counted("route29", name)[""] for name in ("staff care leavers", "staff existing employees"))
    assert staff == homes and table["number"].to_dict() == {
        "Staff who live in the authority": counted("route29", "staff by home")["Salford"],
        "Staff who are care leavers": leavers,
        "Apprenticeships enrolled": counted("route29", "apprenticeships enrolled")["level 4"],
        "Staff who worked for the authority or its schools before": existing,
        "Staff newly recruited": staff - existing,
        "Local foster carers approved": counted("route29", "local foster carers approved")[""],
    }
    priced = file["proxy_pounds"] != ""
    assert table["priced"].tolist() == priced.astype(int).tolist() and (file.loc[priced, "document"] != "").all()
    assert table["worth"].notna().tolist() == priced.tolist()
    some = file.assign(proxy_pounds=["", "250", "", "", "", "10"])
    monkeypatch.setattr(social_value, "read_reference", lambda name: some)
    worth = built("social_value_proxies").set_index("measure")["worth"].dropna()
    assert worth.to_dict() == {"Staff who are care leavers": 250 * leavers, "Local foster carers approved": 110}


def test_characteristics_are_recorded_where_some_child_has_one() -> None:
    """The nine rows of section 149(7) and deprivation; marriage is left out, as it is no matter of a child's."""
    table = built("equality_characteristics").set_index("field")
    fields = {"sex": "sex", "ethnicity": "ethnicity", "age": "date_of_birth", "disability": "disability",
              "deprivation": "deprivation_decile"}  # fmt: skip
    for field, column in fields.items():
        known = register()[column].ne("") & ~register()[column].isin(["REFU", "NOBT"])
        assert table.loc[field, "recorded"] == ("yes" if known.any() else "no"), field
    unheld = table[~table.index.isin(fields)]
    assert set(unheld.index) == {"none"} and set(unheld["recorded"]) == {"no"} and (unheld["needed"] != "none").all()
    assert len(table) == 9 and unheld["item"].tolist() == [
        "Gender reassignment", "Pregnancy and maternity", "Religion or belief", "Sexual orientation",
    ]  # fmt: skip
    view = sample()
    unasked = replace(view.register, people=view.register.people.assign(disability=""))
    known = registered()["equality_characteristics"].build(replace(view, register=unasked))["recorded"]
    assert known.tolist() == table["recorded"].mask(table.index == "disability", "no").tolist()


def test_published_sums_stand_as_published() -> None:
    """BOND report to Cabinet 2021, Impact on Integrated Fund; Best Value assurance report September 2019, 1."""
    money = built("spend_and_budget")
    assert money["year"].tolist() == ["2016-17", "2017-18", "2018-19", "2019-20", "2020-21"]
    assert money["budget"].tolist() == [6208, 6208, 6591, 6591, 6591]
    assert money["actual"].tolist() == [6814, 7543, 10454, 11072, 10284]
    assert (money["shortfall"] == money["budget"] - money["actual"]).all()
    assert money["standing"].tolist() == ["outturn"] * 4 + ["projection"]
    benefits = built("benefits_2019")
    assert benefits["amount"].tolist() == [560, 320, 110, 170, 120, 1280] and benefits["benefit"].iloc[-1] == ALL
    assert benefits["people"].fillna(0).tolist() == [3, 4, 3, 0, 0, 0]
    assert benefits["each"].dropna().tolist() == pytest.approx([560 / 3, 80, 110 / 3])


def test_judgements_are_read_as_they_stand() -> None:
    risks, file = built("who_bears"), told("contract_risks.csv")
    assert risks[list(file)].to_numpy().tolist() == file.to_numpy().tolist()
    first = file["outcome_contract"].str.split(r"[ ,]", regex=True).str[0]
    assert risks["council"].tolist() == (first == "Council").astype(int).tolist() and 0 < risks["council"].sum() < 10
    decisions, file = built("option_decisions"), told("option_decisions.csv")
    assert decisions.to_numpy().tolist() == file.to_numpy().tolist() and (decisions != "").all(axis=None)
    assert decisions["option"].tolist() == ["Full implementation", "Reduced", "A listed cut", "Discontinue"]


def test_every_question_that_a_finding_bears_on_is_listed() -> None:
    questions = built("evaluation_questions")
    with (REFERENCE / "questions.csv").open(encoding="utf-8", newline="") as stream:
        file = [row[:5] for row in csv.reader(stream)][1:]
    columns = questions[["id", "kind", "text", "source", "data_needed"]]
    assert columns.to_numpy().tolist() == file and questions["id"].is_unique
    asked = questions[questions["kind"] == "question"]
    assert asked["id"].tolist() == [f"Q{number:02d}" for number in range(1, 11)]
    findings = json.loads((REFERENCE_RUN / "findings.json").read_text(encoding="utf-8"))["findings"]
    borne = {question for finding in findings for question in finding["questions"]}
    assert set(asked["id"]) < borne <= set(questions["id"])


def test_dates_are_those_of_the_register_of_interruptions() -> None:
    """A month counts as the first after a date where half of it is left: the lockdown's is April."""
    table, file = built("trend_dates"), told("interruptions.csv")
    file = file[file["authority"].isin(["salford", ""])]
    days = pd.to_datetime(file["date"])
    assert days.is_monotonic_increasing and table["label"].tolist() == file["label"].tolist()
    assert table["date"].tolist() == [f"{day.day} {day:%B %Y}" for day in days]
    assert table["month"].tolist() == ["January 2019", "February 2019", "July 2019", "January 2020", "February 2020",
                                       "February 2020", "April 2020", "April 2020"]  # fmt: skip
    assert all(where.startswith(document) for where, document in zip(table["where"], file["document"], strict=True))
    assert table["note"].tolist() == file["note"].tolist()


def test_coverage_is_that_of_the_stored_simulations() -> None:
    held, shocks = dict[tuple, list[float]](), []
    for row in told("its_coverage.csv").to_dict("records"):
        if row["process"].startswith("shock"):
            shocks.append(row)
        elif row["impact"] == "level":
            key = (row["method"], int(row["months"]), int(row["after"]), float(row["autocorrelation"]))
            held.setdefault(key, []).append(float(row["coverage"]))
    table = built("trend_coverage")
    names = dict(zip((key[0] for key in held), table["method"], strict=True))
    assert len(set(names.values())) == len(names) > 3
    for row, (key, shares) in zip(table.itertuples(), held.items(), strict=True):
        assert (row.method, row.months, row.after, row.autocorrelation) == (names[key[0]], *key[1:])
        assert (row.lowest, row.highest) == (min(shares), max(shares))
        assert row.accepted == ("yes" if all(0.92 <= share <= 0.98 for share in shares) else "no")
    wrong = built("trend_false_positives")
    assert wrong["wrong"].tolist() == pytest.approx([1 - float(row["coverage"]) for row in shocks])
    assert wrong["process"].tolist() == [row["process"] for row in shocks] and len(shocks) == 2 * 2 * 2 * 4
    assert wrong["mean"].tolist() == [float(row["mean"]) for row in shocks] and wrong["case"].nunique() == 2 * 2 * 2
