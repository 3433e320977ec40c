"""The whole release as one PDF with bookmarks and tags, printed by a Chromium that may or may not be there."""

from __future__ import annotations

import datetime as dt
import io
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ABSENT = "no Chromium, which prints it, was found on the machine that published it."
FAILED = "the Chromium that was to print it ended with an error."
SECONDS = 300
# A browser that prints a file needs neither its own services nor a screen.
_QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
)  # fmt: skip
_MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
_OWN = re.compile(r'\b(id|for|aria-labelledby)="|href="#|url\(#')
_AWAY = re.compile(r' href="(?!#)([^"]*)"')
_SCRIPT = re.compile(r"<script\b.*?</script>|<form\b.*?</form>", re.DOTALL)
_HEADING = re.compile(r"<h[1-6]\b[^>]*>(.*?)</h[1-6]>", re.DOTALL)


def browser() -> str | None:
    """The Chromium of this machine; None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(folder: Path, pages: Sequence[str], site: Mapping[str, Any], target: Path, day: dt.date) -> bool:
    """Print `pages` of a site, in this order, as one PDF dated `day`; False where Chromium could not.

    The same pages and the same Chromium give the same bytes.
    """
    from bond_eval.core.atomic import write_bytes
    from bond_eval.workbook.locks import private_folder
    from bond_eval.workbook.publish import rendered

    # A link that leads out of the PDF would carry the path of the folder that it was printed in.
    html = _AWAY.sub("", rendered("print.html.j2", site=site, parts=combined(folder, pages)))
    with private_folder() as work:
        page, printed = work / "release.html", work / "release.pdf"
        page.write_text(html, encoding="utf-8")
        if not _printed(page, printed, work):
            return False
        write_bytes(target, finished(printed.read_bytes(), html, day))
    return True


def combined(folder: Path, pages: Sequence[str]) -> list[dict[str, str]]:
    """The main part of each page with its id, its ids and links made to hold inside one page.

    A link that leads out of these pages becomes its text, since a PDF is read apart from the site.
    """
    names = {page: re.sub(r"\W", "-", Path(page).stem) for page in pages}
    return [{"id": names[page], "html": _part(folder, page, names)} for page in pages]


def finished(pdf: bytes, html: str, day: dt.date) -> bytes:
    """A PDF as it may be published: bookmarks as the headings of `html` are written, and midnight of `day` as its date.

    Chromium leaves out the space where a heading goes on in another line.
    """
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    known = {"".join(text.split()): text for text in map(_text, _HEADING.findall(html))}
    log = logging.getLogger("pypdf")
    level = log.level
    # Chromium's trailer counts fewer objects than its bookmarks make, and what is written here counts them anew.
    log.setLevel(logging.ERROR)
    try:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    finally:
        log.setLevel(level)
    for kept in writer._objects:
        # Of all dictionaries only a bookmark has both a title and a parent.
        if isinstance(kept, DictionaryObject) and "/Title" in kept and "/Parent" in kept:
            title = str(kept["/Title"])
            kept[NameObject("/Title")] = TextStringObject(known.get("".join(title.split()), title))
    stamp = f"D:{day:%Y%m%d}000000Z"
    writer.add_metadata({"/CreationDate": stamp, "/ModDate": stamp, "/Creator": "bond-eval", "/Producer": "Chromium"})
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def _part(folder: Path, page: str, names: Mapping[str, str]) -> str:
    own = names[page]
    found = _MAIN.search((folder / page).read_text(encoding="utf-8"))
    html = _SCRIPT.sub("", found[1]) if found else ""
    html = _OWN.sub(lambda match: f"{match[0]}{own}-", html)

    def led(match: re.Match[str]) -> str:
        path, _, fragment = match[1].partition("#")
        to = names.get(os.path.normpath(os.path.join(os.path.dirname(page), path)).replace(os.sep, "/"))
        return f' href="#{to}-{fragment}"' if to and fragment else f' href="#{to}"' if to else ""

    return _AWAY.sub(led, html)


def _printed(page: Path, target: Path, private: Path) -> bool:
    command = [str(browser()), *_QUIET, f"--user-data-dir={private / 'profile'}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # Chromium's sandbox does not start for root, as in a container
    command += ["--no-pdf-header-footer", "--generate-pdf-document-outline", "--export-tagged-pdf"]
    try:
        ended = subprocess.run(
            [*command, f"--print-to-pdf={target}", page.as_uri()], capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0 and target.is_file() and target.stat().st_size > 0
