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
from bond_eval.workbook.front import supplied
from bond_eval.workbook.pages import weight
from bond_eval.workbook.publish import TEMPLATES, Pages, rendered, site_of
from bond_eval.workbook.safe_html import plain, with_anchors, words
from bond_eval.workbook.traced import PAGE, tables_of
from bond_eval.workbook.why import addresses

SHORT, MOST = 12, 5  # digits of a SHA-256, and tests, that a page shows
METHODS, DATA, FINDINGS = "methods.html", "data.html", "findings.html"
_DOCUMENTS = {
    METHODS: ("Methods", ROOT / "docs" / "METHODS.md"),
    DATA: ("Data", ROOT / "data" / "README.md"),
}
# What a source speaks of where it means the files of a folder beside the return.
_BESIDE = {"register": re.compile(r"\b(programme|the) register\b"), "finance": re.compile(r"\bfinance files\b")}
_LINK = re.compile(r'<a\b[^>]*\bhref="(?!#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def write_documents(pages: Pages) -> None:
    """Write the methods page and the data page: the project's own documents, and what this release was made from."""
    made_from = {METHODS: "", DATA: _inputs(pages.facts["inputs"])}
    for page, (title, path) in _DOCUMENTS.items():
        lead, html, contents = _document(path, made_from[page])
        parts = {"title": title, "lead": lead, "html": html, "contents": contents}
        write_text(pages.folder / page, rendered("text.html.j2", site=pages.site, **parts))


def write_findings(pages: Pages) -> None:
    """Write one page of all findings by notebook, and of all questions with the findings that bear on each."""
    shown = [{**finding, "anchor": anchor(finding["id"]), "weight": weight(finding)[:-1]} for finding in pages.found]
    books = [
        {"name": name, "title": title, "findings": [finding for finding in shown if finding["notebook"] == name]}
        for name, title in pages.titles.items()
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
    page = rendered("findings.html.j2", site=pages.site, script=script, script_hash=f"sha256-{digest}", **parts)
    write_text(pages.folder / FINDINGS, page)


def write_tables(pages: Pages) -> None:
    """Write the address of each table: pages and findings that show it, rows, files, method, builder and tests."""
    tables, inputs = pages.site["tables"], pages.facts["inputs"]
    opened = {name: tables_of(book, tables) for name, book in pages.notebooks.items()}
    lines = "".join(f"{item['file']} {item['sha256']}\n" for item in inputs)
    shown = [
        {
            "of": one,
            "files": [{"name": name, "sha": digest[:SHORT]} for name, digest in one.files],
            "pages": [name for name, ids in opened.items() if one.id in ids],
            "findings": [{**f, "anchor": anchor(f["id"])} for f in pages.found if f["table"] == one.id],
            "csv": one.id in pages.tables,
            "absent": [f for f, words in _BESIDE.items() if words.search(one.source) and not supplied(pages.facts, f)],
        }
        for one in addresses(tables, pages.facts)
    ]
    kept = (f"notebooks/{name}.ipynb" for name in pages.notebooks)
    again = {Path(path).stem: f"outputs/reference/{path}" for path in kept if (REFERENCE_RUN / path).is_file()}
    digest = hashlib.sha256(lines.encode("utf-8")).hexdigest()[:SHORT]
    parts = {"shown": shown, "titles": pages.titles, "again": again, "digest": digest, "most": MOST}
    write_text(pages.folder / PAGE, rendered("tables.html.j2", site=pages.site, files=len(inputs), **parts))


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
