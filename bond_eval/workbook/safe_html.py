"""Makes what notebooks show fit for a page: an allow-list of HTML, Markdown, tables that can be scrolled, anchors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from bond_eval.core.formats import slug


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


ALLOWED = _names(
    "a abbr b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody "
    "td tfoot th thead time tr u ul var"
)
# Everything inside these goes too; of any other unknown element the text stays.
_DROPPED = _names(
    "applet audio base button canvas embed form frame frameset head iframe input link math meta noscript object "
    "option picture script select source style svg template textarea title track video"
)
_ATTRIBUTES = {"alt", "class", "colspan", "datetime", "headers", "lang", "rowspan", "scope", "span", "title"}
_DATA_IMAGE = re.compile(r"^data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$")
_SCHEME = re.compile(r"^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:|//)")
_NUMBER = re.compile(r"^[-−+(]?£?[-−]?[\d,]+(?:\.\d+)?(?:[%)]|k|m|bn)*$")
_SYMBOLS = ("c", "z", "x")
_DAY = re.compile(r"^\d{1,2} [A-Z][a-z]+ \d{4}$")
_LONG = 24  # characters of a cell from which a column needs room for words


def clean(html: str, table_name: str = "Table") -> str:
    """HTML of the allow-list only, as text that can stand in a page.

    No script, style, form, id or address of another host is left: a link to one becomes its text and the address,
    so that a page opened from a shared drive asks nobody for anything. Tables get a container that scrolls.
    """
    soup = _soup(html)
    _strip(soup)
    for link in soup.find_all("a"):
        _local(soup, link)
    for image in soup.find_all("img"):
        _embedded(image)
    for block in soup.find_all("pre"):
        block.attrs |= {"role": "group", "aria-label": "Code", "tabindex": "0"}
    for table in soup.find_all("table"):
        _framed(soup, table, table_name)
    return str(soup)


def words(markdown: str, table_name: str = "Table", level: int = 2) -> str:
    """Markdown as clean HTML. Headings begin at `level`; TeX between dollars becomes pictures."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    from bond_eval.workbook.equations import equation

    found: list[str] = []

    class Renderer(IPythonRenderer):  # built here, because nbconvert takes a second to import
        """Puts a mark where an equation goes, so that cleaning need not know pictures of equations."""

        def block_math(self, body: str) -> str:
            found.append(equation(body, display=True))
            return f"<var>equation {len(found) - 1}</var>"

        def inline_math(self, body: str) -> str:
            found.append(equation(body, display=False))
            return f"<var>equation {len(found) - 1}</var>"

        def latex_environment(self, name: str, body: str) -> str:
            return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    renderer = Renderer(escape=False, exclude_anchor_links=True)
    soup = _soup(clean(MarkdownWithMath(renderer=renderer).render(markdown), table_name))
    _sink_headings(soup, level)
    drawn = {str(place): picture for place, picture in enumerate(found)}
    return re.sub(r"<var>equation (\d+)</var>", lambda match: drawn.get(match[1], ""), str(soup))


def plain(markdown: str) -> str:
    """The bare text of a line of Markdown."""
    return " ".join(_soup(words(markdown)).get_text().split())


def with_anchors(html: str, taken: set[str]) -> tuple[str, list[tuple[str, str]]]:
    """The HTML with an id on each heading, and (id, text) of its second-level ones. `taken` grows."""
    soup = _soup(html)
    contents = []
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        text = " ".join(heading.get_text().split())
        heading["id"] = _free(slug(text) or "part", taken)
        if heading.name == "h2":
            contents.append((str(heading["id"]), text))
    return str(soup), contents


def _soup(html: str) -> Any:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


def _strip(soup: Any) -> None:
    from bs4.element import PreformattedString

    for text in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        text.extract()  # comments, declarations and processing instructions
    for element in soup.find_all(True):
        if element.decomposed:
            continue
        if element.name in _DROPPED:
            element.decompose()
        elif element.name not in ALLOWED:
            element.unwrap()
        else:
            extra = {"a": {"href"}, "img": {"src"}}.get(element.name, set())
            element.attrs = {k: v for k, v in element.attrs.items() if k in _ATTRIBUTES | extra}


def _local(soup: Any, link: Any) -> None:
    # Browsers ignore white space and control characters inside an address, and so hide its scheme.
    address = re.sub(r"[\x00-\x20]", "", str(link.get("href", "")))
    if address and not _SCHEME.match(address):
        link["href"] = re.sub(r"\.ipynb(?=$|#)", ".html", address)
        return
    if address.startswith(("https://", "http://")) and address not in link.get_text():
        note = soup.new_tag("span", attrs={"class": "address"})
        note.string = f" ({address})"
        link.append(note)
    link.unwrap()


def _embedded(image: Any) -> None:
    if not _DATA_IMAGE.match(str(image.get("src", ""))):
        image.replace_with(str(image.get("alt", "")))
    elif not image.get("alt"):
        image["alt"] = ""


def _framed(soup: Any, table: Any, name: str) -> None:
    caption = table.find("caption")
    label = " ".join(caption.get_text().split()) if caption else name
    frame = {"class": "table", "role": "group", "aria-label": label, "tabindex": "0"}
    table.wrap(soup.new_tag("div", attrs=frame))
    rows = [row.find_all(["td", "th"], recursive=False) for row in table.select("tbody > tr")]
    heads = [cell for row in table.select("thead > tr")[-1:] for cell in row.find_all("th", recursive=False)]
    for cell in heads:
        cell["scope"] = cell.get("scope", "col")
    for head, *column in zip_longest(heads, *rows):
        cells = [cell for cell in column if cell is not None]
        if kind := _kind(cells):
            # Labels of rows stay as they are, but for days, which are hard to read in three lines.
            mine = [cell for cell in cells if cell.name == "td" or kind == "day"]
            for cell in mine + [head] * bool(mine and head is not None):
                cell["class"] = kind


def _kind(cells: Iterable[Any]) -> str:
    """Class of a column: of numbers (a symbol stands for one), of days, of long words, or none."""
    texts = [text for cell in cells if (text := cell.get_text().strip())]
    told = [text for text in texts if text not in _SYMBOLS]
    if texts and all(map(_NUMBER.match, told)):
        return "number"
    longest = max(map(len, told), default=0)
    if longest <= _LONG and any(map(_DAY.match, told)):
        return "day"
    return "words" if longest > _LONG else ""


def _sink_headings(soup: Any, level: int) -> None:
    levels = [int(heading.name[1]) for heading in soup.find_all(re.compile("^h[1-6]$"))]
    shift = max(0, level - min(levels, default=level))
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        heading.name = f"h{min(6, int(heading.name[1]) + shift)}"


def _free(stem: str, taken: set[str]) -> str:
    number, free = 2, stem
    while free in taken:
        free, number = f"{stem}-{number}", number + 1
    taken.add(free)
    return free
