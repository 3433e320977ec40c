"""Publishes a run as a release: a whole static site with its files, checked, attacked, and never changed again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bond_eval.audit import audit
from bond_eval.audit.verify import verify
from bond_eval.core import formats
from bond_eval.core.atomic import replaced_folder, write_json
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import MANIFEST, TABLE_SCHEMA, digests, hashes
from bond_eval.workbook import pdf
from bond_eval.workbook.attack import Refused
from bond_eval.workbook.compare import Run, read_run, there
from bond_eval.workbook.crate import FILE as CRATE
from bond_eval.workbook.crate import write_crate
from bond_eval.workbook.datapackage import write_datapackage
from bond_eval.workbook.locks import alone, private_folder
from bond_eval.workbook.pages import NO_ALT
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.publish import Pages, publish
from bond_eval.workbook.settings import NotebookResult, earlier
from bond_eval.workbook.site_pages import DATA, METHODS, write_documents, write_findings, write_revisions, write_tables
from bond_eval.workbook.spreadsheet import FILE as SHEETS
from bond_eval.workbook.spreadsheet import write_spreadsheet

PDF, REVISION = "release.pdf", "revision-"
FIRST = "first publication"
WAIT = 600.0  # seconds
# What nbconvert and our own pages put for a picture of which nothing is said.
UNTOLD = ("No description has been provided for this image", NO_ALT)
# What may differ between two machines that publish the same: the browser that prints, and what names its file.
_APART = (PDF, MANIFEST, CRATE)


@dataclass(frozen=True)
class Release:
    """`folder` of a revision; `new` is False where the same content had been published already."""

    folder: Path
    number: int
    new: bool


def publish_run(
    run: Path,
    to: Path,
    reason: str = "",
    day: dt.date | None = None,
    incomplete: bool = False,
    progress: Progress | None = None,
) -> Release:
    """Publish the run of a folder as TO/AUTHORITY/QUARTER/revision-N; the same content again changes nothing.

    `reason` is needed from the second revision on; `day` is the date on the pages (today where None). Raises
    InputError for an internal, incomplete (unless `incomplete`) or changed run, and attack.Refused where the audit of
    the finished site finds something. Whatever is raised, what was published before stays as it was.
    """
    there(run)
    note = (progress or Progress()).note
    note(f"Checking the files of {run.name}")
    _, differs = verify(run)
    if differs:
        raise InputError(f"{run.name} is not as the run left it ({differs[0]}): run the quarter again.")
    source = read_run(run)
    _check(source, incomplete)
    home = to / source.release["authority"] / source.release["quarter"]
    # Two that publish the same quarter at once would each make the same revision.
    with alone(home, WAIT, note):
        before = revisions(home)
        note("Writing the site: pages, spreadsheet and, where a browser is there, the PDF")
        if before and _same(source, home, before[-1]):
            return Release(home / f"{REVISION}{before[-1]['number']}", before[-1]["number"], new=False)
        stamp = _stamp(before, " ".join(reason.split()), day or dt.date.today(), not source.manifest["complete"])
        target = home / f"{REVISION}{stamp['number']}"
        try:
            with replaced_folder(target) as work:
                made = _built(work, source, stamp)
                _attack(work, home, before, note)
        finally:
            with suppress(OSError):  # as where it holds a revision
                home.rmdir()
        write_revisions(home, source.release, [*before, made])
    return Release(target, stamp["number"], new=True)


def revisions(home: Path) -> list[dict[str, Any]]:
    """What the manifests of a quarter's revisions say of them, the first first. Raises InputError for a broken one."""
    found = []
    for number in range(1, 1 + sum(1 for _ in home.glob(f"{REVISION}*"))):
        folder = home / f"{REVISION}{number}"
        _, differs = verify(folder)
        if differs:
            raise InputError(f"{folder.name} of {home.name} is not as it was published ({differs[0]}): bring it back.")
        found.append(dict(_json(folder / MANIFEST)["revision"]))
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _check(source: Run, incomplete: bool) -> None:
    name, manifest = source.folder.name, source.manifest
    if "revision" in manifest or "notebooks" not in manifest:
        raise InputError(f"{name} is not the folder of a run: give what `bond-eval run` left.")
    if manifest["release"]["audience"] != "public":
        raise InputError(f"{name} is OFFICIAL-SENSITIVE and is never published: run the quarter without --internal.")
    if not manifest["complete"] and not incomplete:
        unsound = [item["name"] for item in manifest["notebooks"] if item["status"] != "done"] or manifest["left_out"]
        raise InputError(f"{name} is incomplete ({formats.listed(unsound)}): run it whole, or publish it --incomplete.")


