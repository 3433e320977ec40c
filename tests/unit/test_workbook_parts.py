"""Parts of the workbook room that need no kernel: names, cleaning, equations, progress, statuses, colours."""

import io
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FINDING_MIME, made_from
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT
from bond_eval.workbook.cells import assess
from bond_eval.workbook.collect import check_schema, collect
from bond_eval.workbook.equations import equation
from bond_eval.workbook.execute import Outcome
from bond_eval.workbook.manifest import git_state
from bond_eval.workbook.pages import weight
from bond_eval.workbook.parameters import declared
from bond_eval.workbook.progress import Bar, Lines, for_terminal
from bond_eval.workbook.publish import TEMPLATES, Pages, _ended, publish
from bond_eval.workbook.safe_html import ALLOWED, clean, words
from bond_eval.workbook.settings import NotebookResult, RunSettings, chosen, notebook_names
from bond_eval.workbook.tidy import Scrubber, tidy

NAMES = ["00_data_quality", "01_placement_trends", "10_costs"]
FINDING = {
    "id": "trends.fewer",
    "statement": "42 children were in outside placements.",
    "questions": ["Q01"],
    "kind": "descriptive",
    "unit": "children",
    "value": 42,
    "interval": [36, 48],
    "no_interval": "",
    "n": 1042,
    "period": "to 30 September 2020",
    "method": "Count",
    "strength": "Complete count",
    "source": "table placements",
    "caveats": [],
    "table": "placements",
    "completeness": "",
    "decision": "",
}


@pytest.mark.parametrize(
    "asked", ["01", "01_placement_trends", "01_placement_trends.ipynb", "notebooks/01_placement_trends.ipynb"]
)
def test_a_notebook_is_known_by_name_file_or_number(asked):
    assert chosen(NAMES, [asked]) == ["01_placement_trends"]


def test_chosen_keeps_the_order_and_means_all_where_nothing_is_asked():
    assert chosen(NAMES, ["10", "00"]) == ["00_data_quality", "10_costs"]
    assert chosen(NAMES, []) == NAMES


@pytest.mark.parametrize(
    ("asked", "nearest"), [("placement_trend", "01_placement_trends"), ("cost", "10_costs"), ("03_x", "")]
)
def test_an_unknown_notebook_is_told_the_nearest(asked, nearest):
    with pytest.raises(InputError, match=f"Notebook '{asked}' is not there: the nearest is {nearest}"):
        chosen(NAMES, [asked])


def test_a_number_that_two_notebooks_share_must_be_written_out():
    with pytest.raises(InputError, match="could be 01_a or 01_b"):
        chosen(["01_a", "01_b"], ["01"])


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no notebook in"):
        notebook_names(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"authority": "../x"}, {"authority": ""}, {"audience": "everyone"}, {"jobs": 0}],
    ids=lambda wrong: str(wrong),
)
def test_settings_that_cannot_be_used_are_refused(wrong):
    usual = {"data": Path("data"), "authority": "salford", "quarter": Quarter(2020, 2)}
    with pytest.raises(InputError):
        RunSettings(**(usual | wrong))


def test_importing_the_workbook_stays_quick():
    code = (
        "import sys, bond_eval.workbook.run, bond_eval.workbook.reference\n"
        "slow = ('papermill', 'nbconvert', 'nbformat', 'matplotlib', 'statsmodels', 'pandas', 'bs4', 'rich')\n"
        "print(*[name for name in slow if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")


# What comes out of a notebook ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see /ho" + "me/jane/a b", "see ~/a b"),
        ("at /ho" + "me/jane", "at ~"),
        ("<td>/t" + "mp/ipykernel_77/12.py:3</td>", "<td>12.py:3</td>"),
        ("'C:\\Us" + "ers\\jane\\data\\x.csv'", "'~\\data\\x.csv'"),
        ("D:\\returns\\x.csv", "x.csv"),
        ("https://www.example.gov.uk/usr/x and 1/2 </p>", "https://www.example.gov.uk/usr/x and 1/2 </p>"),
        ("<f at 0x7f3a5c8e10d0>", "<f at 0x0>"),
        (f"{ROOT}/bond_eval/x.py and {ROOT}", "bond_eval/x.py and ."),
        (f"{sys.prefix}/lib/x.py", "python/lib/x.py"),
    ],
)
def test_scrubber_takes_machine_paths_out_and_leaves_the_rest(text, kept):
    assert Scrubber().text(text) == kept


