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
from bond_eval.core.places import ROOT
from bond_eval.workbook.pages import weight
from bond_eval.workbook.publish import TEMPLATES, rendered, site_of
from bond_eval.workbook.safe_html import plain, with_anchors, words

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
    folder: Path, facts: Mapping[str, Any], found: Sequence[Mapping[str, Any]], titles: Mapping[str, str]
) -> None:
    """Write one page of all findings by notebook, and of all questions with the findings that bear on each."""
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
    page = rendered("findings.html.j2", site=site_of(facts), script=script, script_hash=f"sha256-{digest}", **parts)
    write_text(folder / FINDINGS, page)


def write_revisions(home: Path, facts: Mapping[str, Any], revisions: Sequence[Mapping[str, Any]]) -> None:
    """Write the list of a quarter's revisions, the newest first; `revisions` are as manifests have them, in order."""
    site = site_of({**facts, "revision": None})
    write_text(home / "index.html", rendered("revisions.html.j2", site=site, revisions=list(reversed(revisions))))


def _document(path: Path, more: str) -> tuple[str, str, list[tuple[str, str]]]:
    """(lead, HTML, contents) of a Markdown document; `more` goes before it."""
    lead, body = _read(path)
    # The documents point at each other by paths of the repository, which a site does not hold.
    html, contents = with_anchors(_LINK.sub(r"\1", more + body), {"main", "contents"})
    return lead, html, contents


@cache
def _read(path: Path) -> tuple[str, str]:
    """The first paragraph under a document's title, and the rest as HTML; its equations take a second to draw."""
    _, _, body = path.read_text(encoding="utf-8").partition("\n")  # the page sets the title itself
    lead, _, rest = body.strip().partition("\n\n")
    return plain(lead), words(rest, f"Table of {path.name}")


def _inputs(inputs: Sequence[Mapping[str, Any]]) -> str:
    rows = "\n".join(f"| `{_cell(item['file'])}` | `{_cell(item['sha256'])[:12]}` |" for item in inputs)
    return words(
        f"## What this release was made from\n\nIt read {formats.plural(len(inputs), 'file')}; `manifest.json` holds "
        f"each one's whole SHA-256.\n\n| File | SHA-256 begins |\n|---|---|\n{rows}\n",
        "Files read",
    )


def _cell(text: Any) -> str:
    # A name from an authority's folder stands between back-ticks in a table.
    return re.sub(r"[`|\s]+", " ", str(text)).strip()
