"""TeX as a picture with the TeX as its text alternative, so that a page needs no JavaScript to show mathematics."""

from __future__ import annotations

import base64
import html
import io
import re
from functools import lru_cache
from typing import Any

# A long equation scrolls in a box of its own, which the keyboard has to reach.
_BOX = '<span class="equation" role="group" aria-label="Equation" tabindex="0">{}</span>'
_SIZE = 14.0
_PAD = 1.5
_BREAK = re.compile(r"\\\\(?:\[[^]]*\])?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{(?:aligned|align|gathered|gather|equation|split)\*?\}")
# Spellings of TeX that matplotlib's mathtext knows by their longer name only.
_LONGER = {r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq", r"\lvert": "|", r"\rvert": "|", r"\tfrac": r"\frac"}
_SHORT = re.compile("|".join(re.escape(name) + r"(?![A-Za-z])" for name in _LONGER))


def equation(tex: str, display: bool) -> str:
    """HTML of an equation: an inlined SVG, or the TeX itself where it is beyond mathtext."""
    tex = " ".join(tex.split())
    lines = [line.strip() for line in _BREAK.split(_ENVIRONMENT.sub("", tex)) if line.strip()]
    pictures = [_picture(_plain(line, display)) for line in lines]
    if not lines or "" in pictures:
        inner = f'<code class="math">{html.escape(tex)}</code>'
        return _BOX.format(inner) if display else inner
    images = [
        f'<img class="math" alt="{html.escape(line.replace("&", ""))}" {picture}>'
        for line, picture in zip(lines, pictures, strict=True)
    ]
    return _BOX.format("<br>".join(images)) if display else "".join(images)


def _plain(tex: str, display: bool) -> str:
    # Alignment marks say where lines meet; each line stands by itself here.
    bare = re.sub(r"(?<!\\)&", "", tex).replace(r"\nonumber", "")
    bare = _SHORT.sub(lambda match: _LONGER[match[0]], bare)
    return bare.replace(r"\frac", r"\dfrac") if display else bare


@lru_cache(maxsize=512)
def _picture(tex: str) -> str:
    """Attributes src and style of an image, empty where mathtext cannot read the TeX."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    settings: Any = {"mathtext.fontset": "stix", "svg.fonttype": "path", "svg.hashsalt": "bond_eval"}
    with mpl.rc_context(settings):
        font = FontProperties(size=_SIZE)  # made here, since it takes up the font set
        try:
            width, height, depth, *_ = MathTextParser("path").parse(f"${tex}$", dpi=72, prop=font)
        except ValueError:
            return ""
        width, height, depth = width + 2 * _PAD, height + 2 * _PAD, depth + _PAD
        figure = Figure(figsize=(width / 72, height / 72))
        figure.text(_PAD / width, depth / height, f"${tex}$", fontproperties=font, color="#0b0c0c")
        file = io.BytesIO()
        # Without a date and a version the picture is the same at each run.
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    code = base64.b64encode(file.getvalue()).decode("ascii")
    unit = _SIZE * 0.9  # serif letters look smaller than the sans-serif around them
    em = f"height:{height / unit:.2f}em;vertical-align:{-depth / unit:.2f}em"
    return f'src="data:image/svg+xml;base64,{code}" style="{em}"'