def test_scrubber_reads_inside_json():
    private = Path("/t" + "mp/bond-x")
    assert Scrubber([private]).value({"a": [f"{private}/y", 3]}) == {"a": ["y", 3]}


def _notebook(*outputs):
    code = new_code_cell("x", execution_count=1, outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("# Why `this`?"), code])


def test_pieces_of_a_stream_are_joined_and_stderr_is_internal():
    streams = [
        new_output("stream", name=name, text=text) for name, text in [("stdout", "a"), ("stdout", "b"), ("stderr", "w")]
    ]
    kept = [
        [(output.name, output.text) for output in tidy(_notebook(*streams), public, Scrubber()).cells[1].outputs]
        for public in (True, False)
    ]
    assert kept == [[("stdout", "ab")], [("stdout", "ab"), ("stderr", "w")]]


def _shown(finding, cells=1):
    return [new_output("display_data", data={FINDING_MIME: finding, "text/plain": "x"})] * cells


def _figure(alt):
    return new_output("display_data", data={"image/png": "AA=="}, metadata={"image/png": {"alt": alt}} if alt else {})


def test_a_notebook_whose_cell_never_ran_is_not_complete_whatever_papermill_says():
    notebook = _notebook()
    notebook.cells[1].execution_count = None
    notebook.cells[1].metadata["papermill"] = {"status": "completed", "start_time": "x"}
    result = assess("01_a", notebook, Outcome("01_a", "", 1.0))
    assert (result.status, result.cell) == ("died", 2)


def test_a_figure_without_text_alternative_makes_a_notebook_incomplete():
    many = [new_output("display_data", data={FINDING_MIME: FINDING | {"id": f"a.b{i}"}}) for i in range(3)]
    assert assess("01_a", _notebook(*many, _figure("A line.")), Outcome("01_a", "", 1.0)).status == "done"
    result = assess("01_a", _notebook(*many, _figure("")), Outcome("01_a", "", 1.0))
    assert (result.status, result.message) == ("incomplete", "The figure of cell 2 has no text alternative.")


@pytest.mark.parametrize("change", [{"interval": [50, 60]}, {"strength": ""}, {"more": 1}])
def test_a_finding_that_is_not_whole_fails_its_notebook(change):
    result = assess("01_a", _notebook(*_shown(FINDING | change)), Outcome("01_a", "", 1.0))
    assert (result.status, result.message) == ("failed", "It shows a finding that is not whole.")


def test_a_cell_that_takes_too_long_is_named():
    notebook = _notebook()
    notebook.cells[1].metadata["papermill"] = {"start_time": "x"}
    result = assess("01_a", notebook, Outcome("01_a", "CellTimeoutError", 1.0, "timed out"))
    assert (result.status, result.message) == ("timed out", "Cell 2 took longer than a cell may.")


def test_one_id_twice_in_one_notebook_is_refused_naming_both_places():
    with pytest.raises(InputError, match=r"trends\.fewer is given by 01_a in cell 2 and by 01_a in cell 2"):
        collect({"01_a": _notebook(*_shown(FINDING, 2))})


def test_collected_findings_keep_their_parts_and_say_where_they_stand():
    assert collect({"01_a": _notebook(*_shown(FINDING))}) == [FINDING | {"notebook": "01_a", "cell": 2, "stage": 1}]


@pytest.mark.parametrize(
    ("unit", "interval", "text"),
    [
        ("children", [36, 48], "Interval: 36 to 48 children"),
        ("£", [190000, 2400000], "Interval: £190,000 to £2.4m"),
        ("share", [0.105, 0.2], "Interval: 10.5% to 20.0%"),
        ("%", [1.25, 3], "Interval: 1.25 to 3.00%"),
        ("days", [10.25, 20], "Interval: 10.3 to 20.0 days"),
    ],
)
def test_an_interval_is_written_in_its_unit(unit, interval, text):
    shown = weight(FINDING | {"unit": unit, "interval": interval})
    assert shown[:2] == [text, "n = 1,042"]


