"""The fan chart: what was seen, and the bands of what is simulated, one panel a scenario."""

from __future__ import annotations

from bond_eval.evidence.figures import BLUE, GREY, ORANGE, Chart, canvas, described, titled
from bond_eval.evidence.protected import Protected, label_text

SHADES = {"95": 0.16, "80": 0.26, "50": 0.42}


def fan(protected: Protected, x: str, panel: str, *, title: str, unit: str) -> Chart:
    """Value columns actual, median and lower_ and upper_ 50, 80 and 95; gaps where a number is withheld."""
    names = list(dict.fromkeys(protected.frame[panel]))
    figure, axes = canvas(columns=max(len(names), 1), sharey=True, squeeze=False)
    told = []
    for axis, name in zip(axes[0], names, strict=False):
        part = protected.where(**{panel: name})
        days = part.label(x)
        for level, shade in SHADES.items():
            sides = (part.numbers(f"lower_{level}"), part.numbers(f"upper_{level}"))
            axis.fill_between(days, *sides, color=BLUE, alpha=shade, linewidth=0, label=f"{level}% band")
        axis.plot(days, part.numbers("median"), color=BLUE, linewidth=1.8, label="median")
        axis.plot(days, part.numbers("actual"), color=ORANGE, linewidth=2.2, label="seen")
        axis.set_title(label_text(name), loc="left", fontsize=11, color=GREY)
        axis.tick_params(axis="x", rotation=45, labelsize=9)
        end = part.cells("median")[-1]
        axis.annotate(str(end), (days[-1], end.value or 0), xytext=(3, 0), textcoords="offset points", va="center",
                      fontsize=10, color=BLUE, fontweight="bold", annotation_clip=False)  # fmt: skip
        low, high = part.cells("lower_80")[-1], part.cells("upper_80")[-1]
        told.append(f"{label_text(name)}: median {end} on {label_text(days[-1])}, 80% band {low} to {high}")
    axes[0][0].set_ylim(bottom=0)  # once all panels are drawn, which share it
    if names:
        axes[0][0].legend(loc="lower left", fontsize=9, frameon=False)
    titled(figure, title, f"{unit}. Source: {protected.table.source}; {protected.table.method}.")
    return Chart(figure, described("Fan chart", f"{protected.table.title}, {unit}", told, title))
