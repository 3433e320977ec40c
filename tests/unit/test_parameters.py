"""Parameters are typed, and what a notebook declares is held to, before and after it is run."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from bond_eval import cli
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, ROOT
from bond_eval.workbook import run as runner
from bond_eval.workbook.batch_plan import Planned
from bond_eval.workbook.parameters import common, declared, dials, read_pairs
from bond_eval.workbook.settings import RunSettings
from tests.tiny_runs import build, executed, laid_out, notebook, settings_of

COMMON = {"authority": "salford", "quarter": "2020-21-Q2", "data": "data", "audience": "public", "seed": 2021}
OWN = """window = 24
share: float = 0.5
until: int | None = None
label = "x"
shown = True
kinds = ["a"]
worked_out = window * 2"""


@pytest.fixture
def own(tmp_path):
    cell = new_code_cell(OWN)
    cell.metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "01_own.ipynb")
    return declared(tmp_path / "01_own.ipynb")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"authority": "../x"}, "'authority' is '../x': it must be letters, digits and hyphens"),
        ({"quarter": "2020-21-Q5"}, "such as 2020-21-Q4"),
        ({"audience": "publik"}, "'publik': it must be public or internal; the nearest is public"),
        ({"seed": "many"}, "'seed' is 'many': it must be a whole number"),
        ({"seed": 1.5}, "'seed' is 1.5: it must be a whole number"),
        ({"seed": -1}, "it must be 0 or more"),
        ({"seed": 2**32}, "it must be less than 4294967296"),
        ({"data": 3}, "'data' is 3: it must be text"),
    ],
)
def test_a_common_parameter_of_the_wrong_kind_is_named_with_what_it_may_be(change, said):
    common(COMMON)
    with pytest.raises(InputError) as raised:
        common(COMMON | change)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_notebooks_own_parameters_are_those_that_it_gives_plain_values(own):
    assert list(own.dials) == ["window", "share", "until", "label", "shown", "kinds"]


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({"window": "12"}, {"window": 12}),
        ({"share": "1"}, {"share": 1.0}),
        ({"until": "7"}, {"until": 7}),
        ({"until": None}, {"until": None}),
        ({"shown": "false", "label": "12"}, {"shown": False, "label": "12"}),
        ({"kinds": ["b", "c"]}, {"kinds": ["b", "c"]}),
    ],
)
def test_values_come_in_their_type(own, given, typed):
    found = dials(given, [own])
    assert found == {"01_own": typed}
    assert [type(value) for value in found["01_own"].values()] == [type(value) for value in typed.values()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"windw": 3}, "takes a parameter 'windw': the nearest is 'window', of 01_own"),
        ({"sed": 3}, "the nearest is 'seed', which is given as --seed"),
        ({"worked_out": 3}, "takes a parameter 'worked_out'"),
        ({"audiance": "internal"}, "the nearest is 'audience', which is given as --internal for that edition."),
        ({"audience": "internal"}, "'audience' is every notebook's: give --internal for that edition."),
        ({"quarter": "2020-21-Q1"}, "'quarter' is every notebook's: give --quarter"),
        ({"window": "long"}, "'window' of 01_own is 'long': it must be a whole number"),
        ({"window": "1.5"}, "must be a whole number"),
        ({"share": "nan"}, "must be a number"),
        ({"shown": "perhaps"}, "must be true or false"),
        ({"kinds": "a"}, "must be a list"),
        ({"until": "soon"}, "must be a whole number"),
    ],
)
def test_a_parameter_that_is_not_there_or_of_another_type_is_refused(own, given, said):
    with pytest.raises(InputError) as raised:
        dials(given, [own])
    assert said in str(raised.value)


def test_pairs_are_read_and_half_pairs_refused():
    assert read_pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    for wrong, said in ((["a"], "has no value"), (["=1"], "has no value"), (["a=1", "a=2"], "given twice")):
        with pytest.raises(InputError, match=said):
            read_pairs(wrong)


def test_every_notebook_of_the_workbook_declares_what_can_be_checked():
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        says = declared(path)
        assert set(COMMON) <= set(says.dials), path.name
        assert says.stage in (1, 2) and says.figures >= 1 and says.findings, path.name


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ({"figures": -1}, r"figures is -1: it must be a number of figures"),
        ({"findings": "many"}, r"findings is 'many': it must be a number or a list of ids"),
        ({"tables": 3}, r"tables is 3: it must be a list of ids"),
        ({"pictures": 1}, r"pictures is 1: it must be one of stage, figures, findings, tables"),
        ([], r"bond_eval is \[\]: it must be one of"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(tmp_path, says, said):
    content = {"cells": [], "metadata": {"bond_eval": says}}
    (tmp_path / "01_a.ipynb").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"01_a\.ipynb says in its metadata that " + said):
        declared(tmp_path / "01_a.ipynb")


def test_the_digest_is_of_cells_and_metadata_and_not_of_outputs(tmp_path):
    path, made = tmp_path / "01_a.ipynb", notebook("01_a")

    def digest():
        nbformat.write(made, path)
        return declared(path).digest

    first = digest()
    made.cells[2].outputs = [nbformat.v4.new_output("stream", text="x")]
    made.cells[2].execution_count = 4
    made.cells[2].metadata["collapsed"] = True
    assert digest() == first
    changes = [lambda: made.cells[0].update(source="# Other"), lambda: made.cells[2].update(source="1"),
               lambda: made.metadata["bond_eval"].update(figures=2), lambda: made.cells[2].metadata.update(tags=["x"]),
               lambda: made.cells.pop()]  # fmt: skip
    seen = {first}
    for change in changes:
        change()
        seen.add(digest())
    assert len(seen) == len(changes) + 1


# In a run ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ran(monkeypatch):
    names = []
    monkeypatch.setattr(runner, "execute_all", executed(names))
    monkeypatch.setattr(runner, "warm", lambda: None)
    return names


def test_a_run_gives_a_parameter_to_the_notebooks_that_take_it_and_writes_it_down(tmp_path, ran):
    base = laid_out(tmp_path)
    plain = notebook("03_plain")
    plain.cells[1].source = "seed = 0"
    nbformat.write(plain, base / "nbs" / "03_plain.ipynb")
    jobs, execute = {}, runner.execute_all
    runner.execute_all = lambda todo, *rest: (jobs.update({j.name: j for j in todo}), execute(todo, *rest))
    report = runner.run_workbook(settings_of(base, dials={"window": "12"}, memory_mb=700, cell_timeout=9), build=build)
    assert report.exit_status == 0
    given = {name: job.parameters.get("window") for name, job in jobs.items()}
    assert given == {"01_counts": 12, "02_moves": 12, "03_plain": None, "41_answers": 12}
    assert {(job.memory_mb, job.cell_timeout) for job in jobs.values()} == {(700, 9)}
    manifest = json.loads((report.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["parameters"]["window"] == "12" and manifest["command"].endswith("--parameter window=12")


@pytest.mark.parametrize(
    "wrong", [{"dials": {"windw": 1}}, {"dials": {"window": "x"}}, {"quarter": Quarter(2020, 5)}, {"memory_mb": 0},
              {"cell_timeout": 0}, {"jobs": 0}, {"seed": -1}]
)  # fmt: skip
def test_a_wrong_parameter_is_refused_before_anything_is_read_or_written(tmp_path, ran, wrong):
    base = laid_out(tmp_path)
    with pytest.raises(InputError):
        quarter = wrong.pop("quarter", Quarter(2020, 2))
        usual = {"out": base / "out", "notebooks": base / "nbs"}
        settings = RunSettings(base / "data", "salford", quarter, **usual, **wrong)
        runner.run_workbook(settings, build=lambda *_: pytest.fail("it was built"))
    assert ran == [] and not (base / "out").exists()


def test_the_command_of_a_run_from_a_url_names_it_without_its_key(monkeypatch):
    url, places, seen = "s3://key:secret@store/in/north?x=secret", {"data": Path("north"), "out": Path("out")}, []

    def run_at(data, out, settings, *rest):
        seen.append(settings(**places))
        raise InputError("No more is wanted.")

    monkeypatch.setattr("bond_eval.workbook.store.run_at", run_at)
    words = ["run", "--data", url, "--authority", "north", "--quarter", "2020-21-Q1", "--seed", "1"]
    CliRunner().invoke(cli.app, words)
    seen.append(Planned("north", "2020-21-Q1", url, seed=1).settings(**places))
    told = "bond-eval run --data s3://store/in/north --authority north --quarter 2020-21-Q1 --seed 1"
    assert [settings.command() for settings in seen] == [told] * 2
    assert [settings.parameters()["data"] for settings in seen] == ["north"] * 2


def test_the_command_line_refuses_them_too_with_status_2(tmp_path):
    base, script = laid_out(tmp_path), ROOT / "tests" / "tiny_runs.py"
    command = [sys.executable, str(script), str(base), "-p", "windw=3"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert (ended.returncode, ended.stdout) == (2, "")
    said = "bond-eval: No notebook that is run takes a parameter 'windw': the nearest is 'window', of 01_counts."
    assert ended.stderr == f"{said}\n"


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ({"figures": 2}, "It has 1 figure where 2 are needed."),
        ({"findings": 4}, "It has 3 findings where 4 are needed."),
        ({"findings": ["counts.f1", "counts.f9"]}, "It has no finding counts.f9."),
        ({"tables": ["moves", "none"]}, "There is no table none."),
        ({"figures": 0, "findings": ["counts.f0"], "tables": ["at_date"]}, ""),
    ],
)
def test_what_a_notebook_declared_and_did_not_leave_makes_it_incomplete(tmp_path, ran, says, message):
    base = laid_out(tmp_path, ["01_counts"])
    made = notebook("01_counts")
    made.metadata["bond_eval"] |= says
    nbformat.write(made, base / "nbs" / "01_counts.ipynb")
    report = runner.run_workbook(settings_of(base), build=build)
    (result,) = report.results
    assert (result.status, result.message) == ("incomplete" if message else "done", message)
    assert report.exit_status == (1 if message else 0)
