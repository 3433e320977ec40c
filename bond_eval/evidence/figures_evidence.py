"""Forest plots (ratios, and sums of money, with their intervals) and the UpSet chart, who is in several programmes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bond_eval.evidence.cells import CONFIDENTIAL, WORDS, Cell, show
from bond_eval.evidence.figures import BLUE, GREY, ORANGE, PALE, Chart, canvas, finished
from bond_eval.evidence.protected import Protected, label_text
from bond_eval.programmes.overlap import TOGETHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NARROWEST, WIDEST = 0.125, 8.0  # a ratio's interval is cut off here, with an arrow


def forest(
    protected: Protected, name: str, group: str, text: str, *, title: str, unit: str, than: str = "expected"
) -> Chart:
    """One row a design, in groups: ratio and interval on a log scale (a diamond: no interval), words at the right.

    Needs value columns ratio, lower and upper; `text` is the column of words, alone where there is no ratio. `than`:
    what a ratio of 1 is as many as.
    """
    names, groups, words = protected.label(name), protected.label(group), protected.texts(text)
    figure, axis = canvas(height=1.6 + 0.34 * (len(names) + len(set(groups))))
    columns = [protected.numbers(column) for column in ("ratio", "lower", "upper")]
    ratios = protected.cells("ratio")
    ticks: list[tuple[float, str, bool]] = []
    spoken, at, last = [], -1.0, None
    for place, label in enumerate(names):
        if groups[place] != last:
            at, last = at + 1, groups[place]
            ticks.append((at, label_text(last), True))
        at += 1
        ticks.append((at, textwrap.fill(label_text(label), 58), False))
        _row(axis, at, *(column[place] for column in columns))
        said = words[place] or f"{ratios[place]}"
        _said(axis, at, said)
        spoken.append(f"{label_text(last)}, {label_text(label)}: {said}")
    if any(words) or any(cell.known for cell in ratios):
        axis.axvline(1, color=GREY, linewidth=1)
    axis.set_xscale("log")
    axis.set_xlim(NARROWEST, WIDEST)
    marks = (0.125, 0.25, 0.5, 1, 2, 4, 8)
    axis.set_xticks(marks, [f"{mark:g}" for mark in marks], fontsize=9, color="black")
    axis.set_xticks([], minor=True)
    _named(axis, ticks)
    axis.set_xlabel(f"fewer than {than}  ←  ratio  →  more than {than}", fontsize=9, color=GREY)
    return finished(figure, "Forest plot", protected, spoken, title=title, unit=unit)


def intervals(
    protected: Protected, name: str, middle: str, low: str, high: str, text: str, *, title: str, unit: str
) -> Chart:
    """One row a label of `name`: a value and its interval on a plain scale with nought marked, words at the right."""
    names, words = protected.label(name), protected.texts(text)
    middles, lows, highs = (protected.numbers(column) for column in (middle, low, high))
    labels = [textwrap.fill(label_text(label), 46) for label in names]
    figure, axis = canvas(height=1.7 + 0.42 * max(len(names), 1))
    for at, ends in enumerate(zip(middles, lows, highs, strict=True)):
        axis.plot(ends[1:], [at, at], color=BLUE, linewidth=2)
        axis.plot(ends[0], at, "s", color=BLUE, markersize=6.5)
        _said(axis, at, words[at] or WORDS[CONFIDENTIAL])
    if names:
        axis.axvline(0, color=GREY, linewidth=1)
    _named(axis, [(at, label, False) for at, label in enumerate(labels)])
    axis.xaxis.set_major_formatter(lambda value, _: show(value, protected.table.value(middle).kind))
    axis.tick_params(axis="x", labelsize=9)
    spoken = [f"{label_text(label)}: {said or WORDS[CONFIDENTIAL]}" for label, said in zip(names, words, strict=True)]
    return finished(figure, "Intervals", protected, spoken, title=title, unit=unit)


def _said(axis: Axes, at: float, text: str) -> None:
    """Words at the right of a row."""
    axis.annotate(text, (1.02, at), xycoords=("axes fraction", "data"), va="center", fontsize=9, annotation_clip=False)


def _named(axis: Axes, rows: list[tuple[float, str, bool]]) -> None:
    """Names at the left of rows (place, text, whether a heading), the first on top; no lines."""
    rows = rows or [(0.0, "Nothing to draw", False)]
    axis.set_ylim(rows[-1][0] + 0.7, -0.7)
    axis.set_yticks([y for y, _, _ in rows], [label for _, label, _ in rows], fontsize=9, color="black")
    for tick, (_, _, heading) in zip(axis.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if heading else "normal")
    axis.grid(False)
    axis.tick_params(axis="y", length=0)


def _row(axis: Axes, at: float, ratio: float, low: float, high: float) -> None:
    if ratio != ratio:
        return
    alone = low != low
    colour = ORANGE if alone else BLUE
    inside = min(max(ratio, NARROWEST), WIDEST)
    if not alone:
        axis.plot([max(low, NARROWEST), min(high, WIDEST)], [at, at], color=colour, linewidth=2)
        for end, cut, arrow in ((low, NARROWEST, "<"), (high, WIDEST, ">")):
            if end < NARROWEST or end > WIDEST:
                axis.plot([cut], [at], arrow, color=colour, markersize=6, clip_on=False)
    axis.plot([inside], [at], "D" if alone else "s", color=colour, markersize=6.5)


def upset(protected: Protected, names: str, value: str, *, sizes: Protected, size: str, title: str, unit: str) -> Chart:
    """An UpSet chart: a column a combination of sets, its dots below its bar; the size of each set at the left.

    `names` holds the sets of a combination joined by " + "; `sizes` has a row a set, named by its first label. What
    may not be shown has its symbol and no bar.
    """
    combos = [str(name).split(TOGETHER) for name in protected.label(names)]
    counts = protected.cells(value)
    known = dict(zip(map(str, sizes.label(next(iter(sizes.table.labels)))), sizes.cells(size), strict=True))
    sets = [name for name in known if any(name in combo for combo in combos)]
    figure, ((empty, top), (left, grid)) = canvas(
        2, 2, height=3.4 + 0.36 * max(len(sets), 1), width_ratios=[1.0, 2.2], height_ratios=[2.2, 0.5 + 0.5 * len(sets)]
    )
    empty.set_axis_off()
    _numbered(top, range(len(combos)), counts, upright=True)
    top.set_ylabel("in these\nand no other", fontsize=9, color=GREY)
    _numbered(left, range(len(sets)), [known[name] for name in sets], upright=False)
    left.invert_xaxis()
    left.set_xlabel("in the programme", fontsize=9, color=GREY)
    for place, combo in enumerate(combos):
        rows = [sets.index(name) for name in sets if name in combo]
        grid.plot([place] * len(sets), range(len(sets)), "o", color=PALE, markersize=10)
        grid.plot([place] * len(rows), rows, "o-", color=BLUE, markersize=10, linewidth=2.5)
        if not rows:  # combinations that were put together are of no sets of their own
            grid.text(place, (len(sets) - 1) / 2, "\n".join(combo[0].split()), ha="center", va="center", fontsize=9,
                      backgroundcolor="white")  # fmt: skip
    for axis, sideways in ((top, False), (grid, False), (left, True)):
        if not sideways:
            axis.set_xlim(-0.6, max(len(combos), 1) - 0.4)
            axis.set_xticks([])
        if axis is not top:
            axis.set_ylim(max(len(sets), 1) - 0.4, -0.6)
    grid.set_yticks(range(len(sets)), sets, fontsize=9.5, color="black")
    left.set_yticks([])
    below = f"{unit}. c: withheld, a number from 1 to 5 or one that would give it away"
    spoken = [f"{' and '.join(combo)}{'' if len(combo) > 1 else ' alone'} {cell}" for combo, cell in
              zip(combos, counts, strict=True)]  # fmt: skip
    spoken += [f"all of {name} {known[name]}" for name in sets]
    return finished(figure, "UpSet chart", protected, spoken, title=title, unit=unit, below=below)


def _numbered(axis: Axes, places: range, cells: list[Cell], *, upright: bool) -> None:
    """Bars with their numbers at the end, up or to the left; a symbol alone for what may not be shown."""
    axis.grid(False)
    (axis.set_yticks if upright else axis.set_xticks)([])
    (axis.bar if upright else axis.barh)(places, [cell.value or 0 for cell in cells], 0.6, color=BLUE)
    for place, cell in zip(places, cells, strict=True):
        end = cell.value or 0
        axis.annotate(
            str(cell), (place, end) if upright else (end, place), xytext=(0, 3) if upright else (-4, 0),
            textcoords="offset points", ha="center" if upright else "right", va="bottom" if upright else "center",
            fontsize=9.5,
        )  # fmt: skip
    for side in axis.spines.values():
        side.set_visible(False)
