"""Evaluation questions answered from findings alone: which carry them, how strongly, and what is said where none do."""

import json
from pathlib import Path

import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.findings import made_from, questions
from bond_eval.core.places import ROOT
from bond_eval.evidence import answers
from bond_eval.evidence import found as found_module
from bond_eval.evidence.found import Found, find_findings, link, second_stage

ASKED = [id for id, row in questions().items() if row["kind"] in ("question", "scope")]


def finding(id, question, **other):
    usual = {
        "id": id, "statement": f"The finding {id} says so.", "questions": [question], "kind": "descriptive",
        "value": 42, "unit": "children", "interval": None, "no_interval": "complete count", "n": 42, "cell": 9,
        "strength": "Complete count", "method": "count", "notebook": f"10_{id.split('.')[0]}", "stage": 1,
        "source": "table a", "table": "a", "period": "to 30 September 2020", "caveats": [],
        "completeness": "", "decision": "",
    }  # fmt: skip
    return usual | other


def named(id):
    """The id of a finding that can carry a question."""
    start = (answers.RULES[id].carried or ("a",))[-1]
    return f"{start}.of_{id.lower()}"


def one_each(**other):
    """A finding for each question, of a notebook of its own, that can carry it."""
    return Found(tuple(finding(named(id), id, **other) for id in ASKED))


def shown(found, column="answer"):
    table = second_stage("evaluation_answers", found, "public")
    return dict(zip(table.label("question"), table.texts(column), strict=True))


def test_all_ten_questions_and_the_four_of_the_scope_have_a_rule_and_a_line_of_2020():
    assert list(answers.RULES) == ASKED and len(ASKED) == 14
    assert all(questions()[id]["dartington_2020"] for id in ASKED if id.startswith("Q"))
    drawn = {draw for rule in answers.RULES.values() for draw in rule.draws}
    assert drawn <= set(questions())


def test_without_findings_every_question_says_what_it_needs():
    for id, text in shown(Found(())).items():
        assert text == f"Cannot be answered: needs {questions()[id]['data_needed']}."
    assert set(shown(Found(()), "strength").values()) == {"None"}
    summary = second_stage("answer_summary", Found(()), "public")
    assert [int(cell.value) for cell in summary.cells("answered")] == [0, 0]


def test_an_answer_quotes_what_bears_on_it_and_nothing_else():
    answered = shown(one_each())
    for id in ASKED:
        assert f"The finding {named(id)} says so." in answered[id] and "needs" not in answered[id]
    assert f"The finding {named('Q01')}" not in answered["Q09"]


@pytest.mark.parametrize("gone", ASKED)
def test_a_missing_input_turns_its_questions_and_nothing_else(gone):
    """A notebook whose input is absent says so in a finding without a value."""
    found = one_each()
    lost = {"value": None, "no_interval": "not available"}
    without = found.only(item | lost if gone in item["questions"] else item for item in found)
    before, after = shown(found), shown(without)
    changed = {id for id in ASKED if before[id] != after[id]}
    # A question may draw on a metric or question besides its own, so others lose that sentence and no more.
    assert changed == {id for id in ASKED if gone in answers.RULES[id].draws}
    for id in changed:
        only = set(answers.RULES[id].draws) & set(ASKED) == {gone}
        assert after[id].startswith("Cannot be answered: needs ") == only
    assert after[gone].startswith("Cannot be answered") or len(set(answers.RULES[gone].draws) & set(ASKED)) > 1


def test_findings_beside_the_point_do_not_carry_a_question():
    """What placements cost is no value for money, nor is a forecast of beds an unmet need."""
    for id in ("Q05", "Q09", "Q10", "E4"):
        assert shown(Found((finding("placement_forecast.beds", id),)))[id].startswith("Cannot be answered: needs ")
        both = Found((finding("placement_forecast.beds", id), finding(named(id), id)))
        assert "placement_forecast.beds says so" in shown(both)[id] and "needs" not in shown(both)[id]


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("table a, from data/reference/assumptions.csv, its published values from facts.csv", False),
        ("table a, from data/reference/assumptions.csv; the programme register linked to SSDA903 episodes", True),
        ("table a, from the authority's finance files and SSDA903 episodes; data/reference/published.csv", True),
    ],
)
def test_the_projects_own_tables_are_not_the_authoritys_data(source, own):
    found = Found((finding("cost_avoidance.b", "Q09", kind="economic", source=source),))
    assert answers.grade(found) == (answers.DESCRIBED if own else answers.REPORTED)
    assert answers.answerable("Q09", found) == own


def test_a_failed_notebook_is_named_beside_what_is_needed():
    found = Found((), {"21_equity": "Cell 5 raised ValueError; the cells after it did not run.", "99_other": "x"})
    assert shown(found)["Q02"].endswith(
        "In this run no findings came from 21_equity (Cell 5 raised ValueError; the cells after it did not run)."
    )
    assert "21_equity" not in shown(found)["Q05"] and "99_other" not in " ".join(shown(found).values())


