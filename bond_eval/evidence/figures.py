"""Charts in the Government Analysis Function's style: from protected tables, with alt text from the same numbers.

Every function returns a `Chart`; none takes anything but protected tables and words.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bond_eval.core import formats
from bond_eval.evidence.cells import CONFIDENTIAL, Cell, with_interval
from bond_eval.evidence.protected import Protected, label_text
from bond_eval.evidence.registry import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The Analysis Function's categorical palette (afcharts), in the order that keeps neighbours apart in grey.
BLUE, TURQUOISE, PINK, ORANGE, GREY, PURPLE = "#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1"
PALETTE = (BLUE, ORANGE, TURQUOISE, PINK, PURPLE, GREY)
PALE = "#D7DEE5"
# The same hues dark enough to be read as words on white: a contrast of 4.5 to 1.
_WORDS = {TURQUOISE: "#17756D", ORANGE: "#B4410B", PURPLE: "#6E4FA3"}
WIDTH, HEIGHT, DPI, MARKED = 9.0, 4.8, 100, 12  # at most so many points of a line are marked, each under its own date
NOTHING = "Nothing can be drawn: no number is available for this figure"


@dataclass(frozen=True)
class Chart:
    """A drawn figure and its alt text: chart type, what is shown, the point."""

    figure: Figure
    alt: str

    def png(self) -> bytes:
        """PNG bytes, the same for the same figure."""
        return self._saved(format="png", dpi=DPI, metadata={"Software": None})

    def svg(self) -> str:
        """SVG with its text as text, the same for the same figure: no date, and ids that hang on the content alone."""
        told = {"Date": None, "Creator": None, "Title": self.alt}
        return self._saved(format="svg", metadata=told).decode("utf-8")

    def _saved(self, **options: Any) -> bytes:
        import matplotlib as mpl
        from matplotlib.text import Text

        out = io.BytesIO()
        # Names come from data: a $ in one of them begins no formula.
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bond_eval", "text.parse_math": False}):
            for text in self.figure.findobj(Text):
                text.set_parse_math(False)
            self.figure.savefig(out, facecolor="white", **options)
        return out.getvalue()


def canvas(rows: int = 1, columns: int = 1, height: float = HEIGHT, **options: Any) -> tuple[Figure, Any]:
    """A figure in the house style, apart from pyplot's global state. Axes come as an array where there are several."""
    import afcharts  # noqa: F401  registers the style
    import matplotlib.style as house
    from matplotlib.figure import Figure

    with house.context(["afcharts.afcharts", {"font.family": ["DejaVu Sans"], "font.size": 10.5}]):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(rows, columns, **options)
    return figure, axes


def titled(figure: Figure, title: str, note: str) -> None:
    """The finding as the title, and the source or unit below, both to the left."""
    import textwrap

    figure.suptitle("\n".join(textwrap.wrap(title, 78)), x=0.01, ha="left", fontsize=13, fontweight="bold", wrap=False)
    figure.supxlabel("\n".join(textwrap.wrap(note, 120)), x=0.01, ha="left", fontsize=9, color=GREY)


def finished(
    figure: Figure, kind: str, protected: Protected, spoken: Sequence[str], *, title: str, unit: str, below: str = ""
) -> Chart:
    """The chart with title, unit (or `below`, unit and key), source and alt text; where axes are bare, a sentence."""
    if not any(axis.has_data() for axis in figure.axes):
        for axis in figure.axes:
            axis.set_visible(False)
        figure.set_size_inches(WIDTH, 1.8)
        spoken = [NOTHING]
        figure.text(0.01, 0.45, NOTHING, fontsize=10.5, color=GREY)
    _plain_days(figure)
    titled(figure, title, f"{below or unit}. Source: {protected.table.source}.")
    return Chart(figure, described(kind, f"{protected.table.title}, {unit}", spoken, title))


