"""Publishes a run as a release: a whole static site with its files, checked, attacked, and never changed again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bond_eval.audit import audit
from bond_eval.audit.verify import verify
from bond_eval.core import formats
from bond_eval.core.atomic import replaced_folder, write_json
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE
from bond_eval.core.periods import Quarter
from bond_eval.core.places import digests
from bond_eval.workbook import pdf
from bond_eval.workbook.attack import Refused
from bond_eval.workbook.locks import alone
from bond_eval.workbook.manifest import MANIFEST, hashes
from bond_eval.workbook.pages import NO_ALT
from bond_eval.workbook.settings import BACK, NotebookResult

PUBLISHED = Path("outputs") / "published"
PDF, REVISION = "release.pdf", "revision-"
FIRST = "first publication"
WAIT = 600.0  # seconds
# What nbconvert and our own pages put for a picture of which nothing is said.
UNTOLD = ("No description has been provided for this image", NO_ALT)
# What may differ between two machines that publish the same: the browser that prints, and what names its file.
_APART = (PDF, MANIFEST, "ro-crate-metadata.json")
_RESULT = tuple(field.name for field in fields(NotebookResult) if field.name != "seconds")


@dataclass(frozen=True)
class Release:
    """`folder` of a revision; `new` is False where the same content had been published already."""

    folder: Path
    number: int
    new: bool


@dataclass(frozen=True)
class _Run:
    """What a run left: its folder, manifest, and findings.json."""

    folder: Path
    manifest: Mapping[str, Any]
    findings: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """The release's facts as publish.publish wants them."""
        return {**self.manifest["release"], "inputs": self.manifest["inputs"]}


def publish_run(
    run: Path, to: Path = PUBLISHED, reason: str = "", day: dt.date | None = None, incomplete: bool = False
) -> Release:
    """Publish the run of a folder as TO/AUTHORITY/QUARTER/revision-N; the same content again changes nothing.

    `reason` is needed from the second revision on; `day` is the date on the pages (today where None). Raises
    InputError for an internal, incomplete (unless `incomplete`) or changed run, and attack.Refused where the audit of
    the finished site finds something. Whatever is raised, what was published before stays as it was.
    """
    source = _read(run)
    _check(source, incomplete)
    home = to / source.facts["authority"] / source.facts["quarter"]
    # Two that publish the same quarter at once would each make the same revision.
    with alone(home, WAIT, print):
        before = revisions(home)
        if before and _same(source, home, before[-1]):
            return Release(home / f"{REVISION}{before[-1]['number']}", before[-1]["number"], new=False)
        stamp = _stamp(before, " ".join(reason.split()), day or dt.date.today(), not source.manifest["complete"])
        target = home / f"{REVISION}{stamp['number']}"
        with replaced_folder(target) as work:
            made = _built(work, source, stamp)
            _attack(work, home, before)
        _list(home, source, [*before, made])
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


def _read(run: Path) -> _Run:
    _, differs = verify(run)
    if differs:
        raise InputError(f"{run.name} is not as the run left it ({differs[0]}): run the quarter again.")
    try:
        return _Run(run, _json(run / MANIFEST), _json(run / FILE))
    except (OSError, ValueError) as error:
        raise InputError(f"{run.name} has no {FILE} that can be read: give the folder of a run.") from error


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _check(source: _Run, incomplete: bool) -> None:
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


def _built(work: Path, source: _Run, stamp: dict[str, Any]) -> dict[str, Any]:
    """Write the whole site with PDF and manifest into `work`; gives the stamp as the manifest has it."""
    from bond_eval.workbook.crate import write_crate

    pages = _write(work, source, stamp)
    facts = source.facts | {"revision": stamp}
    if not stamp["no_pdf"] and not _print(work, facts, pages, stamp):
        stamp = stamp | {"no_pdf": pdf.FAILED}
        _write(work, source, stamp)
    _told(work)
    write_crate(work, source.manifest, _results(source), source.findings["findings"])
    kept = {name: part for name, part in source.manifest.items() if name != "files"}
    write_json(work / MANIFEST, {**kept, "revision": stamp, "files": hashes(work)})
    return stamp


