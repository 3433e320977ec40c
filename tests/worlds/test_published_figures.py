"""The synthetic Salford through the whole pipeline: the published counts come out, and a change in the data shows."""

from __future__ import annotations

import csv
import datetime as dt
import shutil

import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence.release import Release, build_release

QUARTER = Quarter.parse("2020-21-Q2")
END, BASELINE = dt.date(2020, 9, 30), dt.date(2019, 3, 31)
OP, IFA = "Outside placement", "IFA"


@pytest.fixture(scope="module")
def release() -> Release:
    return build_release(SAMPLE, "salford", QUARTER, "public", 2021)


@pytest.mark.parametrize(
    ("day", "outside", "ifa"),
    [
        (dt.date(2017, 3, 31), 25, 59),
        (dt.date(2018, 3, 31), 37, 67),
        (dt.date(2019, 3, 31), 48, 63),
        (dt.date(2020, 3, 31), 43, 43),
        (dt.date(2020, 9, 30), 42, 51),
    ],
)
def test_year_end_counts_are_those_of_the_report(release: Release, day: dt.date, outside: int, ifa: int) -> None:
    """Source: BOND report to Cabinet 2021, Impact on Integrated Fund and 6.4."""
    table = release.tables["placements_at_date"]
    assert table.cell("children", date=day, category=OP).value == outside
    assert table.cell("children", date=day, category=IFA).value == ifa


def test_every_published_count_has_no_difference(release: Release) -> None:
    """582 looked after at 31 August 2019 and 572 at 30 September 2020 are among them (report, section 8)."""
    table = release.tables["computed_and_published"]
    assert len(table) == 12
    assert [cell.value for cell in table.cells("difference")] == [0] * 12


def test_the_cohorts_are_those_of_the_report(release: Release) -> None:
    """48 less 21 with 15 new, 63 less 32 with 20 new (report, 6.4)."""
    table = release.tables["cohort_summary"]
    steps = ("At the baseline", "No longer there", "New since the baseline", "There now")
    assert [table.cell("children", cohort=OP, step=step).value for step in steps] == [48, 21, 15, 42]
    assert [table.cell("children", cohort=IFA, step=step).value for step in steps] == [63, 32, 20, 51]


def test_new_placements_of_the_young_and_since_the_lockdown(release: Release) -> None:
    """About 17 and 19 (report, 6.5), read as outside placements and IFAs together."""
    table = release.tables["new_external"]
    both = "Outside placement and IFA"
    assert table.cell("children", reading="Under 12 at the quarter's end", category=both).value == 17
    assert table.cell("children", reading="Begun since the lockdown", category=both).value == 19
    assert table.cell("of", reading="Begun since the lockdown", category=both).value == 35


@pytest.mark.parametrize("quarter", ["2019-20-Q4", "2020-21-Q1", "2020-21-Q2"])
def test_three_quarters_in_a_row_can_be_run(quarter: str) -> None:
    built = build_release(SAMPLE, "salford", Quarter.parse(quarter), "public", 2021)
    last = Quarter.parse(quarter).end
    assert built.tables["placements_at_date"].cell("children", date=last, category="All").known


def test_the_same_run_twice_gives_the_same_tables(release: Release) -> None:
    again = build_release(SAMPLE, "salford", QUARTER, "public", 2021)
    assert release.csv_files() == again.csv_files() and release.facts == again.facts


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A child who came into care in a private home since April is recorded as in an in-house one."""
    copy = tmp_path_factory.mktemp("moved") / "salford"
    shutil.copytree(SAMPLE, copy)
    path = copy / "2020-21-to-30-September" / "episodes.csv"
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(text.splitlines()))
    header = [name.strip().upper() for name in rows[0]]
    column = {name: header.index(name) for name in ("DECOM", "DEC", "RNE", "PLACE", "PLACE_PROVIDER")}
    chosen = next(
        row
        for row in rows[1:]
        if len(row) == len(header)
        and row[column["PLACE"]] == "K2"
        and row[column["PLACE_PROVIDER"]] == "PR4"
        and row[column["RNE"]] == "S"
        and not row[column["DEC"]]
        and _day(row[column["DECOM"]]) > dt.date(2020, 4, 1)
    )
    chosen[column["PLACE_PROVIDER"]] = "PR1"
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return build_release(copy, "salford", QUARTER, "internal", 2021)


def _day(text: str) -> dt.date:
    form = "%Y-%m-%d" if text[:4].isdigit() else "%d/%m/%Y"
    return dt.datetime.strptime(text, form).date()


def test_one_child_moved_moves_every_figure_that_depends_on_it(release: Release, moved: Release) -> None:
    def at(built: Release, table: str, value: str, **labels: object) -> float:
        number = built.tables[table].cell(value, **labels).value
        assert number is not None
        return number

    for category, change in ((OP, -1), ("In-house residential", 1), ("All", 0)):
        place = {"date": END, "category": category}
        assert at(moved, "placements_at_date", "children", **place) == (
            at(release, "placements_at_date", "children", **place) + change
        )
    place = {"date": END, "category": OP}
    assert at(moved, "placements_by_month", "children", **place) == 41
    assert at(moved, "computed_and_published", "difference", date=END, count=OP) == -1
    assert at(moved, "cohort_summary", "children", cohort=OP, step="There now") == 41
    assert at(moved, "cohort_summary", "children", cohort=OP, step="New since the baseline") == 14
    assert at(moved, "boundary_by_category", "children", category=OP, boundary="All") == 41
    assert at(moved, "age_by_category", "children", category=OP, age="All") == 41
    assert at(moved, "cohort_summary", "children", cohort=OP, step="At the baseline") == 48
