"""The forms of the finance folder and what can be the matter with their rows."""

from __future__ import annotations

from bond_eval.intake import forms
from bond_eval.intake.forms import Forms, Rule

# rule -> (severity, what was done, what is the matter)
RULES: dict[str, Rule] = {
    **forms.RULES,
    "child_unknown": ("warning", "set aside", "the return has no child of this number"),
    "category_unknown": ("error", "set aside", "no placement category has this name"),
    "amount_unreadable": ("error", "set aside", "no amount, or none that can be read"),
    "amount_negative": ("error", "set aside", "an amount below nothing"),
    "fee_zero": ("warning", "set aside", "a fee of nothing is taken as one that is not known"),
    "fee_very_high": ("warning", "kept", "above £25,000 a week: a yearly amount?"),
    "fee_repeated": ("note", "set aside", "the same fee from the same day again"),
    "fee_replaced": ("warning", "set aside", "another fee from the same day stands further down or in a later file"),
    "fee_without_end": ("warning", "corrected", "no end, and a later fee begins: ends the day before that"),
    "fee_overlap": ("warning", "corrected", "runs into a later fee: ends the day before that begins"),
    "extract_undated": ("error", "set aside", "the extract's last day is not known: write it in the file's name"),
    "outside_year": ("warning", "set aside", "no day of the placement is in the extract's financial year"),
    "unit_cost_zero": ("note", "kept", "stated as nothing, and counted as nothing"),
    "unit_cost_replaced": ("warning", "set aside", "another unit cost from the same day stands further down"),
    "unit_cost_overlap": ("warning", "corrected", "runs into a later unit cost: ends the day before that begins"),
    "line_repeated": ("warning", "kept", "another line has the same heading and month: they add up"),
}
FORMS = Forms("finance_files.csv", RULES)
