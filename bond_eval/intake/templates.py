"""Empty files of every form that may lie beside a return, and their data dictionary, from the tables that read them."""

from __future__ import annotations

import io
from pathlib import Path

from bond_eval.core.atomic import csv_text, replaced_folder, write_bytes
from bond_eval.core.errors import InputError
from bond_eval.intake import finance, measures, register, register_forms
from bond_eval.intake.forms import Forms, categories, form_table
from bond_eval.intake.reference import codes

FOLDERS: dict[str, Forms] = {
    finance.FOLDER: finance.FORMS, register.FOLDER: register_forms.FORMS, measures.FOLDER: measures.FORMS,
}  # fmt: skip
KINDS = {
    "date": "2020-04-01 or 01/04/2020", "month": "2020-04 or April 2020", "period": "2020-21-Q2 or 2020-09",
    "number": "a number", "pounds": "a number", "yes or no": "yes, no", "id": "", "text": "any text",
}  # fmt: skip
NEEDED = {"yes": "yes", "no": "", "any": "one of these"}
OPENING = """# Files that may lie beside a return

Fill in what you have: every file is optional, and each is known by its columns, never by its name. Put the folders
{folders} beside the SSDA903 files. A file may be split into many, and one Excel workbook (.xlsx) may hold any of
the files of a folder as its sheets: `register.xlsx` has those of the register, to be put into `register`. Columns
may stand in any order; ones that are not listed here are not read. `bond-eval check` says, row by row, what could
not be used. The folder `dfe` has no form: the DfE's files go there as they come. These files are of children: keep them
where such data may lie.
"""


def template_files() -> dict[str, bytes]:
    """Relative path -> content: a CSV of each form with its header alone, the register as a workbook, README.md."""
    files = {
        f"{folder}/{form}.csv": _header(rows)
        for folder, forms in FOLDERS.items()
        for form, rows in form_table(forms.table).items()
        if _ours(rows)
    }
    return {**files, "register.xlsx": _workbook(), "README.md": _dictionary().encode()}


def write_templates(folder: Path) -> list[str]:
    """Write the templates as `write_new` does."""
    return write_new(folder, template_files())


def write_new(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Write files into a new or empty folder, all or none, and give their names.

    Raises InputError where the folder holds anything, so that no file is ever overwritten.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not an empty folder: name a new one, so that nothing is overwritten.")
    with replaced_folder(folder) as work:
        for name, content in files.items():
            write_bytes(work / name, content)
    return list(files)


def _ours(rows: tuple[dict[str, str], ...]) -> bool:
    # Forms of others, such as the regional census, are read as they come.
    return all(row["match"] == "exact" for row in rows)


def _header(rows: tuple[dict[str, str], ...]) -> bytes:
    return csv_text([[row["column"] for row in rows]]).encode()


def _workbook() -> bytes:
    from openpyxl import Workbook

    book, stream = Workbook(write_only=True), io.BytesIO()
    for form, rows in form_table(register_forms.FORMS.table).items():
        book.create_sheet(form).append([row["column"] for row in rows])
    book.save(stream)
    return stream.getvalue()


def _dictionary() -> str:
    names = [f"`{folder}`" for folder in FOLDERS]
    parts = [OPENING.format(folders=", ".join(names[:-1]) + " and " + names[-1])]
    for folder, forms in FOLDERS.items():
        parts.append(f"## {folder}\n")
        for form, rows in form_table(forms.table).items():
            title = (
                f"### {folder}/{form}.csv" if _ours(rows) else f"### {form} (read as it comes; by how columns begin)"
            )
            parts += [title + "\n", "| Column | Needed | Meaning | Allowed | Example |", "|---|---|---|---|---|"]
            parts += [_line(row) for row in rows] + [""]
    return "\n".join(parts)


def _line(row: dict[str, str]) -> str:
    cells = (f"`{row['column']}`", NEEDED[row["required"]], row["meaning"], _allowed(row), row["example"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _allowed(row: dict[str, str]) -> str:
    kind = row["kind"]
    if kind == "word":
        return ", ".join(dict.fromkeys(register_forms.words(row["column"]).values()))
    if kind == "category":
        return ", ".join(categories().values())
    return ", ".join(codes(kind.removeprefix("code "))) if kind.startswith("code ") else KINDS[kind]
