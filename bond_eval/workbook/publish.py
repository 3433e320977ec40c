"""Pages of a run: one a notebook and an index. Static: no script, and nothing is asked of another host."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_text
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SEALS
from bond_eval.workbook import front
from bond_eval.workbook.pages import headline, laid_out
from bond_eval.workbook.settings import NotebookResult
from bond_eval.workbook.traced import places

TEMPLATES = Path(__file__).resolve().parent / "templates"
PUBLIC_RULE = (
    "c: confidential, a count of 1 to 5 children or one from which such a count could be worked out within its table. "
    "z: not applicable. x: not available."
)
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
INTERNAL_RULE = "Nothing is withheld in this edition: it must not be published or passed on."


def publish(
    folder: Path,
    facts: Mapping[str, Any],
    notebooks: Mapping[str, Any],
    results: Sequence[NotebookResult],
    found: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    tables: Sequence[str],
    earlier: Path | None = None,
) -> None:
    """Write index.html and pages/<notebook>.html of tidied `notebooks` into `folder`.

    `facts` are the release's, `found` what collect gives, `provenance` what manifest.provenance gives, `earlier` the
    folder of an earlier quarter's run. Raises InputError where the folder cannot be written.
    """
    site = site_of(facts) | {"tables": places(tables, notebooks, bool(facts.get("revision")))}
    titles = {name: headline(notebook, name) for name, notebook in notebooks.items()}
    turns = [{"name": result.name, "title": titles[result.name]} for result in results]
    cards = front.cards(results, titles, found, facts)
    shares = front.withheld(folder)
    for place, result in enumerate(results):
        page = {
            "name": result.name,
            "title": titles[result.name],
            "headline": cards[place]["headline"],
            "result": asdict(result),
            "papers": front.papers(result.name, facts),
            "withheld": front.share_withheld(shares.get(result.name.partition("_")[2], (0, 0))),
            "previous": turns[place - 1] if place else None,
            "next": turns[place + 1] if place + 1 < len(turns) else None,
        }
        write_text(folder / "pages" / f"{result.name}.html", notebook_page(notebooks[result.name], site, page))
    changes = front.changes(folder, facts, found, provenance, earlier)
    sealed = (folder / SEALS).is_file()
    write_text(folder / "index.html", _index(site, facts, cards, provenance, changes, sorted(tables), sealed))


def notebook_page(notebook: Any, site: Mapping[str, Any], page: Mapping[str, Any]) -> str:
    """One notebook's page. `page` holds name, title, result and the neighbours previous and next."""
    shown, lead, contents = laid_out(notebook, not site["internal"], site.get("tables", ()))
    resources = {"site": dict(site), "page": {**page, "lead": lead, "contents": contents}}
    html, _ = _exporter().from_notebook_node(shown, resources=resources)
    return _ended(html)


def _index(
    site: Mapping[str, Any],
    facts: Mapping[str, Any],
    cards: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    changes: Mapping[str, Any],
    tables: Sequence[str],
    sealed: bool,
) -> str:
    return rendered(
        "home.html.j2",
        site=site,
        programme=front.programme(facts),
        brief=front.brief(cards),
        cards=cards,
        groups=front.grouped(cards),
        problems=[card for card in cards if not card["result"].done],
        left_out=provenance["left_out"],
        changes=changes,
        issues=front.issues(facts["issues"]),
        versions=", ".join(f"{name} {version}" for name, version in provenance["versions"].items()),
        code=front.code(provenance["git"]),
        command=provenance["command"],
        inputs=[item | {"rows_text": formats.number(item.get("rows", 0))} for item in provenance["inputs"]],
        read=front.read(provenance),
        tables=tables,
        sealed=sealed,
    )


def rendered(template: str, **parts: Any) -> str:
    """A page of our own from a template of this room; every text is escaped unless the template says it is safe."""
    return _ended(_exporter().environment.get_template(template).render(**parts))


def site_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What every page says of its run."""
    internal = facts["audience"] == "internal"
    quarter = Quarter.parse(facts["quarter"])
    more = facts.get("withheld_for_audit", 0)
    said = f" {more:,} more cells are withheld after an attack on the tables as a whole." if more else ""
    return {
        "authority_name": facts["authority_name"],
        "quarter": str(quarter),
        "quarter_words": f"{quarter.start:%B} to {formats.month(quarter.end)}",
        "as_of_words": formats.date(dt.date.fromisoformat(facts["as_of"])),
        "audience": facts["audience"],
        "synthetic": facts["synthetic"],
        "internal": internal,
        "revision": facts.get("revision"),  # number, date, reason, files: of a release that is published
        "suppression": INTERNAL_RULE if internal else PUBLIC_RULE + said,
        "css": css(),
    }


def css() -> str:
    """The style sheet, which every page holds itself."""
    return (TEMPLATES / "bond" / "style.css").read_text(encoding="utf-8").strip()


def _ended(html: str) -> str:
    # A mark that turns the direction of writing, in a name from data, would show what follows it in another order.
    return _TURNS.sub("", html).strip() + "\n"


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="bond", extra_template_basedirs=[str(TEMPLATES)])
    # nbconvert leaves escaping to its templates; here every text is escaped unless a template says it is safe.
    exporter.environment.autoescape = True
    return exporter
