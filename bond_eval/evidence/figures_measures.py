"""Charts of the measures of success: board of icons, control charts with re-basings, theories of change marked."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from bond_eval.evidence.figures import BLUE, GREY, ORANGE, PALE, PURPLE, Chart, canvas, finished, xmr
from bond_eval.evidence.protected import Protected, label_text
from bond_eval.evidence.scorecard import IMPROVING, MOST_WITHHELD, NO_DATA, SPECIAL, STEADY, WORSE
from bond_eval.methods.spc import MISSING, TOO_FEW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# NHS icons in form: a letter in a ring, told apart by letter as well as by colour.
VARIATION = {IMPROVING: BLUE, WORSE: ORANGE, SPECIAL: PURPLE, STEADY: "#8A94A0"}
ASSURANCE = {
    "always meets it": ("P", BLUE), "never meets it": ("F", ORANGE), "sometimes meets it": ("?", "#8A94A0"),
}  # fmt: skip
BOXES = {IMPROVING: BLUE, WORSE: ORANGE, STEADY: "#8A94A0"}
MEASURED = "#C9D3DC"


def icons(protected: Protected, name: str, *, title: str, unit: str) -> Chart:
    """A line a measure: its name, latest value, an icon for variation and one for assurance.

    Needs the columns shown, variation, side, assurance.
    """
    columns = [protected.texts(column) for column in ("shown", "variation", "side", "assurance")]
    rows = list(zip((str(label) for label in protected.label(name)), *columns, strict=True))
    blank = [label for label, _, variation, *_ in rows if variation == NO_DATA]
    rows = [row for row in rows if row[2] != NO_DATA]
    figure, axis = canvas(height=2.2 + 0.34 * max(len(rows), 1))
    for place, (label, shown, variation, side, assured) in enumerate(rows):
        axis.text(0.46, place, shown or "withheld (c)", ha="right", va="center", fontsize=9.5)
        _ring(axis, 0.53, place, _letter(variation, side), VARIATION.get(variation, ""))
        axis.text(0.56, place, variation, va="center", fontsize=9)
        letter, colour = ASSURANCE.get(assured, ("", ""))
        _ring(axis, 0.84, place, letter, colour)
        axis.text(0.87, place, assured, va="center", fontsize=9)
        axis.text(0.0, place, label, va="center", fontsize=9.5)
    for x, heading in ((0.0, "Measure"), (0.46, "Latest"), (0.51, "Variation"), (0.82, "Against target")):
        axis.text(x, -1.05, heading, fontsize=9.5, fontweight="bold", ha="right" if x == 0.46 else "left")
    axis.set_xlim(0, 1)
    axis.set_ylim(len(rows) - 0.4, -1.5)
    axis.set_axis_off()
    lacking = f"Not measured: {', '.join(blank)}. " if blank else ""
    note = "H: high, L: low, against the measure's own past; empty: not charted, as stocks and yearly figures are not"
    below = f"{lacking}{unit}. {note}"
    told: dict[str, list[str]] = {}
    for label, _, verdict, *_ in [*rows, *((name, "", NO_DATA) for name in blank)]:
        told.setdefault(verdict, []).append(label)
    spoken = [f"{verdict}: {len(found)} ({', '.join(found)})" for verdict, found in told.items()]
    return finished(figure, "Board of icons", protected, spoken, title=title, unit=unit, below=below)


def _letter(variation: str, side: str) -> str:
    return side[:1].upper() if variation in (IMPROVING, WORSE, SPECIAL) else "–" if variation == STEADY else ""


def _ring(axis: Axes, x: float, y: float, letter: str, colour: str) -> None:
    """A marker and not a circle, so that it stays round whatever the figure's shape."""
    if not colour:
        axis.plot([x], [y], "o", markersize=14, markerfacecolor="white", markeredgecolor=PALE, markeredgewidth=1.2)
        return
    axis.plot([x], [y], "o", markersize=14, markerfacecolor=colour, markeredgecolor=colour)
    axis.text(x, y, letter, ha="center", va="center", fontsize=9, color=_ink(colour), fontweight="bold")


def _ink(colour: str) -> str:
    """What can be read on a fill: only the blue is dark enough for white."""
    return "white" if colour == BLUE else "black"


