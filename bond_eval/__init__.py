"""The BOND evaluation workbook: evidence from a looked-after-children return that can be re-run.

A notebook needs two names only: `open` (the release of one authority and quarter) and `Quarter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bond_eval.core.periods import Quarter

if TYPE_CHECKING:
    from bond_eval.evidence.book import Book

__version__ = "0.1.0"
__all__ = ["Quarter", "__version__", "open"]


def open(**parameters: Any) -> Book:
    """Open the workbook for one authority, quarter and audience. See `bond_eval.evidence.book.open_book`."""
    # Imported here so that `import bond_eval` stays quick: the evidence room loads pandas.
    from bond_eval.evidence.book import open_book

    return open_book(**parameters)
