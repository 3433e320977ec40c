"""Check a claims file of the user's own: read it row by row, however it is broken, and report on every row."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.places import REFERENCE
from bond_eval.evidence.claims import UNCHECKED, VERDICTS, ClaimResult, check_claims, shown
from bond_eval.evidence.claims_facts import number, project_facts, usable
from bond_eval.evidence.claims_formula import shortened

MOST_BYTES = 64 * 2**20
MOST_SHOWN = 2000  # characters of one cell of the user's file that a report repeats


@dataclass(frozen=True)
class Report:
    """A claims file as checked: its name, a result for each row, and what is wrong with its facts."""

    file: str
    results: tuple[ClaimResult, ...]
    problems: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Rows by verdict, every verdict named."""
        found = Counter(result.verdict for result in self.results)
        return {verdict: found[verdict] for verdict in (*VERDICTS, UNCHECKED)}

    def as_text(self) -> str:
        """The report as lines for a terminal: the counts, problems of the facts, then a row a claim."""
        told = [f"{count} {verdict}" for verdict, count in self.counts().items() if count]
        head = f"{self.file}: {formats.plural(len(self.results), 'claim')}"
        lines = [head + (f": {formats.listed(told)}." if told else ".")]
        lines += [f"facts: {problem}" for problem in self.problems]
        return "\n".join([*lines, *(_line(result) for result in self.results)]) + "\n"

    def as_json(self) -> str:
        """The report as JSON: file, counts, problems, claims."""
        claims = [
            {name: part[:MOST_SHOWN] if isinstance(part, str) else part for name, part in asdict(result).items()}
            for result in self.results
        ]
        whole = {"file": self.file, "counts": self.counts(), "problems": self.problems, "claims": claims}
        return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def lint(path: Path, facts_path: Path | None = None) -> Report:
    """Check the claims of a CSV file, whose columns are claim_id, value and formula and any others of the register.

    Formulas use the facts of `facts_path` (columns name, value), else of `<stem>_facts.csv` or facts.csv beside the
    file, and the values of the file's own rows that have a `name`; where there are none of these, the project's own.
    Raises InputError where a file cannot be read at all; what is wrong with a row stands in that row's result.
    """
    claims = _table(path)
    facts, problems, any_facts = _own_facts(path, facts_path)
    if "name" in claims:
        named = claims[claims["name"] != ""]
        any_facts = any_facts or bool(len(named))
        _add(facts, problems, named, path.name)
    try:
        return Report(path.name, check_claims(claims, facts if any_facts else project_facts()), tuple(problems))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _own_facts(path: Path, facts_path: Path | None) -> tuple[dict[str, float], list[str], bool]:
    """(facts, problems, whether a facts file is there)."""
    beside = [path.with_name(f"{path.stem}_facts.csv"), path.with_name("facts.csv")]
    chosen = facts_path or next((candidate for candidate in beside if candidate.is_file()), None)
    facts: dict[str, float] = {}
    problems: list[str] = []
    if chosen is None:
        return facts, problems, False
    if chosen.resolve() == (REFERENCE / "facts.csv").resolve():
        return project_facts(), problems, True
    frame = _table(chosen)
    if not {"name", "value"} <= set(frame.columns):
        raise InputError(f"{chosen.name} is no table of facts: it needs the columns name and value.")
    _add(facts, problems, frame, chosen.name)
    return facts, problems, True


def _add(facts: dict[str, float], problems: list[str], frame: pd.DataFrame, file: str) -> None:
    """Add the frame's names and values to `facts`, and what is wrong with a row to `problems`."""
    for row in frame.to_dict("records"):
        name, value = str(row["name"]), number(str(row["value"]))
        wrong = (
            row["row_problem"]
            or ("" if usable(name) else "is no name: use small letters, digits and _")
            or ("" if value is not None else f"has no number, but {shortened(str(row['value']))}")
            or ("stands twice; the first is used" if name in facts else "")
        )
        if wrong or value is None:
            problems.append(f"{file} line {row['line']}: {shortened(name)} {wrong}.".replace("..", "."))
        else:
            facts[name] = value


def _table(path: Path) -> pd.DataFrame:
    """A CSV file as text, blanks as "", with `line` (1 is the header) and `row_problem` ("" where the row is whole)."""
    text = _content(path)
    header_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=header_line.count)
    numbered = _rows(text, delimiter)
    if not numbered:
        raise InputError(f"{path.name} is empty: it needs a line of column names.")
    header = [name.strip().lower().replace(" ", "_") for name in numbered[0][1]]
    rows = [_row(header, line, cells) for line, cells in numbered[1:] if any(cell.strip() for cell in cells)]
    columns = [*dict.fromkeys(name for name in header if name), "line", "row_problem"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _row(header: list[str], line: int, cells: list[str]) -> dict[str, str]:
    row = dict.fromkeys(header, "")
    # From the back, so that of two columns of one name the first counts.
    row |= {name: cell.strip() for name, cell in reversed(list(zip(header, cells, strict=False)))}
    extra = len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :])
    told = f"The row has {len(cells)} values for {len(header)} columns: put a value that holds a comma in quotes."
    return row | {"line": str(line), "row_problem": told if extra else ""}


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.name} is larger than {MOST_BYTES // 2**20} MB: no claims file is.")
        raw = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "unknown").lower()
        raise InputError(f"{path.name} cannot be read ({why}): give a CSV file that is there.") from error
    if b"\0" in raw:
        raise InputError(f"{path.name} is not a CSV file: save the sheet as CSV (UTF-8) first.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """(line, cells). Where a quote is left open, each line is a row of its own, so that it swallows no other."""
    # The module's own limit on a field would end the whole file at one long formula.
    before = csv.field_size_limit(MOST_BYTES)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows, start = [], 1
        for cells in reader:
            rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error:
        rows = [(line, _loose(part, delimiter)) for line, part in enumerate(text.splitlines(), 1)]
    finally:
        csv.field_size_limit(before)
    return rows


def _loose(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return line.replace('"', "").split(delimiter)


def _line(result: ClaimResult) -> str:
    published = result.published[:40] if result.value is None else shown(result.value, result.published[:40])
    told = " ".join(part for part in (result.reason, result.problem) if part)
    mark = "! " if result.problem else "  "
    text = f"{mark}{result.claim_id[:40]:8} {result.verdict:20} {published} {result.unit[:20]}: {told}"
    return "".join(c if c.isprintable() else " " for c in text)
