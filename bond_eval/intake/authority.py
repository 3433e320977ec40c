"""What is particular to one authority: its name, dates and published figures, from authority.toml beside the data."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter

FIELDS = {
    "name": str,
    "code": str,
    "old_code": str,
    "baseline_date": dt.date,
    "programme_date": dt.date,
    "pandemic_date": dt.date,
    "published": str,
    "synthetic": bool,
}


@dataclass(frozen=True)
class Authority:
    """`key` is the short name used for folders; `published` the key of its figures in data/reference, or ""."""

    key: str
    name: str
    code: str = ""
    old_code: str = ""
    baseline_date: dt.date | None = None
    programme_date: dt.date | None = None
    pandemic_date: dt.date = dt.date(2020, 3, 23)  # start of the first national lockdown
    published: str = ""
    synthetic: bool = False

    def baseline(self, quarter: Quarter) -> dt.date:
        """The date of the baseline cohort: as set, else the last 31 March at least a year before the quarter ends."""
        if self.baseline_date and self.baseline_date <= quarter.end:
            return self.baseline_date
        year = quarter.end.year - (1 if (quarter.end.month, quarter.end.day) >= (3, 31) else 2)
        return dt.date(year, 3, 31)


def read_authority(folder: Path, key: str) -> Authority:
    """Read authority.toml in `folder`; without one, an authority that has only the name given.

    Raises InputError for a file that is not TOML, an unknown field or a wrong type.
    """
    path = folder / "authority.toml"
    if not path.is_file():
        return Authority(key=key, name=key.replace("-", " ").replace("_", " ").title())
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"authority.toml is not valid TOML ({error}): correct it or remove it.") from error
    for field, value in values.items():
        kind = FIELDS.get(field)
        if kind is None:
            raise InputError(f"authority.toml: {field!r} is not known; use {', '.join(FIELDS)}.")
        if not isinstance(value, kind):
            raise InputError(f"authority.toml: {field} should be a {kind.__name__}, not {value!r}.")
    return Authority(key=key, **{"name": key.title(), **values})