def _stamp(before: list[dict[str, Any]], reason: str, day: dt.date, incomplete: bool) -> dict[str, Any]:
    if before and not reason:
        raise InputError(f"Revision {len(before)} has other content: say why this one replaces it with --reason.")
    if before and day.isoformat() < before[-1]["date"]:
        raise InputError(f"Revision {len(before)} is of {before[-1]['date']}: give a --date that is not before it.")
    return {
        "number": len(before) + 1,
        "date": day.isoformat(),
        "date_words": formats.date(day),
        "reason": reason or FIRST,
        "incomplete": incomplete,
        "no_pdf": "" if pdf.browser() else pdf.ABSENT,
    }


def _built(work: Path, source: Run, stamp: dict[str, Any]) -> dict[str, Any]:
    """Write the whole site with PDF and manifest into `work`; gives the stamp as the manifest has it."""
    pages = _write(work, source, stamp)
    order = ["index.html", *(f"pages/{name}.html" for name in pages.notebooks), METHODS, DATA]
    day = dt.date.fromisoformat(stamp["date"])
    if not stamp["no_pdf"] and not pdf.print_pdf(work, order, pages.site, work / PDF, day):
        stamp = stamp | {"no_pdf": pdf.FAILED}
        pages = _write(work, source, stamp)
    _told(work)
    write_crate(work, source.manifest, pages.results, pages.found)
    kept = {name: part for name, part in source.manifest.items() if name != "files"}
    write_json(work / MANIFEST, {**kept, "revision": stamp, "files": hashes(work)})
    return stamp


def _told(work: Path) -> None:
    """Raise InputError where a picture of a page has no text alternative but the words that stand in for one."""
    for page in sorted(work.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if any(words in text for words in UNTOLD):
            raise InputError(f"{page.name} shows a figure without a text alternative: give it one and run it again.")


def _write(work: Path, source: Run, stamp: Mapping[str, Any]) -> Pages:
    """Everything but PDF, crate and manifest; gives what the pages were made of."""
    import nbformat

    for name in source.manifest["files"]:
        if not name.endswith(".html"):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, work / name)
    files = [] if stamp["no_pdf"] else [{"href": PDF, "words": "every page of this release as one PDF"}]
    files.append({"href": SHEETS, "words": "every table of this release as a spreadsheet"})
    facts = source.release | {"revision": {**stamp, "files": files}}
    results = [NotebookResult(**item, seconds=0.0) for item in source.manifest["notebooks"]]
    books = {r.name: nbformat.read(work / "notebooks" / f"{r.name}.ipynb", as_version=4) for r in results}
    found = list(source.findings.values())
    tables = {path.stem: path.read_text(encoding="utf-8") for path in sorted((work / "tables").glob("*.csv"))}
    # As the run itself was compared.
    before = [folder for _, folder in earlier(source.folder.resolve().parent, Quarter.parse(facts["quarter"]))]
    pages = Pages(work, facts, books, results, found, source.manifest, tables, before[-1] if before else None)
    for write in (publish, write_documents, write_findings, write_tables):
        write(pages)
    schema = _json(work / TABLE_SCHEMA)["tables"]
    write_spreadsheet(work / SHEETS, pages.site, tables, schema, found)
    write_datapackage(work, facts, schema)
    return pages


def _same(source: Run, home: Path, last: Mapping[str, Any]) -> bool:
    """Whether this run, published as the last revision was, would give the files that it has."""
    published = _json(home / f"{REVISION}{last['number']}" / MANIFEST)["files"]
    with private_folder() as name:
        work = name / "site"
        _write(work, source, last)
        return _content(digests(work)) == _content(published)


def _content(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name not in _APART}


def _attack(work: Path, home: Path, before: list[dict[str, Any]], note: Callable[[str], None]) -> None:
    """Raise Refused where the finished site says more than it may, by itself or beside what was published before."""
    quarters = (folder for _, folder in earlier(home.parent, Quarter.parse(home.name)))
    last = [folder for folder in quarters if any(folder.glob(f"{REVISION}*"))][-1:]
    known: list[Path | None] = [*([home] if before else []), *last]
    for folder in known or [None]:
        previous = folder / f"{REVISION}{len(revisions(folder))}" if folder else None
        beside = f" but {previous.name} of {folder.name}" if folder and previous else ""
        note(f"Attacking the site, as one would who has nothing else{beside}")
        report = audit(work, previous=previous)
        if report.falls:
            kinds, again = {fall.kind for fall in report.falls}, ""
            if folder in last and kinds & {"beside", "recovered"}:
                again = f": run it again with the run of {folder.name} in the same output folder, to allow for it"
            raise Refused([*report.lines(), f"Nothing was published{again}."])
