"""Reads whatever of the folders beside a return can be read, to report on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bond_eval.intake import dfe, finance, measures, register
from bond_eval.intake.reference import read_reference

if TYPE_CHECKING:
    from bond_eval.intake.ssda903 import Return

Supplied = finance.Finance | register.Register | measures.Measures | dfe.Dfe


def read_beside(path: Path, loaded: Return) -> dict[str, Supplied]:
    """Folder -> what it holds, read past a file that cannot be; folders that are not there are left out.

    `path`: the return's folder, or a file of it. `loaded`: what was read of it.
    """
    folder, last = path if path.is_dir() else path.parent, loaded.submissions["last_day"].max()
    ids = set(read_reference("measures.csv")["id"])
    found = {
        finance.FOLDER: finance.load_finance(folder / finance.FOLDER, loaded.children, last, strict=False),
        register.FOLDER: register.load_register(
            folder / register.FOLDER, loaded.children, loaded.people, last, strict=False
        ),
        measures.FOLDER: measures.load_measures(folder / measures.FOLDER, ids, last, strict=False),
        dfe.FOLDER: dfe.load_dfe(folder / dfe.FOLDER, strict=False),
    }
    return {name: supplied for name, supplied in found.items() if supplied is not None}