def _told(work: Path) -> None:
    """Raise InputError where a picture of a page has no text alternative but the words that stand in for one."""
    for page in sorted(work.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if any(words in text for words in UNTOLD):
            raise InputError(f"{page.name} shows a figure without a text alternative: give it one and run it again.")


def _write(work: Path, source: _Run, stamp: Mapping[str, Any]) -> list[str]:
    """Everything but PDF, descriptors and manifest. Gives the pages in the order in which they are read."""
    import nbformat

    from bond_eval.workbook.datapackage import write_datapackage
    from bond_eval.workbook.pages import headline
    from bond_eval.workbook.publish import publish, site_of
    from bond_eval.workbook.site_pages import DATA, METHODS, write_documents, write_findings, write_tables
    from bond_eval.workbook.spreadsheet import FILE as SHEETS
    from bond_eval.workbook.spreadsheet import write_spreadsheet
    from bond_eval.workbook.traced import places

    for name in source.manifest["files"]:
        if not name.endswith(".html"):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, work / name)
    facts = source.facts | {"revision": {**stamp, "files": _files(stamp, SHEETS)}}
    results = _results(source)
    books = {r.name: nbformat.read(work / "notebooks" / f"{r.name}.ipynb", as_version=4) for r in results}
    found = source.findings["findings"]
    tables = {path.stem: path.read_text(encoding="utf-8") for path in sorted((work / "tables").glob("*.csv"))}
    publish(work, facts, books, results, found, source.manifest, sorted(tables), _earlier_run(source))
    write_documents(work, facts, source.manifest["inputs"])
    where = places(tables, books, release=True)
    write_findings(work, facts, found, {name: headline(book, name) for name, book in books.items()}, where)
    write_tables(work, facts, found, books, where)
    schema = _json(work / "tables" / "schema.json")["tables"]
    write_spreadsheet(work / SHEETS, site_of(facts), tables, schema, found)
    write_datapackage(work, facts, schema)
    return ["index.html", *(f"pages/{result.name}.html" for result in results), METHODS, DATA]


def _files(stamp: Mapping[str, Any], sheets: str) -> list[dict[str, str]]:
    files = [{"href": sheets, "words": "every table of this release as a spreadsheet"}]
    if not stamp["no_pdf"]:
        files.insert(0, {"href": PDF, "words": "every page of this release as one PDF"})
    return files


def _print(work: Path, facts: Mapping[str, Any], pages: list[str], stamp: Mapping[str, Any]) -> bool:
    from bond_eval.workbook.publish import site_of

    return pdf.print_pdf(work, pages, site_of(facts), work / PDF, dt.date.fromisoformat(stamp["date"]))


def _results(source: _Run) -> list[NotebookResult]:
    return [
        NotebookResult(**{k: v for k, v in item.items() if k in _RESULT}, seconds=0.0)
        for item in source.manifest["notebooks"]
    ]


def _same(source: _Run, home: Path, last: Mapping[str, Any]) -> bool:
    """Whether this run, published as the last revision was, would give the files that it has."""
    published = _json(home / f"{REVISION}{last['number']}" / MANIFEST)["files"]
    with tempfile.TemporaryDirectory(prefix="bond-eval-") as name:
        work = Path(name) / "site"
        _write(work, source, last)
        return _content(digests(work)) == _content(published)


def _content(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name not in _APART}


def _attack(work: Path, home: Path, before: list[dict[str, Any]]) -> None:
    """Raise Refused where the finished site says more than it may, by itself or beside what was published before."""
    quarter = Quarter.parse(home.name)
    earlier = [home.with_name(str(quarter.next(-steps))) for steps in range(1, BACK + 1)]
    last = next((folder for folder in earlier if folder.is_dir()), None)
    known: list[Path | None] = [home / f"{REVISION}{len(before)}"] if before else []
    known += [last / f"{REVISION}{len(revisions(last))}"] if last else []
    for previous in known or [None]:
        report = audit(work, previous=previous)
        if report.falls:
            raise Refused(report.lines())


def _earlier_run(source: _Run) -> Path | None:
    """The run of the quarter before that lies beside this one, as the run itself was compared with."""
    quarter = Quarter.parse(source.facts["quarter"])
    folders = [source.folder.resolve().with_name(str(quarter.next(-steps))) for steps in range(1, BACK + 1)]
    return next((folder for folder in folders if folder.is_dir()), None)


def _list(home: Path, source: _Run, all_of_them: list[dict[str, Any]]) -> None:
    from bond_eval.workbook.site_pages import write_revisions

    write_revisions(home, source.facts, all_of_them)
