"""Small multiples of one area among others: ours in colour, the others in grey."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bond_eval.evidence.figures import BLUE, GREY, ORANGE, TURQUOISE, Chart, canvas, finished
from bond_eval.evidence.protected import Protected, label_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE = "#C3CAD1"
# Role -> colour, its word, line width, and how a reader knows it; a role that is not here is one of the many.
STYLES = {
    "Own": (BLUE, "Blue", 2.6, "this authority"),
    "Median of the neighbours": (ORANGE, "orange", 1.8, "the neighbours' median"),
    "Region": (TURQUOISE, "turquoise", 1.2, "the region"),
    "England": (GREY, "dark grey", 1.2, "England"),
}


def among(protected: Protected, panel: str, x: str, by: str, value: str, *, title: str, unit: str) -> Chart:
    """A panel a label of `panel`, a line a label of `by`, styled by the text value `role`; gaps stay gaps."""
    names = list(dict.fromkeys(protected.frame[panel]))
    rows = -(-len(names) // 2)
    figure, axes = canvas(rows, min(2, len(names)), height=1.4 + 2.3 * rows, squeeze=False)
    spoken = []
    for axis, name in zip(axes.ravel(), names, strict=False):
        spoken.append(f"{label_text(name)}: {_panel(axis, protected.where(**{panel: name}), (x, by, value))}")
        axis.set_title(textwrap.fill(label_text(name), 46), loc="left", fontsize=9.5)
    for axis in axes.ravel()[len(names) :]:
        axis.set_visible(False)
    key = [f"{word} {name}" for role, (_, word, _, name) in STYLES.items() if role in set(protected.texts("role"))]
    below = f"{unit}. {', '.join(key)}, pale grey each neighbour. Scales differ and do not begin at 0"
    return finished(figure, "Line charts", protected, spoken, title=title, unit=unit, below=below)


def _panel(axis: Axes, part: Protected, columns: tuple[str, str, str]) -> str:
    """Draw one panel, the many first and ours last; its numbers in words."""
    x, by, value = columns
    areas = dict(zip(part.label(by), part.texts("role"), strict=True))
    order = sorted(areas, key=lambda area: (areas[area] in STYLES, areas[area] == "Own"))
    told: list[str] = []
    for area in order:
        line = part.where(**{by: area})
        colour, _, width, _ = STYLES.get(areas[area], (PALE, "", 1.0, ""))
        axis.plot(line.label(x), line.numbers(value), color=colour, linewidth=width)
        known = [pair for pair in zip(line.label(x), line.cells(value), strict=True) if pair[1].known]
        if areas[area] in STYLES:
            ends = f"{known[0][1]} in {known[0][0]}, {known[-1][1]} in {known[-1][0]}" if known else "no figure"
            told.insert(0, f"{area} {ends}")
    axis.locator_params(axis="x", integer=True, nbins=6)
    axis.tick_params(labelsize=8.5)
    many = sum(role not in STYLES for role in areas.values())
    return f"{', '.join(told)}, {many} neighbours in grey"