def measured(protected: Protected, panel: str, x: str, *, title: str, unit: str) -> Chart:
    """XmR charts as `figures.xmr` draws them, a line where limits start anew; needs its columns, rebased and unit.

    Panels of which most points are withheld are named and not drawn.
    """
    known = {name: protected.where(**{panel: name}) for name in dict.fromkeys(protected.label(panel))}
    blank = [name for name, part in known.items() if np.isnan(part.numbers("value")).mean() > MOST_WITHHELD]
    drawn = [name for name in known if name not in blank]
    note = f"Not drawn, too much is withheld: {', '.join(blank)}. " if blank else ""
    chart, told = xmr(protected.where(**{panel: drawn}), panel, x, title=title, unit=f"{note}{unit}"), []
    for axis, name in zip(chart.figure.axes, drawn, strict=False):
        part = known[name]
        anew = [(place, why) for place, why in enumerate(part.texts("rebased")) if why]
        for place, why in anew:
            axis.axvline(place - 0.5, color=GREY, linewidth=1, linestyle=":")
            axis.annotate("re-based", (place - 0.4, 0.04), xycoords=("data", "axes fraction"), fontsize=8.5, color=GREY)
            told.append(f"{name}: limits start anew with the period to {label_text(part.label(x)[place])}: {why}")
        why = "too few points to judge" if set(part.texts("verdict")) <= {TOO_FEW, MISSING} else "" if any(
            cell.known for cell in part.cells("mean")) else "judged by a mean and limits that are withheld"  # fmt: skip
        axis.set_xlabel(why, loc="left", fontsize=8.5, color=GREY)
        axis.set_ylim(top=1.06 * axis.get_ylim()[1])
        axis.set_title(", ".join(filter(None, (str(name), part.texts("unit")[0]))), loc="left", fontsize=10.5)
        for line in axis.lines[1:4] if anew else ():
            line.set_drawstyle("steps-mid")
    return Chart(chart.figure, f"{chart.alt} Re-based: {'; '.join(told)}." if told else chart.alt)


def theory(protected: Protected, stage: str, box: str, *, title: str, unit: str) -> Chart:
    """Boxes in columns by stage with arrows to what they lead to, coloured by what is known of each.

    Needs the columns status and leads_to.
    """
    stages = list(dict.fromkeys(protected.label(stage)))
    tallest = max((len(protected.where(**{stage: name})) for name in stages), default=1)
    figure, axis = canvas(height=1.6 + 1.05 * tallest)
    places: dict[str, tuple[float, float]] = {}
    for column, name in enumerate(stages):
        part = protected.where(**{stage: name})
        axis.text(column, -0.75, str(name), ha="center", fontsize=10, fontweight="bold")
        for row, (label, status) in enumerate(zip(part.label(box), part.texts("status"), strict=True)):
            y = row + (tallest - len(part)) / 2
            places[str(label)] = (column, y)
            _known_box(axis, column, y, str(label), status)
    for label, onward in zip(protected.label(box), protected.texts("leads_to"), strict=True):
        if onward in places:
            (x0, y0), (x1, y1) = places[str(label)], places[onward]
            arrow = {"arrowstyle": "->", "color": GREY, "linewidth": 1.1}
            axis.annotate("", (x1 - 0.42, y1), (x0 + 0.42, y0), arrowprops=arrow)
    axis.set_xlim(-0.5, len(stages) - 0.5)
    axis.set_ylim(tallest - 0.4, -1.0)
    axis.set_axis_off()
    pairs = zip(protected.label(box), protected.texts("status"), protected.texts("leads_to"), strict=True)
    spoken = [f"{label}: {status}" + (f", leads to {onward}" if onward else "") for label, status, onward in pairs]
    return finished(figure, "Diagram", protected, spoken, title=title, unit=unit)


def _known_box(axis: Axes, x: float, y: float, label: str, status: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    colour = BOXES.get(status, MEASURED if status.startswith("Measured") else "white")
    line = "-" if colour != "white" else "--"
    shape = FancyBboxPatch(
        (x - 0.4, y - 0.38), 0.8, 0.76, boxstyle="round,pad=0.01,rounding_size=0.04",
        facecolor=colour, edgecolor=GREY, linewidth=1, linestyle=line,
    )  # fmt: skip
    axis.add_patch(shape)
    words = "\n".join(textwrap.wrap(label, 25))
    ink = _ink(colour)
    axis.text(x, y - 0.08, words, ha="center", va="center", fontsize=8.8, color=ink)
    axis.text(x, y + 0.27, status, ha="center", va="center", fontsize=7.6, color=ink, style="italic")
