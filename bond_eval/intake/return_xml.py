"""The XML form of the return (EXPSSDA903): the same modules as the CSV files, read as a stream, safely."""

from __future__ import annotations

import io
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import pyarrow as pa

from bond_eval.core.errors import InputError
from bond_eval.intake.delimited import RawTable

# Elements named otherwise than the CSV column.
RENAMED = {"CHILDID": "CHILD", "PL": "PLACE"}
# A header's children that are modules of their own, by the tag that holds them.
NESTED = {"AREVIEW": "Reviews", "AMISSING": "Missing", "PERMANENCE": "PrevPerm", "OC2": "OC2", "EPISODE": "Episodes"}
FLAT = {
    "Header": ("SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB"),
    "OC3": ("IN_TOUCH", "ACTIV", "ACCOM"),
}
ROOT_TAG = "EXPSSDA903"


def is_xml(content: bytes) -> bool:
    """True where the bytes begin like XML."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def parse_xml(name: str, content: bytes) -> dict[str, RawTable]:
    """Module name -> its rows as text. A child without episodes still has a header row.

    Raises InputError, naming the file, for truncated XML, another root, or entities (which no return needs).
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    rows: dict[str, list[dict[str, str]]] = {}
    root = ""
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True):
            if event == "start":
                root = root or element.tag.upper()
            elif element.tag.upper() == "CHILD":
                _collect(element, rows)
                element.clear()
    except DefusedXmlException as error:
        raise InputError(f"{name} declares a document type or entities: export the return without them.") from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{name} is not complete XML: export the return again.") from error
    if root != ROOT_TAG:
        raise InputError(f"{name} is XML but not a looked-after return ({ROOT_TAG}): export the return again.")
    return {module: _table(name, found) for module, found in rows.items()}


def _collect(child: Element, rows: dict[str, list[dict[str, str]]]) -> None:
    # Without a header the rows have no child id: they are set aside with the others that lack one, not lost.
    header = next((part for part in child if part.tag.upper() == "HEADER"), Element("HEADER"))
    fields = _fields(header)
    identity = {key: fields.get(key, "") for key in ("CHILD", "DOB")}
    for module, columns in FLAT.items():
        values = {column: fields.get(column, "") for column in columns}
        if module == "Header" or any(values.values()):
            rows.setdefault(module, []).append({**identity, **values})
    if fields.get("DUC") or fields.get("UASC") in ("1", "Y"):
        uasc = {"SEX": fields.get("SEX", ""), "DUC": fields.get("DUC", "")}
        rows.setdefault("UASC", []).append({**identity, **uasc})
    for part in [*header, *child]:
        module = NESTED.get(part.tag.upper(), "")
        if module:
            rows.setdefault(module, []).append({**identity, **_fields(part)})


def _fields(element: Element) -> dict[str, str]:
    return {
        RENAMED.get(part.tag.upper(), part.tag.upper()): (part.text or "").strip() for part in element if len(part) == 0
    }


def _table(name: str, rows: list[dict[str, str]]) -> RawTable:
    columns = sorted({column for row in rows for column in row})
    arrays = {column: pa.array([row.get(column, "") for row in rows], pa.string()) for column in columns}
    # XML has no lines of rows; a row's number stands for its line, offset by one as if below a header.
    lines = np.arange(2, len(rows) + 2, dtype=np.int32)
    return RawTable(name, pa.table(arrays), lines, (), 0, "utf-8", ())
