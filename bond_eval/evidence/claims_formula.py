"""Formulas of published figures: arithmetic over named facts, evaluated without Python's own eval.

A formula holds numbers, names of facts, + - * / **, brackets and the functions min, max, round and abs. What it may
not hold is refused before it is parsed (length, characters) or when its node is met (simpleeval).
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable, Mapping

from simpleeval import FunctionNotDefined, InvalidExpression, NameNotDefined, SimpleEval

from bond_eval.core.formats import half_up, listed

MAX_LENGTH = 500
MAX_EXPONENT = 100
MOST = 1e18  # beyond any figure of a report; within it no sum or difference is endless
NAME = re.compile(r"[a-z][a-z0-9_]*")
_FOREIGN = re.compile(r"[^A-Za-z0-9_+\-*/().,\s]")
_PARTS = (ast.Name, ast.Constant, ast.UnaryOp, ast.BinOp, ast.Call)
_HINTS = {
    "£": "leave the pound sign out",
    "%": "divide by 100 instead",
    "×": "write *",
    "÷": "write /",
    "^": "write **",
}


class FormulaError(Exception):
    """A formula cannot be evaluated. Its text is one clear sentence."""


def evaluate(formula: str, names: Mapping[str, float]) -> float:
    """The value of `formula` with the numbers in `names`, at most MOST either side of 0.

    Raises FormulaError, in one sentence, for everything that can be wrong: too long (MAX_LENGTH characters, looked
    at before parsing), a character, name or construct that is not allowed, division by zero, too large a number.
    """
    node = _parsed(formula)
    evaluator = SimpleEval(operators=dict(_OPERATORS), functions=dict(FUNCTIONS), names=dict(names))
    evaluator.nodes = {kind: handler for kind, handler in evaluator.nodes.items() if kind in _PARTS}
    try:
        return _finite(evaluator.eval(formula, previously_parsed=node))
    except NameNotDefined as error:
        raise FormulaError(_unknown(str(error.name), names)) from error
    except FunctionNotDefined as error:
        raise FormulaError(f"Function {shortened(error.func_name)} is not known: use {_functions()}.") from error
    except ZeroDivisionError as error:
        raise FormulaError("The formula divides by zero.") from error
    except (ArithmeticError, RecursionError, MemoryError) as error:
        raise FormulaError("A step of the formula is too large or too deep to work out.") from error
    except InvalidExpression as error:
        raise FormulaError(
            f"The formula holds more than arithmetic: use numbers without commas, names of facts, + - * / **, "
            f"brackets and {_functions()}."
        ) from error
    except (TypeError, ValueError) as error:
        raise FormulaError("A function of the formula is given too few or too many numbers.") from error


def names_in(formula: str) -> tuple[str, ...]:
    """The facts that a formula uses, in order; none where it cannot be parsed."""
    try:
        nodes = list(ast.walk(_parsed(formula)))
    except FormulaError:
        return ()
    found = [node.id for node in nodes if isinstance(node, ast.Name) and node.id not in FUNCTIONS]
    return tuple(dict.fromkeys(found))


def shortened(text: str) -> str:
    """A text from a file as a message may quote it: one line, printable, in quotes, cut short."""
    # Cut first: a text from outside may be of any length.
    seen = "".join(c if c.isprintable() else " " for c in text[:40])
    return f"'{seen}{'…' if len(text) > 40 else ''}'"


def _parsed(formula: str) -> ast.expr:
    if len(formula) > MAX_LENGTH:
        raise FormulaError(f"The formula has {len(formula):,} characters: {MAX_LENGTH} are allowed.")
    if not formula.strip():
        raise FormulaError("The formula is empty.")
    if foreign := _FOREIGN.search(formula):
        hint = _HINTS.get(foreign[0], f"use numbers, names of facts, + - * / **, brackets and {_functions()}")
        raise FormulaError(f"The formula holds {shortened(foreign[0])}: {hint}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1or 2" warns before it is refused
            return ast.parse(" ".join(formula.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"The formula {shortened(formula)} cannot be read as arithmetic.") from error


def _unknown(name: str, names: Mapping[str, float]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"No fact is named {shortened(name)}" + (f"; the nearest is '{near[0]}'." if near else ".")


def _functions() -> str:
    return listed(sorted(FUNCTIONS))


def _finite(value: object) -> float:
    """A number of the formula. Raises FormulaError for text, truth values, functions, complex and too large ones."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormulaError("A part of the formula is not a plain number.")
    number = float(value)
    if not abs(number) <= MOST:
        raise FormulaError("A step of the formula is too large to work out.")
    return number


def _checked(function: Callable[..., object]) -> Callable[..., float]:
    def call(*values: object) -> float:
        return _finite(function(*(_finite(value) for value in values)))

    return call


def _power(base: float, exponent: float) -> object:
    if abs(exponent) > MAX_EXPONENT:
        raise FormulaError(f"A power beyond {MAX_EXPONENT} is not worked out.")
    return base**exponent


def _round(value: float, places: float = 0) -> float:
    if places != int(places) or not -9 <= places <= 9:
        raise FormulaError("round takes a whole number of places from -9 to 9.")
    return half_up(value, int(places))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": _checked(abs),
    # As one tuple: min(3) would fall to Python's reading of one argument as a list.
    "max": _checked(lambda *values: max(values)),
    "min": _checked(lambda *values: min(values)),
    "round": _checked(_round),
}
_OPERATORS: dict[type, Callable[..., float]] = {
    ast.Add: _checked(operator.add),
    ast.Sub: _checked(operator.sub),
    ast.Mult: _checked(operator.mul),
    ast.Div: _checked(operator.truediv),
    ast.Pow: _checked(_power),
    ast.USub: _checked(operator.neg),
    ast.UAdd: _checked(operator.pos),
}
