"""How each file is written: its text, its encoding, and the oddities of spreadsheets and other systems."""

from collections.abc import Iterable, Sequence

from bond_eval.core.atomic import csv_text

from .dice import Dice
from .faults import Planted
from .modules import FOLDERS, Returns, Table

LOWER = FOLDERS[1].name
BOM = (FOLDERS[2].name, "episodes.csv")
QUOTED = (FOLDERS[2].name, "header.csv")
OLD_ENCODING = (FOLDERS[0].name, "reviews.csv")
ISO = (FOLDERS[3].name, "episodes.csv")
WORDS = (FOLDERS[4].name, "episodes.csv")
CRLF = (FOLDERS[4].name, "oc2.csv")
TRAILING = ((FOLDERS[2].name, "episodes.csv"), (FOLDERS[4].name, "reviews.csv"))
NOTES = ("réviewed by télephone", "déjà réviewed", "postponed and réviewed late")


def files(dice: Dice, made: Returns) -> tuple[dict[str, bytes], list[Planted]]:
    """The bytes of every file by its path in the sample folder, and the oddities put in."""
    written: dict[str, bytes] = {}
    planted: list[Planted] = []
    for folder, tables in made.items():
        if folder == LOWER:
            planted.append(Planted("lower_case_shuffled", folder, "*"))
        for name, table in tables.items():
            table.rows.sort(key=lambda row: (row[0], row[1][6:], row[1][3:5], row[1][:2]))
            data, odd = _file(dice, (folder, name), table)
            written[f"{folder}/{name}"] = data
            planted += [Planted(kind, folder, name) for kind in odd]
    return written, planted


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV, its cells in quotation marks where they need them."""
    return csv_text([columns, *rows]).encode()


def _file(dice: Dice, at: tuple[str, str], table: Table) -> tuple[bytes, list[str]]:
    """One file's bytes and the kinds of oddity in it."""
    odd: list[str] = []
    columns, rows = list(table.columns), table.rows
    if at[0] == LOWER:
        order = dice.some(range(len(columns)), len(columns))
        columns = [columns[i].lower() for i in order]
        rows = [[row[i] for i in order] for row in rows]
    if at == ISO:
        rows = [[_iso(value) for value in row] for row in rows]
        odd.append("iso_dates")
    if at == QUOTED:
        odd += _fill(dice, rows, columns, "MC_DOB", '""', 6, "quoted_blank")
    if at == WORDS:
        odd += _fill(dice, rows, columns, "REASON_PLACE_CHANGE", "NULL", 4, "null_word")
        odd += _fill(dice, rows, columns, "URN", "N/A", 4, "na_word")
    if at == OLD_ENCODING:
        columns = [*columns, "NOTE"]
        rows = [[*row, dice.one(NOTES) if dice.chance(0.01) or not i else ""] for i, row in enumerate(rows)]
        odd.append("cp1252")
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    if at in TRAILING:
        lines += ["," * (len(columns) - 1), "", ""]
        odd += ["comma_line", "blank_lines"]
    return _encode(lines, at, odd), odd


def _encode(lines: list[str], at: tuple[str, str], odd: list[str]) -> bytes:
    if at == CRLF:
        odd.append("crlf")
        return ("\r\n".join(lines) + "\r\n").encode()
    if at == BOM:
        odd.append("bom")
    encoding = "cp1252" if at == OLD_ENCODING else "utf-8-sig" if at == BOM else "utf-8"
    return ("\n".join(lines) + "\n").encode(encoding)


def _iso(value: str) -> str:
    is_date = len(value) == 10 and value[2] == value[5] == "/"
    return f"{value[6:]}-{value[3:5]}-{value[:2]}" if is_date else value


def _fill(
    dice: Dice, rows: list[list[str]], columns: list[str], column: str, word: str, count: int, kind: str
) -> list[str]:
    """Write a word for blank in some blank cells of a column."""
    at = columns.index(column)
    chosen = dice.some([row for row in rows if row[at] == ""], count)
    for row in chosen:
        row[at] = word
    return [kind] * len(chosen)
