"""The looked-after-children return (SSDA903): every file of it, typed, checked and accounted for, row by row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.intake import episodes as episode_rows
from bond_eval.intake import people
from bond_eval.intake.authority import Authority
from bond_eval.intake.checks import Ledger
from bond_eval.intake.recognise import POSTCODES, Files, Stack, read_files
from bond_eval.intake.reference import CATEGORIES, modules, own_categories
from bond_eval.intake.submissions import assign, coverage, keep_authority

NEEDED = ("Episodes", "Header")


@dataclass(frozen=True)
class Return:
    """One authority's return, typed. Rows are of children: confidential.

    `episodes`: child (number into `children`), decom, dec (int32 days since 1970, NO_DAY open), rne, ls, cin,
    place, provider, rec, reason, location (categoricals), submission (row of `submissions`), line.
    `people`: one row a child number: sex, birth (int32 days), ethnicity, has_header.
    `modules`: every other module as typed rows. `submissions`: name, last_day, year, rows, in order of time.
    `accounts`: file, module, rows_in, kept, set_aside. `hashes`: file -> SHA-256. `categories`: the authority's own
    rules of what a placement is, which go before data/reference/placement_categories.csv.
    """

    children: np.ndarray
    episodes: pd.DataFrame
    people: pd.DataFrame
    modules: dict[str, pd.DataFrame]
    submissions: pd.DataFrame
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]
    categories: tuple[tuple[str, ...], ...] = ()


def load_return(path: Path, authority: Authority) -> Return:
    """Read and check the return below `path` (folder, folder a year, zip, XML or one file).

    Raises InputError where nothing usable remains or Episodes or Header is missing.
    """
    log = IssueLog()
    files = read_files(path, log)
    missing = [module for module in NEEDED if module not in files.stacks]
    if missing:
        wanted = [f"{module} ({', '.join(c.name for c in modules()[module] if c.required)})" for module in missing]
        raise InputError(f"{path.name} holds no file with the columns of {' or '.join(wanted)}: add it.")
    stacks = keep_authority(files, authority, log)
    children, numbers = _number_children(stacks)
    ledger = Ledger(files.names, children, log)
    stack = stacks["Episodes"]
    numbering, names = assign(stack, files.names)
    typed = episode_rows.typed(stack, numbers["Episodes"], numbering)
    folder = path if path.is_dir() else path.parent
    typed["location"] = episode_rows.locations(stack, authority, folder)
    submissions = coverage(numbering, names, typed["decom"].to_numpy(), typed["dec"].to_numpy())
    if submissions.empty:
        raise InputError(f"{path.name} holds no episode with a start date that can be read: check the export.")
    episodes = episode_rows.checked(typed, stack, submissions, ledger)
    member = np.zeros((len(submissions), len(children)), dtype=bool)
    member[episodes["submission"].to_numpy(), episodes["child"].to_numpy()] = True
    belongs = {
        module: people.submission_of(stacks[module], numbers[module], member, submissions, files.names)
        for module in stacks
        if module != "Episodes"
    }
    persons = people.one_row_each(stacks["Header"], numbers["Header"], belongs["Header"], ledger)
    people.check_against(episodes, persons, stack, ledger)
    others = {
        module: people.typed_module(stacks[module], numbers[module], belongs[module], submissions, ledger)
        for module in belongs
    }
    accounts = _accounts(files, stacks, {**others, "Episodes": episodes})
    if episodes.empty:
        raise InputError(f"{path.name}: no episode can be used; `bond-eval check` says why, row by row.")
    own, digest = own_categories(folder)
    hashes = files.hashes | ({CATEGORIES: digest} if own else {})
    if (postcodes := folder / POSTCODES).is_file():
        hashes[POSTCODES] = hashlib.sha256(postcodes.read_bytes()).hexdigest()
    episodes = episodes.reset_index(drop=True)
    return Return(children, episodes, persons, others, submissions, log.frame(), accounts, hashes, own)


def _number_children(stacks: dict[str, Stack]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(ids in sorted order, and for each module the number of each row's child, -1 where blank)."""
    columns = {module: stack.text("CHILD") for module, stack in stacks.items()}
    plain = {module: _plain_ids(column.values) for module, column in columns.items()}
    ids = pc.unique(pa.concat_arrays(list(plain.values())))
    ids = ids.take(pc.sort_indices(ids))
    numbers = {}
    for module, column in columns.items():
        lookup = np.append(pc.index_in(plain[module], value_set=ids).to_numpy(), -1).astype(np.int32)
        numbers[module] = lookup[column.index]
    return ids.to_numpy(zero_copy_only=False), numbers


def _plain_ids(values: list[str]) -> pa.Array:
    # A spreadsheet may have turned an id into a decimal number.
    return pc.replace_substring_regex(pa.array(values, pa.string()), r"^([0-9]+)\.0$", r"\1")


def _accounts(files: Files, stacks: dict[str, Stack], kept: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows in, kept and set aside by file and module; what does not add up is a defect of ours, and raised."""
    rows = []
    for (name, module), rows_in in files.rows_in.items():
        if module not in stacks:
            continue
        index = files.names.index(name)
        count = int((kept[module]["source"].to_numpy() == index).sum())
        rows.append((name, module, rows_in, count, rows_in - count))
    frame = pd.DataFrame(rows, columns=["file", "module", "rows_in", "kept", "set_aside"])
    if (frame["set_aside"] < 0).any():
        raise AssertionError("more rows were kept than came in")
    return frame.sort_values(["file", "module"], ignore_index=True)
