"""What a finding must hold: known questions, a Maryland level that its design allows, modest words, a caveat."""

import json

import pytest

from bond_eval.core.findings import (
    DESIGNS,
    FEW_CAVEAT,
    KINDS,
    MARYLAND,
    NO_INTERVAL,
    SCHEMA,
    Finding,
    design_cap,
    made_from,
    maryland,
    questions,
)

WHOLE = {
    "id": "trends.op", "statement": "There were 42 children in outside placements.", "questions": ("Q01",),
    "kind": "descriptive", "unit": "children", "value": 42.0, "interval": None, "no_interval": "complete count",
    "n": 42, "period": "to 30 September 2020", "method": "count", "strength": "Complete count", "source": "table t",
    "table": "t",
}  # fmt: skip
CAUSAL = WHOLE | {"kind": "causal", "interval": (36.0, 48.0), "no_interval": ""}


def test_the_schema_and_the_package_agree():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = schema["properties"]
    assert set(parts["kind"]["enum"]) == set(KINDS)
    assert set(parts["no_interval"]["enum"]) == {"", *NO_INTERVAL}
    assert set(schema["required"]) == set(parts) == {*Finding(**WHOLE).as_dict(), "notebook", "cell", "stage"}


def test_every_id_of_the_reference_file_is_there_once_with_its_words():
    assert len(questions()) == 46
    kinds = {id: row["kind"] for id, row in questions().items()}
    assert (
        sum(kind == "question" for kind in kinds.values()) == 10
        and kinds["M4b"] == "metric"
        and kinds["F4"] == "finance"
    )
    assert all(row["text"] and row["source"] and row["data_needed"] for row in questions().values())


def test_an_unknown_question_is_refused():
    with pytest.raises(ValueError, match=r"questions stand in questions\.csv"):
        Finding(**WHOLE | {"questions": ("Q01", "Q11")})


@pytest.mark.parametrize(
    ("method", "cap"),
    [
        ("count", 1), ("Uncontrolled before and after, adjusted", 1), ("interrupted time series", 2),
        ("difference-in-differences against a comparison group", 3), ("Synthetic control, placebo in space", 3),
        ("before and after, no comparison group", 1), ("randomised in steps", 5), ("not randomised", 1),
    ],
)  # fmt: skip
def test_a_design_caps_the_level(method, cap):
    assert design_cap(method) == cap
    for level in MARYLAND:
        finding = CAUSAL | {"method": method, "strength": f"Maryland {level}"}
        if level <= cap:
            assert maryland(Finding(**finding).strength) == level
        else:
            with pytest.raises(ValueError, match="Maryland level"):
                Finding(**finding)


@pytest.mark.parametrize("strength", ["strong", "Maryland", "Maryland 6", "Maryland 0", "maryland 1"])
def test_a_causal_finding_needs_a_level_of_the_scale(strength):
    with pytest.raises(ValueError, match="Maryland level"):
        Finding(**CAUSAL | {"strength": strength})


def test_strong_evidence_may_be_said_from_level_four_only():
    words = {"statement": "There is Strong evidence that 42 came home."}
    for finding in (WHOLE | words, CAUSAL | words | {"strength": "Maryland 3", "method": "comparison group"}):
        with pytest.raises(ValueError, match="strong evidence"):
            Finding(**finding)
    Finding(**CAUSAL | words | {"strength": "Maryland 4", "method": "natural experiment"})
    assert set(DESIGNS.values()) <= set(MARYLAND)


@pytest.mark.parametrize(
    ("change", "few"),
    [({"n": 9}, True), ({"n": 10}, False), ({"n": None}, False), ({"n": 0}, True), ({"n": 3, "unit": "rows"}, False),
     ({"n": 7, "unit": "share", "value": 0.5}, True)],
)  # fmt: skip
def test_fewer_than_ten_children_bring_their_caveat(change, few):
    made = Finding(**WHOLE | change)
    assert (FEW_CAVEAT in made.caveats) == few
    again = made.as_dict() | {"caveats": tuple(made.caveats), "questions": tuple(made.questions)}
    assert Finding(**again).caveats == made.caveats, "once, however often it is read back"


def test_what_findings_rest_on_changes_with_each_input_file():
    facts = {"authority": "a", "quarter": "2020-21-Q2", "audience": "public", "seed": 1,
             "inputs": [{"file": "x", "sha256": "1", "rows": 3}]}  # fmt: skip
    assert made_from(facts) == made_from(facts | {"other": 1})
    for change in ({"inputs": []}, {"other_inputs": [{"file": "y", "sha256": "2"}]}, {"seed": 2}):
        assert made_from(facts | change) != made_from(facts)
