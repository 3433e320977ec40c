"""Reads a published folder as any reader could: text, alt text, tables and metadata of every file in it."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.places import PLAN, TABLE_SCHEMA

CLAIMS_PAGE = "40_claims_register"
_PLAIN = (".md", ".txt", ".webmanifest")
CLAIM = re.compile(r"\bC\d{3}\b")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCK = {"p", "li", "div", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "td", "th", "section", "summary", "figcaption"}
_ENCODED = re.compile(r"[A-Za-z0-9+/]{400,}={0,2}")
_AXIS = re.compile(r"^(matplotlib\.axis|[xy]tick|axis|tick)")


@dataclass(frozen=True)
class Text:
    """A piece of prose. `kind`: sentence, alt (a text alternative), chart (a label drawn in a figure) or printed.

    `about`: the alternative of the figure that a label is drawn in.
    """

    where: str
    kind: str
    text: str
    about: str = ""


@dataclass(frozen=True)
class Grid:
    """A table as text: `heads` of the columns and `rows`; `title` is its caption, or its id for a CSV."""

    where: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class Published:
    """All that was read. `raw`: (file, everything in it as text); `numbers`: (file, path, number) of JSON."""

    files: Counter[str] = field(default_factory=Counter)
    raw: list[tuple[str, str]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    findings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    numbers: list[tuple[str, str, float]] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=dict)
    surplus: list[tuple[str, str]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    plan: dict[str, dict[str, list[list[str]]]] = field(default_factory=dict)

    def say(self, where: str, kind: str, text: Any, about: str = "") -> None:
        """Keep prose, with its white space evened out."""
        if text := " ".join(str(text).split()):
            self.texts.append(Text(where, kind, text, about))


def read_folder(folder: Path) -> Published:
    """Read every file below `folder`. Raises InputError where there is none; a file that cannot be read is listed."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not paths:
        raise InputError(f"There is no published file in {folder.name}: give the folder of a run or a site.")
    found = Published()
    for path in paths:
        where, reader = path.relative_to(folder).as_posix(), READERS.get(path.suffix.lower())
        found.files[path.suffix.lower() or "no ending"] += 1
        try:
            if reader is None:
                raise ValueError("no reader")
            reader(found, where, path.read_bytes())
        except (ValueError, KeyError, TypeError, AttributeError, OSError, zipfile.BadZipFile):
            found.unread.append(where)
    return found


def _plain(found: Published, where: str, content: bytes) -> None:
    found.raw.append((where, content.decode("utf-8")))
    for line in found.raw[-1][1].splitlines():
        found.say(where, "sentence", line)


def _style(found: Published, where: str, content: bytes) -> None:
    found.raw.append((where, content.decode("utf-8")))


def _script(found: Published, where: str, content: bytes) -> None:
    """A script's texts: what stands in quotes, as the entries of a search index do."""
    text = content.decode("utf-8")
    found.raw.append((where, text))
    for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
        found.say(where, "sentence", json.loads(f'"{quoted}"', strict=False) if "\\" in quoted else quoted)


def _image(found: Published, where: str, content: bytes) -> None:
    found.raw.append((where, _chunks(content)))


def _chunks(png: bytes) -> str:
    """The words in a PNG's own text chunks, which any viewer can show."""
    place, words = 8, []
    while place + 8 <= len(png):
        size, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        if kind in (b"tEXt", b"iTXt"):
            words.append(png[place + 8 : place + 8 + size].decode("latin-1"))
        place += size + 12
    return "\n".join(words)


def _csv(found: Published, where: str, content: bytes) -> None:
    text = content.decode("utf-8-sig")
    found.raw.append((where, text))
    rows = [tuple(row) for row in csv.reader(io.StringIO(text)) if row]
    if rows:
        found.grids.append(Grid(where, Path(where).stem, rows[0], tuple(rows[1:])))
        for number, row in enumerate(rows[1:], 2):
            # Row by row, so that the claim id of a quotation is read with its sentence.
            if any(len(cell) > 20 for cell in row):
                found.say(f"{where} line {number}", "sentence", " | ".join(row))


