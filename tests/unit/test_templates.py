"""The empty templates: each is read as the form that it is of, and the dictionary says every column and word."""

import csv
import datetime as dt
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from bond_eval.cli import app
from bond_eval.core.errors import InputError
from bond_eval.intake.finance import load_finance
from bond_eval.intake.forms import form_table, read_folder
from bond_eval.intake.measures import load_measures
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import load_register
from bond_eval.intake.templates import FOLDERS, template_files, write_templates

AS_OF = dt.date(2020, 9, 30)
NOBODY = np.array([], dtype=object)
NOTHING = pd.DataFrame({"birth": np.array([], dtype=np.int32), "sex": [], "ethnicity": pd.Categorical([])})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("t") / "new"
    write_templates(folder)
    return folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_template_is_read_as_its_form(written, folder):
    found = read_folder(written / folder, FOLDERS[folder], AS_OF)
    assert {sheet.name: sheet.form for sheet in found.sheets} == {
        path.name: path.stem for path in (written / folder).iterdir()
    }
    assert found.log.frame().empty
    assert {sheet.form for sheet in found.sheets} == set(form_table(FOLDERS[folder].table)) - {"census", "section_251"}


def test_the_workbook_is_the_register(written, tmp_path):
    (tmp_path / "register.xlsx").write_bytes((written / "register.xlsx").read_bytes())
    found = load_register(tmp_path, NOBODY, NOTHING, AS_OF)
    assert found.absent == () and found.issues.empty and found.accounts["rows_in"].sum() == 0


def test_every_loader_takes_the_empty_templates(written):
    assert load_finance(written / "finance", NOBODY).issues.empty
    assert load_register(written / "register", NOBODY, NOTHING, AS_OF).issues.empty
    assert load_measures(written / "measures", set(), AS_OF).issues.empty


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_examples_can_be_read(written, tmp_path, folder):
    """A row of the examples is kept by every form: the dictionary shows nothing that is then refused."""
    for form, rows in form_table(FOLDERS[folder].table).items():
        if (written / folder / f"{form}.csv").exists():
            with (tmp_path / f"{form}.csv").open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream).writerows([[row["column"] for row in rows], [row["example"] for row in rows]])
    people = pd.DataFrame(
        {"birth": np.array([12951], dtype=np.int32), "sex": ["Male"], "ethnicity": pd.Categorical(["WBRI"])}
    )
    children = np.array(["4711"], dtype=object)
    found = {
        "finance": lambda: load_finance(tmp_path, children),
        "register": lambda: load_register(tmp_path, children, people, AS_OF),
        "measures": lambda: load_measures(tmp_path, {"op_open"}, dt.date(2020, 12, 31)),
    }[folder]()
    assert found.issues.empty, found.issues.to_string()
    assert (found.accounts["kept"] == 1).all()


def test_the_dictionary_names_every_column_and_word(written):
    text = (written / "README.md").read_text(encoding="utf-8")
    for folder, forms in FOLDERS.items():
        for form, rows in form_table(forms.table).items():
            part = re.search(rf"### [^\n]*\b{form}\b[^#]*", text[text.index(f"## {folder}\n") :]).group()
            assert part.count("\n| `") == len(rows)
            assert all(f"| `{row['column']}` |" in part and row["meaning"] in part for row in rows)
            assert all(row["meaning"] for row in rows), form
    words = read_reference("register_words.csv")
    assert all(word in text for word in words["word"]) and "In-house residential" in text and "WBRI" in text


def test_nothing_is_overwritten(tmp_path):
    folder = tmp_path / "mine"
    (folder / "register").mkdir(parents=True)
    kept = folder / "register" / "cases.csv"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_templates(folder)
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_templates(kept)
    assert kept.read_text(encoding="utf-8") == "mine" and [p.name for p in folder.iterdir()] == ["register"]


def test_all_or_none(tmp_path, monkeypatch):
    monkeypatch.setattr("bond_eval.intake.templates.template_files", lambda: {"a.csv": b"a", "b.csv": None})
    with pytest.raises(TypeError):
        write_templates(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path):
    done = CliRunner().invoke(app, ["template", str(tmp_path / "new")])
    assert done.exit_code == 0 and "new" in done.output
    names = sorted(path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*.*"))
    assert names == sorted(template_files())
    book = openpyxl.load_workbook(tmp_path / "new" / "register.xlsx")
    assert book.sheetnames == list(form_table("register_files.csv"))
    with pytest.raises(InputError):
        CliRunner().invoke(app, ["template", str(tmp_path / "new")], catch_exceptions=False)
