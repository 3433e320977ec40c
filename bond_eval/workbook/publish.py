"""Pages of a run: one a notebook and an index. Static: no script, and nothing is asked of another host."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_text
from bond_eval.core.issues import SEVERITIES
from bond_eval.core.periods import Quarter
from bond_eval.workbook.pages import anchor, headline, laid_out, weight
from bond_eval.workbook.settings import NotebookResult

TEMPLATES = Path(__file__).resolve().parent / "templates"
HEADLINES = 2
PUBLIC_RULE = (
    "c: confidential, a count of 1 to 5 children or one from which such a count could be worked out within its table. "
    "z: not applicable. x: not available. Tables are not yet protected against one another, so a person should look "
    "before this is published."
)
INTERNAL_RULE = "Nothing is withheld in this edition: it must not be published or passed on."


def publish(
    folder: Path,
    facts: Mapping[str, Any],
    notebooks: Mapping[str, Any],
    results: Sequence[NotebookResult],
    found: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    tables: Sequence[str],
) -> None:
    """Write index.html and pages/<notebook>.html of tidied `notebooks` into `folder`.

    `facts` are the release's, `found` what collect gives, `provenance` what manifest.provenance gives. Raises
    InputError where the folder cannot be written.
    """
    site = _site(facts)
    titles = {name: headline(notebook, name) for name, notebook in notebooks.items()}
    turns = [{"name": result.name, "title": titles[result.name]} for result in results]
    for place, result in enumerate(results):
        page = {
            "name": result.name,
            "title": titles[result.name],
            "result": asdict(result),
            "previous": turns[place - 1] if place else None,
            "next": turns[place + 1] if place + 1 < len(turns) else None,
        }
        write_text(folder / "pages" / f"{result.name}.html", notebook_page(notebooks[result.name], site, page))
    write_text(folder / "index.html", _index(site, facts, titles, results, found, provenance, tables))


def notebook_page(notebook: Any, site: Mapping[str, Any], page: Mapping[str, Any]) -> str:
    """One notebook's page. `page` holds name, title, result and the neighbours previous and next."""
    shown, lead, contents = laid_out(notebook, public=not site["internal"])
    resources = {"site": dict(site), "page": {**page, "lead": lead, "contents": contents}}
    html, _ = _exporter().from_notebook_node(shown, resources=resources)
    return _ended(html)


def _index(
    site: Mapping[str, Any],
    facts: Mapping[str, Any],
    titles: Mapping[str, str],
    results: Sequence[NotebookResult],
    found: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    tables: Sequence[str],
) -> str:
    cards = [_card(result, titles[result.name], found) for result in results]
    template = _exporter().environment.get_template("home.html.j2")
    versions = provenance["versions"]
    html = template.render(
        site=site,
        cards=cards,
        # The quality of the data is the evaluator's first question and the board's last.
        leading=sorted(cards, key=lambda card: card["result"].name.startswith("00_")),
        problems=[card for card in cards if not card["result"].done],
        left_out=provenance["left_out"],
        issues=_issues(facts["issues"]),
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        code=_code(provenance["git"]),
        command=provenance["command"],
        inputs=[item | {"rows_text": formats.number(item.get("rows", 0))} for item in provenance["inputs"]],
        read=_read(provenance),
        tables=sorted(tables),
    )
    return _ended(html)


def _site(facts: Mapping[str, Any]) -> dict[str, Any]:
    internal = facts["audience"] == "internal"
    quarter = Quarter.parse(facts["quarter"])
    return {
        "authority_name": facts["authority_name"],
        "quarter": str(quarter),
        "quarter_words": f"{quarter.start:%B} to {formats.month(quarter.end)}",
        "as_of_words": formats.date(dt.date.fromisoformat(facts["as_of"])),
        "audience": facts["audience"],
        "synthetic": facts["synthetic"],
        "internal": internal,
        "suppression": INTERNAL_RULE if internal else PUBLIC_RULE,
        "css": (TEMPLATES / "bond" / "style.css").read_text(encoding="utf-8").strip(),
    }


def _card(result: NotebookResult, title: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [finding for finding in found if finding["notebook"] == result.name]
    headlines = [
        {
            "id": finding["id"],
            "statement": finding["statement"],
            "weight": weight(finding)[:-1],  # the period is on every page's head
            "anchor": anchor(finding["id"]),
        }
        for finding in own[:HEADLINES]
    ]
    counted = f"{formats.plural(result.findings, 'finding')}, {formats.plural(result.figures, 'figure')}."
    return {"result": result, "title": title, "headlines": headlines, "words": result.message or counted}


def _issues(issues: Mapping[str, int | None]) -> str:
    gravest = sorted(issues.items(), key=lambda item: SEVERITIES.index(item[0]))
    parts = [
        f"fewer than 6 {severity}s" if number is None else formats.plural(number, severity)
        for severity, number in gravest
    ]
    return formats.listed(parts) if parts else "none"


def _read(provenance: Mapping[str, Any]) -> str:
    files, rows = len(provenance["inputs"]), provenance["rows_read"]
    return f"{formats.plural(files, 'file')}, {formats.plural(rows, 'row')}"


def _code(git: Mapping[str, Any] | None) -> str:
    if not git:
        return "not under version control"
    return f"commit {git['commit'][:12]}, {'as committed' if git['clean'] else 'with changes not committed'}"


def _ended(html: str) -> str:
    return html.strip() + "\n"


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="bond", extra_template_basedirs=[str(TEMPLATES)])
    # nbconvert leaves escaping to its templates; here every text is escaped unless a template says it is safe.
    exporter.environment.autoescape = True
    return exporter
