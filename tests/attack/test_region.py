"""The regional page attacked: alone, and together with all that the runs published. Naive totals are caught."""

import csv
import io
import json

import pytest
from bs4 import BeautifulSoup

from bond_eval.audit import audit
from bond_eval.audit.bounds import bounds
from bond_eval.audit.links import relations
from bond_eval.audit.read import read_folder
from bond_eval.audit.tables import named, tables_of
from bond_eval.core.atomic import write_json, write_text
from bond_eval.core.periods import Quarter
from bond_eval.evidence.registry import ALL
from bond_eval.workbook import region
from bond_eval.workbook.batch_plan import Planned
from bond_eval.workbook.region import attack, publish_region, read_run, side_by_side, together

OUTSIDE, IFA, OTHER = "Outside placement", "IFA", "In-house fostering"
# True counts of made-up authorities: outside placements, IFA, all others. Those of 1 to 5 are withheld, and one more.
TRUTH = {"east": (4, 30, 80), "north": (12, 20, 60), "south": (7, 3, 100), "west": (5, 2, 90)}


def _spec(labels, values, margins=()):
    plain = {"of": "", "follows": [], "children": True}
    made = [{"name": n, "label": n.title(), "kind": k, **plain, **more} for n, k, more in values]
    return {"title": " ".join(labels), "labels": {n: n.title() for n in labels}, "margins": margins, "values": made}


SCHEMA = {
    "placements_at_date": _spec(["date", "category"], [("children", "count", {})], ["category"]),
    "measure_series": _spec(["measure", "date"], [("numerator", "count", {})]),
    "stability_measures": _spec(
        ["measure", "rule", "date"], [("children", "count", {"of": "of"}), ("of", "count", {})]
    ),
}  # fmt: skip


def _shown(counts):
    """As a run of its own shows them: one count of 1 to 5 takes the next smallest with it."""
    hidden = {place for place, n in enumerate(counts) if 1 <= n <= 5}
    if len(hidden) == 1:
        hidden.add(min((n, place) for place, n in enumerate(counts) if place not in hidden)[1])
    return ["c" if place in hidden else str(n) for place, n in enumerate(counts)]


def _publish(out, authority, quarter, counts, population=40_000):
    """A run's folder, as far as the regional page reads it."""
    end, folder = Quarter.parse(quarter).end.isoformat(), out / authority / quarter
    total = sum(counts)
    rows = [*zip((OUTSIDE, IFA, OTHER), _shown(counts), strict=True), (ALL, str(total))]
    tables = {
        "placements_at_date": ["date,category,children", *(f"{end},{name},{n}" for name, n in rows)],
        "measure_series": ["measure,date,numerator", f"Entries to care,{end},{total // 9}"],
        "stability_measures": ["measure,rule,date,children,of"],
        "neighbour_standing": [
            "measure,period,value,count", f"Looked after on 31 March,2019-20,{1e4 * 500 / population:.10g},500"
        ],
    }  # fmt: skip
    for id, lines in tables.items():
        write_text(folder / "tables" / f"{id}.csv", "\n".join(lines) + "\n")
    write_json(folder / "tables" / "schema.json", {"tables": SCHEMA})
    facts = {"authority_name": f"{authority.title()} (synthetic)", "synthetic": True}
    write_json(folder / "manifest.json", {"release": facts, "files": {}})
    write_text(folder / "index.html", "<p>A run</p>")
    return Planned(authority, quarter, "data")


@pytest.fixture
def published(tmp_path):
    """Four authorities and two quarters: (folder, plan, runs)."""
    plan = [_publish(tmp_path, name, quarter, counts) for quarter in ("2020-21-Q1", "2020-21-Q2")
            for name, counts in TRUTH.items()]  # fmt: skip
    return tmp_path, plan, [read_run(job, str(tmp_path)) for job in plan]


def _naive(rows, truth=TRUTH):
    """The table with totals of what is true, as a spreadsheet would give them."""
    said = {"Children in outside placements": 0, "Children in IFA placements": 1}
    made = []
    for row in rows:
        if row["authority"] == ALL and row["measure"] in said:
            row = row | {"children": str(sum(counts[said[row["measure"]]] for counts in truth.values()))}
        made.append(row)
    return made


