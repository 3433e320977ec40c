"""The synthetic panel is the world's own; the page stands with it, with the DfE's real rows, and with none."""

import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.periods import Quarter
from bond_eval.evidence import release
from bond_eval.evidence.book import RELEASE_VARIABLE
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import View, load_view
from bond_eval.placements.panel import neighbours_panel
from bond_eval.sample import build_world, write_sample
from bond_eval.sample.dfe import COUNTED, GAP, SIMILAR, dfe_files
from tests.helpers import ROOT, SAMPLE

FIXTURE = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "dfe_published_salford"
QUARTER = Quarter.parse("2020-21-Q2")


def opened(folder: Path, audience: str = "public") -> View:
    return load_view(folder, "salford", QUARTER, audience, 2021)


def built(view: View, name: str) -> pd.DataFrame:
    return registered()[name].build(view)


@pytest.fixture(scope="module")
def sample() -> View:
    return opened(SAMPLE)


def test_the_sample_says_what_its_own_return_says(sample):
    both = built(sample, "neighbours_reconciled")
    looked = both[both["measure"] == "Looked after on 31 March"]
    assert [day.year for day in looked["date"]] == list(COUNTED)
    assert (looked["difference"] == 0).all() and looked["own"].min() > 500
    differ = pd.concat([both["difference"], both["difference_of"]]).dropna()
    # A row that dirt of the return has split makes one placement more; all else is the same.
    assert len(differ) == 47 and differ[differ != 0].tolist() == [1.0]
    assert set(both["measure"]) == {
        "Looked after on 31 March", "Started to be looked after in the year", "Ceased to be looked after in the year",
        "Three or more placements in the year", "Three or more placements in two years",
        "Same carer for at least two years", "New placements outside the authority's boundary",
    }  # fmt: skip


def test_no_real_authority_is_given_a_false_figure(sample):
    rows = sample.neighbours.rows
    assert set(rows["code"]) - {"E08000006"} == {
        code for code in set(rows["code"]) if re.match(r"E\d\d9999\d\d$", code)
    }
    assert all("ynthetic" in area for area in set(rows["area"]))


def test_the_panel_is_long_enough_and_has_a_gap_and_symbols(sample):
    panel = neighbours_panel(sample, "looked_after")
    assert sorted(set(panel["period"])) == list(range(2010, 2021)), "ten years before the programme"
    assert panel["area"].nunique() == 10 and f"Synthetic neighbour {SIMILAR}" not in set(panel["area"])
    gaps = panel[panel["value"].isna()]
    assert gaps[["area", "period"]].to_numpy().tolist() == [[f"Synthetic neighbour {GAP[0]}", GAP[1]]]
    symbols = sample.neighbours.rows["symbol"].value_counts()
    assert symbols["c"] > 20
    trend = built(sample, "neighbour_trend")
    assert (
        trend.loc[trend["value"].isna() & (trend["role"] != "Median of the neighbours"), "symbol"]
        .isin(["c", "no row"])
        .all()
    )


def test_what_the_dfe_suppressed_the_return_does_not_give_away(sample):
    both = built(sample, "neighbours_reconciled")
    hidden = both[both["symbol"] == "c"]
    assert len(hidden) == 2 and hidden["own"].isna().all()
    # Within the authority it is shown, under each disputed rule.
    inside = built(opened(SAMPLE, "internal"), "neighbours_reconciled")
    assert inside.loc[inside["symbol"] == "c", "own"].notna().all()
    assert inside.groupby("measure")["rule"].nunique()["Three or more placements in the year"] == 4
    assert both.groupby("measure")["rule"].nunique().max() == 1


def test_small_counts_of_our_own_are_guarded(tmp_path):
    write_sample(tmp_path, world="null", children=60)
    shown = protect(registered()["neighbours_reconciled"], built(opened(tmp_path), "neighbours_reconciled"), "public")
    frame = built(opened(tmp_path, "internal"), "neighbours_reconciled")
    small = frame["own"].between(1, 5) | (frame["of"] - frame["own"]).between(1, 5)
    assert small.any(), "the world is small enough to need it"
    assert not any(0 < number < 6 for number in shown.numbers("own"))
    for name in ("published", "difference"):
        assert all(a != a or b == b for a, b in zip(shown.numbers(name), shown.numbers("own"), strict=True))


def test_a_small_count_of_ours_is_hidden_with_what_would_tell_it_though_the_dfe_printed_more(sample):
    frame = built(sample, "neighbours_reconciled").head(3).assign(own=[3.0, 520.0, 0.0], published=[6.0, 520.0, 0.0])
    shown = protect(registered()["neighbours_reconciled"], frame, "public").symbols
    assert shown[["own", "published", "difference"]].to_numpy().tolist() == [["c"] * 3, [""] * 3, [""] * 3]


