"""The descriptor beside the CSVs: it keeps to the specification, and every value of every CSV keeps to it."""

import csv
import datetime as dt
import hashlib
import json
import re
from pathlib import Path

import pytest

from bond_eval.core.places import REFERENCE_RUN
from bond_eval.workbook.datapackage import descriptor, write_datapackage

FACTS = {
    "authority": "salford",
    "authority_name": "Salford (synthetic)",
    "quarter": "2020-21-Q2",
    "audience": "public",
    "synthetic": True,
}
SCHEMA = {
    "placements_at_date": {
        "title": "Placements",
        "row": "a date and category",
        "labels": {"date": "Date", "category": "Category"},
        "values": [
            {"name": "children", "label": "Children", "kind": "count", "children": True, "follows": [], "of": "all"},
            {"name": "share", "label": "Share", "kind": "percent", "children": True, "follows": ["children"], "of": ""},
            {"name": "said", "label": "What can be said", "kind": "text", "children": False, "follows": [], "of": ""},
        ],
    }
}
CSV = 'date,category,children,share,said\n2019-03-31,IFA,48,0.25,"few, but\nenough"\n2020-03-31,All,c,c,\n'
READERS = {
    "integer": lambda text: re.fullmatch(r"[+-]?\d+", text),
    # Table Schema: digits, a point, an exponent; no separator of thousands and no unit.
    "number": lambda text: re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|-?INF", text),
    "date": lambda text: dt.date.fromisoformat(text),
    "string": lambda text: True,
}


def faults(folder: Path) -> list[str]:
    """What in tables/datapackage.json, or in a CSV that it describes, is not as the specification asks."""
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    found = [] if re.fullmatch(r"[a-z0-9._-]+", package["name"]) else ["name of the package"]
    if not isinstance(package.get("resources"), list) or not package["resources"]:
        found.append("resources")
    found += ["licence without name or path"] * any(
        not one.get("name") and not one.get("path") for one in package.get("licenses", [])
    )
    names = [one["name"] for one in package["resources"]]
    found += ["two resources of one name"] * (len(set(names)) < len(names))
    for one in package["resources"]:
        path = folder / one["path"]
        if "/" in one["path"] or not path.is_file() or "data" in one:
            found.append(f"{one['name']}: path")
            continue
        content = path.read_bytes()
        if one["bytes"] != len(content) or one["hash"] != f"sha256:{hashlib.sha256(content).hexdigest()}":
            found.append(f"{one['name']}: bytes or hash")
        if not (one["title"] and one["description"] and all(source.get("title") for source in one["sources"])):
            found.append(f"{one['name']}: title, description or sources")
        found += [f"{one['name']}: {fault}" for fault in value_faults(path, one["schema"])]
    return found


def value_faults(path: Path, schema: dict) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    fields = schema["fields"]
    if [field["name"] for field in fields] != head or not all(field.get("title") for field in fields):
        return ["fields are not the CSV's columns"]
    found = []
    for line, row in enumerate(rows, 2):
        for field, text in zip(fields, row, strict=True):
            if text in schema["missingValues"]:
                continue
            try:
                fits = READERS[field["type"]](text)
            except ValueError:
                fits = None
            if not fits:
                found.append(f"line {line}, {field['name']}: {text!r} is no {field['type']}")
    return found


def written(folder: Path, text: str = CSV, **facts) -> Path:
    (folder / "tables").mkdir()
    (folder / "tables" / "placements_at_date.csv").write_text(text, encoding="utf-8")
    write_datapackage(folder, FACTS | facts, SCHEMA)
    return folder / "tables"


def test_the_descriptor_keeps_to_the_specification(tmp_path):
    folder = written(tmp_path)
    assert faults(folder) == []
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["$schema"].startswith("https://datapackage.org/profiles/2.0/")
    assert package["name"] == "salford-2020-21-q2" and package["licenses"][0]["name"] == "MIT"
    (table,) = package["resources"]
    assert table["schema"]["missingValues"] == ["", "c", "z", "x"]
    fields = {field["name"]: field for field in table["schema"]["fields"]}
    assert {name: field["type"] for name, field in fields.items()} == {
        "date": "date", "category": "string", "children": "integer", "share": "number", "said": "string",
    }  # fmt: skip
    assert fields["share"]["unit"].startswith("share of 1") and "A part of all." in fields["children"]["description"]
    assert fields["share"]["description"] == "Worked out from children; withheld where they are."


def test_a_label_that_is_not_always_a_date_is_a_word(tmp_path):
    folder = written(tmp_path, CSV + "All,All,50,0.5,\n")
    fields = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))["resources"][0]["schema"]["fields"]
    assert fields[0]["type"] == "string" and faults(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [("48", "forty-eight", "is no integer"), ("0.25", "25%", "is no number"), ("2019-03-31", "2019-02-31", "no date")],
)
def test_a_value_against_its_type_is_found(tmp_path, old, new, fault):
    folder = written(tmp_path)
    path = folder / "placements_at_date.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    told = faults(folder)
    assert any(fault in one for one in told) and any("bytes or hash" in one for one in told)


def test_an_authoritys_own_data_has_the_licence_that_it_gives_and_none_of_ours(tmp_path):
    package = descriptor([], FACTS | {"synthetic": False}, {})
    assert "licenses" not in package and "no real child" not in package["description"]
    internal = descriptor([], FACTS | {"audience": "internal"}, {})
    assert "OFFICIAL-SENSITIVE" in internal["description"]


def test_the_same_tables_give_the_same_bytes(tmp_path):
    folder = written(tmp_path)
    first = (folder / "datapackage.json").read_bytes()
    write_datapackage(tmp_path, FACTS, SCHEMA)
    assert (folder / "datapackage.json").read_bytes() == first


def test_every_value_of_the_reference_run_keeps_to_its_type(tmp_path):
    """All tables of the sample: a count that is no whole number, or a word in a column of numbers, would show here."""
    tables = tmp_path / "tables"
    tables.mkdir()
    for path in (REFERENCE_RUN / "tables").glob("*.csv"):
        (tables / path.name).write_bytes(path.read_bytes())
    schema = json.loads((REFERENCE_RUN / "tables" / "schema.json").read_text(encoding="utf-8"))["tables"]
    write_datapackage(tmp_path, FACTS, schema)
    assert len(schema) > 100 and faults(tables) == []