def _cell(rows, measure, authority, date="2020-09-30"):
    return next(r for r in rows if (r["measure"], r["authority"], r["date"]) == (measure, authority, date))


def test_a_total_is_shown_only_where_every_part_is(published):
    folder, plan, _ = published
    assert publish_region(plan, str(folder)) == ()
    rows = list(csv.DictReader(io.StringIO((folder / "region.csv").read_text())))
    assert _cell(rows, "Children looked after", ALL)["children"] == str(sum(map(sum, TRUTH.values())))
    assert _cell(rows, "Children looked after", "north")["rate"] == "23.0" and 92 / 40_000 * 10_000 == 23
    assert _cell(rows, "Children looked after", ALL)["rate"] == f"{sum(map(sum, TRUTH.values())) / 16:.1f}"
    assert _cell(rows, "Children in outside placements", "north")["children"] == "12"
    for name in ("Children in outside placements", "Children in IFA placements"):
        assert {_cell(rows, name, ALL)[value] for value in ("children", "rate")} == {"c"}
    assert _cell(rows, "Children with three or more placements in the year", "north")["children"] == "x"
    assert (together(["7", "c"]), together(["c", "x"]), together(["7", "x"]), together(["7", "8"]), together([])) == (
        "c", "c", "x", "15", "x"
    )  # fmt: skip


def test_an_authority_whose_run_is_missing_is_not_in_a_total(published):
    folder, plan, _ = published
    (folder / "east" / "2020-21-Q2" / "manifest.json").unlink()
    assert publish_region(plan, str(folder)) == ()
    rows = list(csv.DictReader(io.StringIO((folder / "region.csv").read_text())))
    assert _cell(rows, "Children looked after", "east")["children"] == "x"
    assert _cell(rows, "Children looked after", ALL)["children"] == "x"
    assert _cell(rows, "Children looked after", ALL, "2020-06-30")["children"] != "x"
    page = BeautifulSoup((folder / "region.html").read_text(), "html.parser")
    links = [link["href"] for link in page.select("#runs ~ div a")]
    assert "east/2020-21-Q2/index.html" not in links and "east/2020-21-Q1/index.html" in links
    assert all((folder / link.split("#")[0]).is_file() for link in links if link)


