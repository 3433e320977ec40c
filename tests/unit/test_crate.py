"""The run as a research object: read back whole, the same bytes for the same run, and of nobody and no machine."""

import getpass
import json
import warnings
from pathlib import Path

import pytest

from bond_eval.workbook.crate import FILE, write_crate
from bond_eval.workbook.settings import NotebookResult

PROVENANCE = {
    "release": {
        "authority": "salford",
        "authority_name": "Salford (synthetic)",
        "quarter": "2020-21-Q2",
        "as_of": "2020-09-30",
        "audience": "public",
        "synthetic": True,
        "other_inputs": [{"file": "finance/fees.csv", "sha256": "b" * 64}],
    },
    "inputs": [{"file": "2019-20/episodes.csv", "sha256": "a" * 64}],
    "parameters": {"authority": "salford", "quarter": "2020-21-Q2", "seed": 2021, "data": "data/sample/salford"},
    "command": "bond-eval run --data data/sample/salford --authority salford --quarter 2020-21-Q2",
    "versions": {"bond-eval": "0.1.0", "python": "3.11.7", "pandas": "3.1.0"},
    "git": {"commit": "0123456789abcdef", "clean": False},
    "package": "c" * 64,
}


def result(name: str, status: str = "done", message: str = "") -> NotebookResult:
    return NotebookResult(name, f"What of {name}?", status, message, None, "", 1, 1, 0, 0, 1.0)


RESULTS = [result("01_a"), result("02_b")]
FOUND = [{"notebook": "01_a", "id": "a.b"}, {"notebook": "01_a", "id": "a.c"}]


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in {
        "index.html": "<p>x</p>",
        "notebooks/01_a.ipynb": "{}",
        "notebooks/02_b.ipynb": "{}",
        "tables/a table.csv": "a\n1\n",
        "manifest.json": "{}",
        "timings.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def entities(folder: Path) -> dict:
    return {one["@id"]: one for one in json.loads((folder / FILE).read_text(encoding="utf-8"))["@graph"]}


def test_the_crate_reads_back_with_the_librarys_own_reader(folder):
    from rocrate.rocrate import ROCrate

    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crate = ROCrate(folder)
    run = crate.get("#run")
    assert run.type == "CreateAction" and run["name"] == PROVENANCE["command"]
    assert run["instrument"]["name"] == "bond-eval" and run["instrument"]["version"] == "0.1.0"
    assert run["instrument"]["identifier"] == "git commit 0123456789abcdef"
    assert "not committed" in run["instrument"]["description"]
    assert {one["name"] for one in run["instrument"]["softwareRequirements"]} == {"python", "pandas"}
    inputs = {one["name"]: one["sha256"] for one in run["object"] if one.type == "File"}
    assert inputs == {"2019-20/episodes.csv": "a" * 64, "finance/fees.csv": "b" * 64}
    assert {one["name"]: one["value"] for one in run["object"] if one.type == "PropertyValue"}["seed"] == "2021"
    results = {one.id for one in run["result"]}
    assert results == {"index.html", "notebooks/01_a.ipynb", "notebooks/02_b.ipynb", "tables/a%20table.csv"}
    assert results == {one.id for one in crate.data_entities}
    assert crate.get("notebooks/01_a.ipynb")["description"] == "Status: done; 2 findings."
    assert run["actionStatus"].endswith("/CompletedActionStatus")
    assert str(crate.datePublished.date()) == "2020-09-30"


def test_each_file_has_its_hash_and_the_manifest_none(folder):
    import hashlib

    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    files = {id: one for id, one in entities(folder).items() if one["@type"] == "File" and not id.startswith("#")}
    assert "manifest.json" not in files and "timings.json" not in files and FILE not in files
    assert files["index.html"]["sha256"] == hashlib.sha256(b"<p>x</p>").hexdigest()


def test_the_same_run_gives_the_same_bytes(folder, monkeypatch):
    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    first = (folder / FILE).read_bytes()
    monkeypatch.setattr("rocrate.model.root_dataset.iso_now", lambda: "2031-01-01T00:00:00+00:00")
    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    assert (folder / FILE).read_bytes() == first
    assert b"2031" not in first


def test_it_names_no_person_and_no_place_on_the_machine(folder):
    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    graph = entities(folder)
    assert not [one for one in graph.values() if one["@type"] in ("Person", "Organization")]
    assert not [one for one in graph.values() if {"agent", "author", "creator"} & set(one)]
    text = (folder / FILE).read_text(encoding="utf-8")
    assert str(folder) not in text and str(Path.home()) not in text and f'"{getpass.getuser()}"' not in text


def test_rows_are_told_only_where_the_edition_may(folder):
    write_crate(folder, PROVENANCE, RESULTS, FOUND)
    assert "description" not in entities(folder)["#input/2019-20/episodes.csv"]
    inputs = [item | {"rows": 1234} for item in PROVENANCE["inputs"]]
    release = PROVENANCE["release"] | {"audience": "internal"}
    write_crate(folder, PROVENANCE | {"inputs": inputs, "release": release}, RESULTS, FOUND)
    graph = entities(folder)
    assert graph["#input/2019-20/episodes.csv"]["description"] == "1,234 rows read"
    assert graph["#licence"]["name"] == "OFFICIAL-SENSITIVE"


def test_a_run_with_a_failed_notebook_says_so(folder):
    failed = [result("01_a"), result("02_b", "failed", "Stopped in cell 3.")]
    write_crate(folder, PROVENANCE | {"git": None}, failed, FOUND)
    run = entities(folder)["#run"]
    assert run["actionStatus"].endswith("/FailedActionStatus") and run["error"] == "02_b: Stopped in cell 3."
    assert entities(folder)["#software/bond-eval"]["identifier"] == f"sha256 of the package {'c' * 64}"
