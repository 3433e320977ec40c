"""The DfE's published files: what is read, kept as a symbol, refused; who is compared with whom."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.formats import half_up
from bond_eval.evidence.tables.neighbours import judged
from bond_eval.intake.authority import Authority
from bond_eval.intake.dfe import Dfe, load_dfe, reference_neighbours
from bond_eval.intake.reference import read_reference
from bond_eval.placements.panel import measures, neighbours_panel, peers, standing, values, why_not

FIXTURE = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "dfe_published_salford"
PLACE = "country_code,country_name,region_code,region_name,old_la_code,la_name,new_la_code"
LEAD = f"time_period,time_identifier,geographic_level,{PLACE}"
NUMBERS = f"{LEAD},population_type,population_estimate,children_count,rate_per_10000\n"
LOOKED = "Children looked after on 31 March each year"
SET = "authority,neighbour,name,rank,set_year,source,excluded\n"
NAMES = {"801": "Here", "802": "Near", "803": "Far", "804": "Third"}


def row(
    year: str, code: str, count: str, people: str = "1000", what: str = LOOKED, kind: str = "Reporting year"
) -> str:
    """One row of a local authority."""
    area = f"Local authority,E92000001,England,E12000002,North West,{code},{NAMES[code]},E0{code}"
    return f"{year},{kind},{area},{what},{people},{count},7\n"


def read(folder: Path, files: dict[str, str]) -> Dfe:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    found = load_dfe(folder)
    assert found is not None
    counted = found.accounts
    assert (counted["rows_in"] == counted["kept"] + counted["set_aside"]).all()
    return found


def view(files: Dfe | None, code: str = "E0801", old: str = "", year: int = 2019, as_of: str = "2025-03-31"):
    who = Authority("a", "A", code=code, old_code=old)
    return SimpleNamespace(
        authority=who, neighbours=files, baseline=dt.date(year, 3, 31), as_of=dt.date.fromisoformat(as_of)
    )


def rules(found: Dfe) -> list[tuple]:
    return list(found.issues[["rule", "line", "column", "action"]].itertuples(index=False, name=None))


def years_of(panel: pd.DataFrame, area: str) -> dict[int, float]:
    mine = panel[panel["area"] == area]
    return dict(zip(mine["period"], mine["value"], strict=True))


def test_figures_symbols_and_periods(tmp_path):
    national = f"2021,Reporting year,National,E92000001,England,,,,,,{LOOKED},12000,800,67\n"
    text = (
        NUMBERS + row("202021", "801", "10") + row("2022", "801", "c") + row("2023", "802", '"1,200"', "k") + national
    )
    found = read(tmp_path, {"a.csv": text})
    counts = found.rows[found.rows["indicator"] == "children_count"].sort_values("line")
    assert counts[["period", "year", "key", "code", "area", "symbol"]].to_numpy().tolist() == [
        ["2020-21", 2021, "801", "E0801", "Here", ""],
        ["2021-22", 2022, "801", "E0801", "Here", "c"],
        ["2022-23", 2023, "802", "E0802", "Near", ""],
        ["2020-21", 2021, "E92000001", "E92000001", "England", ""],
    ]
    assert counts["value"].fillna(-1).tolist() == [10, -1, 1200, 800]
    assert found.rows.loc[found.rows["symbol"] == "k", "indicator"].tolist() == ["population_estimate"]
    assert set(found.rows["series"]) == {f"population_type={LOOKED}"}
    assert len(found.issues) == 0 and set(found.hashes) == {"a.csv"}


def test_what_cannot_be_read_is_set_aside_and_said(tmp_path):
    lines = [
        row("2021", "801", "10"),
        row("202023", "801", "11"),
        row("2020", "801", "12", kind="Academic year"),
        row("2022", "801", "plenty"),
        f"2021,Reporting year,Provider,E92000001,England,,,,,,{LOOKED},1,1,1\n",
        f"2021,Reporting year,Regional,E92000001,England,,,,,,{LOOKED},1,1,1\n",
        "2021,Reporting year\n",
    ]
    found = read(tmp_path, {"a.csv": NUMBERS + "".join(lines), "b.csv": "time_period,something\n2021,1\n"})
    assert sorted(rules(found)) == [
        ("area_missing", 7, "new_la_code", "set aside"),
        ("file_not_recognised", 0, "", "set aside"),
        ("level_unread", 6, "geographic_level", "set aside"),
        ("period_unknown", 3, "time_period", "set aside"),
        ("period_unknown", 4, "time_period", "set aside"),
        ("row_misfit", 8, "", "set aside"),
        ("value_unreadable", 5, "children_count", "kept"),
    ]
    assert found.accounts[["rows_in", "kept"]].to_numpy().tolist() == [[7, 2]]
    odd = found.rows[(found.rows["line"] == 5) & (found.rows["indicator"] == "children_count")]
    assert odd["symbol"].tolist() == ["?"] and odd["value"].isna().all()


def test_a_column_of_numbers_that_nobody_knows_is_no_filter(tmp_path):
    text = NUMBERS.replace("\n", ",margin_of_error,age\n")
    found = read(tmp_path, {"a.csv": text + row("2021", "801", "10").replace("\n", ",0.5,10 to 15\n")})
    assert set(found.rows["series"]) == {f"population_type={LOOKED}; age=10 to 15"}
    assert rules(found) == [("column_unread", 0, "margin_of_error", "kept")]


def test_of_two_editions_the_one_that_runs_further_is_used(tmp_path):
    old = NUMBERS + row("2020", "801", "10") + row("2021", "801", "11")
    new = NUMBERS + row("2021", "801", "12") + row("2022", "801", "13")
    found = read(tmp_path, {"z_first_edition.csv": old, "a_second.csv": new})
    counts = found.rows[found.rows["indicator"] == "children_count"].sort_values("year")
    assert counts["value"].tolist() == [10, 12, 13]
    assert rules(found) == [("figure_replaced", 3, "", "kept")]


def test_without_files_and_without_the_authority_a_sentence_says_so(tmp_path):
    assert load_dfe(tmp_path / "none") is None and load_dfe(tmp_path) is None
    found = read(tmp_path, {"a.csv": NUMBERS + row("2021", "801", "10")})
    assert "needs the DfE's published files" in why_not(view(None))
    assert "no row of the authority E09999" in why_not(view(found, "E09999"))
    assert "give no code" in why_not(view(found, ""))
    assert why_not(view(found, "", old="801")) == "" == why_not(view(found))
    for odd in (view(None), view(found, "E09999"), view(found, "")):
        panel = neighbours_panel(odd, "looked_after")
        assert list(panel) == ["area", "period", "value", "own"] and not len(panel)
    with pytest.raises(ValueError, match="no row of the authority"):
        peers(view(found, "E09999"))
    with pytest.raises(KeyError, match="no measure 'love'"):
        neighbours_panel(view(found), "love")
    (tmp_path / "a.csv").write_text(SET, encoding="utf-8")
    assert "holds no file with the columns" in why_not(view(load_dfe(tmp_path)))


def test_the_panel_keeps_gaps_and_symbols_and_leaves_out_programmes_of_the_same_kind(tmp_path):
    text = NUMBERS + "".join(row(y, c, n) for y, c, n in [
        ("2019", "801", "10"), ("2020", "801", "12"), ("2021", "801", "14"),
        ("2019", "802", "20"), ("2020", "802", "c"), ("2021", "802", "22"),
        ("2019", "803", "30"), ("2021", "803", "32"),
        ("2019", "804", "40"), ("2020", "804", "41"), ("2021", "804", "42"),
    ])  # fmt: skip
    near = SET + "E0801,E0802,Near,1,2019,S,\nE0801,803,Far,2,2019,S,\n801,E0804,Third,3,2019,S,Same programme\n"
    near += "801,999,Missing,4,2019,S,\n"
    found = read(tmp_path, {"a.csv": text, "set.csv": near})
    panel = neighbours_panel(view(found), "looked_after")
    assert dict(zip(panel["area"], panel["own"], strict=True)) == {"Here": True, "Near": False, "Far": False}
    assert years_of(panel, "Here") == {2019: 100.0, 2020: 120.0, 2021: 140.0}
    for area, known in (("Near", {2019: 200.0, 2021: 220.0}), ("Far", {2019: 300.0, 2021: 320.0})):
        had = years_of(panel, area)
        assert np.isnan(had.pop(2020)) and had == known, area
    group = peers(view(found))
    assert group.neighbours["found"].tolist() == [True, True, True, False]
    frame = values(view(found), "looked_after", group).set_index(["area", "year"])
    assert frame.loc[("Near", 2020), "symbol"] == "c" and frame.loc[("Far", 2020), "symbol"] == ""
    assert "Third" in set(frame.index.get_level_values("area")), "a neighbour with a programme is still compared"
    assert set(neighbours_panel(view(found, as_of="2020-09-30"), "looked_after")["period"]) == {2019, 2020}
    # Where every year is later than the quarter they are all there is.
    assert set(neighbours_panel(view(found, as_of="2018-09-30"), "looked_after")["period"]) == {2019, 2020, 2021}


def test_the_set_is_that_of_the_baseline_year_or_the_nearest(tmp_path):
    text = NUMBERS + "".join(row("2021", code, "10") for code in NAMES)
    sets = SET + "".join(f"801,{code},N,1,{year},S,\n" for code, year in (("802", 2014), ("803", 2018), ("804", 2025)))
    found = read(tmp_path, {"a.csv": text, "set.csv": sets})
    for baseline, code, year in ((2010, "802", 2014), (2015, "802", 2014), (2019, "803", 2018), (2030, "804", 2025)):
        group = peers(view(found, year=baseline))
        assert (group.neighbours["key"].tolist(), group.set_year) == ([code], year)


def test_a_set_that_says_no_year_is_refused(tmp_path):
    wide = "old_la_code,la_name,SN_1,SN_1P,SN_2,SN_2P\n801,Here,802,Close,803,Close\n802,Near,801,Close,803,Close\n"
    found = read(tmp_path, {"model.csv": wide, "set.csv": SET + "801,804,N,1,,S,\n"})
    assert {rule for rule, *_ in rules(found)} == {"set_undated", "neighbour_unreadable"} and not len(found.neighbours)
    (tmp_path / "model.csv").rename(tmp_path / "model_2025.csv")
    found = read(tmp_path, {"set.csv": SET})
    mine = found.neighbours[found.neighbours["authority"] == "801"]
    assert mine[["neighbour", "name", "rank", "set_year"]].to_numpy().tolist() == [
        ["802", "Near", 1, 2025], ["803", "", 2, 2025],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"), [(5.0, (1, 4, 1)), (2.0, (3, 4, 3)), (3.0, (2, 4, 2)), (0.0, (4, 4, 4))]
)
def test_rank_counts_from_the_highest_and_a_missing_neighbour_not_at_all(value, expected):
    assert standing(value, np.array([1.0, np.nan, 3.0, 4.0])) == expected


@pytest.mark.parametrize(
    ("interval", "polarity", "words"),
    [
        ((8.0, 12.0), "lower", "not clearly different"),
        ((11.0, 12.0), "lower", "higher (worse)"),
        ((11.0, 12.0), "higher", "higher (better)"),
        ((8.0, 9.0), "lower", "lower (better)"),
        ((8.0, 9.0), "neither", "lower"),
        ((np.nan, np.nan), "lower", "cannot be compared (c)"),
    ],
)
def test_the_verdict_says_which_way_is_better(interval, polarity, words):
    assert judged(interval, 10.0, 9, polarity, "c" if np.isnan(interval[0]) else "") == words
    if not np.isnan(interval[0]):
        assert "4 neighbours with a figure, needs 5" in judged(interval, 10.0, 4, polarity, "")


def test_the_mapping_and_the_donors_are_whole():
    specs = measures()
    assert set(specs["polarity"]) == {"lower", "higher", "neither"} and specs["measure"].is_unique
    assert set(specs["per"]) == {100.0, 10000.0}
    donors = read_reference("excluded_donors.csv")
    named = {"Trafford", "Stockport", "Manchester", "Rochdale", "Wigan"}
    assert named <= set(donors["name"]) and (donors[["reason", "from", "document", "section"]] != "").all(axis=None)


# The DfE's own files: Open Government Licence v3, used from where they lie.
published = pytest.mark.skipif(not FIXTURE.is_dir(), reason="the shared fixture of published DfE rows is not here")


@pytest.fixture(scope="module")
def salford():
    return view(load_dfe(FIXTURE), "E08000006", "355")


@published
def test_the_published_rows_are_all_read(salford):
    files = salford.neighbours
    assert len(files.issues) == 0 and files.accounts["set_aside"].sum() == 0
    assert files.accounts.groupby("form")["kept"].sum().to_dict() == {"figures": 1820, "neighbour_model": 153}
    assert files.rows["symbol"].value_counts().to_dict() == {"": 3330, "c": 490, "k": 15}
    assert files.rows.loc[files.rows["symbol"] != "", "value"].isna().all()
    assert files.rows.loc[files.rows["symbol"] == "", "value"].notna().all()


@published
def test_salford_as_published(salford):
    group = peers(salford)
    looked = values(salford, "looked_after", group)
    mine = looked[looked["key"] == "355"]
    assert mine["year"].tolist() == [2021, 2022, 2023, 2024, 2025]
    assert mine["count"].tolist() == [536, 563, 553, 560, 563]
    assert mine["of"].tolist() == [57933, 58676, 60698, 62005, 63622]
    three = values(salford, "three_or_more", group)
    assert three.loc[three["key"] == "355", "count"].tolist() == [52, 61, 60, 62, 51]
    assert [name for name, role in group.areas.values() if role in ("Region", "England")] == ["North West", "England"]


@published
def test_rounded_half_up_our_figures_are_the_published_ones(salford):
    rows, group, compared = salford.neighbours.rows, peers(salford), 0
    for spec in measures().to_dict("records"):
        if " | " in spec["series"]:
            continue
        indicator = "rate_per_10000" if spec["per"] == 10000 else "children_percent"
        told = rows[(rows["series"] == spec["series"]) & (rows["indicator"] == indicator)].set_index(["key", "year"])
        ours = values(salford, spec["measure"], group)
        ours = ours[ours["value"].notna() & (ours["key"].str.len() == 3)]
        for one in ours.itertuples():
            assert half_up(one.value) == told.loc[(one.key, one.year), "value"]
            compared += 1
    assert compared > 350


@published
def test_the_typed_neighbours_are_those_of_the_model(salford):
    model = salford.neighbours.neighbours
    mine = model[model["authority"] == "355"].sort_values("rank")
    typed = reference_neighbours()
    for column in ("neighbour", "name", "rank", "set_year"):
        assert typed[column].tolist() == mine[column].tolist()
    panel = neighbours_panel(salford, "looked_after")
    assert panel["area"].nunique() == 10 and "Rochdale" not in set(panel["area"]), "nine donors and Salford"
