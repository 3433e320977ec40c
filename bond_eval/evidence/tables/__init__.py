"""Builders of the registered tables, one module a notebook."""

from __future__ import annotations

import importlib
import pkgutil


def read_all() -> None:
    """Import every module of this folder, so that its tables are registered."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
