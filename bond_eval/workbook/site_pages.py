"""Pages that a published release has beside those of a run: findings and questions, methods, data, revisions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_text
from bond_eval.core.findings import anchor, questions
from bond_eval.core.places import REFERENCE_RUN, ROOT
from bond_eval.workbook.pages import headline, weight
from bond_eval.workbook.publish import TEMPLATES, rendered, site_of
from bond_eval.workbook.safe_html import plain, with_anchors, words
from bond_eval.workbook.traced import PAGE, tables_of
from bond_eval.workbook.why import addresses

SHORT, MOST = 12, 5  # digits of a SHA-256, and tests, that a page shows
METHODS, DATA, FINDINGS = "methods.html", "data.html", "findings.html"
_DOCUMENTS = {
    METHODS: ("Methods", ROOT / "docs" / "METHODS.md"),
    DATA: ("Data", ROOT / "data" / "README.md"),
}
_LINK = re.compile(r'<a\b[^>]*\bhref="(?!#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def write_documents(folder: Path, facts: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> None:
    """Write the methods page and the data page: the project's own documents, and what this release was made from."""
    site = site_of(facts)
    made_from = {METHODS: "", DATA: _inputs(inputs)}
    for page, (title, path) in _DOCUMENTS.items():
        lead, html, contents = _document(path, made_from[page])
        write_text(
            folder / page, rendered("text.html.j2", site=site, title=title, lead=lead, html=html, contents=contents)
        )


def write_findings(
    folder: Path,
    facts: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    tables: Mapping[str, str],
) -> None:
    """Write one page of all findings by notebook, and of all questions with the findings that bear on each.

    `tables`: where the site has each table, as traced.places gives it.
    """
    shown = [{**finding, "anchor": anchor(finding["id"]), "weight": weight(finding)[:-1]} for finding in found]
    books = [
        {"name": name, "title": title, "findings": [finding for finding in shown if finding["notebook"] == name]}
        for name, title in titles.items()
    ]
    asked = [
        {
            "id": id,
            "text": row["text"],
            "needs": row["data_needed"],
            "findings": [f for f in shown if id in f["questions"]],
        }
        for id, row in questions().items()
    ]
    script = (TEMPLATES / "bond" / "search.js").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    parts = {"found": shown, "books": [book for book in books if book["findings"]], "questions": asked}
    site = site_of(facts) | {"tables": tables}
    page = rendered("findings.html.j2", site=site, script=script, script_hash=f"sha256-{digest}", **parts)
    write_text(folder / FINDINGS, page)


def write_tables(
    folder: Path,
    facts: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    books: Mapping[str, Any],
    tables: Mapping[str, str],
) -> None:
    """Write the address of each table: pages and findings that show it, builder, method, files and tests.

    `books`: executed notebooks by name; `tables`: as traced.places gives them.
    """
    opened = {name: tables_of(book, tables) for name, book in books.items()}
    made = addresses(tables, facts)
    lines = "".join(f"{item['file']} {item['sha256']}\n" for item in facts["inputs"])
    shown = [
        {
            "of": one,
            "files": [{"name": name, "sha": digest[:SHORT]} for name, digest in one.files],
            "pages": [name for name, ids in opened.items() if one.id in ids],
            "findings": [f | {"anchor": anchor(f["id"])} for f in map(dict, found) if f["table"] == one.id],
            "csv": (folder / "tables" / f"{one.id}.csv").is_file(),
        }
        for one in made
    ]
    again = {name: f"outputs/reference/notebooks/{name}.ipynb" for name in books if _kept(name)}
    titles = {name: headline(book, name) for name, book in books.items()}
    digest = hashlib.sha256(lines.encode("utf-8")).hexdigest()[:SHORT]
    parts = {"shown": shown, "titles": titles, "again": again, "digest": digest, "most": MOST}
    write_text(folder / PAGE, rendered("tables.html.j2", site=site_of(facts), files=len(facts["inputs"]), **parts))


def _kept(name: str) -> bool:
    return (REFERENCE_RUN / "notebooks" / f"{name}.ipynb").is_file()


def write_revisions(home: Path, facts: Mapping[str, Any], revisions: Sequence[Mapping[str, Any]]) -> None:
    """Write the list of a quarter's revisions, the newest first; `revisions` are as manifests have them, in order."""
    site = site_of({**facts, "revision": None})
    write_text(home / "index.html", rendered("revisions.html.j2", site=site, revisions=list(reversed(revisions))))


def _document(path: Path, more: str) -> tuple[str, str, list[tuple[str, str]]]:
    """(lead, HTML, contents) of a Markdown document; `more` goes before it."""
    lead, body = _read(path)
    # The documents point at each other by paths of the repository, which a site does not hold.
    html, contents = with_anchors(more + _LINK.sub(r"\1", body), {"main", "contents"})
    return lead, html, contents


@cache
def _read(path: Path) -> tuple[str, str]:
    """The first paragraph under a document's title, and the rest as HTML; its equations take a second to draw."""
    _, _, body = path.read_text(encoding="utf-8").partition("\n")  # the page sets the title itself
    lead, _, rest = body.strip().partition("\n\n")
    return plain(lead), words(rest, f"Table of {path.name}")


def _inputs(inputs: Sequence[Mapping[str, Any]]) -> str:
    rows = "\n".join(f"| `{_cell(item['file'])}` | `{_cell(item['sha256'])[:SHORT]}` |" for item in inputs)
    return words(
        f"## What this release was made from\n\nIt read {formats.plural(len(inputs), 'file')}; `manifest.json` holds "
        f"each one's whole SHA-256. [Tables]({PAGE}) names those behind each table.\n\n"
        f"| File | SHA-256 begins |\n|---|---|\n{rows}\n",
        "Files read",
    )


def _cell(text: Any) -> str:
    # A name from an authority's folder stands between back-ticks in a table.
    return re.sub(r"[`|\s]+", " ", str(text)).strip()