def test_the_programme_of_the_effect_world_is_not_in_its_neighbours():
    lines = {}
    for world in ("null", "effect"):
        text = "".join(data.decode() for data in dfe_files(build_world(2021, 600, world)).values())
        lines[world] = {line for line in text.splitlines() if ",Local authority," in line}
    own = {world: {line for line in found if "E08000006" in line} for world, found in lines.items()}
    assert lines["null"] - own["null"] == lines["effect"] - own["effect"] != set()
    assert own["null"] != own["effect"]
    assert {line[:4] for line in own["null"] ^ own["effect"]} == {"2020"}, "they part with the programme"


def test_each_world_agrees_with_its_own_panel(tmp_path):
    write_sample(tmp_path, world="effect", children=150)
    both = built(opened(tmp_path, "internal"), "neighbours_reconciled")
    plain = both[both["rule"].isin(["Does not matter", both["rule"].iloc[-1]]) | both["rule"].str.startswith("Neither")]
    looked = plain[plain["measure"] == "Looked after on 31 March"]
    assert len(looked) == len(COUNTED) and (looked["difference"] == 0).all()


def test_latest_has_a_sentence_for_every_measure_with_files_and_without(sample, tmp_path):
    latest = built(sample, "neighbour_latest")
    assert len(latest) == 8 and latest["value"].notna().all()
    assert (
        latest["statement"].str.contains("median of").all() and latest["trend"].str.contains("from 2019 to 2020").all()
    )
    assert not latest["statement"].str.contains("nan").any()
    assert set(latest["years"]) == {"2019 to 2020"} and (latest["of"] > latest["count"]).all()
    shutil.copytree(SAMPLE, tmp_path / "bare", ignore=shutil.ignore_patterns("dfe"))
    bare = opened(tmp_path / "bare")
    without = built(bare, "neighbour_latest")
    assert without["value"].isna().all() and without["statement"].str.contains("needs the DfE's published files").all()
    for name in ("neighbour_standing", "neighbour_trend", "neighbours_reconciled"):
        frame = built(bare, name)
        assert not len(frame) and set(registered()[name].labels) <= set(frame)


TABLES = ("neighbours_supplied", "neighbour_standing", "neighbour_trend", "neighbour_latest", "neighbours_reconciled")


def page(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The notebook's findings on a release of the tables that it needs; that it drew a chart is asserted."""
    specs = {name: spec for name, spec in registered().items() if name in (*TABLES, "placements_at_date")}
    monkeypatch.setattr(release, "registered", lambda: specs)
    release.build_release(data, "salford", QUARTER, "public", 2021).save(folder)
    monkeypatch.setenv(RELEASE_VARIABLE, str(folder))
    notebook = nbformat.read(ROOT / "notebooks" / "06_neighbours.ipynb", 4)
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [item for cell in notebook.cells if cell.cell_type == "code" for item in cell.outputs if "data" in item]
    assert sum("image/png" in item["data"] for item in shown) == 1
    return [item["data"][FINDING_MIME] for item in shown if FINDING_MIME in item["data"]]


def test_the_page_with_no_dfe_files_says_which_are_needed(tmp_path, monkeypatch):
    shutil.copytree(SAMPLE, tmp_path / "data", ignore=shutil.ignore_patterns("dfe"))
    found = page(tmp_path / "data", tmp_path / "out", monkeypatch)
    assert len(found) == 6 and all(one["value"] is None for one in found)
    assert sum("not available: needs the DfE's published files" in one["statement"] for one in found) == 5


def test_the_page_with_the_published_rows_of_salford(tmp_path, monkeypatch):
    if not FIXTURE.is_dir():
        pytest.skip("the shared fixture of published DfE rows is not here")
    shutil.copytree(SAMPLE, tmp_path / "data", ignore=shutil.ignore_patterns("dfe"))
    shutil.copytree(FIXTURE, tmp_path / "data" / "dfe")
    found = {one["id"].split(".")[-1]: one for one in page(tmp_path / "data", tmp_path / "out", monkeypatch)}
    assert len(found) == 6
    looked = found["looked_after"]
    assert looked["value"] == pytest.approx(563 * 10_000 / 63_622) and looked["n"] == 63_622
    assert looked["interval"][0] < looked["value"] < looked["interval"][1]
    said = looked["statement"]
    assert "88.5 per 10,000 of the 63,622 children here" in said and "North West 89.8" in said
    assert found["three_or_more"]["value"] == pytest.approx(5100 / 563)
    assert found["reconciled"]["value"] is None and "no year in common" in found["reconciled"]["statement"]
    said = built(opened(tmp_path / "data"), "neighbours_supplied").set_index("item")["text"]
    assert (
        "not the set of the baseline year 2019" in said["Neighbour set"] and "later than the quarter" in said["Years"]
    )
    assert said["No donor in page 04"].startswith("Rochdale: developing No Wrong Door")
