"""The run as a research object: ro-crate-metadata.json says what made the files, from what, and what came out.

It names no person and no place on a machine, and bears no clock time: equal runs give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_json
from bond_eval.core.places import MANIFEST, TIMINGS
from bond_eval.workbook.settings import NotebookResult
from bond_eval.workbook.spreadsheet import SYNTHETIC

FILE = "ro-crate-metadata.json"
VERSION = "1.2"  # of the RO-Crate specification: the first whose vocabulary has sha256
_KINDS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def write_crate(
    folder: Path, provenance: Mapping[str, Any], results: Sequence[NotebookResult], found: Sequence[Mapping[str, Any]]
) -> None:
    """Write ro-crate-metadata.json into the folder of a run, for the files that are in it by then.

    `provenance`: what manifest.provenance gives. `results`: a notebook each. `found`: findings as dicts. Raises
    InputError where the file cannot be written. Source: researchobject.org/ro-crate, with a run told in the shape of
    a Process Run Crate (a CreateAction with instrument, object and result).
    """
    write_json(folder / FILE, metadata(folder, provenance, results, found))


def metadata(
    folder: Path, provenance: Mapping[str, Any], results: Sequence[NotebookResult], found: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The content of the file; arguments as of write_crate."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    facts = provenance["release"]
    crate = ROCrate(version=VERSION)

    def about(id: str, type: str, **properties: Any) -> Any:
        given = {name: value for name, value in properties.items() if value not in (None, "", [])}
        return crate.add(ContextEntity(crate, id, {"@type": type, **given}))

    title = f"Evaluation workbook: {facts['authority_name']}, {facts['quarter']}"
    synthetic = f" {SYNTHETIC}" if facts["synthetic"] else ""
    crate.name, crate.description = title, f"{title}, edition: {facts['audience']}.{synthetic}"
    # The last day of the data: the library would set the moment of writing, and no two runs would be equal.
    crate.datePublished = facts["as_of"]
    crate.license = about("#licence", "CreativeWork", **_licence(facts))
    files = [crate.add_file(dest_path=name, properties=_properties(folder / name)) for name in _names(folder)]
    names = {result.name: result for result in results}
    for file in files:
        result = names.get(Path(file.id).stem)
        if file.id.startswith("notebooks/") and result:
            many = sum(one["notebook"] == result.name for one in found)
            file["name"] = result.title or result.name
            file["description"] = f"Status: {result.status}; {formats.plural(many, 'finding')}."
    inputs = [
        about(f"#input/{item['file']}", "File", name=item["file"], sha256=item["sha256"], **_rows(item))
        for group in (provenance["inputs"], facts.get("other_inputs", ()))
        for item in group
    ]
    parameters = [
        about(f"#parameter/{name}", "PropertyValue", name=name, value=str(value))
        for name, value in sorted(provenance["parameters"].items())
    ]
    libraries = [
        about(f"#software/{name}", "SoftwareApplication", name=name, version=version)
        for name, version in sorted(provenance["versions"].items())
        if name != "bond-eval"
    ]
    git = provenance["git"] or {}
    software = about(
        "#software/bond-eval",
        "SoftwareApplication",
        name="bond-eval",
        version=provenance["versions"]["bond-eval"],
        identifier=f"git commit {git['commit']}" if git else f"sha256 of the package {provenance['package']}",
        description="" if not git or git["clean"] else "The code held changes that were not committed.",
        softwareRequirements=libraries,
    )
    broken = [result for result in results if not result.done]
    action = about(
        "#run",
        "CreateAction",
        name=provenance["command"],
        instrument=software,
        object=[*inputs, *parameters],
        result=files,
        actionStatus=f"http://schema.org/{'FailedActionStatus' if broken else 'CompletedActionStatus'}",
        error="; ".join(f"{result.name}: {result.message or result.status}" for result in broken),
        description=f"{formats.plural(len(results), 'notebook')} run, {formats.plural(len(found), 'finding')}.",
    )
    crate.root_dataset["mentions"] = [action]
    content: dict[str, Any] = crate.metadata.generate()
    return content


def _names(folder: Path) -> list[str]:
    """Files of the run by their path in it; those that are written later, or hash this one, are left out."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in paths if name not in (FILE, MANIFEST, TIMINGS))


def _properties(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    kind = _KINDS.get(path.suffix.lower(), "application/octet-stream")
    return {
        "name": path.name,
        "encodingFormat": kind,
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _rows(item: Mapping[str, Any]) -> dict[str, Any]:
    """How many rows were read, where the edition may say it: in public a file's length can be a count of children."""
    return {"description": f"{formats.plural(item['rows'], 'row')} read"} if "rows" in item else {}


def _licence(facts: Mapping[str, Any]) -> dict[str, str]:
    if facts["audience"] == "internal":
        return {"name": "OFFICIAL-SENSITIVE", "description": "Not to be published or passed on."}
    if facts["synthetic"]:
        return {"name": "MIT License", "identifier": "https://spdx.org/licenses/MIT"}
    return {
        "name": "As the authority says",
        "description": "The authority says under which licence they go out.",
    }
