"""A case study without consent is in no table of any edition, and a summary in no public one."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import RELEASE, SAMPLE
from bond_eval.evidence.registry import registered
from bond_eval.evidence.release import Release, build_release
from bond_eval.evidence.tables import voice_and_cases as voices
from bond_eval.evidence.view import load_view

QUARTER = Quarter.parse("2020-21-Q2")
REFUSED = {"no": "Quagga", "": "Okapi", "perhaps": "Tapir", "NO": "Dugong"}
AGREED, SUMMARY = "Narwhal", "Axolotl"
TABLES = ("case_themes", "case_summaries")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with studies of which each says its own word in theme, summary and source."""
    copy = tmp_path_factory.mktemp("cases") / "salford"
    shutil.copytree(SAMPLE, copy)
    rows = [(word, "route29", word, consent, word, "2020-08-01") for consent, word in REFUSED.items()]
    # Two studies share a theme, and only one of the two families agreed.
    rows += [(AGREED, "route29", REFUSED["no"], "no", REFUSED["no"], "2020-08-01")]
    rows += [(AGREED, "route29", SUMMARY, "yes", SUMMARY, "2020-08-01"), (AGREED, "", SUMMARY, "yes", SUMMARY, "")]
    with (copy / "measures" / "case_studies.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("theme", "programme", "summary", "consent", "source", "date"), *rows])
    return copy


@pytest.fixture(scope="module")
def release(folder: Path) -> Release:
    return build_release(folder, "salford", QUARTER, "public", 2021)


def test_neither_refused_cases_nor_summaries_are_published(release: Release, tmp_path: Path) -> None:
    release.save(tmp_path)
    files = [*release.csv_files().values(), (tmp_path / RELEASE).read_text(encoding="utf-8")]
    files += [text for name in TABLES for text in release.tables[name]._repr_mimebundle_().values()]
    for word in (*REFUSED.values(), SUMMARY):
        assert not [text[:60] for text in files if word.lower() in text.lower()]
    assert AGREED in release.csv_files()["case_themes"]


def test_a_theme_is_no_quantity(release: Release) -> None:
    """How many families stand behind a theme is in no column, and no sentence has a number in it."""
    themes = release.tables["case_themes"]
    assert not [value.name for value in themes.table.values if value.guarded]
    assert not [said for said in themes.texts("said") if any(ch.isdigit() for ch in said.replace("Route 29", ""))]


def test_the_internal_edition_has_summaries_of_those_who_agreed_only(folder: Path) -> None:
    view = load_view(folder, "salford", QUARTER, "internal", 2021)
    text = "".join(registered()[name].build(view).to_csv() for name in TABLES)
    assert not [word for word in REFUSED.values() if word in text]
    assert text.count(SUMMARY) == 4  # summary and source of two studies
    assert len(voices.case_themes(view)) == 2


def test_ids_of_the_dip_sample_are_in_no_table(folder: Path) -> None:
    view = load_view(folder, "salford", QUARTER, "internal", 2021)
    text = voices.dip_strata(view).to_csv()
    children = [str(one) for one in view.register.children]  # type: ignore[union-attr]
    assert len(children) > 100 and not [one for one in children if one in text]
