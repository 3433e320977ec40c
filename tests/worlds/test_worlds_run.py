"""Every notebook, unchanged, runs to its end on each world, and on an authority of which little is known."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from bond_eval.core.periods import Quarter
from bond_eval.sample import write_sample
from bond_eval.workbook.run import run_workbook
from bond_eval.workbook.settings import RunSettings

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "ssda903_annual_2017_2021"


def run(
    data: Path, out: Path, quarter: str = "2020-21-Q2", audience: str = "public", only: tuple[str, ...] = ()
) -> Path:
    report = run_workbook(RunSettings(data, "demo", Quarter.parse(quarter), out, audience=audience, only=only))
    assert [(result.name, result.message) for result in report.results if not result.done] == []
    assert report.exit_status == 0
    return report.folder


def check(folder: Path) -> list[dict[str, object]]:
    found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    by_notebook = {page.stem: sum(f["notebook"] == page.stem for f in found) for page in folder.glob("pages/*.html")}
    assert by_notebook and min(by_notebook.values()) >= 3
    # As a word: "finance" holds the letters.
    assert not [f["statement"] for f in found if re.search(r"\bnan\b", str(f["statement"]), re.IGNORECASE)]
    for table in folder.glob("tables/*.csv"):
        assert list(csv.reader(table.open(encoding="utf-8"))), table.name
    return found


@pytest.fixture(scope="module")
def null_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `data` of the null world and `out`, where its public run is."""
    folder = tmp_path_factory.mktemp("null")
    write_sample(folder / "data", world="null", children=150)
    run(folder / "data", folder / "out")
    return folder


@pytest.mark.full
def test_the_effect_world_runs_to_the_end(tmp_path: Path) -> None:
    write_sample(tmp_path / "data", world="effect", children=150)
    check(run(tmp_path / "data", tmp_path / "out"))


def test_the_null_world_runs_to_the_end(null_world: Path) -> None:
    found = check(null_world / "out" / "demo" / "2020-21-Q2")
    # Nothing was published of this authority, so no finding of its own records may speak of it.
    own = [f for f in found if str(f["notebook"]) < "30" and f["notebook"] != "07_wider_evidence"]
    assert own and not any("published" in str(f["statement"]) for f in own)


def test_returns_that_others_made_run_to_the_end(tmp_path: Path) -> None:
    if not FIXTURE.is_dir():
        pytest.skip("the shared fixture of five annual returns is not here")
    found = check(run(FIXTURE, tmp_path / "out", "2021-22-Q4"))
    statements = " ".join(str(f["statement"]) for f in found)
    # Its returns have no location of a placement: the page must say so and not count them as inside.
    assert "it is not known" in statements


def test_the_internal_edition_shows_what_the_public_one_withholds(null_world: Path) -> None:
    public = null_world / "out" / "demo" / "2020-21-Q2"
    some = ("01_placement_trends", "10_route29")
    internal = run(null_world / "data", null_world / "out", audience="internal", only=some)
    assert internal != public and internal.name.endswith("-internal")
    name = "tables/placements_at_date.csv"
    assert ",c\n" in (public / name).read_text() and ",c\n" not in (internal / name).read_text()
    for page in (internal / "index.html", *internal.glob("pages/*.html")):
        assert "OFFICIAL-SENSITIVE" in page.read_text(encoding="utf-8")
    for page in (public / "index.html", *public.glob("pages/*.html")):
        assert "OFFICIAL-SENSITIVE" not in page.read_text(encoding="utf-8")
