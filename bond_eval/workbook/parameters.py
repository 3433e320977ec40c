"""What a notebook says of itself: the parameters it takes, the stage it runs in, and what it must leave behind.

Parameters are read from its parameters cell (`window = 24`, or `window: int | None = None`); the rest from its
metadata, `"bond_eval": {"stage": 2, "figures": 2, "findings": ["trends.fewer"], "tables": ["moves"]}`. All of it is
checked before anything is run.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from bond_eval.core import SEED, Audience
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter

TYPES = {"bool": bool, "int": int, "float": float, "str": str, "None": None}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "dict": "a dictionary",
}


class Common(BaseModel):
    """Parameters that every notebook is given."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    authority: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    quarter: Annotated[str, AfterValidator(lambda text: str(Quarter.parse(text)))]
    data: Annotated[str, Field(min_length=1)]
    audience: Audience = "public"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = SEED


class _Leaves(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stage: Literal[1, 2] = 1
    figures: Annotated[int, Field(ge=0)] = 1
    findings: Annotated[int, Field(ge=0)] | list[str] = 3
    tables: list[str] = []


@dataclass(frozen=True)
class Declared:
    """What one notebook says. `findings`: how many at least, or their ids; `tables`: ids that the release must hold.

    `dials`: its own parameters, name -> (type, usual value). `digest`: SHA-256 of its cells and metadata, without
    outputs.
    """

    name: str
    stage: int = 1
    figures: int = 1
    findings: int | tuple[str, ...] = 3
    tables: tuple[str, ...] = ()
    dials: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    digest: str = ""


def declared(path: Path) -> Declared:
    """Read what a notebook says of itself. Raises InputError for a file that is no notebook or asks the impossible."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells, own = content["cells"], content["metadata"].get("bond_eval", {})
        kept = [(c["cell_type"], "".join(c["source"]), tags(c), c.get("attachments")) for c in cells]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"{path.name} cannot be read as a notebook: mend it or take it away.") from error
    try:
        says = _Leaves.model_validate(own)
    except ValidationError as error:
        part = str((error.errors()[0]["loc"] or ("bond_eval",))[0])
        given = repr(own.get(part)) if isinstance(own, dict) else repr(own)
        wanted = {"stage": "1 or 2", "figures": "a number of figures", "findings": "a number or a list of ids"}
        told = wanted.get(part, "a list of ids" if part == "tables" else f"one of {', '.join(_Leaves.model_fields)}")
        raise InputError(f"{path.name} says in its metadata that {part} is {given}: it must be {told}.") from None
    findings = says.findings if isinstance(says.findings, int) else tuple(says.findings)
    dials = dict(_dials("\n".join(source for _, source, marks, _ in kept if "parameters" in marks)))
    digest = hashlib.sha256(json.dumps([kept, own], sort_keys=True).encode("utf-8")).hexdigest()
    return Declared(path.stem, says.stage, says.figures, findings, tuple(says.tables), dials, digest)


def common(values: Mapping[str, Any]) -> None:
    """Check the parameters that every notebook is given. Raises InputError naming one and what it may be."""
    _checked(Common, values)


def dials(given: Mapping[str, Any], notebooks: Sequence[Declared]) -> dict[str, dict[str, Any]]:
    """Notebook -> its own parameters as given, each in its type. Raises InputError for one that none of them takes."""
    known = {name: book.name for book in reversed(notebooks) for name in book.dials if name not in Common.model_fields}
    for name in given:
        if name in Common.model_fields:
            raise InputError(f"Parameter {name!r} is every notebook's: give {_option(name)}.")
        if name not in known:
            near = nearest(name, [*known, *Common.model_fields])
            where = f"of {known[near]}" if near in known else f"which is given as {_option(near)}"
            raise InputError(f"No notebook that is run takes a parameter {name!r}: the nearest is {near!r}, {where}.")
    found = {}
    for book in notebooks:
        own = {name: value for name, value in given.items() if name in book.dials}
        fields: dict[str, Any] = {name: book.dials[name] for name in own}
        model = create_model(book.name, __config__=Common.model_config, **fields)
        found[book.name] = _checked(model, own, book.name)
    return found


def _option(name: str) -> str:
    """How the command line takes a parameter that every notebook is given."""
    return "--internal for that edition" if name == "audience" else f"--{name}"


def read_pairs(texts: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as name -> value. Raises InputError for a text of another form, or a name given twice."""
    pairs = [(name.strip(), equals, value) for name, equals, value in (text.partition("=") for text in texts)]
    for place, (name, equals, _) in enumerate(pairs):
        if not equals or not name:
            raise InputError(f"Parameter {texts[place]!r} has no value: write it as name=value.")
        if name in [other for other, _, _ in pairs[:place]]:
            raise InputError(f"Parameter {name!r} is given twice: give it once.")
    return {name: value for name, _, value in pairs}


def nearest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """The known word that is spelt most like this one; "" where there is none."""
    return next(iter(difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.0)), "")


def _checked(model: type[BaseModel], values: Mapping[str, Any], notebook: str = "") -> dict[str, Any]:
    try:
        return model.model_validate(dict(values)).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        of = f" of {notebook}" if notebook else ""
        raise InputError(f"Parameter {name!r}{of} is {values.get(name)!r}: it must be {_wanted(first)}.") from None


def _wanted(error: Any) -> str:
    """What a parameter must be, in words, from one of pydantic's errors."""
    kind, told = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        choices = [part.strip(" '") for part in told["expected"].replace(" or ", ", ").split(",")]
        return f"{' or '.join(choices)}; the nearest is {nearest(error['input'], choices)}"
    if kind == "string_pattern_mismatch":
        return "letters, digits and hyphens"
    if kind in ("greater_than_equal", "less_than", "less_than_equal"):
        return {"g": "{} or more", "l": "less than {}"}[kind[0]].format(next(iter(told.values())))
    return next((words for start, words in WORDS.items() if kind.startswith(start)), "of another kind")


def assigned(source: str) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """(name, value, annotation) of each plain assignment of a cell."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:
        return  # the notebook fails on it, alone
    for line in lines:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and line.value is not None:
            yield target.id, line.value, getattr(line, "annotation", None)


def _dials(source: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """(name, (type, value)) of each parameter; what is worked out in their cell is none."""
    for name, node, annotation in assigned(source):
        with suppress(ValueError):
            value = ast.literal_eval(node)
            kinds = ast.unparse(annotation).split(" | ") if annotation else []
            yield name, (_type(value, kinds), value)


def _type(value: Any, kinds: Sequence[str]) -> Any:
    if kinds and all(kind in TYPES for kind in kinds):
        found: Any = TYPES[kinds[0]]
        for kind in kinds[1:]:
            found |= TYPES[kind]
        return found
    return Any if value is None else type(value)


def tags(cell: Mapping[str, Any]) -> list[str]:
    """A cell's tags."""
    return list(cell.get("metadata", {}).get("tags", []))