# HTML that is safe to publish ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="java\tscript:alert(1)">x</a>',
        '<a href="//other.example/x">x</a>',
        "<svg onload=alert(1)></svg>",
        '<p style="background:url(//other.example/x)" onclick="x()">y</p>',
        '<iframe src="//other.example"></iframe>',
        "<style>@import 'x'</style>",
        "<!-- <script>1</script> -->",
        '<img src="data:image/svg+xml;base64,AAAA" alt="x">',
    ],
)
@pytest.mark.parametrize("through", [clean, words])
def test_nothing_that_runs_or_calls_out_is_left(attack, through):
    left = through(attack)
    assert not re.search(r"<script|<img|<svg|<iframe|<style|<!--|href|on\w+=|style=", left)


@settings(deadline=None)  # the first call imports nbconvert
@given(st.text(alphabet="<>/\"'= abscriptonhref:!-&;#[]()$*`|\n", max_size=60))
def test_whatever_is_written_only_allowed_elements_come_out(text):
    for element in BeautifulSoup(words(text), "html.parser").find_all(True):
        assert element.name in ALLOWED
        assert not [key for key in element.attrs if key.startswith("on")]


def test_a_link_to_another_host_becomes_its_text_and_address():
    assert words("[the guide](https://www.example.gov.uk/a)") == (
        '<p>the guide<span class="address"> (https://www.example.gov.uk/a)</span></p>\n'
    )


def test_a_link_to_a_notebook_leads_to_its_page():
    assert 'href="02_costs.html#method"' in words("[costs](02_costs.ipynb#method)")


def test_headings_sink_below_the_title_and_keep_their_order():
    assert re.findall(r"<(h\d)>", words("# A\n\n## B\n\n### C")) == ["h2", "h3", "h4"]
    assert re.findall(r"<(h\d)>", words("## B\n\n### C")) == ["h2", "h3"]


def test_a_table_scrolls_can_be_focused_and_has_a_name():
    table = "<table><caption>Children</caption><tbody><tr><td>x</td><td>1,042</td></tr></tbody></table>"
    frame = BeautifulSoup(clean(table), "html.parser").div
    assert (frame["role"], frame["tabindex"], frame["aria-label"]) == ("group", "0", "Children")


def test_columns_of_numbers_are_set_to_the_right_with_their_heading():
    head = "<thead><tr><th>A</th><th>B</th></tr></thead>"
    table = f"<table>{head}<tbody><tr><td>p</td><td>£12.5m</td></tr><tr><td>q</td><td>c</td></tr></tbody></table>"
    cells = BeautifulSoup(clean(table), "html.parser").find_all(["th", "td"])
    assert ["number" in cell.get("class", []) for cell in cells] == [False, True] * 3


@pytest.mark.parametrize(
    ("column", "kind"),
    [(("1,042", "c", "−7%"), "number"), (("c", "x"), "number"), (("more than the model has", "c"), None),
     (("86%", "none"), None), (("31 March 2019", "not stated", "x"), "day"), (("",), None),
     (("w" * 25, "3.5"), "words")],
)  # fmt: skip
def test_a_column_is_set_in_one_way(column, kind):
    """A symbol goes with its column: to the right among numbers, to the left among words."""
    rows = "".join(f"<tr><th>2019</th><td>{text}</td></tr>" for text in column)
    html = f"<table><thead><tr><th>Year</th><th>A</th></tr></thead><tbody>{rows}</tbody></table>"
    label, *cells = BeautifulSoup(clean(html), "html.parser").find_all(["th", "td"])
    told = {cell.get("class", [None])[0] for cell in cells if cell.get_text() != "2019"}
    assert told == {kind} and not label.get("class"), "a label that is a number stays on the left"


