"""A published site in Chromium with the network off: WCAG 2.2 AA, keyboard, narrow, large, forced colours, PDF."""

import datetime as dt
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from bond_eval.core.places import REFERENCE_RUN
from bond_eval.workbook import pdf, site
from bond_eval.workbook.site import publish_run
from tests.published import BOOKS, GALLERY, small_run

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not on this machine: install Debian's package chromium"),
]
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FOCUSABLE = "a[href], summary, input, button, [tabindex='0']"
# What the keyboard reached, whether a reader can see that it is there, and whether the page shows all of it.
FOCUSED = """() => { const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return { place: all.indexOf(at), inside: !!at.closest('main'), skip: at.className,
    seen: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none',
    shown: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight }; }"""
TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right
  > document.documentElement.clientWidth + 1 && !e.closest('.table, .drawing, pre, .equation, .hidden, .skip'))
  .map(e => e.outerHTML.slice(0, 80))"""
BOXES = """() => [...document.querySelectorAll('.table, .drawing, pre, .equation')]
  .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => [e.tabIndex, !!e.getAttribute('role'),
  e.tagName === 'PRE' || !!e.getAttribute('aria-label')])"""
STILL = """() => [...document.querySelectorAll('*')].every(e => { const s = getComputedStyle(e);
  return s.animationName === 'none' && parseFloat(s.transitionDuration) === 0 && s.scrollBehavior === 'auto' })"""
NAMES = "[...document.querySelectorAll('img, svg')].map(e => e.alt || e.getAttribute('aria-label') || '')"
UNFOLD = "document.querySelectorAll('details').forEach(part => part.open = true)"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A small site with every kind of chart; that it may be published is tested elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "_attack", lambda *_: None)
        run = small_run(folder / "run", gallery=True)
        return publish_run(run, folder / "published", day=dt.date(2020, 11, 10)).folder


@pytest.fixture(scope="module")
def pages(release):
    return [release.parent / "index.html", *sorted(release.rglob("*.html"))]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Opens a page with the network off; what is asked of another host, or goes wrong in a page, fails the test."""
    windows, wrong = {}, []

    def opened(path, width=1280, height=900, **options):
        key = str((width, height, options))
        if key not in windows:
            viewport = {"width": width, "height": height}
            page = windows[key] = browser.new_context(viewport=viewport, offline=True, **options).new_page()
            page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
            page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
        windows[key].goto(Path(path).as_uri())
        return windows[key]

    yield opened
    for page in windows.values():
        page.context.close()
    assert wrong == []


