"""One input taken away: the questions that rested on it say what they need, and no other answer changes.

Tables and notebooks are those of the package, in one process and without charts; no kernel is started.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import nbformat
import pytest

import bond_eval
from bond_eval.core.findings import FINDING_MIME, questions
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT
from bond_eval.evidence import answers, book
from bond_eval.evidence.found import Found, second_stage
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import registered
from bond_eval.evidence.release import Release, _facts
from bond_eval.evidence.view import View, load_view
from bond_eval.sample import write_sample

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
COLUMNS = ("answer", "strength", "findings", "against", "raised")


class Tables(dict[str, Protected]):
    """A release's tables, each built when it is first asked for."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view

    def __contains__(self, id: object) -> bool:
        return id in registered()

    def __missing__(self, id: str) -> Protected:
        spec = registered()[id]
        self[id] = protect(spec, spec.build(self.view), self.view.audience)
        return self[id]


def findings(view: View, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Found:
    """What the first-stage notebooks of these names (none: all) find of a view."""
    release, emitted = Release(_facts(view), Tables(view)), []
    with monkeypatch.context() as patched:
        patched.setattr(bond_eval, "open", lambda **opened: book.Book(opened["notebook"], release))
        patched.setattr(book.Book, "chart", lambda *_, **__: None)
        patched.setattr(book, "_display", lambda data, metadata=None: emitted.append(data.get(FINDING_MIME)))
        for name, path in NOTEBOOKS.items():
            notebook, space = nbformat.read(path, 4), {"display": lambda *_: None}
            if notebook.metadata.get("bond_eval", {}).get("stage", 1) == 1 and (not names or name[:2] in names):
                start = len(emitted)
                for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
                    exec(compile(cell.source, name, "exec"), space)
                emitted[start:] = [item | {"notebook": name, "cell": 0, "stage": 1} for item in emitted[start:] if item]
    return Found(tuple(emitted))


def answered(found: Found) -> dict[str, dict[str, Any]]:
    table = second_stage("evaluation_answers", found, "public")
    texts = {name: table.texts(name) if name != "findings" else table.numbers(name) for name in COLUMNS}
    return {id: {name: texts[name][place] for name in COLUMNS} for place, id in enumerate(table.label("question"))}


@pytest.fixture(scope="module")
def view(tmp_path_factory) -> View:
    folder = tmp_path_factory.mktemp("sample") / "data"
    write_sample(folder, children=100)
    return load_view(folder, "salford", Quarter.parse("2020-21-Q2"), "public", 2021)


def check(before: Found, after: Found, turned: set[str]) -> None:
    """`turned` say what they need, each other answer keeps what still stands, untouched questions every word."""
    old, new = answered(before), answered(after)
    gone = set(before.known.ids) - set(after.known.ids)
    told = {item["id"]: item["statement"] for item in before}
    moved = gone | {item["id"] for item in after if item["statement"] != told.get(item["id"])}
    assert gone, "the input is read by nobody"
    for id, was in old.items():
        could, bearing = not was["answer"].startswith(answers.CANNOT), set(answers.draws_on(id, before).ids)
        if id in turned:
            assert could and new[id]["answer"] == f"Cannot be answered: needs {questions()[id]['data_needed']}."
            assert (new[id]["strength"], new[id]["against"]) == ("None", answers.UNANSWERED)
        else:
            assert new[id]["answer"].startswith(answers.CANNOT) != could, f"{id} turned and should not have"
        if not bearing & moved:
            assert new[id] == was, f"{id} rests on nothing that changed"
        assert not [lost for lost in gone if told[lost] in new[id]["answer"]], f"{id} quotes what is no longer known"


def test_without_register_or_measures_their_questions_say_so(view, monkeypatch):
    """Notebooks 22 and 24 alone, so that it is quick (Q07 then rests on the register too); the next takes all."""
    names = ("22", "24")
    before = findings(view, names, monkeypatch)
    check(before, findings(replace(view, register=None), names, monkeypatch), {"Q05", "Q07", "Q10"})
    check(before, findings(replace(view, measures=None), names, monkeypatch), {"E3"})


@pytest.mark.full
def test_each_input_taken_away_turns_its_questions_and_nothing_else(view, monkeypatch):
    before = findings(view, (), monkeypatch)
    assert not [id for id, row in answered(before).items() if row["answer"].startswith(answers.CANNOT)]
    check(before, findings(replace(view, register=None), (), monkeypatch), {"Q02", "Q05", "Q10", "E4"})
    check(before, findings(replace(view, measures=None), (), monkeypatch), {"E3"})
    check(before, findings(replace(view, finance=None), (), monkeypatch), {"Q09"})
    # The DfE's files carry no question by themselves: without them answers stand on a weaker design.
    without = findings(replace(view, neighbours=None), (), monkeypatch)
    check(before, without, set())
    levels = [found.only(answers.draws_on("Q07", found)).known.level for found in (before, without)]
    assert levels[0] > levels[1]
