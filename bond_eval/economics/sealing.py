"""Forecasts sealed before the outcome is known, scored when it is, and never quietly replaced.

One JSON record each, which carries the hash of the record before it, so that a changed, moved or removed record in
the middle is found on reading (a cut at the end is not: keep the last hash elsewhere too, as a run's manifest
does). A forecast may be re-based, which adds a record with its reason and its effect in the unit of the value.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter

FORECAST, REBASING = "forecast", "re-basing"
THOUSANDS = "£000"
RERUN = "re-run: inputs or code changed"
FIRST = "0" * 64


@dataclass(frozen=True)
class Seal:
    """One record: what was said about `name` at `target`, when, and what it rests on.

    value, lower, upper and effect are in `unit`, pounds at `price_base`; effect is the change against the value
    before it (0 for a first forecast). previous and hash: SHA-256 of the record before and of this one.
    """

    kind: str
    name: str
    target: str
    value: float
    lower: float | None
    upper: float | None
    unit: str
    price_base: str
    made_in: str
    made_on: str
    basis: str
    effect: float
    previous: str
    hash: str


@dataclass(frozen=True)
class Forecast:
    """What is said in the quarter `made_in`, on a day, about `name` in the quarter `target`, in `unit`.

    basis: the method. Raises ValueError for a value that is not finite or not in its interval, or a blank name or
    basis, and InputError for a quarter that is none.
    """

    name: str
    target: str
    value: float
    made_in: str
    made_on: dt.date
    basis: str
    interval: tuple[float, float] | None = None
    unit: str = THOUSANDS
    price_base: str = "as published"

    def __post_init__(self) -> None:
        """Check the values."""
        lower, upper = self.interval or (self.value, self.value)
        if not all(map(isfinite, (self.value, lower, upper))) or not lower <= self.value <= upper:
            raise ValueError("A sealed value is finite and lies in its interval.")
        if not self.name.strip() or not self.basis.strip():
            raise ValueError("A sealed value needs a name and a basis.")
        Quarter.parse(self.target)
        Quarter.parse(self.made_in)


@dataclass(frozen=True)
class SealedRun:
    """What the run of a quarter sealed: its records, the SHA-256 of its file, and what is wrong with it, if anything.

    `seals` is empty where there is a `problem`: nothing is scored by what may have been changed.
    """

    quarter: str
    sha256: str
    seals: tuple[Seal, ...]
    problem: str = ""


@dataclass(frozen=True)
class Jump:
    """A claim against what was expected, £000, and where the difference comes from; the two causes add up to it."""

    expected_000: float
    claimed_000: float
    by_rebasing_000: float
    by_outturn_000: float

    @property
    def difference_000(self) -> float:
        """Claimed less expected, £000."""
        return self.claimed_000 - self.expected_000


def read_seals(path: Path) -> tuple[Seal, ...]:
    """Every record in order, none where the file is not there. Raises InputError for a chain that does not hold."""
    if not path.exists():
        return ()
    # Not splitlines(): a reason may hold a character that it takes for the end of a line.
    return checked(path.read_bytes().removesuffix(b"\n").split(b"\n"), path.name)


def checked(lines: Iterable[bytes | str], name: str) -> tuple[Seal, ...]:
    """Records from their JSON, in order. Raises InputError, naming file and record, for a chain that does not hold."""
    seals: list[Seal] = []
    for number, line in enumerate(lines, 1):
        try:
            seal = Seal(**json.loads(line))
        except (ValueError, TypeError):
            raise InputError(f"{name}, record {number}: not a record. Restore the last copy.") from None
        before = seals[-1].hash if seals else FIRST
        if seal.previous != before or seal.hash != _digest(seal):
            raise InputError(f"{name}, record {number}: changed after it was sealed. Restore the last copy.")
        seals.append(seal)
    return tuple(seals)


def sealed_again(seals: Sequence[Seal], forecasts: Iterable[Forecast]) -> tuple[Seal, ...]:
    """The records of a run and, after them, what the same run made again gives: the first stays for ever.

    What was not sealed is, what has the same value and interval is left, and another value becomes a re-basing
    whose basis says so and names the hash of the record before it.
    """
    made = list(seals)
    for forecast in forecasts:
        latest = in_force(made, forecast.name, forecast.target)
        if latest is None:
            made.append(_record(FORECAST, forecast, 0.0, made))
        elif not _same(latest, forecast):
            again = replace(forecast, basis=f"{RERUN}; was {latest.hash}")
            made.append(_record(REBASING, again, float(forecast.value) - latest.value, made))
    return tuple(made)


def first(seals: Sequence[Seal], name: str, target: str) -> Seal | None:
    """The record first sealed for a name and target."""
    return next((item for item in seals if (item.name, item.target) == (name, target)), None)


def in_force(seals: Sequence[Seal], name: str, target: str) -> Seal | None:
    """The latest record for a name and target, re-basings among them."""
    return first(list(reversed(seals)), name, target)


def require_sealed(seals: Sequence[Seal], name: str, target: str, value: float) -> float:
    """Let a counterfactual pass only if it is the one in force; return how far re-basing has moved it, in its unit.

    Raises InputError, with the difference, where it is not the sealed one or nothing is sealed.
    """
    latest, original = in_force(seals, name, target), first(seals, name, target)
    if latest is None or original is None:
        raise InputError(f"{name} for {target} was never sealed: nothing can be claimed against it.")
    if abs(latest.value - value) > 1e-6:
        was, given, gap = (_words(number, latest.unit) for number in (latest.value, value, value - latest.value))
        raise InputError(
            f"{name} for {target} is sealed at {was}, not {given}: a difference of {gap} that no re-basing explains."
        )
    return latest.value - original.value


def score(seals: Sequence[Seal], target: str, actual: Mapping[str, float]) -> pd.DataFrame:
    """What was first said of `target` against what came: one row a name that is sealed and has an outcome.

    Columns name, made_in, sealed, rebased, actual, error (actual less first sealed), inside (None without an
    interval).
    """
    rows = []
    for name, came in actual.items():
        original, latest = first(seals, name, target), in_force(seals, name, target)
        if original is None or latest is None:
            continue
        inside = None
        if original.lower is not None and original.upper is not None:
            inside = original.lower <= came <= original.upper
        rows.append((name, original.made_in, original.value, latest.value, came, came - original.value, inside))
    columns = ["name", "made_in", "sealed", "rebased", "actual", "error", "inside"]
    return pd.DataFrame(rows, columns=columns)


def rebasings(seals: Sequence[Seal]) -> pd.DataFrame:
    """Every logged re-basing: name, target, made_in, made_on, value, effect and the reason (basis)."""
    columns = ["name", "target", "made_in", "made_on", "value", "effect", "basis"]
    rows = [{name: asdict(item)[name] for name in columns} for item in seals if item.kind == REBASING]
    return pd.DataFrame(rows, columns=columns)


def jump(sealed_do_nothing: float, sealed_programme: float, claimed_do_nothing: float, actual: float) -> Jump:
    """Split claimed less expected avoidance (£000) into what re-basing and what the outturn brought.

    expected = sealed do-nothing − sealed programme cost; claimed = claimed do-nothing − actual cost.
    """
    return Jump(
        sealed_do_nothing - sealed_programme,
        claimed_do_nothing - actual,
        claimed_do_nothing - sealed_do_nothing,
        sealed_programme - actual,
    )


def _record(kind: str, forecast: Forecast, effect: float, seals: Sequence[Seal]) -> Seal:
    lower, upper = forecast.interval or (None, None)
    body = Seal(
        kind=kind,
        name=forecast.name,
        target=forecast.target,
        value=float(forecast.value),
        lower=None if lower is None else float(lower),
        upper=None if upper is None else float(upper),
        unit=forecast.unit,
        price_base=forecast.price_base,
        made_in=forecast.made_in,
        made_on=forecast.made_on.isoformat(),
        basis=forecast.basis,
        effect=effect,
        previous=seals[-1].hash if seals else FIRST,
        hash="",
    )
    return replace(body, hash=_digest(body))


def _same(sealed: Seal, forecast: Forecast) -> bool:
    interval = None if sealed.lower is None or sealed.upper is None else (sealed.lower, sealed.upper)
    return (sealed.value, interval, sealed.unit) == (forecast.value, forecast.interval, forecast.unit)


def _words(value: float, unit: str) -> str:
    return f"£{formats.number(value)}k" if unit == THOUSANDS else f"{formats.number(value)} {unit}"


def _digest(record: Seal) -> str:
    content = {key: value for key, value in asdict(record).items() if key != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8")).hexdigest()
