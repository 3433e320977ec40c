"""Findings of the first stage, as a notebook or table of the second stage reads them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE, anchor, interval_text, made_from, maryland
from bond_eval.core.places import MANIFEST, REFERENCE_RUN, ROOT, program
from bond_eval.evidence.cells import CONFIDENTIAL, NOT_AVAILABLE, Cell
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import of_findings

KINDS_OF_UNITS = {"share": "percent", "£": "money", "£000": "thousands", "children": "count"}
_HEADINGS = ("Finding", "Notebook", "Interval", "Strength")


@dataclass(frozen=True)
class Found:
    """`items`: findings as findings.json has them. `missing`: notebook -> why it gave none.

    `unlinked`: notebooks whose findings come from an earlier run, so that this one has no page to link to. `of`: how
    many findings these were the first of; 0 where they are all.
    """

    items: tuple[Mapping[str, Any], ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    unlinked: frozenset[str] = frozenset()
    of: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.items)

    def where(self, *, question: str = "", kind: str = "", notebook: str = "", id: str = "") -> Found:
        """Those that bear on a question, are of a kind, come from a notebook, have an id; "" takes any."""
        kept = [
            item
            for item in self.items
            if (not question or question in item["questions"])
            and (not kind or item["kind"] == kind)
            and (not notebook or item["notebook"] == notebook)
            and (not id or item["id"] == id)
        ]
        return self.only(kept)

    def only(self, items: Iterable[Mapping[str, Any]]) -> Found:
        """These items, in their order."""
        return replace(self, items=tuple(items))

    def behind(self, question: str) -> Found:
        """The findings with a value behind the answer to a question, those that lead first, eight at most."""
        from bond_eval.evidence.answers import SHOWN, draws_on

        known = draws_on(question, self).known
        return replace(known.only(known.items[:SHOWN]), of=len(known))

    @property
    def known(self) -> Found:
        """Those with a value to show."""
        return self.only(item for item in self.items if item["value"] is not None)

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [item["id"] for item in self.items]

    @property
    def statements(self) -> list[str]:
        """Their sentences."""
        return [item["statement"] for item in self.items]

    @property
    def cells(self) -> list[Cell]:
        """Their values; withheld or not available as the finding says."""
        return [_cell(item, item["value"]) for item in self.items]

    @property
    def intervals(self) -> list[tuple[Cell, Cell] | None]:
        """Their intervals, in the unit of the value; None where there is none."""
        return [
            (_cell(item, item["interval"][0]), _cell(item, item["interval"][1])) if item["interval"] else None
            for item in self.items
        ]

    @property
    def level(self) -> int:
        """The highest Maryland level among the causal ones; 0 where none is causal."""
        return max((maryland(item["strength"]) or 0 for item in self.where(kind="causal")), default=0)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": _table(self), "text/plain": "\n".join(self.statements) or "(no finding)"}


def find_findings(facts: Mapping[str, Any], run: Path | None) -> Found:
    """The findings that belong to a release's facts: of the run in progress, else of the last run of the same data.

    Outside a run, outputs/reference is looked at first and then outputs/AUTHORITY/QUARTER. Raises InputError where
    there are none of the same authority, quarter, audience, seed and input files.
    """
    if run is not None:
        content = _read(run / FILE)
        if content is None:
            raise InputError('A notebook that reads findings says so: metadata "bond_eval": {"stage": 2}.')
        return from_content(content)
    suffix = "-internal" if facts["audience"] == "internal" else ""
    places = (REFERENCE_RUN, ROOT / "outputs" / facts["authority"] / f"{facts['quarter']}{suffix}")
    for place in places:
        content = _read(place / FILE)
        # What an older program found is not what this one would; the reference is tested to be of this one.
        if content and matches(content, facts) and (place == REFERENCE_RUN or _of_this_program(place)):
            return from_content(content)
    raise InputError(
        f"There are no findings of {facts['authority']} {facts['quarter']} from the same files: run the workbook first "
        f"with bond-eval run --authority {facts['authority']} --quarter {facts['quarter']}"
        f"{' --internal' if suffix else ''} --data and the folder of the return."
    )


def matches(content: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """True where a findings file was made from what `facts` tell of."""
    return all(content.get(name) == value for name, value in made_from(facts).items())


def from_content(content: Mapping[str, Any]) -> Found:
    """The first stage's findings of what findings.json holds."""
    earlier = [item for item in content.get("earlier", ()) if item["stage"] == 1]
    own = [item for item in content["findings"] if item["stage"] == 1]
    items = sorted([*own, *earlier], key=lambda item: (item["notebook"], item["cell"]))
    return Found(tuple(items), content.get("missing", {}), frozenset(item["notebook"] for item in earlier))


def second_stage(id: str, found: Found, audience: str) -> Protected:
    """A registered table of findings, let out through the gate. Raises KeyError for an id that is not there."""
    spec = of_findings()[id]
    return protect(spec, spec.build(found), audience)


def link(item: Mapping[str, Any], unlinked: frozenset[str] = frozenset()) -> str:
    """The sentence as HTML, leading to the finding on its page where there is one."""
    text = html.escape(item["statement"])
    if item["notebook"] in unlinked:
        return text
    return f'<a href="{html.escape(item["notebook"])}.ipynb#{html.escape(anchor(item["id"]))}">{text}</a>'


def _of_this_program(run: Path) -> bool:
    return (_read(run / MANIFEST) or {}).get("package") == program()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _cell(item: Mapping[str, Any], value: float | None) -> Cell:
    kind = KINDS_OF_UNITS.get(item["unit"], "number" if value is None or float(value).is_integer() else "decimal")
    symbol = "" if value is not None else CONFIDENTIAL if item["no_interval"] == "too few" else NOT_AVAILABLE
    return Cell(value, kind, symbol)


def _table(found: Found) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    rows = []
    for item in found:
        interval = interval_text(item["interval"], item["unit"]) if item["interval"] else f"none: {item['no_interval']}"
        rest = (item["notebook"].replace("_", " "), interval, item["strength"])
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in rest)
        rows.append(f'<tr><th scope="row">{link(item, found.unlinked)}</th>{cells}</tr>')
    body = "".join(rows)
    caption = f"The first {len(found)} of {found.of} findings" if found.of > len(found) else "Findings"
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
