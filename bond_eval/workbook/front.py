"""What the front page says, worked out before its template lays it out."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.findings import anchor, made_from, unanswered
from bond_eval.core.issues import SEVERITIES
from bond_eval.core.places import TABLE_SCHEMA
from bond_eval.workbook.pages import weight
from bond_eval.workbook.settings import NotebookResult

GROUPS = (
    "Placements",
    "Programmes",
    "The whole system",
    "Money",
    "Claims and questions",
)  # by the number's first digit
OTHER = "Other notebooks"
# Notebooks that read published papers and none of an authority's records.
PAPERS = ("30", "32", "33", "34", "35", "40")
PAPERS_WORDS = "published papers of Salford, Southampton, Sandwell"
# Notebooks that set an authority's own records beside what Salford's papers ask for or claim.
QUOTING, QUOTED = ("20", "22", "36", "41"), "published papers of Salford, which it quotes"
UNREGISTERED = "a programme of Salford, of which {} has given no register"
CHANGES, MOST = "changes.html", 5
# What a reader of one screen must know: how many, whether the trend changed, what it cost, whether it paid.
BRIEF = ("01", "04", "31", "32")


def withheld(folder: Path) -> dict[str, tuple[int, int]]:
    """Notebook without its number -> how many counts of children in its tables are withheld, and how many there are.

    `folder` holds a run's `tables`, schema.json among them. A count that was not available is not counted.
    """
    path, found = folder / TABLE_SCHEMA, dict[str, tuple[int, int]]()
    schema = json.loads(path.read_text(encoding="utf-8"))["tables"] if path.is_file() else {}
    for id, table in schema.items():
        guarded = [value["name"] for value in table["values"] if value["kind"] == "count" and value["children"]]
        with (folder / "tables" / f"{id}.csv").open(encoding="utf-8", newline="") as stream:
            cells = [row.get(name, "x") for row in csv.DictReader(stream) for name in guarded]
        hidden, of = found.get(table["notebook"], (0, 0))
        found[table["notebook"]] = (hidden + cells.count("c"), of + sum(cell not in ("", "x", "z") for cell in cells))
    return found


def share_withheld(counts: tuple[int, int]) -> str:
    """How much of a page is withheld, in a sentence; none where nothing is."""
    hidden, of = counts
    if not hidden:
        return ""
    return (
        f"{formats.percent(hidden / of)} of the counts of children in the tables behind this page are withheld "
        "(c), since they are few or would give away a few."
    )


def programme(facts: Mapping[str, Any]) -> str:
    """What the programme is, in two sentences; of another authority, what is asked of it."""
    from bond_eval.intake.reference import read_reference

    if facts.get("published") != "salford":
        return (
            "The workbook was made for programmes that mean to keep children on the edge of care at home or in a "
            "family, and out of distant, costly placements, such as Salford's BOND (Better Outcomes New Delivery). "
            f"Here it asks what the records of {facts['authority_name']} show of such placements, of the programmes "
            "that are in its register, and of what both cost."
        )
    names = formats.listed([str(name) for name in read_reference("programmes.csv")["name"]])
    return (
        f"BOND (Better Outcomes New Delivery) is Salford's set of programmes for children on the edge of care and "
        f"their families, meant to keep them at home or in a family and out of distant, costly placements: {names}. "
        "The NHS clinical commissioning group paid for its beginning so that lower spending on placements might pay "
        "for the rest, and in February 2021 the Cabinet was asked to fund it for good."
    )


def cards(
    results: Sequence[NotebookResult],
    titles: Mapping[str, str],
    found: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """A notebook each: result, title, first finding (None: it has none), words, whose papers it reads, and `lacking`.

    That is how many of its findings say only that nothing supplied can answer them.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for finding in found:
        first.setdefault(finding["notebook"], finding)
    lacking = Counter(finding["notebook"] for finding in found if unanswered(finding))
    return [
        {
            "result": result,
            "title": titles[result.name],
            "headline": _headline(first[result.name]) if result.name in first else None,
            "words": result.message
            or f"{formats.plural(result.findings, 'finding')}, {formats.plural(result.figures, 'figure')}"
            f"{f'; no data to answer {lacking[result.name]} of its questions' if lacking[result.name] else ''}.",
            "lacking": lacking[result.name],
            "papers": papers(result.name, facts),
        }
        for result in results
    ]