def causal(level, method):
    return finding(
        "t.b", "Q07", kind="causal", strength=f"Maryland {level}", method=method, interval=[30, 50], no_interval=""
    )


@pytest.mark.parametrize(
    ("item", "grade", "opening"),
    [
        (finding("t.b", "Q07"), "Description", "Whether the programmes made the difference is not shown"),
        (causal(1, "before and after"), "Weak design (Maryland 1)", "The design is weak (Maryland 1"),
        (causal(2, "adjusted"), "Weak design (Maryland 2)", "The design is weak (Maryland 2"),
        (causal(3, "comparison group"), "Comparison group (Maryland 3)", "A comparison stands behind this answer"),
        (causal(4, "natural experiment"), "Comparison group (Maryland 4)", "There is strong evidence"),
        (finding("t.b", "Q07", kind="reconciliation"), "None", "Cannot be answered"),
        (finding("t.b", "Q07", no_interval="published claim"), "None", "Cannot be answered"),
        (finding("t.b", "Q07", kind="qualitative", no_interval="qualitative"), "None", "Cannot be answered"),
    ],
)  # fmt: skip
def test_the_wording_follows_the_strongest_design(item, grade, opening):
    found = Found((item,))
    assert shown(found, "strength")["Q07"] == grade
    assert shown(found)["Q07"].startswith(opening)
    strong = "Maryland 4" in grade
    assert ("strong evidence" in " ".join(shown(found).values())) == strong


def test_published_figures_carry_only_questions_about_what_was_published():
    published = one_each(kind="reconciliation", no_interval="published claim")
    answered = {id for id, text in shown(published).items() if not text.startswith("Cannot")}
    assert answered == {id for id, rule in answers.RULES.items() if rule.elsewhere}


def test_what_speaks_against_is_quoted_and_its_absence_is_said():
    items = (finding("baseline_cohorts.outside_left", "M1a"), finding("baseline_cohorts.net_change", "M1b"))
    assert shown(Found(items), "against")["Q01"] == "The finding baseline_cohorts.net_change says so."
    assert shown(Found(items[:1]), "against")["Q01"] == answers.UNOPPOSED
    assert shown(Found(()), "against")["Q01"] == answers.UNANSWERED
    assert shown(one_each(), "against")["Q04"] == answers.UNCHOSEN
    for said in ("more differences than chance alone would give", "no clear difference between groups"):
        found = Found((finding("equity.route29", "Q02", statement=f"Route 29. In all: {said}."),))
        assert shown(found, "against")["Q02"] == (found.statements[0] if "more" in said else answers.UNOPPOSED)


@pytest.mark.parametrize(("compared", "words"), [(0, "so none says"), (1, "the others do not say"), (10, "each says")])
def test_bearing_on_a_question_is_not_said_to_answer_what_was_caused(compared, words):
    text = answers.summed_up(10, 10, compared, "questions of Appendix 4")
    assert text.startswith("Of the 10 questions of Appendix 4, 10 have findings that bear on them; ") and words in text


def test_findings_that_lead_come_first_and_those_without_a_value_last():
    items = (
        finding("z.a", "Q01"), finding("placement_trends.now", "Q01"), finding("baseline_cohorts.left", "Q01"),
        finding("did_the_trend_change.none", "Q01", value=None, no_interval="not available"),
    )  # fmt: skip
    order = answers.draws_on("Q01", Found(items)).ids
    assert order == ["baseline_cohorts.left", "placement_trends.now", "z.a", "did_the_trend_change.none"]
    assert Found(items).behind("Q01").ids == order[:3]


def test_a_value_without_an_interval_is_an_answer_and_not_something_that_could_not_be_said():
    told, lost = (finding(f"a.{name}", "Q09", value=value, no_interval="not available")
                  for name, value in (("told", 10_284), ("lost", None)))  # fmt: skip
    assert "could not say" not in shown(Found((told,)), "raised")["Q09"]
    assert shown(Found((told, lost)), "raised")["Q09"].endswith("; and what 1 finding could not say for want of data.")


def test_a_count_of_our_own_beside_lessons_from_elsewhere_is_said_and_does_not_carry_them():
    published = finding("wider_evidence.trial", "E2", kind="reconciliation", no_interval="published claim")
    ours = finding("wider_evidence.stayed_out", "E2", table="stayed_out", statement="Referred to Route 29: 72.")
    assert "nothing of it is measured here" in shown(Found((published,)))["E2"]
    found = Found((published, ours))
    assert "1 finding of our own stands beside them" in shown(found)["E2"]
    assert shown(found, "strength")["E2"] == "Published or judged"
    table = second_stage("evidence_map", found, "public")
    best = dict(zip(table.label("programme"), table.where(question="E2").texts("best"), strict=False))
    assert best == dict.fromkeys(best, "None") | {answers.TOGETHER: "Published or judged", "Route 29": "Description"}
    behind = Found(tuple(finding(f"a.{n}", "Q09") for n in range(9))).behind("Q09")
    assert "The first 8 of 9 findings" in behind._repr_mimebundle_()["text/html"]