def test_equations_are_pictures_with_their_tex():
    display = BeautifulSoup(equation(r"y \le \frac{a}{b}", display=True), "html.parser")
    assert display.img["alt"] == r"y \le \frac{a}{b}" and display.img["src"].startswith("data:image/svg+xml;base64,")
    assert equation("a < b", display=False) == equation("a < b", display=False)
    aligned = equation(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", display=True)
    assert [image["alt"] for image in BeautifulSoup(aligned, "html.parser").find_all("img")] == ["a = b", "c = d"]


def test_tex_beyond_the_pictures_is_shown_as_written():
    assert equation(r"\begin{cases} a < 1 \end{cases}", display=False) == (
        '<code class="math">\\begin{cases} a &lt; 1 \\end{cases}</code>'
    )


def test_equations_inside_text_survive_cleaning():
    assert words("where $D_t$ is *1*").count("<img") == 1


# Colours ---------------------------------------------------------------------------------------------------------

CSS = (TEMPLATES / "bond" / "style.css").read_text(encoding="utf-8")
PAIRS = [
    ("ink", "#fff"),
    ("soft", "#fff"),
    ("soft", "pale"),
    ("soft", "#eef3f8"),
    ("link", "#fff"),
    ("link", "pale"),
    ("link", "#eef3f8"),
    ("link", "#fdf3f2"),
    ("#fff", "blue"),
    ("#fff", "red"),
    ("ink", "#fff4c2"),
    ("ink", "focus"),
    ("green", "#e3f1e8"),
    ("amber", "#fff4c2"),
    ("red", "#fbe4e1"),
    ("#6a1b6d", "pale"),
]


def _colour(name):
    code = name if name.startswith("#") else re.search(rf"--{name}: (#\w+);", CSS)[1]
    assert code in CSS, f"{code} is no longer used"
    code = "".join(c * 2 for c in code[1:]) if len(code) == 4 else code[1:]
    parts = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(text, ground):
    """WCAG 2.2, success criterion 1.4.3 (AA): 4.5 to 1."""
    lighter, darker = sorted((_colour(text), _colour(ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_print_leaves_code_out_and_cuts_no_table():
    printed = CSS[CSS.index("@media print") :]
    assert re.search(r"details\.code[^}]*\{ display: none; \}", printed) and ".table { overflow: visible; }" in printed


# Progress and code state -----------------------------------------------------------------------------------------

RESULT = NotebookResult("01_a", "A", "done", "", None, "", 3, 1, 0, 0, 4.123)


def test_lines_name_each_notebook_and_what_went_wrong(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    lines = for_terminal()
    assert isinstance(lines, Lines)
    lines.begin(["01_a", "02_b"])
    lines.done(RESULT)
    lines.done(NotebookResult("02_b", "B", "failed", "Cell 2 raised KeyError.", 2, "KeyError", 0, 0, 0, 0, 1.0))
    assert stream.getvalue() == "1 of 2: 01_a done in 4.1 s\n2 of 2: 02_b failed in 1.0 s: Cell 2 raised KeyError.\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    bar = for_terminal("Runs")
    assert isinstance(bar, Bar)
    bar.begin(["01_a"])
    assert bar._bar.tasks[0].description == "Runs"
    bar.done(RESULT)
    bar.end()
    assert "01_a done in 4.1 s" in stream.getvalue()


def test_code_state_names_the_commit_and_whether_it_was_changed(tmp_path):
    assert git_state(tmp_path) is None
    for words_ in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words_], check=True, capture_output=True)
    assert git_state(tmp_path)["clean"] is True and len(git_state(tmp_path)["commit"]) == 40
    (tmp_path / "new.txt").write_text("x", encoding="utf-8")
    assert git_state(tmp_path)["clean"] is False
    (tmp_path / "inside").mkdir()
    assert git_state(tmp_path / "inside") is None


# Stages ----------------------------------------------------------------------------------------------------------


def test_a_notebook_says_in_its_metadata_that_it_runs_second(tmp_path):
    path = tmp_path / "41_a.ipynb"
    for metadata, stage in (("{}", 1), ('{"bond_eval": {"stage": 2}}', 2)):
        path.write_text(f'{{"cells": [], "metadata": {metadata}}}', encoding="utf-8")
        assert declared(path).stage == stage
    path.write_text('{"cells": [], "metadata": {"bond_eval": {"stage": 3}}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"41_a\.ipynb says in its metadata that stage is 3: it must be 1 or 2"):
        declared(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as a notebook"):
        declared(path)


def test_a_collected_finding_says_its_stage():
    found = collect(
        {"01_a": _notebook(*_shown(FINDING)), "41_b": _notebook(*_shown(FINDING | {"id": "b.c"}))}, {"41_b": 2}
    )
    assert [(item["notebook"], item["stage"]) for item in found] == [("01_a", 1), ("41_b", 2)]


@pytest.mark.parametrize(
    ("change", "part"),
    [({"stage": 3}, "stage"), ({"cell": 0}, "cell"), ({"interval": [1, 2, 3]}, "interval"), ({"why": ""}, "its parts"),
     ({"interval": None}, "no_interval"), ({"kind": "causal"}, "strength"), ({"completeness": 1.5}, "completeness")],
)  # fmt: skip
def test_a_finding_that_does_not_keep_to_the_schema_is_named(change, part):
    whole = FINDING | {"notebook": "01_a", "cell": 2, "stage": 1}
    check_schema([whole])
    with pytest.raises(InputError, match=rf"Finding trends\.fewer of 01_a in cell .*: {part} is not as"):
        check_schema([whole | change])


# The front page --------------------------------------------------------------------------------------------------

FACTS = {
    "authority": "salford", "authority_name": "Salford <b>city</b>", "published": "salford", "synthetic": True,
    "quarter": "2020-21-Q2", "as_of": "2020-09-30", "audience": "public", "seed": 1, "inputs": [], "issues": {},
}  # fmt: skip
REGISTERED = {"file": "register/cases.csv", "sha256": "0"}
PROVENANCE = {
    "left_out": [], "versions": {"bond-eval": "0"}, "git": None, "command": "bond-eval run", "inputs": [],
    "rows_read": 1, "parameters": {"seed": 1}, "package": "x", "reference": {}, "release": FACTS,
}  # fmt: skip
FRONT = ["00_data", "01_trends", "10_route29", "20_measures", "30_case", "40_claims", "41_answers", "x_own"]


def _site(folder, facts=FACTS, provenance=PROVENANCE, names=FRONT, earlier=None, value=42):
    """Publish notebooks of one finding each but 41, which failed; gives the index and the findings."""
    books = {name: new_notebook(cells=[new_markdown_cell(f"# Why {name}?")]) for name in names}
    results = [replace(RESULT, name=name, status="failed" if name.startswith("41") else "done") for name in names]
    found = [
        FINDING | {"id": f"{name[3:]}.{part}", "statement": f"{part} {value} of {name} <i>.", "notebook": name,
                   "cell": 2, "stage": 1, "value": value, "n": value, "interval": None,
                   "no_interval": "complete count" if value else "not available", "period": f"to {facts['as_of']}"}
        for name in names if not name.startswith("41") for part in ("first", "second")
    ]  # fmt: skip
    publish(Pages(folder, facts, books, results, found, provenance, ["a"], earlier))
    write_json(folder / "findings.json", made_from(facts) | {"findings": found})
    write_json(folder / "manifest.json", provenance)
    return BeautifulSoup((folder / "index.html").read_text(encoding="utf-8"), "html.parser")


def test_the_front_page_has_one_headline_a_notebook_under_five_headings_in_order(tmp_path):
    page = _site(tmp_path)
    groups = [section.h3.text for section in page.select("section.headlines")]
    assert groups == [
        "Placements",
        "Programmes",
        "The whole system",
        "Money",
        "Claims and questions",
        "Other notebooks",
    ]
    first = page.select_one("section.headlines")
    # The quality of the data ends its group.
    assert [item.text for item in first.select(".says")] == ["first 42 of 01_trends <i>.", "first 42 of 00_data <i>."]
    assert "No interval: complete count; n = 42; Strength: Complete count. See the evidence" in first.text
    assert len(page.select(".says")) == 7 and len(page.select(".list li")) == len(FRONT)
    assert [tag.text for tag in page.select(".list .failed")] == ["Failed"]


def test_headings_of_the_front_page_skip_no_level_and_it_runs_no_script(tmp_path):
    for audience in ("public", "internal"):
        page = _site(tmp_path / audience, FACTS | {"audience": audience})
        levels = [int(heading.name[1]) for heading in page.find_all(re.compile(r"^h\d$"))]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert not page.find_all(["script", "i", "b"]) and page.find(id="reading")
        ids = [element["id"] for element in page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert all(page.find(id=link["href"][1:]) for link in page.select('nav.contents a[href^="#"]'))
        assert ("Nothing is withheld" in page.text) == (audience == "internal")


def test_the_front_page_says_what_the_programme_is(tmp_path):
    assert "Route 29, Transforming Care Salford, Achieving Change Together" in _site(tmp_path / "a").text
    other = _site(tmp_path / "b", FACTS | {"published": "", "authority_name": "Elsewhere"}).text
    assert "Here it asks what the records of Elsewhere show" in other and "Route 29," not in other


def test_the_front_page_says_how_many_questions_what_was_supplied_cannot_answer(tmp_path):
    names = ["01_trends", "10_route29"]
    assert "All 2 notebooks ran, each with its findings" in _site(tmp_path / "a", names=names).text
    page = _site(tmp_path / "b", names=names, value=None)
    assert "Of the 6 questions that their findings put, 4 cannot be answered from what was supplied" in page.text


def test_pages_of_published_papers_are_marked_where_nothing_of_the_authority_was_published(tmp_path):
    words = "published papers of Salford, Southampton, Sandwell"
    for folder, published, marked in ((tmp_path / "a", "salford", []), (tmp_path / "b", "", ["30_case", "40_claims"])):
        registered = FACTS | {"published": published, "other_inputs": [REGISTERED]}
        page = _site(folder, registered)
        assert [tag.text for tag in page.select(".headlines .papers")].count(words) == len(marked)
        told = [path.stem for path in sorted((folder / "pages").iterdir()) if words in path.read_text(encoding="utf-8")]
        assert told == marked
        quoting = (folder / "pages" / "20_measures.html").read_text(encoding="utf-8")
        assert ("This page speaks of published papers of Salford, which it quotes." in quoting) == (not published)
    page = _site(tmp_path / "c", registered | {"other_inputs": [], "authority_name": "Elsewhere"})
    told = page.select_one('.headlines a[href="pages/10_route29.html"] ~ .papers').text
    assert told == "a programme of Salford, of which Elsewhere has given no register"
    assert f"This page speaks of {told}." in (tmp_path / "c" / "pages" / "10_route29.html").read_text(encoding="utf-8")


def test_no_line_of_prose_ends_within_a_quarter_or_after_a_minus():
    page = '<title>2020-21-Q2</title><a title="2020-21-Q2">from −£6.48m</a><pre>"2020-21-Q2", −3</pre>'
    assert _ended(page).strip() == page.replace("−£6.48", '<span class="whole">−£6.48</span>')


def test_the_front_page_says_what_changed_since_an_earlier_run_and_leads_to_it(tmp_path):
    before = tmp_path / "2020-21-Q1"
    page = _site(before, FACTS | {"quarter": "2020-21-Q1", "as_of": "2020-06-30"}, value=420)
    assert "No run of an earlier quarter lies beside this one" in page.text and not (before / "changes.html").exists()
    page = _site(tmp_path / "2020-21-Q2", earlier=before)
    heading = page.find(id="changes")
    assert heading.text == "What changed since 2020-21-Q1"
    assert heading.find_next("p").text.startswith("14 findings moved, 14 of them beyond noise")
    moved = heading.find_next("ul")
    assert len(moved.find_all("li")) == 5 and "Before: 420 children" in moved.li.text
    target, _, fragment = moved.a["href"].partition("#")
    assert (tmp_path / "2020-21-Q2" / target).is_file() and fragment == "finding-case.first"
    assert heading.find_next("a", href="changes.html").text.startswith("Everything")
    changes = BeautifulSoup((tmp_path / "2020-21-Q2" / "changes.html").read_text(encoding="utf-8"), "html.parser")
    assert changes.h1.text.startswith("What changed from 2020-21-Q1 to 2020-21-Q2")


def test_what_cannot_be_compared_is_said_and_stops_nothing(tmp_path):
    (tmp_path / "2020-21-Q1").mkdir()
    (tmp_path / "2020-21-Q1" / "findings.json").write_text('{"findings": [{"id": "a"}]}', encoding="utf-8")
    words = _site(tmp_path / "a", earlier=tmp_path / "2020-21-Q1").find(id="changes").find_next("p").text
    assert words == "The run of 2020-21-Q1 lies beside this one, but it cannot be read to be compared."
    part = _site(tmp_path / "b", provenance=PROVENANCE | {"left_out": ["02_x"]}, earlier=tmp_path / "2020-21-Q1")
    assert part.find(id="changes").find_next("p").text.startswith("Only part of the workbook was run")


def test_earlier_runs_are_of_the_same_authority_and_edition_and_of_earlier_quarters(tmp_path):
    for name in ("2018-19-Q4", "2020-21-Q1", "2020-21-Q2", "2020-21-Q3", "2020-21-Q1-internal", ".2020-21-Q1.x"):
        (tmp_path / "salford" / name).mkdir(parents=True)
    names = {
        audience: [folder.name for _, folder in RunSettings(Path("d"), "salford", Quarter(2020, 2), tmp_path,
                   audience=audience).earlier_runs()]
        for audience in ("public", "internal")
    }  # fmt: skip
    assert names == {"public": ["2018-19-Q4", "2020-21-Q1"], "internal": ["2020-21-Q1-internal"]}