def brief(made: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The cards whose headlines stand above all others."""
    return [card for card in made if card["result"].name[:2] in BRIEF and card["headline"] and not card["papers"]]


def grouped(made: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Cards under their headings, in reading order; a heading without a notebook is left out.

    The quality of the data is the evaluator's first question and the board's last, so that it ends its group.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (*GROUPS, OTHER)}
    for card in sorted(made, key=lambda card: card["result"].name.startswith("00_")):
        groups[_group(card["result"].name)].append(card)
    return [(name, members) for name, members in groups.items() if members]


def papers(name: str, facts: Mapping[str, Any]) -> str:
    """Whose papers or programme a notebook speaks of, where they are not this authority's own; else ""."""
    from bond_eval.intake.reference import read_reference

    if facts.get("published") or name[:2] in (*PAPERS, *QUOTING):
        return "" if facts.get("published") else PAPERS_WORDS if name[:2] in PAPERS else QUOTED
    of_programme = name in set(read_reference("programmes.csv")["notebook"])
    return UNREGISTERED.format(facts["authority_name"]) if of_programme and not supplied(facts, "register") else ""


def supplied(facts: Mapping[str, Any], folder: str) -> bool:
    """Whether a release was made from files of a folder beside the return (register, finance)."""
    return any(item["file"].startswith(f"{folder}/") for item in facts.get("other_inputs", ()))


def changes(
    folder: Path,
    facts: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    earlier: Path | None,
) -> dict[str, Any]:
    """What moved since an earlier quarter's run: words, the findings that moved most, and the page written for it."""
    from bond_eval.workbook.compare import FINDING, Run, compared, read_run
    from bond_eval.workbook.compare_page import summary, write_page
    from bond_eval.workbook.noise import BEYOND

    if earlier is None:
        return {"words": "No run of an earlier quarter lies beside this one, so that nothing can be compared."}
    if provenance["left_out"]:
        return {"words": "Only part of the workbook was run, so that it is not compared with an earlier quarter."}
    later = Run(folder, made_from(facts), {item["id"]: item for item in found}, provenance)
    try:
        comparison = compared(read_run(earlier), later)
    except (InputError, KeyError, ValueError):  # its files are not of this run's making, and may be of any age
        return {"words": f"The run of {earlier.name} lies beside this one, but it cannot be read to be compared."}
    write_page(comparison, folder / CHANGES)
    moved = [movement for movement in comparison.of(FINDING) if movement.verdict == BEYOND][:MOST]
    lines = [
        {"text": move.where, "was": move.before, "link": f"pages/{page}.html#{quote(anchor(move.id))}"}
        for move in moved
        for page in [later.findings[move.id]["notebook"]]
    ]
    quarter = comparison.earlier.facts["quarter"]
    return {"words": summary(comparison), "quarter": quarter, "link": CHANGES, "lines": lines}


def issues(numbers: Mapping[str, int | None]) -> str:
    """Issues by severity, the gravest first."""
    gravest = sorted(numbers.items(), key=lambda item: SEVERITIES.index(item[0]))
    parts = [
        f"fewer than 6 {severity}s" if number is None else formats.plural(number, severity)
        for severity, number in gravest
    ]
    return formats.listed(parts) if parts else "none"


def read(provenance: Mapping[str, Any]) -> str:
    """How much was read."""
    files, rows = len(provenance["inputs"]), provenance["rows_read"]
    return f"{formats.plural(files, 'file')}, {formats.plural(rows, 'row')}"


def code(git: Mapping[str, Any] | None) -> str:
    """The commit, and whether the code was as committed."""
    if not git:
        return "not under version control"
    return f"commit {git['commit'][:12]}, {'as committed' if git['clean'] else 'with changes not committed'}"


def _headline(finding: Mapping[str, Any]) -> dict[str, Any]:
    # The period is on every page's head.
    shown = {"statement": finding["statement"], "weight": weight(finding)[:-1]}
    return {"id": finding["id"], "anchor": anchor(finding["id"]), **shown}


def _group(name: str) -> str:
    first = name[:1] if name[:2].isdigit() else ""
    return GROUPS[int(first)] if first and int(first) < len(GROUPS) else OTHER