def test_the_map_puts_a_programmes_findings_in_its_column():
    found = Found((finding("route29.home", "Q01", notebook="10_route29"), finding("a.b", "Q09", kind="economic")))
    table = second_stage("evidence_map", found, "public")
    cell = {
        (q, p): rank.value
        for q, p, rank in zip(table.label("question"), table.label("programme"), table.cells("rank"), strict=True)
    }
    assert cell["Q01", "Route 29"] == answers.DESCRIBED and cell["Q01", answers.TOGETHER] == answers.NONE
    assert cell["Q09", answers.TOGETHER] == answers.DESCRIBED and len(cell) == 14 * 6
    shown = dict(zip(table.label("question"), table.label("short"), strict=True))
    assert shown["Q09"] == "Q09 Value for money" and all(text.removeprefix(f"{id} ") for id, text in shown.items())


def test_found_filters_cells_intervals_and_table():
    share = finding("a.share", "Q01", unit="share", value=0.5, interval=[0.4, 0.6], no_interval="", kind="causal",
                    strength="Maryland 3")  # fmt: skip
    hidden = finding(
        "b.few", "Q02", value=None, no_interval="too few", statement="Few <b>children</b>.", notebook="03_x"
    )
    found = Found((share, hidden), unlinked=frozenset({"03_x"}))
    assert found.where(question="Q01").ids == ["a.share"] and found.where(kind="causal", notebook="03_x").ids == []
    assert [f"{cell}" for cell in found.cells] == ["50%", "a number withheld (c)"]
    assert found.intervals[1] is None and [str(cell) for cell in found.intervals[0]] == ["40%", "60%"]
    assert found.level == 3 and found.known.ids == ["a.share"]
    html = found._repr_mimebundle_()["text/html"]
    assert '<a href="10_a.ipynb#finding-a.share">' in html and "40.0% to 60.0%" in html and "none: too few" in html
    assert link(hidden, found.unlinked) == "Few &lt;b&gt;children&lt;/b&gt;." and "03_x.ipynb" not in html


def test_six_questions_at_least_have_computed_answers_on_the_reference_quarter():
    path = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "findings.json"
    items = json.loads(path.read_text(encoding="utf-8"))["findings"]
    found = Found(tuple({"stage": 1, **item} for item in items if item.get("stage", 1) == 1))
    answered = {id for id in ASKED if id.startswith("Q") and answers.answerable(id, found)}
    assert {"Q04", "Q06", "Q07", "Q08", "Q09", "Q10"} <= answered


def test_twenty_forty_one_and_forty_two_alone_run_in_the_second_stage():
    staged = {
        path.name[:2]
        for path in (ROOT / "notebooks").glob("*.ipynb")
        if json.loads(path.read_text(encoding="utf-8"))["metadata"].get("bond_eval", {}).get("stage") == 2
    }
    assert staged == {"20", "41", "42"}


def test_outside_a_run_the_committed_findings_of_the_same_data_are_read_and_no_others(tmp_path, monkeypatch):
    """So does nbval; a run reads its own first stage."""
    facts = {"authority": "a", "quarter": "2020-21-Q2", "audience": "public", "seed": 1,
             "inputs": [{"file": "Episodes.csv", "sha256": "1", "rows": 3}]}  # fmt: skip
    second = finding("b.c", "Q01", stage=2)
    kept = made_from(facts) | {"findings": [finding("a.b", "Q01"), second], "earlier": [], "missing": {}}
    committed, run = tmp_path / "reference", tmp_path / "run"
    for folder in (committed, run):
        folder.mkdir()
    (committed / "findings.json").write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setattr(found_module, "REFERENCE_RUN", committed)
    monkeypatch.setattr(found_module, "ROOT", tmp_path)
    assert find_findings(facts, None).ids == ["a.b"], "the first stage's alone"
    for change in ({"seed": 2}, {"inputs": [{"file": "Episodes.csv", "sha256": "2", "rows": 3}]}):
        with pytest.raises(InputError, match="run the workbook first"):
            find_findings(facts | change, None)
    with pytest.raises(InputError, match='"stage": 2'):
        find_findings(facts, run)
    (run / "findings.json").write_text(json.dumps(kept | {"findings": [finding("d.e", "Q02")]}), encoding="utf-8")
    assert find_findings(facts, run).ids == ["d.e"]
