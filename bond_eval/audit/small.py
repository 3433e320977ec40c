"""Searches what is shown for counts of 1 to 5 children or staff: in columns, sentences, alternatives and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bond_eval.audit.read import CLAIM, CLAIMS_PAGE, Published, Text
from bond_eval.audit.tables import FEWEST, HIDDEN, MINIMUM, MISSING, PEOPLE, Column, Number, Table, quoted

_N = r"(?<![\w.,£$%/−–-])(?:[1-5](?![\d.,]*\d)|two|three|four|five)"
_PERSON = r"child|young person|person|pupil|staff|famil(?:y|ies)|boy|girl|sibling|baby|care leaver|care leavers"
_WHO = (
    r"(?:child(?:ren)?|young (?:people|persons?)|people|persons?|pupils?|staff(?! hours)|workers?|parents?"
    r"|famil(?:y|ies)|carers?|boys?|girls?|siblings?|babies|care leavers?|cases?|placements?|moves?|entries"
    r"|referrals?|events?)"
)
_DID = r"(?:have|has|had|were|was)(?: \w+)? (?:become|been|returned|left|entered|moved|died|gone|LAC|looked after)"
_OF = r"of (?:the |these |those |its )?(?:(?:\d[\d,]*|[a-z]+) )?(?:[\w-]+ )?"
_BARE = r"(?!(?:in|to|or|a|of|and|that|which|who|years?|months?|weeks?|days?|quarters?)\b)[\w-]+ "
SENTENCE = re.compile(
    rf"{_N} (?:{_BARE}){{0,2}}?(?:{_OF})?{_WHO}\b|(?:{_N}|\bone) {_DID}\b|\bone (?:{_BARE})?(?:{_PERSON})\b", re.I
)
# What is no count: a rule's own words, a definition, a share in words, the number of a section.
_RULE = re.compile(
    r"( to|or|–|than|least|most|under|over|each|any|no|is|like|within|per|every|between|beside|one in|\d in) $", re.I
)
_PLACE = re.compile(
    r"(appendix|table|section|revision|level|quarter|part|stage|step|rank|rule|figure|cell|line|reason) $", re.I
)
_AFTER = re.compile(r"^(?:,? or (?:more|fewer|less)| may| can| could| might| would|,? one|['’]s)", re.I)
_BETWEEN = re.compile(r" or (?:more|fewer|less) | out of | in (?:two|three|four|five|ten|\d)", re.I)
_ITEM = re.compile(r"(?<=[\w)%]) ([1-5])(?=[;,.](?:\s|$)|$)")
_ABOUT = re.compile(rf"\b{_WHO}\b|\b(?:started|ended|begun|left|entered|referred)\b", re.I)
_NOT_ABOUT = re.compile(
    r"£|%|per 10,000|\b(?:share|rate|best evidence|boxes|statements|measures|questions|figures)\b", re.I
)
_STEPS = re.compile(r"\b(so far|at risk|cumulative|to date)\b", re.I)
_BESIDE = re.compile(r"\b(published|stated|claimed)\b|^difference", re.I)


def small(number: object, least: int = MINIMUM) -> bool:
    """True for a whole number from 1 to one below the least that may be shown."""
    return isinstance(number, Number) and FEWEST <= number.value < least and number.value == int(number.value)


def in_text(texts: Sequence[Text]) -> Iterator[tuple[str, str]]:
    """(where, what) of each sentence, alternative or label that counts 1 to 5."""
    quoting = [
        CLAIMS_PAGE in text.where or "tables/claims" in text.where or bool(CLAIM.search(text.text)) for text in texts
    ]
    quotations = " ".join({text.text for text, quotes in zip(texts, quoting, strict=True) if quotes})
    for text in (text for text, quotes in zip(texts, quoting, strict=True) if not quotes):
        for match in SENTENCE.finditer(text.text):
            before, after = text.text[: match.start()], text.text[match.end() :]
            place = match[0][0].isdigit() and _PLACE.search(before[-14:])
            if place or _RULE.search(before[-14:]) or _AFTER.match(after) or _BETWEEN.search(match[0]):
                continue
            # In print a quotation stands apart from its claim id.
            if text.kind != "printed" or f"{before[-6:]}{match[0]}{after[:6]}" not in quotations:
                yield text.where, f"“…{before[-50:]}{match[0]}{after[:40]}…”"
        head = text.text.partition(". The point:")[0]
        if text.kind == "alt" and _of_people(head):
            yield from (
                (text.where, f"in a text alternative: “{head[max(0, m.start() - 50) : m.end()]}”")
                for m in _ITEM.finditer(head)
            )
        if text.kind == "chart" and re.fullmatch(r"[1-5]", text.text) and (not text.about or _of_people(text.about)):
            yield text.where, f"as a label in a chart: “{text.text}”"


def _of_people(alternative: str) -> bool:
    """True where a chart counts people: "Bar chart. Its title, its unit. North 7, …" says it before the second stop."""
    lead = ". ".join(alternative.split(". ", 2)[:2])
    return bool(_ABOUT.search(lead)) and not _NOT_ABOUT.search(lead)


def beside_the_plan(found: Published, tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """(cell, what) of each cell that is shown though the release's plan withholds it, or what it is worked out from."""
    for table in (table for table in tables if table.where.endswith(".csv")):
        heads = {name: table.heads.index(name) for name in (*table.labels, *(c.name for c in table.columns))}
        planned = {(name, *row) for name, rows in found.plan.get(table.id, {}).items() for row in rows}
        spec = found.schema.get(table.id, {"values": ()})
        follows = {value["name"]: [name for name in value["follows"] if name in heads] for value in spec["values"]}
        for row, line in enumerate(table.lines):
            hidden = {name for name, at in heads.items() if line[at] == HIDDEN}
            # In the order of the file, as the plan has them: the schema's own is that of the alphabet.
            named = sorted((name for name in spec.get("labels", ()) if name in heads), key=heads.__getitem__)
            labels = tuple(line[heads[name]] for name in named)
            for name in (c.name for c in table.columns):
                text = line[heads[name]]
                if text == HIDDEN or text in MISSING or text == "0":
                    continue
                if (name, *labels) in planned:
                    yield table.place(row, name), "shown, and withheld in the release's own plan"
                elif behind := hidden & set(follows.get(name, ())):
                    yield table.place(row, name), f"shown, and worked out from a withheld {', '.join(sorted(behind))}"


