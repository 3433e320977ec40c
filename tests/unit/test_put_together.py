"""Tables of the programmes in fewer rows: totals are kept, links hold, and an internal edition keeps every row."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence import release
from bond_eval.evidence.disclosure import collapsed, crowded, make_plan
from bond_eval.evidence.gate import protect
from bond_eval.evidence.label_days import broad_groups, fields, over
from bond_eval.evidence.registry import ALL, registered
from bond_eval.evidence.tables import equity
from bond_eval.evidence.tables.whole_system import SEVERAL
from bond_eval.programmes.cases import AGES, ETHNIC_GROUPS, UNRECORDED

DAYS = {"as_of": "2020-09-30", "baseline": "2019-03-31"}
LARGEST = 0.3  # of a page's counts that may be withheld before what is shown no longer answers its question


def rows(id: str, *lines: tuple[Any, ...], columns: str) -> pd.DataFrame:
    """Lines under these columns; every other column of the table empty."""
    spec = registered()[id]
    names = [*spec.labels, *(value.name for value in spec.values)]
    return pd.DataFrame(lines, columns=columns.split()).reindex(columns=names)


def cohort(*groups: tuple[str, str, int, int]) -> pd.DataFrame:
    """Groups of one programme, and the total of each characteristic."""
    frame = rows("programme_cohorts", *(("P", *one) for one in groups),
                 columns="programme characteristic value referred started")  # fmt: skip
    totals = frame.groupby(["programme", "characteristic"], sort=False, as_index=False)[["referred", "started"]].sum()
    return pd.concat([frame, totals.assign(value=ALL)], ignore_index=True)


MANY = cohort(("Sex", "Female", 40, 30), ("Sex", "Male", 60, 50), ("Ethnicity", "White", 80, 66),
              ("Ethnicity", "Asian", 3, 2), ("Ethnicity", "Black", 9, 6), ("Ethnicity", "Mixed", 4, 3),
              ("Ethnicity", UNRECORDED, 4, 3))  # fmt: skip


def flow(*lines: tuple[str, int, int, int, int]) -> pd.DataFrame:
    return rows("programme_flow", *(("P", *one) for one in lines),
                columns="programme quarter opening accepted closed closing")  # fmt: skip


def test_broad_groups_keep_every_child_and_are_tied_to_the_groups_that_they_are_made_of() -> None:
    found = collapsed(registered()["programme_cohorts"], MANY)
    other = "Any other or not recorded"
    assert found[["characteristic", "value", "referred", "started"]].to_numpy().tolist() == [
        ["Sex", "Female", 40, 30], ["Sex", "Male", 60, 50], ["Ethnicity", "White", 80, 66],
        ["Ethnicity", other, 20, 14], ["Sex", ALL, 100, 80], ["Ethnicity", ALL, 100, 80],
    ]  # fmt: skip
    named = {(name, value) for name, value in broad_groups() if name in ("Ethnicity", "Age")}
    assert {("Age", age) for age in AGES} <= named
    assert {("Ethnicity", name) for name in {*ETHNIC_GROUPS.values(), UNRECORDED} - {"White"}} <= named
    # A group shown whole beside the broader one, but for a few, gives the few away: it is withheld.
    fine = rows("equity_missing", ("P", "Ethnicity", 17, 100), columns="programme characteristic children of")
    built = {id: (registered()[id], frame) for id, frame in (("programme_cohorts", found), ("equity_missing", fine))}
    assert ("equity_missing", ("P", "Ethnicity"), "children") in make_plan(built, DAYS).hidden
    alone = {"equity_missing": built["equity_missing"]}
    assert not make_plan(alone, DAYS).hidden


def test_a_characteristic_of_few_is_left_out_and_where_none_is_left_the_total_stays() -> None:
    few = cohort(("Sex", "Female", 9, 6), ("Sex", "Male", 7, 5), ("Status", "Edge of care", 16, 11))
    found = collapsed(registered()["programme_cohorts"], few)
    assert found[["characteristic", "value", "referred", "started"]].to_numpy().tolist() == [[ALL, ALL, 16, 11]]
    both = collapsed(registered()["programme_cohorts"], pd.concat([MANY, few.assign(programme="Q")], ignore_index=True))
    assert set(both.loc[both["programme"] == "P", "characteristic"]) == {"Sex", "Ethnicity"}


def test_stages_after_referral_are_compared_anew_and_guarded_against_the_referred() -> None:
    """80 White referred and 77 decided: the three who wait would show, though the referred stand in other rows."""
    early = equity.REFERRED
    lines = [(early, "White", 900, 80), (early, "Asian", 300, 15), (early, "Black", 90, 25),
             ("Accepted", "White", 77, 50), ("Accepted", "Asian", 14, 9), ("Accepted", "Black", 20, 14),
             ("Started", "White", 50, 50), ("Started", "Asian", 9, 9), ("Started", "Black", 14, 14)]  # fmt: skip
    raw = pd.DataFrame(lines, columns=["stage", "value", "before", "reached"])
    found = [one for stage, part in raw.groupby("stage", sort=False) for one in equity.compare(
        stage, "ethnicity", *(part.set_index("value")[name] for name in equity.COUNTS))]  # fmt: skip
    fine = equity._rows(pd.DataFrame(found, columns=equity.COLUMNS)).assign(programme="P")
    broad = equity.stages_in_broad_groups(fine)
    assert broad[broad["stage"] == equity.REFERRED]["value"].tolist() == ["Asian", "Black", "White", ALL]
    late = broad[broad["stage"] == "Accepted"].set_index("value")
    assert late["before"].to_dict() == {"Any other or not recorded": 34, "White": 77, ALL: 111}
    assert late["before_of"].to_dict() == {"Any other or not recorded": 34, "White": 80, ALL: 111}
    assert late.loc["White", "ratio"] == pytest.approx((50 / 77) / (23 / 34))
    told = equity.stages_told_apart(broad)
    assert set(told.loc[told["stage"] == "Accepted", "value"]) == {ALL}
    assert set(told.loc[told["stage"] == "Started", "value"]) == {"Any other or not recorded", "White", ALL}


def test_quarters_are_put_together_only_of_a_programme_with_few() -> None:
    spec = registered()["programme_flow"]
    large = flow(("2019-20-Q4", 0, 30, 0, 30), ("2020-21-Q1", 30, 20, 8, 42))
    years = flow(("2019-20-Q3", 0, 5, 0, 5), ("2019-20-Q4", 5, 6, 0, 11), ("2020-21-Q1", 11, 3, 4, 10),
                 ("2020-21-Q2", 10, 4, 5, 9))  # fmt: skip
    whole = flow(("2019-20-Q4", 0, 3, 0, 3), ("2020-21-Q1", 3, 4, 1, 6))
    names = {"L": large, "Y": years, "W": whole}
    both = pd.concat([frame.assign(programme=name) for name, frame in names.items()], ignore_index=True)
    found = collapsed(spec, both)
    assert found[list(spec.labels)].to_numpy().tolist() == [
        ["L", "2019-20-Q4"], ["L", "2020-21-Q1"], ["Y", "2019-20-Q3 to 2019-20-Q4"], ["Y", "2020-21-Q1 to 2020-21-Q2"],
        ["W", "2019-20-Q4 to 2020-21-Q1"],
    ]  # fmt: skip
    for name, frame in names.items():
        part = found[found["programme"] == name]
        assert (part["opening"] + part["accepted"] - part["closed"] == part["closing"]).all()
        assert part[["accepted", "closed"]].sum().tolist() == frame[["accepted", "closed"]].sum().tolist()
        assert part["closing"].iloc[-1] == frame["closing"].iloc[-1]
    last = dict(fields({"quarter": "2019-20-Q3 to 2019-20-Q4"}))
    assert last["quarter"] == "2020-03-31" and last["eve"] == "2019-09-30"
    assert over("2019-20-Q3 to 2019-20-Q4", Quarter.parse("2019-20-Q4"))
    assert not over("2019-20-Q3 to 2020-21-Q1", Quarter.parse("2019-20-Q4"))
    # A caseload on the last day of a run of quarters is the one that it closes with.
    loads = rows("caseloads", ("W", pd.Timestamp("2020-06-30").date(), 6), columns="programme date open")
    hidden = make_plan({"caseloads": (registered()["caseloads"], loads), spec.id: (spec, found)}, DAYS).hidden
    shown = {name[2] for name in hidden if name[1][0] == "W"}
    assert shown == {"accepted", "closed", "closing", "open"} or not shown


def test_other_tables_in_fewer_rows_add_up() -> None:
    unmet = rows("programme_unmet", ("P", "Too young", 9), ("P", "Declined", 4), ("P", "Capacity", 3), ("P", ALL, 16),
                 ("Q", "declined", 3), ("Q", ALL, 3), columns="programme reason children")  # fmt: skip
    found = collapsed(registered()["programme_unmet"], unmet)
    assert sorted(map(tuple, found.to_numpy().tolist())) == [
        ("P", ALL, 16), ("P", "Any other reason", 7), ("P", "Too young", 9), ("Q", ALL, 3)]  # fmt: skip
    combos = rows("overlap_combinations", ("A", 1, 0, 0, 40), ("B", 1, 2, 0, 19), ("A + B", 2, 2, 0, 6),
                  ("B + C", 2, 2, 0, 2), columns="programmes number with_it together children")  # fmt: skip
    spec = registered()["overlap_combinations"]
    found = collapsed(spec, combos)
    assert found["programmes"].tolist() == ["A", "B", SEVERAL] and found["children"].sum() == combos["children"].sum()
    assert protect(spec, found, "public").cells("children")[2].value == 8
    # Where all in several programmes would give a small one away, they are withheld together too.
    guarded = protect(spec, collapsed(spec, combos.assign(together=2)), "public")
    assert [cell.symbol for cell in guarded.cells("children")] == ["", "c", "c"]
    activity = rows("tcs_activity", ("plans", "May 2020", 3), ("plans", "June 2020", 4), ("plans", ALL, 7),
                    columns="activity period children")  # fmt: skip
    assert collapsed(registered()["tcs_activity"], activity)["children"].tolist() == [7]


def test_what_works_inside_the_gate_is_no_column_in_public_and_an_internal_edition_keeps_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fine = flow(("2019-20-Q3", 0, 3, 0, 3), ("2019-20-Q4", 3, 4, 1, 6))
    combos = rows("overlap_combinations", ("A", 1, 0, 0, 40), ("A + B", 2, 2, 0, 3),
                  columns="programmes number with_it together children")  # fmt: skip
    made = {"programme_flow": fine, "overlap_combinations": combos}
    specs = {id: replace(registered()[id], build=lambda _, id=id: made[id]) for id in made}
    assert all(crowded(spec, made[id]) for id, spec in specs.items())
    monkeypatch.setattr(release, "registered", lambda: specs)
    monkeypatch.setattr(release, "_facts", lambda view: {"audience": view.audience})
    day = pd.Timestamp("2020-03-31").date()
    for audience, lengths in (("public", (1, 2)), ("internal", (2, 2))):
        view = SimpleNamespace(public=audience == "public", audience=audience, as_of=day, baseline=day)
        monkeypatch.setattr(release, "load_view", lambda *given, view=view: view)
        tables = release.build_release(SAMPLE, "salford", Quarter.parse("2019-20-Q4"), audience, 1).tables
        assert tuple(len(tables[id]) for id in made) == lengths
        names = [value.name for value in tables["overlap_combinations"].table.values]
        assert ("with_it" in names) == (audience == "internal") == ("with_it" in tables["overlap_combinations"].frame)
        notes = [tables[id].note for id in made]
        assert notes == [specs[id].said * (audience == "public") for id in made]


@pytest.mark.full
def test_no_page_of_the_programmes_withholds_more_than_it_shows() -> None:
    """The share of counts withheld in each notebook's tables, worked out on a public release of the sample."""
    tables = release.build_release(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "public", 2021).tables
    counts: dict[str, list[int]] = {}
    for table in tables.values():
        names = [value.name for value in table.table.values if value.guarded]
        symbols = table.symbols[names].to_numpy().ravel().tolist()
        hidden, of = counts.setdefault(table.table.notebook, [0, 0])
        counts[table.table.notebook] = [hidden + symbols.count("c"), of + symbols.count("c") + symbols.count("")]
    shares = {name: counts[name][0] / counts[name][1] for name in (
        "equity", "programmes", "programme_results", "transforming_care", "whole_system")}  # fmt: skip
    assert {name: share for name, share in shares.items() if share > LARGEST} == {}
    assert shares["equity"] > 0, "the sample has small counts"