def _axe(page):
    package = Path(importlib.util.find_spec("axe_core_python").origin).parent
    # Evaluated, since the page's own policy lets no script in.
    page.evaluate((package / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [(rule["id"], rule["impact"], node["html"][:120]) for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("width", "font"), [(1280, "100%"), (320, "100%"), (640, "100%"), (1280, "200%")])
def test_every_page_at_every_size(visit, pages, width, font):
    """axe finds nothing of any level, and no page scrolls sideways but in boxes that the keyboard reaches.

    320 px is 1280 at 400% (SC 1.4.10), 640 is 1280 at 200%; 200% of the text alone is SC 1.4.4. Nothing moves.
    """
    assert len(pages) >= 9
    boxes = pictures = 0
    for path in pages:
        page = visit(path, width, reduced_motion="reduce")
        page.evaluate(f"document.documentElement.style.fontSize = '{font}'")
        page.evaluate(UNFOLD)
        assert page.evaluate(SIDEWAYS) <= 0 and page.evaluate(TOO_WIDE) == [], path.name
        for reached in page.evaluate(BOXES):
            assert reached == [0, True, True], path.name
            boxes += 1
        if font == "100%" and width in (320, 1280):
            assert _axe(page) == [] and page.evaluate(STILL), path.name
        names = page.evaluate(NAMES)
        assert all(name.strip() and "No description has been provided" not in name for name in names), path.name
        pictures += len(names)
    assert boxes and pictures > 20


@pytest.mark.full
@pytest.mark.parametrize("width", [1280, 320])
def test_every_page_of_the_whole_reference_release(visit, tmp_path, monkeypatch, width):
    monkeypatch.setattr(site, "_attack", lambda *_: None)
    monkeypatch.setattr(pdf, "browser", lambda: None)
    books = sorted(path.stem for path in (REFERENCE_RUN / "notebooks").glob("*.ipynb"))
    release = publish_run(small_run(tmp_path / "run", books), tmp_path / "to", day=dt.date(2020, 11, 10)).folder
    for path in sorted(release.rglob("*.html")):
        page = visit(path, width)
        page.evaluate(UNFOLD)
        assert _axe(page) == [] and page.evaluate(SIDEWAYS) <= 0, path.name


def test_axe_would_find_what_is_wrong(visit, pages):
    page = visit(pages[-1])
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><p style=\"color:#aaa\">pale</p>')"
    )
    assert {"image-alt", "color-contrast"} <= {rule for rule, _, _ in _axe(page)}


@pytest.mark.parametrize("name", ["index.html", "findings.html", f"pages/{GALLERY}.html", f"pages/{BOOKS[0]}.html"])
def test_every_control_can_be_reached_and_seen_by_keyboard(visit, release, name):
    page = visit(release / name)
    count = page.evaluate(
        f'globalThis.all = [...document.querySelectorAll("{FOCUSABLE}")].filter(e => e.checkVisibility()'
        " && (!e.closest('details:not([open])') || e.tagName === 'SUMMARY')); all.length"
    )
    assert count > 10
    for place in range(count):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        assert (at["place"], at["seen"], at["shown"]) == (place, True, True), page.evaluate(f"all[{place}].outerHTML")[
            :200
        ]


def test_the_skip_link_leads_past_the_head_of_the_page(visit, release):
    page = visit(release / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')") and page.url.endswith("#main")


def test_folded_parts_open_by_keyboard(visit, release):
    page = visit(release / f"pages/{GALLERY}.html")
    page.focus("details.data summary")
    page.keyboard.press("Enter")
    assert page.evaluate(
        "document.querySelector('details.data').open && document.querySelector('details.data table').checkVisibility()"
    )


def test_forced_colours_keep_borders_focus_and_charts(visit, release):
    page = visit(release / f"pages/{BOOKS[0]}.html", forced_colors="active", color_scheme="dark")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate("getComputedStyle(document.querySelector('.finding')).borderTopStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    gallery = visit(release / f"pages/{GALLERY}.html", forced_colors="active", color_scheme="dark")
    # A chart brings its own white ground, so that its words must keep their own ink.
    fills = gallery.evaluate("[...document.querySelectorAll('svg.chart text')].map(e => getComputedStyle(e).fill)")
    assert (
        len(set(fills)) > 3
        and gallery.evaluate("getComputedStyle(document.querySelector('svg.chart path')).fill") == "rgb(255, 255, 255)"
    )


def test_the_search_finds_and_the_page_does_without(visit, release):
    page = visit(release / "findings.html")
    items = page.locator("li.sought:visible").count()
    page.fill("#words", "outside placements")
    fewer = page.locator("li.sought:visible").count()
    assert 0 < fewer < items and page.inner_text("#told") == f"{fewer} of {items} are shown."
    page.fill("#words", "")
    assert page.locator("li.sought:visible").count() == items
    still = visit(release / "findings.html", java_script_enabled=False)
    assert not still.is_visible("#search") and still.locator("li.sought:visible").count() == items


def test_a_page_prints_without_its_controls(visit, release):
    hidden = {BOOKS[0]: (".contents", ".places", "details.code", ".turn", ".permalink"), GALLERY: ("details.data",)}
    for name, parts in hidden.items():
        page = visit(release / f"pages/{name}.html")
        page.emulate_media(media="print")
        for part in parts:
            assert page.locator(part).count() and not page.locator(part).first.is_visible(), part
    assert page.locator("svg.chart").first.is_visible()


# The PDF ---------------------------------------------------------------------------------------------------------


def test_the_pdf_has_bookmarks_tags_language_and_a_fixed_date(release):
    from pypdf import PdfReader

    content = (release / site.PDF).read_bytes()
    reader = PdfReader(release / site.PDF)
    top = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    heads = [re.search(r"<h1>(.*?)</h1>", (release / page).read_text(encoding="utf-8"))[1] for page in _order(release)]
    assert top == heads and len(reader.pages) > len(top)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en-GB" and "/StructTreeRoot" in root
    assert reader.metadata["/CreationDate"] == reader.metadata["/ModDate"] == "D:20201110000000Z"
    assert "Evidence for Salford" in reader.metadata.title
    assert b"file:" not in content and b"/Alt" in content


def _order(release):
    return ["index.html", *(f"pages/{name}.html" for name in (*BOOKS, GALLERY)), "methods.html", "data.html"]


def test_the_same_pages_give_the_same_pdf(release, tmp_path):
    from bond_eval.workbook.publish import site_of

    facts = {
        "audience": "public",
        "quarter": "2020-21-Q2",
        "authority_name": "A",
        "as_of": "2020-09-30",
        "synthetic": True,
    }
    made = []
    for name in ("a.pdf", "b.pdf"):
        assert pdf.print_pdf(release, ["index.html"], site_of(facts), tmp_path / name, dt.date(2020, 11, 10))
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_without_a_browser_that_works_the_site_says_why_there_is_no_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "_attack", lambda *_: None)
    monkeypatch.setattr(pdf, "browser", lambda: shutil.which("false"))
    run = small_run(tmp_path / "run", BOOKS[1:2])
    release = publish_run(run, tmp_path / "to", day=dt.date(2020, 11, 10)).folder
    assert pdf.FAILED in (release / "index.html").read_text(encoding="utf-8") and not (release / site.PDF).exists()
