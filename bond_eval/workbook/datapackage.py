"""A descriptor beside the tables' CSV: tables/datapackage.json, a Data Package (version 2) with a Table Schema each."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import write_json
from bond_eval.core.formats import slug
from bond_eval.workbook.spreadsheet import DAY, MARKING, SYMBOLS, SYNTHETIC, UNITS, source_of

FILE = "datapackage.json"
PROFILES = "https://datapackage.org/profiles/2.0"
# A public count may be withheld, not apply, not be known or round to zero: none of these is a number.
MISSING = ("", *SYMBOLS)
_TYPES = {"text": "string", "count": "integer"}


def write_datapackage(folder: Path, facts: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Write tables/datapackage.json for every CSV in `folder`/tables.

    `folder`: of a run. `facts`: the release's. `schema`: what attack.schema gives, by table id. Raises InputError where
    the file cannot be written. Source: datapackage.org/standard, Data Package 2.0 and Table Schema 2.0.
    """
    files = sorted((folder / "tables").glob("*.csv"))
    write_json(folder / "tables" / FILE, descriptor(files, facts, schema))


def descriptor(files: Sequence[Path], facts: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The content of datapackage.json; arguments as of write_datapackage, `files` the CSVs beside it."""
    public = facts["audience"] != "internal"
    symbols = "; ".join(f"{symbol}: {meaning}" for symbol, meaning in SYMBOLS.items())
    about = f"Tables of the evaluation workbook for {facts['authority_name']}, {facts['quarter']}. {symbols}."
    synthetic = f" {SYNTHETIC}" if facts["synthetic"] else ""
    package = {
        "$schema": f"{PROFILES}/datapackage.json",
        "name": slug(f"{facts['authority']}-{facts['quarter']}"),
        "title": f"{facts['authority_name']}: tables of {facts['quarter']}",
        "description": about + synthetic + ("" if public else f" {MARKING}"),
        "sources": [{"title": "The authority's own files, as the manifest lists them, and published figures"}],
        "resources": [_resource(path, schema.get(path.stem, {})) for path in files],
    }
    # Under which licence an authority's own figures go out is the authority's to say.
    own = [{"name": "MIT", "title": "MIT License", "path": "https://opensource.org/license/mit"}]
    return package | ({"licenses": own} if facts["synthetic"] else {})


def _resource(path: Path, spec: Mapping[str, Any]) -> dict[str, Any]:
    content = path.read_bytes()
    names, *rows = csv.reader(content.decode("utf-8").splitlines(keepends=True))
    return {
        "$schema": f"{PROFILES}/dataresource.json",
        "type": "table",
        "name": path.stem,
        "path": path.name,
        "title": spec.get("title", path.stem),
        "description": f"Each row is {spec.get('row', 'as its labels say')}.",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "sources": [{"title": source_of(path.stem)}],
        "schema": {
            "$schema": f"{PROFILES}/tableschema.json",
            "missingValues": list(MISSING),
            "fields": [_field(name, [row[place] for row in rows], spec) for place, name in enumerate(names)],
        },
    }


def _field(name: str, cells: Sequence[str], spec: Mapping[str, Any]) -> dict[str, Any]:
    """A column: its type is what its kind is, and of a label what every cell of it is."""
    value = next((one for one in spec.get("values", ()) if one["name"] == name), None)
    if value is None:
        said = [cell for cell in cells if cell not in MISSING]
        dates = bool(said) and all(DAY.fullmatch(cell) for cell in said)
        title = spec.get("labels", {}).get(name, name)
        return {"name": name, "type": "date" if dates else "string", "title": title, "description": "Label of the row."}
    kind = value["kind"]
    words = f"Worked out from {', '.join(value['follows'])}; withheld where they are." if value["follows"] else ""
    if kind == "count" and value["children"]:
        part = f" A part of {value['of']}." if value["of"] else ""
        words = f"Withheld (c) where it would show 1 to 5 children.{part}"
    field = {"name": name, "type": _TYPES.get(kind, "number"), "title": value["label"], "unit": UNITS[kind][0]}
    return field | ({"description": words} if words else {})
