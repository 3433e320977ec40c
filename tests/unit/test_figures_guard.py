"""Charts are guarded against silent change: what each says, and where its ink lies, on data that never changes.

nbval does not compare images. A pixel may differ between machines, so that the picture is compared as a coarse grid of
how dark it is. After a change that is meant, look at the pictures and write the baseline again, from the root:
PYTHONPATH=. python tests/unit/test_figures_guard.py
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from bond_eval.evidence import figures
from bond_eval.evidence.book import CHARTS
from tests.charts import KINDS, drawn

BASELINE = Path(__file__).with_name("figures_baseline.json")
GRID, NEAR = (24, 40), 8  # cells down and across; levels of 255 that a cell may differ by
TEXT = "{http://www.w3.org/2000/svg}text"


def fingerprint(chart: figures.Chart) -> dict[str, object]:
    """Alt text, the words drawn, how often each colour is used, and the ink of the picture as a grid of bytes."""
    from PIL import Image

    svg = chart.svg()
    words = [element.text for element in ElementTree.fromstring(svg).iter(TEXT)]
    colours = Counter(re.findall(r"(?:fill|stroke): (#\w+)", svg))
    picture = Image.open(io.BytesIO(chart.png())).convert("L").resize(GRID[::-1], Image.Resampling.BOX)
    return {"alt": chart.alt, "words": words, "colours": dict(sorted(colours.items())), "ink": picture.tobytes().hex()}


def far(one: str, other: str) -> float:
    """The largest difference of two grids in levels of 255."""
    a, b = (np.frombuffer(bytes.fromhex(text), np.uint8).astype(int) for text in (one, other))
    return float(np.abs(a - b).max()) if a.shape == b.shape else 255.0


@pytest.fixture(scope="module")
def baseline():
    return json.loads(BASELINE.read_text(encoding="utf-8"))


def test_every_kind_of_chart_is_guarded(baseline):
    assert set(CHARTS) <= set(KINDS), "draw the new kind in tests/charts.py"
    assert set(baseline) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_looks_as_it_did(kind, baseline):
    now = fingerprint(drawn(kind))
    for part in ("alt", "words", "colours"):
        assert now[part] == baseline[kind][part], part
    assert far(now["ink"], baseline[kind]["ink"]) <= NEAR


@pytest.mark.parametrize("change", ["BLUE", "number", "title"])
def test_the_guard_sees_a_change(change, monkeypatch):
    before = fingerprint(drawn("lines"))
    if change == "BLUE":
        monkeypatch.setattr(figures, "PALETTE", (figures.PINK, *figures.PALETTE[1:]))
    chart = drawn("lines", title="Something else") if change == "title" else drawn("lines")
    if change == "number":
        line = chart.figure.axes[0].lines[0]
        line.set_ydata([value + 4 for value in line.get_ydata()])
    now = fingerprint(chart)
    assert any(now[part] != before[part] for part in ("words", "colours")) or far(now["ink"], before["ink"]) > NEAR


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_the_same_bytes_each_time_and_keeps_its_text(kind):
    first, again = drawn(kind), drawn(kind)
    assert first.svg() == again.svg() and first.png() == again.png()
    svg = ElementTree.fromstring(first.svg())
    assert "42 children, 6 fewer" in " ".join(svg.itertext()) and "date" not in {
        e.tag.split("}")[-1] for e in svg.iter()
    }


def test_an_alt_text_says_kind_content_and_point():
    for kind in KINDS:
        assert re.match(
            r"^[A-Z][\w ]+\. Fixed numbers, Children & < 2 others\. .+\. The point: 42 children", drawn(kind).alt
        )


def test_a_dollar_in_a_name_is_no_formula():
    chart = drawn("bars", title="$5 and $\\frac{1$, <b>&")
    assert "$5 and $\\frac{1$, <b>&" in " ".join(ElementTree.fromstring(chart.svg()).itertext())
    assert chart.png()


def _contrast(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("colour", figures.PALETTE)
def test_words_in_a_colour_of_the_palette_can_be_read(colour):
    """WCAG 2.2, success criterion 1.4.3 (AA)."""
    assert _contrast(figures.readable(colour)) >= 4.5


if __name__ == "__main__":
    made = {kind: fingerprint(drawn(kind)) for kind in KINDS}
    BASELINE.write_text(json.dumps(made, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
