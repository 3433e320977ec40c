"""What makes one synthetic authority unlike another, from data/sample/authorities.toml."""

import datetime as dt
import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bond_eval.core.places import SAMPLE

from .days import PANDEMIC, as_date

CONFIG = SAMPLE.with_name("authorities.toml")


@dataclass(frozen=True)
class Setting:
    """A synthetic authority; each field is as the comments of authorities.toml say."""

    key: str
    name: str
    code: str
    old_code: str
    next_old_code: str
    world: str
    children: int
    entries_a_year: float
    unusual_run: float
    lies_in: dict[str, int]
    published: str = ""
    baseline_date: dt.date | None = None
    programme_date: dt.date | None = None
    supplies: tuple[str, ...] = ()
    towards: dict[str, float] = field(default_factory=dict)
    categories: tuple[dict[str, str], ...] = ()
    about: str = ""

    def authority_toml(self, world: str) -> str:
        """authority.toml of a folder that holds a world of this authority."""
        usual = world == self.world
        name = self.name if usual else f"{self.name.removesuffix(')')}, {world} world)"
        days = {"baseline": self.baseline_date, "programme": self.programme_date, "pandemic": as_date(PANDEMIC)}
        lines = [f"{key} = {json.dumps(getattr(self, key))}" for key in ("code", "old_code")]
        lines += [f"{key}_date = {day.isoformat()}" for key, day in days.items() if day]
        lines += [f'published = "{self.published if usual else ""}"', "synthetic = true"]
        return "\n".join([f"name = {json.dumps(name)}", *lines]) + "\n"


@cache
def setting(key: str) -> Setting:
    """A synthetic authority by its key. Raises ValueError for one that is not there, naming those that are."""
    known = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    if key not in known:
        named = ", ".join(known)
        raise ValueError(f"authority must be one of {named}, not {key!r}: use one or add it to {CONFIG.name}")
    values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in known[key].items()}
    return Setting(key, **values)
