"""Releases kept for notebooks opened outside a run: when one is taken or made again, and what is never kept."""

import datetime as dt
import os
import shutil

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.findings import made_from
from bond_eval.core.periods import Quarter
from bond_eval.core.places import program
from bond_eval.evidence import book, found, release, shelf
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import ALL, registered

QUARTER = Quarter(2020, 2)


@pytest.fixture(scope="module")
def made():
    spec = registered()["placements_at_date"]
    day = dt.date(2020, 9, 30)
    rows = [(day, "IFA", 51), (day, "Outside placement", 3), (day, ALL, 54)]
    frame = pd.DataFrame(rows, columns=["date", "category", "children"])
    facts = {"authority": "salford", "quarter": "2020-21-Q2", "audience": "public", "seed": 1, "inputs": []}
    return release.Release(facts, {spec.id: protect(spec, frame, "public")})


@pytest.fixture
def place(tmp_path, monkeypatch, made):
    """A shelf, package and data folder of their own; `built` counts how often a release is made."""
    for name in ("package", "reference", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name, encoding="utf-8")
    built = []

    def build(*parameters):
        built.append(parameters)
        return made

    monkeypatch.setattr(release, "build_release", build)
    monkeypatch.setattr(shelf, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(shelf, "REFERENCE", tmp_path / "reference")
    monkeypatch.setattr(shelf, "SHELF", tmp_path / "shelf")
    return tmp_path, built


def _open(folder, audience="public", seed=1, quarter=QUARTER):
    return shelf.kept_release(folder / "data", "salford", quarter, audience, seed)


def test_the_second_opening_builds_nothing_and_gives_the_same(place, made):
    folder, built = place
    first, second = _open(folder), _open(folder)
    assert len(built) == 1
    assert first.csv_files() == second.csv_files() == made.csv_files() and second.facts == made.facts


@pytest.mark.parametrize("changed", ["package/a.txt", "reference/a.txt", "data/a.txt"])
def test_any_changed_byte_of_package_facts_or_data_misses(place, changed):
    folder, built = place
    _open(folder)
    (folder / changed).write_text("x", encoding="utf-8")
    _open(folder)
    assert len(built) == 2
    (folder / changed).rename(folder / changed.replace("a.txt", "b.txt"))
    _open(folder)
    assert len(built) == 3


def test_other_parameters_miss(place):
    folder, built = place
    _open(folder)
    _open(folder, seed=2)
    _open(folder, quarter=Quarter(2020, 1))
    assert len(built) == 3


@pytest.mark.parametrize("harm", ["{", '{"facts": {}, "tables": {}}', None])
def test_a_harmed_release_is_built_again(place, made, harm):
    folder, built = place
    _open(folder)
    (kept,) = (folder / "shelf").iterdir()
    if harm is None:
        (kept / "sha256").unlink()
    else:
        (kept / "release.json").write_text(harm, encoding="utf-8")
    assert _open(folder).csv_files() == made.csv_files() and len(built) == 2
    _open(folder)
    assert len(built) == 2, "it lies there whole again"


def test_an_internal_release_is_never_kept_nor_one_of_a_single_file(place):
    folder, built = place
    _open(folder, audience="internal")
    _open(folder, audience="internal")
    shelf.kept_release(folder / "data" / "a.txt", "salford", QUARTER, "public", 1)
    assert len(built) == 3 and not (folder / "shelf").exists()


def test_at_most_five_are_kept_and_the_one_last_used_stays(place):
    folder, _ = place
    _open(folder)
    (first,) = (folder / "shelf").iterdir()
    for age, seed in enumerate(range(2, 8)):
        _open(folder)  # used again
        os.utime(first, (2e9, 2e9))
        _open(folder, seed=seed)
        for other in set((folder / "shelf").iterdir()) - {first}:
            os.utime(other, (1e9 + age, 1e9 + age))
    kept = list((folder / "shelf").iterdir())
    assert len(kept) == shelf.KEPT and first in kept


def test_where_nothing_can_be_written_there_is_no_shelf_and_no_error(place, made):
    folder, built = place
    (folder / "shelf").write_text("a file", encoding="utf-8")
    assert _open(folder).csv_files() == _open(folder).csv_files() == made.csv_files()
    assert len(built) == 2


def test_a_book_outside_a_run_opens_from_the_shelf(place, monkeypatch):
    folder, built = place
    monkeypatch.delenv(book.RELEASE_VARIABLE, raising=False)
    for _ in range(2):
        opened = book.open_book(notebook="01_a", data=str(folder / "data"), seed=1)
    assert len(built) == 1 and str(opened.table("placements_at_date").cell("children", category="IFA")) == "c"


# Findings outside a run ------------------------------------------------------------------------------------------

FACTS = {"authority": "salford", "quarter": "2020-21-Q2", "audience": "public", "seed": 1, "inputs": []}
ITEM = {"id": "a.b", "stage": 1, "notebook": "01_a", "cell": 3}


@pytest.mark.parametrize(
    "changed", [{}, {"seed": 2}, {"audience": "internal"}, {"inputs": [{"file": "a", "sha256": "b"}]}]
)
def test_findings_outside_a_run_are_those_of_the_same_data_or_none(tmp_path, monkeypatch, changed):
    from bond_eval.core.atomic import write_json

    monkeypatch.setattr(found, "REFERENCE_RUN", tmp_path / "reference")
    monkeypatch.setattr(found, "ROOT", tmp_path)
    content = made_from(FACTS | changed) | {"findings": [ITEM, ITEM | {"id": "c.d", "stage": 2}], "missing": {}}
    write_json(tmp_path / "reference" / "findings.json", content)
    if changed:
        with pytest.raises(InputError, match="run the workbook first"):
            found.find_findings(FACTS, None)
        (tmp_path / "outputs").mkdir()
        shutil.copytree(tmp_path / "reference", tmp_path / "outputs" / "salford" / "2020-21-Q2")
        content |= made_from(FACTS)
        run = tmp_path / "outputs" / "salford" / "2020-21-Q2"
        write_json(run / "findings.json", content)
        write_json(run / "manifest.json", {"package": "that of an older program"})
        with pytest.raises(InputError, match="--authority salford --quarter 2020-21-Q2 --data"):
            found.find_findings(FACTS, None)
        write_json(run / "manifest.json", {"package": program()})
    assert found.find_findings(FACTS, None).ids == ["a.b"]


@pytest.fixture
def runs(place, monkeypatch):
    """In place of whole runs, a program that writes findings where it is told to; it keeps the words it was given."""
    folder, _ = place
    told = folder / "told.txt"
    script = folder / "run.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "words = sys.argv[4:]\n"
        "option = dict(zip(words[::2], words[1::2]))\n"
        f"with open({str(told)!r}, 'a') as file: file.write(' '.join(words) + chr(10))\n"
        "if option['--seed'] == '9': sys.exit('bond-eval: that is no seed.')\n"
        "place = pathlib.Path(option['--out'], option['--authority'], option['--quarter'])\n"
        "place.mkdir(parents=True)\n"
        f"(place / 'findings.json').write_text(json.dumps({{'findings': [{ITEM!r}]}}))\n"
        "print('01_a done in 0.1 s')\n",
        encoding="utf-8",
    )
    popen = shelf.subprocess.Popen
    monkeypatch.setattr(shelf.subprocess, "Popen", lambda line, **said: popen([line[0], script, *line[1:]], **said))
    (folder / "books").mkdir()
    monkeypatch.setattr(shelf, "NOTEBOOKS", folder / "books")
    return folder, told


