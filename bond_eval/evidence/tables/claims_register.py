"""Tables of notebook 40: every published figure, worked out again."""

from __future__ import annotations

import pandas as pd

from bond_eval.evidence.claims import amount, claims_table
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.view import View

VERDICTS = ("exact", "rounds", "does not reconcile", "contradicts", "not testable")
SOURCE = "data/reference/claims.csv and facts.csv, from the five published documents"
METHOD = "each formula worked out again from the published facts that it names"
OUR_TEST = "our test"  # how the register marks a recalculation that no document publishes


def _register() -> pd.DataFrame:
    frame = claims_table()
    return frame.assign(ours=frame["section"].str.contains(OUR_TEST, regex=False))


@table(
    "claims_by_topic",
    title="Published figures by topic and verdict",
    row="a topic and verdict",
    labels={"topic": "Topic", "verdict": "Verdict"},
    values=(Value("claims", "Figures", children=False),),
    source=SOURCE,
    method=METHOD,
)
def claims_by_topic(view: View) -> Rows:
    """How many published figures of each topic have each verdict; tests of our own are no published figures."""
    claims = _register()
    claims = claims[~claims["ours"]]
    counts = claims.groupby(["topic", "verdict"]).size()
    return [
        (topic, verdict, int(counts.get((topic, verdict), 0)))
        for topic in dict.fromkeys(claims["topic"])
        for verdict in VERDICTS
    ]


@table(
    "claims",
    title="Published figures, each with what comes out when it is worked out again",
    row="a published figure",
    labels={"kind": "Kind", "topic": "Topic", "verdict": "Verdict", "claim_id": "Claim"},
    values=(
        Value("says", "What it says, and where", "text"),
        Value("published", "Published", "text"),
        Value("recomputed", "Worked out", "text"),
        Value("explanation", "Why", "text"),
    ),
    source=SOURCE,
    method=METHOD,
)
def claims(view: View) -> pd.DataFrame:
    """The register, in the order of its topics: quotations of documents, none worked out from children's records."""
    frame = _register()
    frame["kind"] = frame["ours"].map({True: "our test", False: "published"})
    frame["says"] = frame["quote"] + " (" + frame["document"] + ", " + frame["section"] + ")"
    for column in ("published", "recomputed"):
        frame[column] = [amount(*pair) for pair in zip(frame[column], frame["unit"], strict=True)]
    return frame[["kind", "topic", "verdict", "claim_id", "says", "published", "recomputed", "explanation"]]