def _plain_days(figure: Figure) -> None:
    """Days of a scale without their year: a tick is nobody's date, and yet could be some child's date of birth."""
    from matplotlib.dates import AutoDateFormatter

    for axis in figure.axes:
        if isinstance(written := axis.xaxis.get_major_formatter(), AutoDateFormatter):
            written.scaled[1.0] = "%d %b"


def named_rows(axis: Axes, names: Sequence[str], size: float = 9.5) -> None:
    """Names of bars at the left, the first on top; no scale, since each bar has its number."""
    axis.set_yticks(range(len(names)), names, color="black", fontsize=size)
    axis.invert_yaxis()
    axis.set_xticks([])
    axis.grid(False)
    axis.spines["bottom"].set_visible(False)


def lines(
    protected: Protected, x: str, by: str, value: str, *, title: str, unit: str, marks: dict[Any, str] | None = None
) -> Chart:
    """One line a label of `by`, named at its end; gaps where a number is confidential, a c on the axis below them."""
    figure, axis = canvas()
    ends, parts, xs = [], [], list[Any]()
    for place, name in enumerate(dict.fromkeys(protected.frame[by])):
        part = protected.where(**{by: name})
        xs, ys, cells = part.label(x), part.numbers(value), part.cells(value)
        colour, marked = PALETTE[place % len(PALETTE)], len(xs) <= MARKED
        axis.plot(xs, ys, color=colour, linewidth=2.2, marker="o" if marked else None, markersize=5)
        if known := [y for y in ys if y == y]:  # a line whose last number is withheld is named at the last known
            ends.append((known[-1], f"{name} {cells[-1]}" if cells[-1].known else str(name), colour))
        for at in (at for at, cell in zip(xs, cells, strict=True) if marked and cell.symbol == CONFIDENTIAL):
            axis.update_datalim([(axis.convert_xunits(at), 0)])  # or the axis would end before a last one
            axis.annotate("c", (at, 0), xytext=(0, 3), textcoords="offset points", ha="center", color=readable(colour))
        parts.append(_trace(str(name), xs, cells))
    axis.set_ylim(bottom=0)
    _end_labels(axis, ends)
    for day, text in (marks or {}).items():
        axis.axvline(day, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
        beside: Any = {"xycoords": ("data", "axes fraction"), "xytext": (4, -2), "textcoords": "offset points"}
        axis.annotate(text, (day, 1), **beside, fontsize=9, color=GREY, va="top")
    if any(isinstance(label, str) for label in xs[12:]):
        axis.set_xticks(xs[:: len(xs) // 6 + 1])  # words, unlike dates, are not thinned out by themselves
    days = sorted({day for day in protected.label(x) if isinstance(day, dt.date)})
    if 0 < len(days) <= MARKED:  # the last day of June is not to stand over a tick for July
        shown = days[:: -1 if len(days) <= MARKED // 2 else -2]
        axis.set_xticks(shown, [f"{day:%b %Y}" for day in shown])
    axis.margins(x=0.02)
    return finished(figure, "Line chart", protected, parts, title=title, unit=unit)


def _end_labels(axis: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Names at the lines' ends, moved apart where they would overlap."""
    low, high = axis.get_ylim()
    gap = (high - low) * 0.065
    placed = float("-inf")
    for y, text, colour in sorted(ends):
        placed = max(y, placed + gap)
        beside: Any = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
        axis.annotate(
            text, (1.01, placed), **beside, color=readable(colour), fontsize=10, va="center", fontweight="bold"
        )


def readable(colour: str) -> str:
    """A colour of the palette as words are written in it."""
    return _WORDS.get(colour, colour)


def _trace(name: str, xs: Sequence[Any], cells: Sequence[Any]) -> str:
    known = [(label, cell) for label, cell in zip(xs, cells, strict=True) if cell.known]
    if not known:
        return f"{name}: no number can be shown"
    if len(known) == 1:
        return f"{name}: {known[0][1]} on {label_text(known[0][0])}"
    ends = [known[0], known[-1], max(known, key=lambda pair: pair[1].value)]
    first, last, top = (f"{cell} on {label_text(label)}" for label, cell in ends)
    return f"{name}: {first}, {last}, highest {top}"


def bars(protected: Protected, y: str, value: str, *, title: str, unit: str, by: str = "") -> Chart:
    """Horizontal bars, one a label of `y`, a colour for each label of `by`; the number at the bar's end."""
    names = list(dict.fromkeys(protected.frame[y]))
    groups = list(dict.fromkeys(protected.frame[by])) if by else [None]
    figure, axis = canvas(height=max(2.6, 1.3 + 0.36 * len(names) * max(1, 0.75 * len(groups))))
    thick = 0.8 / len(groups)
    parts = []
    for place, group in enumerate(groups):
        part = protected.where(**{by: group}) if by else protected
        labels = part.label(y)
        at = [names.index(label) + (place - (len(groups) - 1) / 2) * thick for label in labels]
        sizes = [number if number == number else 0 for number in part.numbers(value)]
        axis.barh(at, sizes, height=thick * 0.9, color=PALETTE[place % len(PALETTE)])
        for position, size, cell in zip(at, sizes, part.cells(value), strict=True):
            axis.annotate(
                str(cell), (size, position), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9.5
            )
        spoken = [f"{label_text(label)} {cell}" for label, cell in zip(labels, part.cells(value), strict=True)]
        parts.append((f"{label_text(group)}: " if by else "") + ", ".join(spoken))
        if by:
            axis.plot([], [], color=PALETTE[place % len(PALETTE)], linewidth=8, label=label_text(group))
    named_rows(axis, [label_text(name) for name in names])
    if by:
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(groups), fontsize=9.5, frameon=False)
    return finished(figure, "Bar chart", protected, parts, title=title, unit=unit)


def bands(protected: Protected, rows: str, columns: str, text: str, rank: str, *, title: str, unit: str) -> Chart:
    """A grid of words, darker where `rank` is lower, so that gaps stand out."""
    from matplotlib.patches import Rectangle

    down = list(dict.fromkeys(protected.frame[rows]))
    across = list(dict.fromkeys(protected.frame[columns]))
    figure, axis = canvas(height=1.3 + 0.32 * len(down))
    found = zip(
        protected.label(rows), protected.label(columns), protected.texts(text), protected.numbers(rank), strict=True
    )
    told: dict[str, list[str]] = {}
    for row, column, words, level in found:
        shade = {1: 1.0, 2: 0.7, 3: 0.35}.get(int(level), 0.0)
        x, y, ink = across.index(column), down.index(row), "white" if shade > 0.45 else "black"
        axis.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=_blend(shade), linewidth=0))
        axis.text(x, y, _folded(words), ha="center", va="center", fontsize=8.5, color=ink)
        told.setdefault(words, []).append(f"{label_text(row)} {label_text(column)}")
    _grid(axis, down, across)
    spoken = [
        f"{words}: {formats.plural(len(cells), 'cell')}" + (f" ({', '.join(cells)})" if len(cells) <= 6 else "")
        for words, cells in told.items()
    ]
    return finished(figure, "Grid of bands", protected, spoken, title=title, unit=unit)


def _grid(axis: Axes, down: list[Any], across: list[Any]) -> None:
    """Row names to the left and column names above, no lines."""
    axis.set_xlim(-0.5, len(across) - 0.5)
    axis.set_ylim(len(down) - 0.5, -0.5)
    axis.set_xticks(range(len(across)), [_folded(label_text(name)) for name in across], fontsize=9, color="black")
    axis.set_yticks(range(len(down)), [label_text(name) for name in down], fontsize=9.5, color="black")
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(False)
    for side in ("bottom", "left"):
        axis.spines[side].set_visible(False)


def _blend(shade: float) -> tuple[float, ...]:
    """White to the palette's blue."""
    blue = tuple(int(BLUE[place : place + 2], 16) / 255 for place in (1, 3, 5))
    weight = 0.06 + 0.94 * shade if shade else 0.03
    return tuple(1 - weight * (1 - part) for part in blue)


def _folded(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 13))


def xmr(protected: Protected, panel: str, x: str, *, title: str, unit: str) -> Chart:
    """XmR charts, a panel a label: the points, their mean, the natural limits; points that signal a change stand out.

    Needs value columns value, mean, lower, upper and verdict.
    """
    names = list(dict.fromkeys(protected.frame[panel]))
    count = max(1, len(names))
    columns = 2 if count > 1 else 1
    figure, axes = canvas(-(-count // columns), columns, height=1.2 + 2.2 * -(-count // columns), squeeze=False)
    spoken = []
    for place, axis in enumerate(axes.ravel()):
        if place >= len(names):
            axis.set_visible(False)
            continue
        spoken.append(_xmr_panel(axis, protected.where(**{panel: names[place]}), str(names[place]), x))
    below = f"{unit}. Dashed: natural limits; line: mean. Orange: a signal"
    return finished(figure, "XmR control charts", protected, spoken, title=title, unit=unit, below=below)


def _xmr_panel(axis: Axes, part: Protected, name: str, x: str) -> str:
    xs, ys = part.label(x), part.numbers("value")
    places = range(len(xs))
    axis.plot(places, ys, color=BLUE, linewidth=1.2, marker="o", markersize=3.5)
    for column, style in (("mean", "-"), ("lower", "--"), ("upper", "--")):
        axis.plot(places, part.numbers(column), color=GREY, linewidth=1, linestyle=style)
    signal = [place for place, verdict in enumerate(part.texts("verdict")) if verdict.startswith("signal")]
    axis.plot(signal, [ys[place] for place in signal], "o", color=ORANGE, markersize=5.5)
    axis.set_title(name, loc="left", fontsize=10.5)
    ticks = _year_ticks(xs)
    axis.set_xticks([place for place, _ in ticks], [text for _, text in ticks], fontsize=8.5, color="black")
    axis.set_ylim(bottom=0)
    mean = next((cell for cell in part.cells("mean") if cell.known), None)
    told = f"mean {mean}" if mean else "no mean can be shown"
    return f"{name}: {len(xs)} points, {told}, {formats.plural(len(signal), 'signal')} of change"


def _year_ticks(labels: Sequence[Any]) -> list[tuple[int, str]]:
    """A tick where the label's first part changes to another year, at most eight."""
    ticks, last = [], ""
    for place, label in enumerate(labels):
        year = str(label)[:4]
        if year != last:
            ticks.append((place, year))
            last = year
    return ticks[:: max(1, -(-len(ticks) // 8))]


def curves(protected: Protected, by: str, x: str, *, title: str, unit: str) -> Chart:
    """Step curves with their intervals; needs value columns estimate, lower and upper (fractions of 1)."""
    from matplotlib.ticker import MultipleLocator

    figure, axis = canvas()
    names = list(dict.fromkeys(protected.frame[by]))
    ends, spoken = [], []
    for place, name in enumerate(names):
        part = protected.where(**{by: name})
        xs = [float(value) for value in part.label(x)]
        ys = part.numbers("estimate")
        colour = PALETTE[place % len(PALETTE)]
        axis.step(xs, ys, where="post", color=colour, linewidth=2)
        axis.fill_between(xs, part.numbers("lower"), part.numbers("upper"), step="post", color=colour, alpha=0.13, lw=0)
        if ys and ys[-1] == ys[-1]:
            ends.append((ys[-1], f"{name} {formats.percent(ys[-1])}", colour))
        spoken.append(_trace_curve(str(name), part, x))
    tops = [number for number in (*protected.numbers("upper"), *protected.numbers("estimate")) if number == number]
    axis.set_ylim(0, 1.02 if max(tops, default=1) > 0.5 else max(tops) * 1.15)
    _end_labels(axis, ends)
    axis.yaxis.set_major_formatter(lambda share, _: formats.percent(share))
    axis.xaxis.set_major_locator(MultipleLocator(3))
    axis.set_xlabel("Months since the baseline", fontsize=9.5)
    below = f"{unit}. Bands: 95% intervals"
    return finished(figure, "Step curves with intervals", protected, spoken, title=title, unit=unit, below=below)


def _trace_curve(name: str, part: Protected, x: str) -> str:
    estimate, low, high = (part.last(column) for column in ("estimate", "lower", "upper"))
    if not estimate.known:
        return f"{name}: no number can be shown"
    month = formats.number(float(part.label(x)[-1]), 0)
    return f"{name}: {with_interval(estimate, low, high)} at {month} months"


def flows(protected: Protected, source: str, target: str, value: str, *, title: str, unit: str) -> Chart:
    """A flow diagram: bands from where children were to where they went, as wide as their number.

    The table has totals (ALL) both ways; they are written at the names, since small flows are not drawn.
    """
    figure, axis = canvas(height=5.6)
    inner = protected.members()
    triples = zip(inner.label(source), inner.label(target), inner.cells(value), strict=True)
    cells = [(str(a), str(b), float(cell.value)) for a, b, cell in triples if cell.value]
    order = list(dict.fromkeys([*inner.label(source), *inner.label(target)]))
    left = _stack([(a, size) for a, _, size in cells], order)
    right = _stack([(b, size) for _, b, size in cells], order)
    at_left, at_right = ({name: low for name, (low, _) in side.items()} for side in (left, right))
    for a, b, size in cells:
        axis.add_patch(_ribbon(at_left[a], at_right[b], size, PALETTE[order.index(a) % len(PALETTE)]))
        at_left[a] += size
        at_right[b] += size
    totals = {name: protected.cell(value, **{source: name, target: ALL}) for name in left}
    _side(axis, left, totals, 0.0)
    _side(axis, right, {name: protected.cell(value, **{source: ALL, target: name}) for name in right}, 1.0)
    axis.set_xlim(-0.42, 1.42)
    top = max([high for side in (left, right) for _, high in side.values()] or [1])
    axis.set_ylim(top * 1.02, -top * 0.02)
    axis.set_axis_off()
    below = f"{unit}; numbers are totals; withheld flows are in the totals and not drawn"
    spoken = [f"{a} to {b} {formats.number(size)}" for a, b, size in sorted(cells, key=lambda item: -item[2])]
    return finished(figure, "Flow diagram", protected, spoken, title=title, unit=unit, below=below)


def _side(axis: Axes, places: dict[str, tuple[float, float]], totals: dict[str, Cell], x: float) -> None:
    """The bars and names of one side of a flow diagram."""
    for name, (low, high) in places.items():
        axis.plot([x, x], [low, high], color=GREY, linewidth=5, solid_capstyle="butt")
        shift, align = (-0.02, "right") if x == 0 else (0.02, "left")
        axis.text(x + shift, (low + high) / 2, f"{name} {totals[name]!s}", ha=align, va="center", fontsize=9.5)


def _stack(pairs: list[tuple[str, float]], order: list[str]) -> dict[str, tuple[float, float]]:
    """Each name's place on its side, in the same order on both so that bands cross little, with gaps between."""
    sizes: dict[str, float] = {}
    for name, size in pairs:
        sizes[name] = sizes.get(name, 0) + size
    gap = 0.045 * (sum(sizes.values()) or 1)
    placed, low = {}, 0.0
    for name, size in sorted(sizes.items(), key=lambda item: order.index(item[0])):
        placed[name] = (low, low + size)
        low += size + gap
    return placed


def _ribbon(left: float, right: float, size: float, colour: str) -> Any:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    there = [(0.012, left), (0.5, left), (0.5, right), (0.988, right)]
    points = [*there, *((x, y + size) for x, y in reversed(there)), there[0]]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=0.45, linewidth=0)


def described(kind: str, shown: str, parts: Sequence[str], point: str) -> str:
    """An alt text: what kind of chart, what it shows, its numbers, the point that its title makes."""
    text = f"{kind}. {shown}. {'; '.join(parts)}. The point: {point.rstrip('.')}."
    return " ".join(text.split())
