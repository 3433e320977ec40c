"""Tables of notebook 41: the evaluation questions, and what the findings answer. All but the first are of findings."""

from __future__ import annotations

from bond_eval.core.findings import questions
from bond_eval.evidence import answers
from bond_eval.evidence.found import Found
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.view import View

KINDS = {"question": "Appendix 4", "scope": "Evaluation scope"}
ASKED = {"question": "questions of Appendix 4", "scope": "items of the evaluation's scope"}
SHORT = {
    "Q01": "Foreseen outcomes reached",
    "Q02": "Every group of children",
    "Q03": "How and why",
    "Q04": "Circumstances, side effects",
    "Q05": "A whole-systems way",
    "Q06": "What makes it last",
    "Q07": "Better outcomes for children",
    "Q08": "The right outcomes captured",
    "Q09": "Value for money",
    "Q10": "Unmet need, spare capacity",
    "E1": "Trends and cost",
    "E2": "Lessons from elsewhere",
    "E3": "Cases and children's voice",
    "E4": "Evidence of others",
}
OF_FINDINGS = "findings.json of the first stage; data/reference/questions.csv"
METHOD = "rules by question and kind of finding; strength on the Maryland scale where a finding is causal"


@table(
    "evaluation_questions",
    title="What was asked of the evaluation: questions, strategies, metrics, dates, scope, principles and claims",
    row="a thing asked",
    labels={"kind": "Kind", "id": "Id"},
    values=(
        Value("text", "In our words", "text"),
        Value("source", "Source", "text"),
        Value("data_needed", "Data needed", "text"),
    ),
    source="data/reference/questions.csv",
    method="read from the published documents",
)
def evaluation_questions(view: View) -> Rows:
    """Every id that a finding may bear on."""
    return list(questions().values())


@table(
    "evaluation_answers",
    title="The evaluation questions, answered from findings",
    row="a question",
    labels={"of": "Asked in", "question": "Question"},
    values=(
        Value("text", "What is asked", "text"),
        Value("answer", "Answer", "text"),
        Value("strength", "Strength", "text"),
        Value("findings", "Findings with a value", children=False),
        Value("against", "What contradicts it", "text"),
        Value("raised", "What would raise it", "text"),
        Value("in_2020", "What Dartington wrote in 2020", "text"),
    ),
    source=OF_FINDINGS,
    method=METHOD,
    of_findings=True,
)
def evaluation_answers(found: Found) -> Rows:
    """The ten questions of Appendix 4 and the four items of the evaluation's scope."""
    rows = []
    for id in answers.RULES:
        asked = questions()[id]
        rows.append(
            {
                "of": KINDS[asked["kind"]],
                "question": id,
                "text": asked["text"],
                "answer": answers.answer(id, found),
                "strength": answers.strength(id, found),
                "findings": len(answers.draws_on(id, found).known),
                "against": answers.contradicts(id, found),
                "raised": answers.would_raise(id, found),
                "in_2020": asked["dartington_2020"] or "Nothing on this.",
            }
        )
    return rows


@table(
    "answer_summary",
    title="How many questions have findings that bear on them, and how strong",
    row="where the questions were asked",
    labels={"of": "Asked in"},
    values=(
        Value("asked", "Asked", children=False),
        Value("answered", "With findings that bear on them", children=False),
        Value("compared", "With a comparison group", children=False),
        Value("open", "Without", "text"),
        Value("statement", "In words", "text"),
    ),
    source=OF_FINDINGS,
    method=METHOD,
    of_findings=True,
)
def answer_summary(found: Found) -> Rows:
    """Questions asked, answered, and answered by a design with a comparison group."""
    rows = []
    for kind, of in KINDS.items():
        ids = [id for id in answers.RULES if questions()[id]["kind"] == kind]
        met = [id for id in ids if answers.answerable(id, found)]
        compared = [id for id in met if answers.grade(answers.draws_on(id, found)) == answers.COMPARED]
        said = answers.summed_up(len(ids), len(met), len(compared), ASKED[kind])
        rows.append((of, len(ids), len(met), len(compared), ", ".join(sorted(set(ids) - set(met))) or "none", said))
    return rows


@table(
    "evidence_map",
    title="Evidence map: the best evidence on each question, by programme",
    row="a question and programme",
    labels={"question": "Question", "short": "In short", "programme": "Programme"},
    values=(
        Value("best", "Best evidence", "text"),
        Value("rank", "Rank (1 strongest)", children=False),
        Value("findings", "Findings", children=False),
    ),
    source=OF_FINDINGS,
    method=METHOD,
    of_findings=True,
)
def evidence_map(found: Found) -> Rows:
    """The best grade of evidence of each question and programme; 5 where there is none."""
    rows = []
    for id in answers.RULES:
        bearing = answers.draws_on(id, found)
        for programme in dict.fromkeys((answers.TOGETHER, *answers.programmes().values())):
            mine = bearing.only([item for item in bearing if answers.programme_of(item) == programme])
            rank = answers.grade(mine) if programme == answers.TOGETHER else answers.grade(mine, answers.measured)
            rows.append((id, f"{id} {SHORT[id]}", programme, answers.GRADES[rank], rank, len(mine.known)))
    return rows