def in_tables(tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """(cell, what) of each guarded count of 1 to 5, each complement of one, each step, each figure beside a `c`."""
    for table in tables:
        for (row, name), cell in table.cells.items():
            column = next(one for one in table.columns if one.name == name)
            if column.guarded and not quoted(table, row, column):
                place, (least, _) = table.place(row, name), table.rule(row, column)
                if small(cell, least):
                    yield place, f"{cell.value:.0f} shown under “{column.heading}”"  # type: ignore[union-attr]
                yield from ((place, words) for words in _complement(table, row, column, cell))
        for column in table.columns:
            yield from _steps(table, column)
            yield from _beside(table, column)


def _complement(table: Table, row: int, column: Column, cell: object) -> Iterator[str]:
    whole, (least, _) = table.cells.get((row, column.whole)), table.rule(row, column)
    if isinstance(cell, Number) and isinstance(whole, Number):
        left, half = whole.value - cell.value, cell.half + whole.half
        if left - half >= FEWEST and left + half < least:
            yield f"{cell.value:.0f} of {whole.value:.0f} leaves {left:.0f}"


def _steps(table: Table, column: Column) -> Iterator[tuple[str, str]]:
    """Counts that only ever grow or shrink along a table: the step between two rows is itself a count."""
    if not (column.guarded and _STEPS.search(column.heading)) or not table.labels:
        return
    along = table.labels[-1]
    for row in range(1, len(table.rows)):
        two = [{k: v for k, v in table.rows[at].items() if k != along} for at in (row - 1, row)]
        before, now = (table.cells[at, column.name] for at in (row - 1, row))
        if two[0] == two[1] and isinstance(before, Number) and isinstance(now, Number):
            step = abs(now.value - before.value)
            if small(Number(step, 0)):
                words = f"from {before.value:.0f} to {now.value:.0f} under “{column.heading}” is a step of {step:.0f}"
                yield table.place(row, column.name), words


def _beside(table: Table, column: Column) -> Iterator[tuple[str, str]]:
    """A published figure or a difference shown in a row whose own count is withheld."""
    if not _BESIDE.search(column.heading) or column.kind == "text":
        return
    counts = [one.name for one in table.columns if one.guarded and one.name != column.name]
    for row in range(len(table.rows)):
        hidden = [name for name in counts if table.cells[row, name] == HIDDEN]
        if hidden and isinstance(table.cells[row, column.name], Number):
            yield table.place(row, column.name), f"“{column.heading}” shown beside a withheld {', '.join(hidden)}"


def in_findings(findings: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    """(where, what) of each finding whose value or n counts 1 to 5 people."""
    for where, finding in findings:
        if finding.get("kind") == "reconciliation" and CLAIM.search(str(finding)):
            continue
        unit = str(finding.get("unit", ""))
        counted = bool(re.fullmatch(rf"{_WHO}", unit, re.I) or PEOPLE.search(unit)) and "per" not in unit
        for name in ("value", "n"):
            shown = finding.get(name)
            if counted and isinstance(shown, (int, float)) and small(Number(float(shown), 0)):
                yield f"{where}: finding {finding.get('id')}", f"{name} is {shown:g} {unit}"
        if finding.get("value") is None and finding.get("no_interval") == "too few" and finding.get("interval"):
            yield f"{where}: finding {finding.get('id')}", "an interval is shown for a withheld value"


def in_json(found: Published) -> Iterator[tuple[str, str]]:
    """(where, what) of each number of 1 to 5 in JSON under a name that counts people."""
    for where, path, value in found.numbers:
        name = path.rsplit(".", 1)[-1].replace("_", " ")
        if PEOPLE.search(name) and small(Number(value, 0)):
            yield f"{where}: {path}", f"{value:g}"
