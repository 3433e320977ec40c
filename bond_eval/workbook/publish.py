"""Pages of a run: one a notebook and an index. Static: no script, and nothing is asked of another host."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_text
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SEALS
from bond_eval.workbook import front
from bond_eval.workbook.pages import headline, laid_out
from bond_eval.workbook.settings import NotebookResult
from bond_eval.workbook.spreadsheet import SYMBOLS
from bond_eval.workbook.traced import places

TEMPLATES = Path(__file__).resolve().parent / "templates"
PUBLIC_RULE = " ".join(f"{symbol}: {meaning}." for symbol, meaning in SYMBOLS.items())
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# A quarter, or a minus with its number, outside what is no prose: a line must not end within it.
_WHOLE = re.compile(r"(<(title|style|script|svg|pre|code)\b.*?</\2>|<[^>]*>)|\d{4}-\d\d-Q\d|−£?\d[\d,.]*", re.DOTALL)
INTERNAL_RULE = "Nothing is withheld in this edition: it must not be published or passed on."


@dataclass(frozen=True)
class Pages:
    """What the pages of a run, or of a release, are made of.

    `facts` are the release's, with its inputs; `notebooks` are tidied, by name; `results` are in the order of reading;
    `found` is what collect gives, `provenance` what manifest.provenance gives; `tables` are ids of those in `folder`;
    `earlier` is the folder of an earlier quarter's run.
    """

    folder: Path
    facts: Mapping[str, Any]
    notebooks: Mapping[str, Any]
    results: Sequence[NotebookResult]
    found: Sequence[Mapping[str, Any]]
    provenance: Mapping[str, Any]
    tables: Collection[str]
    earlier: Path | None = None

    @cached_property
    def site(self) -> dict[str, Any]:
        """What every page says of its run, and where it leads to each table."""
        return site_of(self.facts) | {"tables": places(self.tables, self.notebooks, bool(self.facts.get("revision")))}

    @cached_property
    def titles(self) -> dict[str, str]:
        """Notebook -> its title as bare text."""
        return {name: headline(notebook, name) for name, notebook in self.notebooks.items()}


def publish(pages: Pages) -> None:
    """Write index.html and pages/<notebook>.html. Raises InputError where the folder cannot be written."""
    folder, site, facts, source = pages.folder, pages.site, pages.facts, pages.provenance
    cards = front.cards(pages.results, pages.titles, pages.found, facts)
    shares = front.withheld(folder)
    for place, card in enumerate(cards):
        name = card["result"].name
        shown, lead, contents = laid_out(pages.notebooks[name], not site["internal"], site["tables"])
        withheld = front.share_withheld(shares.get(name.partition("_")[2], (0, 0)))
        beside = {"previous": cards[place - 1] if place else None, "next": (*cards, None)[place + 1]}
        page = {**card, **beside, "lead": lead, "contents": contents, "withheld": withheld}
        html, _ = _exporter().from_notebook_node(shown, resources={"site": site, "page": page})
        write_text(folder / "pages" / f"{name}.html", _ended(html))
    html = rendered(
        "home.html.j2",
        site=site,
        programme=front.programme(facts),
        brief=front.brief(cards),
        cards=cards,
        groups=front.grouped(cards),
        problems=[card for card in cards if not card["result"].done],
        left_out=source["left_out"],
        changes=front.changes(folder, facts, pages.found, source, pages.earlier),
        issues=front.issues(facts["issues"]),
        versions=", ".join(f"{name} {version}" for name, version in source["versions"].items()),
        code=front.code(source["git"]),
        command=source["command"],
        inputs=[item | {"rows_text": formats.number(item.get("rows", 0))} for item in source["inputs"]],
        read=front.read(source),
        tables=sorted(pages.tables),
        sealed=(folder / SEALS).is_file(),
    )
    write_text(folder / "index.html", html)


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
    html = _WHOLE.sub(lambda found: found[0] if found[1] else f'<span class="whole">{found[0]}</span>', html)
    return _TURNS.sub("", html).strip() + "\n"


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="bond", extra_template_basedirs=[str(TEMPLATES)])
    # nbconvert leaves escaping to its templates; here every text is escaped unless a template says it is safe.
    exporter.environment.autoescape = True
    return exporter
