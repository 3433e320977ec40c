"""Files to modules: a module is known by its columns, never by its file's name."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.intake.delimited import RawTable, header_of, parse
from bond_eval.intake.forms import RULES, Forms, say_shape
from bond_eval.intake.reference import CATEGORIES, modules
from bond_eval.intake.return_xml import is_xml, parse_xml
from bond_eval.intake.sources import Source, sources
from bond_eval.intake.typed import Text, blank_text, text

PLATFORM = ("LA", "YEAR")  # columns that regional platforms add to a stacked file
# Not used by anything downstream, so never held in memory: the less of a child is held, the less can leak.
UNREAD = ("HOME_POST", "URN", "UPN", "SW_ID")
# Files that belong beside the return and are read elsewhere.
POSTCODES = "postcodes.csv"
COMPANIONS = (POSTCODES, CATEGORIES)
COMPANION_FOLDERS = ("finance", "register", "dfe", "measures")
RETURN = Forms("modules.csv", RULES)
ALIKE = 0.6  # share of a module's columns that makes a file look like that module


@dataclass
class Stack:
    """All rows of one module over all files: text columns, and for each row its source file and line."""

    module: str
    columns: dict[str, Text]
    source: np.ndarray
    line: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.source)

    def text(self, column: str) -> Text:
        """A column; blank where no file has it."""
        return self.columns.get(column) or blank_text(self.rows)

    def taken(self, rows: np.ndarray) -> Stack:
        """The same for some rows."""
        columns = {name: column.taken(rows) for name, column in self.columns.items()}
        return Stack(self.module, columns, self.source[rows], self.line[rows])


@dataclass
class Files:
    """What was found: names of the files, each module's stack, and lines met (rows in)."""

    names: list[str] = field(default_factory=list)
    stacks: dict[str, Stack] = field(default_factory=dict)
    rows_in: dict[tuple[str, str], int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


def read_files(path: Path, issues: IssueLog) -> Files:
    """Read every file of the return below `path`. Raises InputError where a file cannot be read."""
    import hashlib

    files = Files()
    tables: dict[str, list[tuple[int, RawTable]]] = {}
    for source in sources(path, COMPANION_FOLDERS):
        *above, name = PurePosixPath(source.name).parts
        if name in COMPANIONS or any(folder.lower() in COMPANION_FOLDERS for folder in above):
            continue
        met = False
        for module, raw in _modules_of(source, issues):
            met = True
            tables.setdefault(module, []).append((len(files.names), raw))
            rows = raw.table.num_rows + len(raw.misfits)
            files.rows_in[(source.name, module)] = rows
            _report_form(raw, module, issues)
        if met:
            files.names.append(source.name)
            files.hashes[source.name] = hashlib.sha256(source.content).hexdigest()
    for module in list(tables):
        files.stacks[module] = _stack(module, tables.pop(module))
        pa.default_memory_pool().release_unused()
    return files


def _modules_of(source: Source, issues: IssueLog) -> list[tuple[str, RawTable]]:
    if is_xml(source.content):
        return sorted(parse_xml(source.name, source.content).items())
    header, _, _ = header_of(source.content)
    module = recognise(header)
    if module is None:
        _refuse_near_miss(source.name, header)
        issues.add("file_not_recognised", "note", source.name, "no module of the return has these columns", "set aside")
        return []
    wanted = [c.name for c in modules()[module] if c.name not in UNREAD and (module, c.name) != ("Header", "MC_DOB")]
    return [(module, parse(source.name, source.content, [*wanted, *PLATFORM]))]


def recognise(header: list[str]) -> str | None:
    """The module whose needed columns all stand in `header` and of whose columns most do; None for no module."""
    have = set(header)
    scores = {
        module: (sum(c.name in have for c in columns) / len(columns), len(columns))
        for module, columns in modules().items()
        if all(c.name in have for c in columns if c.required)
    }
    return max(scores, key=lambda module: scores[module]) if scores else None


def _refuse_near_miss(name: str, header: list[str]) -> None:
    have = set(header)
    for module in ("Episodes", "Header"):
        columns = [c for c in modules()[module] if c.name not in ("PL_LOCATION", "HOME_POST", "PL_POST", "URN")]
        missing = [c.name for c in columns if c.required and c.name not in have]
        if missing and sum(c.name in have for c in columns) / len(columns) >= ALIKE:
            other = have - {c.name for c in columns}
            near = [name for column in missing for name in get_close_matches(column, other, 1)]
            lacks = f"{', '.join(missing)} (it has {', '.join(near)})" if near else ", ".join(missing)
            raise InputError(f"{name} looks like {module} but has no column {lacks}: name it so or export it again.")


def _report_form(raw: RawTable, module: str, issues: IssueLog) -> None:
    name = raw.name
    say_shape(raw, partial(RETURN.say, issues, name), raw.repeated)
    if raw.blank:
        issues.add("lines_blank", "note", name, f"{raw.blank} line(s) hold no value", "set aside")
    have = set(raw.table.column_names)
    optional = {"PL_LOCATION", *UNREAD, "MC_DOB"}
    for expected in modules()[module]:
        if expected.name not in have | optional and not name.lower().endswith(".xml"):
            problem = f"{module} has no such column here"
            issues.add("column_missing", "warning", name, problem, "kept", column=expected.name)


def _stack(module: str, parts: list[tuple[int, RawTable]]) -> Stack:
    table = pa.concat_tables([raw.table for _, raw in parts], promote_options="default")
    source = np.repeat(
        np.array([index for index, _ in parts], dtype=np.int16), [raw.table.num_rows for _, raw in parts]
    )
    line = np.concatenate([raw.lines for _, raw in parts]).astype(np.int32)
    upper = {c.name for c in modules()[module] if c.kind in ("code", "postcode")}
    parts.clear()
    columns = {}
    for name in table.column_names:  # each column as read is let go as soon as it is encoded
        columns[name] = text(table.column(name), upper=name in upper)
        table = table.drop_columns(name)
    return Stack(module, columns, source, line)
