"""All tables of a release as one spreadsheet, in the Government Statistical Service's accessible layout.

Cover, contents, notes, findings, then one table a sheet: no merged cell, no blank cell, no formula, and no link but
those of the contents to the sheets. What stands in the CSV stands here, number for number.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import write_bytes
from bond_eval.core.periods import Quarter

FILE = "tables.xlsx"
MARKING = "OFFICIAL-SENSITIVE: not to be published or passed on."
SYNTHETIC = "The data are synthetic: no real child is in them."
# A cell takes 32,767 characters; the rest is in the CSV, and the cell says so.
LONGEST, CUT = 32_000, " … (cut here: the whole text is in the CSV)"
BLANK = "blank"
SYMBOLS = {
    "c": "confidential, a count of 1 to 5 children (1 to 7 in data of hospitals) or what could give such a count away",
    "z": "not applicable",
    "x": "not available",
}
UNITS = {
    "count": ("count", "#,##0"),
    "percent": ("share of 1, shown in per cent", "0%"),
    "chance": ("share of 1, shown in per cent", "0%"),
    "rate": ("rate, as its heading says", "#,##0.0"),
    "decimal": ("number", "#,##0.0"),
    "number": ("number", "#,##0"),
    "signed": ("number, with its sign", "+#,##0;−#,##0;0"),
    "factor": ("factor", "0.000"),
    "ratio": ("ratio", "0.00"),
    "money": ("pounds", "£#,##0;−£#,##0"),
    "pounds": ("pounds", "£#,##0;−£#,##0"),
    "thousands": ("thousands of pounds", "#,##0;(#,##0)"),
    "text": ("words", "@"),
}
NOTES = (
    *(f"{symbol}: {meaning}." for symbol, meaning in SYMBOLS.items()),
    f"{BLANK}: nothing is said in this cell.",
    "Counts of children are not rounded. Shares and rates are shown rounded, a half upwards; the cell holds more.",
    "A share is held as a part of 1 and shown in per cent: 0.25 is 25%.",
    "An interval (lower, upper) holds the values that the records do not rule out: with 95% limits, of twenty such "
    "intervals about nineteen hold the true value. Where an interval of a change holds no change, none has been shown.",
    "A finding without an interval says why: a complete count has none, and of too few children none can be given.",
    "All: a total over the rows of its column.",
)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WIDEST = 60


def write_spreadsheet(
    path: Path, site: Mapping[str, Any], tables: Mapping[str, str], schema: Mapping[str, Any], found: Sequence[Any]
) -> None:
    """Write one XLSX of every table of a release; the same bytes for the same content.

    `site`: what publish.site_of gives. `tables`: CSV text by table id. `schema`: what attack.schema gives, by table id
    (the part under "tables" of tables/schema.json). `found`: findings as dicts, as collect gives them. A table without
    a row is named in the contents and has no sheet. Raises InputError where the file cannot be written.
    """
    write_bytes(path, spreadsheet(site, tables, schema, found))


def spreadsheet(
    site: Mapping[str, Any], tables: Mapping[str, str], schema: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> bytes:
    """The content of the file; arguments as of write_spreadsheet."""
    from gptables import GPWorkbook

    out = io.BytesIO()
    # Nothing read from a file may become a formula, a link or a number; in memory, so that no clock time is in the zip.
    strings = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    book = GPWorkbook(out, {"in_memory": True, **strings})
    title = f"{site['authority_name']}: tables of {site['quarter_words']}"
    end = dt.datetime.combine(Quarter.parse(site["quarter"]).end, dt.time())
    book.set_properties({"title": _safe(title), "author": "bond-eval", "created": end})
    names = sheet_names([id for id, text in sorted(tables.items()) if _rows(text)[1]])
    sheet = book.add_worksheet("Cover")
    sheet.write_cover(_cover(title, site))
    marking = [MARKING] if site["internal"] else []
    pages = [
        ("Contents", _contents(names, tables, schema, marking)),
        ("Notes", _listed("Notes", "notes", ("Note", "What it says"), enumerate(NOTES, 1), marking)),
        ("Findings", _findings(found, marking)),
        *((name, _table(id, tables[id], schema.get(id, {}), marking)) for id, name in names.items()),
    ]
    for name, page in pages:
        sheet = book.add_worksheet(name)
        sheet.write_gptable(page, auto_width=False)
        _shape(sheet, page)
    for sheet in book.worksheets() if site["internal"] else ():
        sheet.set_header(f"&C{MARKING}")
    book.close()
    return out.getvalue()


def sheet_names(ids: Iterable[str]) -> dict[str, str]:
    """A sheet's name by table id: the id itself, cut to Excel's 31 characters where longer, never twice the same."""
    names: dict[str, str] = {}
    taken = {"cover", "contents", "notes", "findings", "history"}
    for id in ids:
        name, turn = id[:31], 1
        while name.lower() in taken:
            turn += 1
            name = f"{id[: 30 - len(str(turn))]}_{turn}"
        taken.add(name.lower())
        names[id] = name
    return names


def _cover(title: str, site: Mapping[str, Any]) -> Any:
    from gptables import Cover

    intro = [
        f"Tables of the evaluation workbook for {site['authority_name']}, {site['quarter_words']} ({site['quarter']}), "
        f"as of {site['as_of_words']}.",
        SYNTHETIC if site["synthetic"] else "",
        MARKING if site["internal"] else "Edition for the public.",
    ]
    about = [
        site["suppression"],
        "Each worksheet holds one table. The contents link to each; the notes say what symbols, rounding and intervals "
        "mean; the findings are the sentences that the tables support.",
    ]
    return Cover(_safe(title), intro=[_safe(text) for text in intro if text], about=[_safe(text) for text in about])


def _contents(
    names: Mapping[str, str], tables: Mapping[str, str], schema: Mapping[str, Any], marking: list[str]
) -> Any:
    apart = (("Notes", "What the symbols mean"), ("Findings", "Findings"))
    rows = [(_link(name), words, "see sheet") for name, words in apart]
    for id, text in sorted(tables.items()):
        count = len(_rows(text)[1])
        shown: Any = _link(names[id]) if id in names else id
        rows.append((shown, _safe(schema.get(id, {}).get("title", id)), formats.number(count) if count else "no rows"))
    return _listed("Contents", "contents", ("Worksheet", "Title", "Rows"), rows, marking)


def _link(name: str) -> dict[str, str]:
    return {name: f"internal:'{name}'!A1"}


def _findings(found: Sequence[Mapping[str, Any]], marking: list[str]) -> Any:
    heads = ("Finding", "Value", "Lower", "Upper", "Unit", "Sample size", "Period", "Strength", "Method", "Source",
             "Questions", "Caveats", "Notebook", "Id")  # fmt: skip
    rows = []
    for one in found:
        low, high = one["interval"] or (one["no_interval"] or BLANK,) * 2
        value = "not shown" if one["value"] is None else one["value"]
        size = "c" if one["n"] is None else one["n"]
        tail = [", ".join(one["questions"]), " ".join(one["caveats"]), one["notebook"], one["id"]]
        words = [one[name] for name in ("period", "strength", "method", "source")]
        rows.append([_safe(part) for part in (one["statement"], value, low, high, one["unit"], size, *words, *tail)])
    title = "Findings" if rows else "Findings: this run has none"
    return _listed(title, "findings", heads, rows or [["none"] * len(heads)], marking)


def _listed(title: str, id: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], marking: list[str]) -> Any:
    import pandas as pd
    from gptables import GPTable

    frame = pd.DataFrame([list(row) for row in rows], columns=list(heads), dtype=object)
    words = "This worksheet contains one table."
    return GPTable(frame, f"table_{id}", title, subtitles=marking, instructions=words, index_columns={2: 0})


def _table(id: str, text: str, spec: Mapping[str, Any], marking: list[str]) -> Any:
    import pandas as pd
    from gptables import GPTable

    names, rows = _rows(text)
    labels = spec.get("labels", {})
    values = {value["name"]: value for value in spec.get("values", ())}
    heads = _unique([labels.get(name) or values.get(name, {}).get("label", name) for name in names])
    kinds = [values[name]["kind"] if name in values else "" for name in names]
    frame = pd.DataFrame([[_typed(*pair) for pair in zip(row, kinds, strict=True)] for row in rows], dtype=object)
    frame.columns = pd.Index(heads, dtype=object)
    used = sorted({cell for row in rows for cell in row} & set(SYMBOLS), key=list(SYMBOLS).index)
    looks = {
        kind: {"num_format": style, "align": "left" if kind == "text" else "right"}
        for kind, (_, style) in UNITS.items()
    }
    units = "; ".join(f"{head}: {UNITS[kind][0]}" for head, kind in zip(heads, kinds, strict=True) if kind)
    return GPTable(
        frame,
        f"table_{id}",
        _safe(spec.get("title", id)),
        subtitles=[*marking, _safe(f"Each row is {spec.get('row', 'as its labels say')}.")],
        instructions="This worksheet contains one table. The worksheet Notes says how to read it.",
        legend=[f"{symbol}: {SYMBOLS[symbol]}." for symbol in used],
        source=_safe(f"Source: {source_of(id)}"),
        scope=_safe(f"Units. {units}."),
        index_columns={2: 0},
        additional_formatting=[
            {"column": {"columns": [place], "format": looks[kind]}} for place, kind in enumerate(kinds) if kind
        ],
    )


def source_of(id: str) -> str:
    """Where a registered table comes from and how it is worked out; says so where it is not known."""
    from bond_eval.evidence.registry import of_findings, registered

    table = registered().get(id) or of_findings().get(id)
    return f"{table.source}. Method: {table.method}." if table else "this run."


def _rows(text: str) -> tuple[list[str], list[list[str]]]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    return (rows[0], rows[1:]) if rows else ([], [])


def _typed(text: str, kind: str) -> Any:
    """A cell of a CSV: a number where its column holds numbers, a date where it is a label, else safe text."""
    if not kind and DAY.fullmatch(text):
        return dt.date.fromisoformat(text)
    if kind and kind != "text":
        try:
            return number if math.isfinite(number := float(text)) else _safe(text)
        except ValueError:
            pass  # a word in a column of numbers stays a word
    return _safe(text)


def _safe(value: Any) -> Any:
    """Text as it may stand in a cell; numbers pass.

    The layout's own marks for links and notes are broken by a space, so that no text from a file can make either;
    a cell without letter or digit, which the layout forbids, says in words what it is.
    """
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "replace").decode("utf-8").replace("](", "] (").replace("$$", "$ $")
    text = text if len(text) <= LONGEST else text[:LONGEST] + CUT
    if re.search("[a-zA-Z0-9]", text):
        return text
    return f"text: {text}" if text.strip(" \t\r\n-–—") else BLANK


def _unique(heads: Sequence[str]) -> list[str]:
    """Headings of which none is twice the same, whatever their case, as a table of Excel demands."""
    made: list[str] = []
    for head in heads:
        name, turn = _safe(head)[:200], 1
        while name.lower() in {one.lower() for one in made}:
            turn += 1
            name = f"{_safe(head)[:200]} ({turn})"
        made.append(name)
    return made


def _shape(sheet: Any, page: Any) -> None:
    """Widths by the longest cell, dates as dates, and a page that prints with its headings."""
    day = sheet._workbook.add_format(sheet.theme.data_format | {"num_format": "d mmmm yyyy", "align": "left"})
    top, _, bottom, right = page.data_range
    for place in range(right + 1):
        column = page.table.iloc[:, place].tolist()
        longest = max(len(next(iter(cell)) if isinstance(cell, dict) else str(cell)) for cell in column)
        head = max(map(len, page.table.columns[place].split()))
        sheet.set_column(place, place, min(max(longest, head, 8) * 1.25 + 2, _WIDEST))
        for row, cell in enumerate(column, top + 1):
            if isinstance(cell, dt.date):
                sheet.write_datetime(row, place, dt.datetime.combine(cell, dt.time()), day)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{bottom + 1}"})
    sheet.repeat_rows(top)