def test_the_page_and_its_file_say_the_same_and_ask_nothing_of_another_host(published):
    folder, plan, _ = published
    publish_region(plan, str(folder))
    text = (folder / "region.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    rows = list(csv.DictReader(io.StringIO((folder / "region.csv").read_text())))
    tables = {table.caption.text: table for table in page.find_all("table") if table.caption}
    assert next(iter(tables)) == "2020-21-Q2: counts", "the newest first"
    lines = [
        [cell.text for cell in line.find_all(["th", "td"])] for line in tables["2020-21-Q2: counts"].find_all("tr")
    ]
    heads = lines[0][1:]
    for line in lines[1:]:
        key = line[0].split(" ")[0].lower() if line[0] != ALL else ALL
        assert line[1:] == [_cell(rows, head, key)["children"] for head in heads]
    assert (
        "http:" not in text and "https:" not in text and "<script" not in text and "Synthetic data" in page.header.text
    )
    assert page.html["lang"] == "en-GB" and all(link["href"] for link in page.find_all("a"))


def _alone(rows, tmp_path):
    """What the audit finds in the regional table by itself."""
    write_text(tmp_path / "alone" / "region.csv", region.as_csv(rows))
    return [fall for fall in audit(tmp_path / "alone").falls if fall.kind in ("recovered", "small")]


def test_nothing_falls_alone_or_with_every_run(published, tmp_path):
    folder, plan, runs = published
    rows = side_by_side(runs, sorted(TRUTH))
    publish_region(plan, str(folder))
    assert _alone(rows, tmp_path) == [] and attack(rows, runs) == []
    assert audit_together(folder, plan) == set()


def audit_together(folder, plan, rows=None):
    """Withheld counts that fall where region and all tables of all runs are read, less those that fall without it."""
    runs = [
        named(table, job.name)
        for job in plan
        for table in tables_of(read_folder(folder / job.authority / job.folder))
        if table.where.endswith(".csv")
    ]
    found = read_folder(folder)
    found.grids = [grid for grid in found.grids if grid.where.startswith("region.")]
    found.schema = {}
    both = []
    for tables in (runs, [*runs, *tables_of(found)]):
        falls = [bound for bound in bounds(tables, relations(tables)) if bound.falls]
        both.append({(tables[b.cell[0]].where, tables[b.cell[0]].place(*b.cell[1:])) for b in falls})
    return both[1] - both[0]


def _some(folder, *names):
    """The runs of some of the authorities, and what is true of them."""
    truth = {name: TRUTH[name] for name in names}
    plan = [_publish(folder, name, "2020-21-Q2", counts) for name, counts in truth.items()]
    runs = [read_run(job, str(folder)) for job in plan]
    return runs, side_by_side(runs, sorted(names)), truth


def test_a_total_less_the_others_is_caught(tmp_path):
    """Outside placements 16 less 12 leaves 4; IFA 25 less 20 leaves 5 in two authorities."""
    runs, rows, truth = _some(tmp_path / "two", "east", "north")
    told = attack(_naive(rows, truth), runs)
    assert any("it is exactly 4" in fall and "outside" in fall for fall in told), told
    assert any("it is exactly 4" in fall.what for fall in _alone(_naive(rows, truth), tmp_path))
    runs, rows, truth = _some(tmp_path / "three", "north", "south", "west")
    assert any("at most 5" in fall.what for fall in _alone(_naive(rows, truth), tmp_path))
    assert any("at most" in fall and "ifa" in fall for fall in attack(_naive(rows, truth), runs))


def test_a_total_that_looks_safe_alone_is_caught_by_what_the_runs_show(tmp_path):
    """7 + 5 outside placements, both withheld: 12 leaves all open, until each run's own sums are read with it."""
    runs, safe, _ = _some(tmp_path / "two", "south", "west")
    rows = [
        row | {"children": "12"}
        if (row["authority"], row["measure"]) == (ALL, "Children in outside placements")
        else row
        for row in safe
    ]
    assert attack(safe, runs) == [] and _alone(rows, tmp_path) == [], "alone it tells nothing"
    told = attack(rows, runs)
    assert any("at least 5" in fall and "south" in fall for fall in told), told


def test_a_page_that_falls_is_not_written(published, monkeypatch):
    """As if the rule of totals were broken: the runs stay, the page is refused and the batch ends with 3."""
    from bond_eval.workbook.batch import BatchReport

    folder, plan, _ = published
    whole = side_by_side
    monkeypatch.setattr(region, "side_by_side", lambda *parts: _naive(whole(*parts)))
    falls = publish_region(plan, str(folder))
    assert falls and not (folder / "region.html").exists() and not (folder / "region.csv").exists()
    assert BatchReport((), falls).exit_status == 3 and falls[0].startswith("The regional page is not written: ")


@pytest.mark.full
def test_nothing_falls_in_real_runs_read_together(tmp_path):
    """Two sample authorities, every registered table, region and runs read together; naive totals are caught."""
    from bond_eval.evidence.release import build_release
    from bond_eval.sample import write_sample
    from bond_eval.workbook.attack import write_tables

    plan, truth = [], {}
    for seed, name in enumerate(("north", "south")):
        write_sample(tmp_path / "data" / name, seed=seed, children=40 + 360 * seed)
        quarter = Quarter.parse("2020-21-Q2")
        for audience in ("public", "internal"):
            release = build_release(tmp_path / "data" / name, name, quarter, audience, 2021)
            place = tmp_path / (audience if audience == "internal" else "out") / name / "2020-21-Q2"
            write_tables(place, release.csv_files(), None)
            write_json(place / "manifest.json", {"release": release.facts, "files": {}})
        plan.append(Planned(name, "2020-21-Q2", "data"))
        hidden = read_run(plan[-1], str(tmp_path / "internal"))
        truth[name] = [int(hidden.count(headline)) for headline in region.HEADLINES[1:3]]
    assert publish_region(plan, str(tmp_path / "out")) == ()
    assert audit_together(tmp_path / "out", plan) == set()
    runs = [read_run(job, str(tmp_path / "out")) for job in plan]
    naive = _naive(side_by_side(runs, ["north", "south"]), truth)
    assert naive != side_by_side(runs, ["north", "south"]) and attack(naive, runs)
    write_text(tmp_path / "out" / "region.csv", region.as_csv(naive))
    assert audit_together(tmp_path / "out", plan), json.dumps(truth)