def _page(found: Published, where: str, content: bytes | str, about: str = "") -> str:
    """Read HTML or SVG; gives its tables' text. `about`: the figure's alternative where it stands apart from it."""
    text = content if isinstance(content, str) else content.decode("utf-8")
    page = _Page(found, where, about)
    page.feed(text)
    page.close()
    page.flush()
    pictures = "\n".join(_chunks(base64.b64decode(one + "=" * (-len(one) % 4))) for one in _encoded(text))
    found.raw.append((where, _ENCODED.sub("", text) + pictures))
    return " ".join(cell for grid in page.grids for row in (grid.heads, *grid.rows) for cell in row)


def _encoded(text: str) -> Iterator[str]:
    return (match.rstrip("=") for match in _ENCODED.findall(text) if match.startswith("iVBOR"))


class _Page(HTMLParser):
    """Takes prose by block, tables, alternatives and labels of charts; code, style and script are passed over."""

    def __init__(self, found: Published, where: str, about: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found, self.where, self.about = found, where, about
        self.stack: list[tuple[str, bool, bool]] = []
        self.text: list[str] = []
        self.caption = ""
        self.rows: list[list[str]] = []
        self.cell: list[str] = []
        self.grids: list[Grid] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        marks = f"{given.get('class', '')} {given.get('id', '')}".split()
        above = self.stack[-1] if self.stack else ("", False, False)
        passed = above[1] or tag in ("style", "script", "code") or "highlight" in marks
        axis = above[2] or (tag == "g" and any(_AXIS.match(mark) for mark in marks))
        if tag == "svg":
            self.about = given.get("aria-label") or self.about
        for name in ("alt", "aria-label", "title"):
            if given.get(name) and "math" not in marks:
                self.found.say(self.where, "alt" if name == "alt" or tag == "svg" else "sentence", given[name])
        if tag in _BLOCK or tag in ("table", "caption", "text"):
            self.flush()
        if tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.cell = []
        if tag not in _VOID:
            self.stack.append((tag, passed, axis))

    def handle_endtag(self, tag: str) -> None:
        if not any(name == tag for name, _, _ in self.stack):
            return
        if tag in _BLOCK or tag in ("caption", "text", "desc", "title"):
            self.flush(tag)
        while self.stack and self.stack.pop()[0] != tag:
            pass
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append(" ".join(self.cell))
        if tag == "table" and self.rows:
            self._table()

    def handle_data(self, data: str) -> None:
        if not (self.stack and self.stack[-1][1]):
            self.text.append(data)

    def flush(self, tag: str = "") -> None:
        """Give away the text gathered, to the cell, caption or kind of prose that it is of."""
        text, self.text = " ".join("".join(self.text).split()), []
        inside = {name for name, _, _ in self.stack}
        if tag == "caption":
            self.caption = text
        elif text and inside & {"td", "th"}:
            self.cell.append(text)
        elif "svg" in inside:
            kind = "alt" if tag in ("desc", "title") else "chart"
            if kind == "alt" or not self.stack[-1][2]:
                self.found.say(self.where, kind, text, self.about)
            return
        if text and not (self.stack and self.stack[-1][1]):
            self.found.say(self.where, "sentence", text)

    def _table(self) -> None:
        rows = [tuple(row) for row in self.rows if row]
        width = max((len(row) for row in rows), default=0)
        even = [row + ("",) * (width - len(row)) for row in rows]
        if len(even) > 1:
            grid = Grid(self.where, self.caption, even[0], tuple(even[1:]))
            self.grids.append(grid)
            self.found.grids.append(grid)
        self.rows = []


def _notebook(found: Published, where: str, content: bytes) -> None:
    book = json.loads(content)
    for number, cell in enumerate(book["cells"], 1):
        place = f"{where} cell {number}"
        if cell["cell_type"] == "markdown":
            found.say(place, "sentence", "".join(cell["source"]))
        for output in cell.get("outputs", []):
            _output(found, place, output)
    found.raw.append((where, "\n".join(_leaves(book))))


def _output(found: Published, place: str, output: dict[str, Any]) -> None:
    bodies = output.get("data", {}).items()
    data: dict[str, Any] = {kind: "".join(body) if isinstance(body, list) else body for kind, body in bodies}
    if FINDING_MIME in data:
        found.findings.append((place, data[FINDING_MIME]))
    for alternative in (output.get("metadata", {}).get(kind, {}).get("alt") for kind in data):
        if alternative:
            found.say(place, "alt", alternative)
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            table = _page(found, place, data[kind], output.get("metadata", {}).get(kind, {}).get("alt", ""))
            # A terminal's version of a table may show no number that the table, and what is said under it, do not.
            if kind == "text/html" and table and "text/plain" in data:
                said = f"{table} {re.sub('<[^>]+>', ' ', data[kind].rpartition('</table>')[2])}"
                whole = [Counter(re.findall(r"(?<!\S)[\d,]+(?!\S)", text)) for text in (data["text/plain"], said)]
                found.surplus += [(place, number) for number in whole[0] - whole[1]]
    if "text/markdown" in data:
        found.say(place, "sentence", data["text/markdown"])
    elif "text/plain" in data and "text/html" not in data:
        found.say(place, "alt" if "image/png" in data else "sentence", data["text/plain"])
    if "image/png" in data:
        found.raw.append((place, _chunks(base64.b64decode(data["image/png"]))))
    found.say(place, "sentence", "".join(output.get("text", [])))


def _json(found: Published, where: str, content: bytes) -> None:
    data = json.loads(content)
    found.raw.append((where, "\n".join(_leaves(data))))
    if where == TABLE_SCHEMA:
        found.schema = data["tables"]
        return
    if Path(where).name == PLAN:
        found.plan = data["hidden"]
    if isinstance(data, dict) and isinstance(data.get("findings"), list):
        found.findings += [(where, finding) for finding in data["findings"]]
    for path, leaf in _walk(data):
        if isinstance(leaf, str):
            found.say(where, "sentence", leaf)
        elif isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
            found.numbers.append((where, path, float(leaf)))


def _walk(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    if not isinstance(data, (dict, list)):
        yield path, data
    for name, part in pairs:
        yield from _walk(part, f"{path}.{name}".lstrip("."))


def _leaves(data: Any) -> Iterator[str]:
    """Every name and text in JSON; a long picture is left out."""
    if isinstance(data, dict):
        for name, part in data.items():
            yield str(name)
            yield from _leaves(part)
    elif isinstance(data, list):
        for part in data:
            yield from _leaves(part)
    else:
        yield _ENCODED.sub("", str(data))


def _workbook(found: Published, where: str, content: bytes) -> None:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), data_only=False)
    words = [str(value) for value in vars(book.properties).values() if value]
    words += [f"{name} {one.value}" for name, one in book.defined_names.items()]
    for sheet in book.worksheets:
        place, lines = f"{where} sheet {sheet.title}", []
        for row in sheet.iter_rows():
            lines.append(tuple(_written(cell.value) for cell in row))
            words += [cell.comment.text for cell in row if cell.comment]
        words += [sheet.title, *(cell for line in lines for cell in line if cell)]
        for line in lines:
            # A quotation with its claim id.
            together = [" | ".join(line)] if any(CLAIM.search(cell) for cell in line) else line
            for text in together:
                found.say(place, "sentence", text)
        full = [sum(bool(cell) for cell in line) > 1 for line in lines]
        if any(full):
            first = full.index(True)
            title = next((cell for line in lines[:first] for cell in line if cell), sheet.title)
            end = full.index(False, first) if False in full[first:] else len(lines)
            found.grids.append(Grid(place, title, lines[first], tuple(lines[first + 1 : end])))
    found.raw.append((where, "\n".join(words)))


def _written(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return "" if value is None else str(value)


def _pdf(found: Published, where: str, content: bytes) -> None:
    import pypdf

    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        pages = [page.extract_text() for page in reader.pages]
    except pypdf.errors.PyPdfError as error:
        raise ValueError("no PDF") from error
    found.raw.append((where, "\n".join([*pages, *(str(value) for value in (reader.metadata or {}).values())])))
    for number, text in enumerate(pages, 1):
        for sentence in re.split(r"(?<=[.!?])\s+", text):
            found.say(f"{where} page {number}", "printed", sentence)


READERS: dict[str, Callable[[Published, str, bytes], Any]] = {
    **dict.fromkeys(_PLAIN, _plain),
    **dict.fromkeys((".html", ".htm", ".svg"), _page),
    ".css": _style,
    ".csv": _csv,
    ".ipynb": _notebook,
    ".js": _script,
    ".json": _json,
    ".pdf": _pdf,
    ".png": _image,
    ".xlsx": _workbook,
}
