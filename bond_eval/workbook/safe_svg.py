"""A chart's SVG as it may stand in a page: an allow-list of shapes and text, ids of its own, a text alternative."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_SHAPES = {"svg", "g", "defs", "clipPath", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "use"}
ALLOWED = frozenset(_SHAPES | {"text", "tspan"})
_KEPT = {"d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "points", "transform"}
# matplotlib's names of what belongs to an axis, which a reader of the page may want to tell from the data.
_AXIS = re.compile(r"^(?:matplotlib\.(axis)|[xy](tick))_\d+$")
_TARGET = re.compile(r"url\(\s*['\"]?#([\w.-]+)['\"]?\s*\)")
_STYLE = re.compile(r"^[\w .,#%()'+-]+$")
_STILL = re.compile(r"^rotate\(-?0(?:\.0+)? ")
_POINT = re.compile(r"^.*?The point: ", re.DOTALL)


def inline(svg: str, name: str, alt: str) -> str:
    """The SVG as part of a page: no script, style sheet, link or foreign content; ids begin with `name`.

    "" where it is not SVG, so that the PNG is shown instead.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(svg.encode("utf-8"), forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError):
        return ""
    box = root.get("viewBox", "")
    if root.tag != f"{_SVG}svg" or not re.fullmatch(r"[\d.\s-]+", box):
        return ""
    wanted = set(_TARGET.findall(svg)) | set(re.findall(r'href="#([\w.-]+)"', svg))
    _clean(root, name, wanted)
    width = re.match(r"[\d.]+", root.get("width", "")) or re.match(r"[\d.]+", box.split()[2])
    root.attrib = {"viewBox": box, "class": "chart", "role": "img", "aria-label": alt}
    root.set("style", f"max-width:{float(width[0]) * 4 / 3:.0f}px" if width else "")
    title = Element("title")
    title.text = _POINT.sub("", alt)
    root.insert(0, title)
    return _written(root)


def _clean(element: Any, name: str, wanted: set[str]) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    element.attrib = _attributes(element, name, wanted)
    for child in list(element):
        if isinstance(child.tag, str) and child.tag.removeprefix(_SVG) in ALLOWED:
            _clean(child, name, wanted)
        else:
            element.remove(child)
    element.tail = None
    if element.tag not in ("text", "tspan"):
        element.text = None


def _attributes(element: Any, name: str, wanted: set[str]) -> dict[str, str]:
    kept = {key: " ".join(value.split()) for key, value in element.attrib.items() if key in _KEPT}
    if _STILL.match(kept.get("transform", "")):
        del kept["transform"]
    id = element.get("id", "")
    if axis := _AXIS.match(id):
        kept["class"] = axis[1] or axis[2]
    elif id in wanted:
        kept["id"] = f"{name}-{id}"
    target = element.get(_LINK, element.get("href", ""))
    if target.startswith("#"):
        kept["href"] = f"#{name}-{target[1:]}"
    if clip := _TARGET.fullmatch(element.get("clip-path", "")):
        kept["clip-path"] = f"url(#{name}-{clip[1]})"
    if style := _style(element.get("style", ""), name):
        kept["style"] = style
    return kept


def _style(style: str, name: str) -> str:
    # The page's own style sheet names the font and what stands in for it.
    parts = (part.strip() for part in style.split(";"))
    own = [_TARGET.sub(rf"url(#{name}-\1)", part) for part in parts if not part.startswith("font-family")]
    return ";".join(part.replace(": ", ":", 1) for part in own if _harmless(part))


def _harmless(declaration: str) -> bool:
    property, _, value = declaration.partition(":")
    bare = _TARGET.sub("", value).strip() or "none"
    return bool(re.fullmatch(r"\s*[a-z-]+\s*", property) and _STYLE.match(bare) and "url(" not in bare)


def _written(root: Any) -> str:
    from xml.etree.ElementTree import tostring

    return tostring(root, encoding="unicode", short_empty_elements=True)
