"""Charts of sums: what a whole is made of, and the steps from one total to another."""

from __future__ import annotations

import textwrap

from bond_eval.core import formats
from bond_eval.evidence.cells import show
from bond_eval.evidence.figures import BLUE, GREY, ORANGE, PALETTE, TURQUOISE, Chart, canvas, finished, named_rows
from bond_eval.evidence.protected import Protected, label_text

MOST = 10  # bars of a tornado: the rest move the result little


def stacked(protected: Protected, y: str, by: str, value: str, *, title: str, unit: str) -> Chart:
    """Horizontal bars, one a label of `y`, made up of a part for each label of `by`; numbers inside the parts."""
    names, groups = (list(dict.fromkeys(protected.frame[label])) for label in (y, by))
    figure, axis = canvas(height=1.7 + 0.42 * len(names))
    begun = dict.fromkeys(names, 0.0)
    told: dict[str, list[str]] = {name: [] for name in names}
    for place, group in enumerate(groups):
        part = protected.where(**{by: group})
        colour = PALETTE[place % len(PALETTE)]
        axis.plot([], [], color=colour, linewidth=8, label=label_text(group))
        for name, cell in zip(part.label(y), part.cells(value), strict=True):
            if not cell.value:
                continue
            axis.barh(names.index(name), cell.value, left=begun[name], color=colour, height=0.7)
            middle = begun[name] + cell.value / 2
            dark = colour in (BLUE, GREY, PALETTE[3])
            axis.text(middle, names.index(name), str(cell), ha="center", va="center", fontsize=9,
                      color="white" if dark else "black")  # fmt: skip
            begun[name] += cell.value
            told[name].append(f"{label_text(group)} {cell}")
    named_rows(axis, [label_text(name) for name in names])
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(5, len(groups)), fontsize=9.5, frameon=False)
    spoken = [f"{label_text(name)}: {', '.join(parts)}" for name, parts in told.items()]
    return finished(figure, "Stacked bar chart", protected, spoken, title=title, unit=unit)


def waterfall(protected: Protected, step: str, value: str, *, title: str, unit: str) -> Chart:
    """From a first total through changes to a last: the first and last rows are totals, those between are changes."""
    names, numbers = [label_text(name) for name in protected.label(step)], protected.numbers(value)
    kind = protected.table.value(value).kind
    figure, axis = canvas(height=1.7 + 0.44 * len(names))
    level = 0.0
    for place, number in enumerate(numbers):
        total = place in (0, len(numbers) - 1)
        left = 0.0 if total else min(level, level + number)
        colour = BLUE if total else (ORANGE if number > 0 else TURQUOISE)
        axis.barh(place, abs(number), left=left, color=colour, height=0.65)
        level = number if total else level + number
        text = show(number, kind) if total else show(number, "signed")
        axis.annotate(text, (left + abs(number), place), xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=9.5)  # fmt: skip
        if place < len(numbers) - 1:
            axis.plot([level, level], [place, place + 1], color=GREY, linewidth=0.8)
    named_rows(axis, names)
    axis.margins(x=0.12)
    axis.set_xlim(left=0)
    changes = numbers[1:-1]
    key = (("orange adds", any(n > 0 for n in changes)), ("turquoise takes away", any(n < 0 for n in changes)))
    below = ". ".join([unit, *filter(None, [formats.capital(", ".join(text for text, there in key if there))])])
    spoken = [f"{name} {cell}" for name, cell in zip(names, protected.cells(value), strict=True)]
    return finished(figure, "Waterfall chart", protected, spoken, title=title, unit=unit, below=below)


def tornado(
    protected: Protected,
    names: tuple[str, str],
    ends: tuple[str, str],
    base: str,
    *,
    title: str,
    unit: str,
) -> Chart:
    """Bars from the result with everything at its base, left and right, to that with one dial low and high.

    `names`: the labels of the dial and of its low and high values; the rows come largest swing first, and the first
    ten are drawn. Orange: the dial is low, turquoise: high. The dashed line is nought.
    """
    dials, ranges = (list(protected.label(name))[:MOST] for name in names)
    low, high = (protected.numbers(end)[:MOST] for end in ends)
    middle = protected.numbers(base)[0]
    kind, width = protected.table.value(base).kind, max([*low, *high], default=0) - min([*low, *high], default=0)
    figure, axis = canvas(height=1.9 + 0.42 * len(dials))
    for place, pair in enumerate(zip(low, high, strict=True)):
        for value, colour in zip(pair, (ORANGE, TURQUOISE), strict=True):
            axis.barh(place, value - middle, left=middle, color=colour, height=0.62)
            # To the right of its bar, but where it would lie on the line of nought: then within.
            beyond = value >= middle and not value < 0 < value + width / 8
            behind = "white" if beyond or value < middle else "none"
            axis.annotate(show(value, kind), (value, place), xytext=(4 if beyond else -4, 0), fontsize=9, va="center",
                          textcoords="offset points", ha="left" if beyond else "right",
                          bbox={"facecolor": behind, "linewidth": 0, "pad": 1})  # fmt: skip
    axis.axvline(middle, color=GREY, linewidth=1)
    axis.axvline(0, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    labels = ["\n".join(textwrap.wrap(f"{dial}: {ends}", 44)) for dial, ends in zip(dials, ranges, strict=True)]
    named_rows(axis, labels, size=8.5)
    axis.margins(x=0.14)
    axis.set_xticks([middle, 0], [show(middle, kind), "0"], fontsize=9, color="black")
    below = f"{unit}. Orange: the dial is low; turquoise: high; line: all at their means; dashed: nought"
    spoken = [f"{dial} ({ends}): {show(a, kind)} to {show(b, kind)}"
              for dial, ends, a, b in zip(dials, ranges, low, high, strict=True)]  # fmt: skip
    return finished(figure, "Tornado chart", protected, spoken, title=title, unit=unit, below=below)