def test_findings_of_other_data_are_made_once_and_made_again_when_anything_changes(runs, capsys):
    folder, told = runs
    for changed in ("", "data/a.txt", "package/b.txt", "books/c.ipynb"):
        if changed:
            (folder / changed).write_text("x", encoding="utf-8")
        assert shelf.kept_findings(folder / "data", FACTS).ids == ["a.b"]
        assert "takes minutes" in (said := capsys.readouterr().out) and "01_a done in 0.1 s" in said
        assert shelf.kept_findings(folder / "data", FACTS).ids == ["a.b"] and capsys.readouterr().out == ""
    lines = told.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 and "--authority salford --quarter 2020-21-Q2 --seed 1" in lines[0]
    assert all(str(folder / "runs") in line for line in lines)


def test_a_run_that_gives_no_findings_says_why(runs, capsys):
    folder, _ = runs
    with pytest.raises(InputError, match="put right what it says above"):
        shelf.kept_findings(folder / "data", FACTS | {"seed": 9})
    assert "that is no seed" in capsys.readouterr().out


@pytest.mark.parametrize(("audience", "whole"), [("internal", True), ("public", False)])
def test_no_run_is_made_for_what_may_not_be_kept(runs, monkeypatch, made, audience, whole):
    folder, told = runs
    monkeypatch.delenv(book.RELEASE_VARIABLE, raising=False)
    monkeypatch.setattr(found, "REFERENCE_RUN", folder / "nowhere")
    facts = release.Release(made.facts | {"audience": audience}, made.tables)
    opened = book.Book("41_a", facts, folder / "data" if whole else folder / "data" / "a.txt")
    with pytest.raises(InputError, match="run the workbook first"):
        opened.findings()
    assert not told.exists()
