"""Tables of notebook 33: what each option costs, and what would have to be true for it to pay."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics import counterfactuals, options, scenarios
from bond_eval.economics.money import Withheld
from bond_eval.evidence.registry import Value, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

SOURCE = "data/reference/options.csv and programme_costs.csv: BOND report to Cabinet 2021, 8"


def _options() -> dict[str, options.Option | Withheld]:
    return options.options(options.programme_costs(), options.option_items())


@table(
    "option_costs",
    title="What each option costs the fund in a year, £000",
    row="an option",
    labels={"option": "Option"},
    values=(
        Value("recurrent", "A year £000", "thousands"),
        Value("one_off", "Once £000", "thousands"),
        Value("note", "Standing", "text"),
    ),
    source=SOURCE,
    method="programme costs less savings and cuts; April 2021 prices",
)
def option_costs(view: View) -> pd.DataFrame:
    """Each option with its cost, or why its cost cannot be said."""
    rows = []
    for name, option in _options().items():
        if isinstance(option, Withheld):
            rows.append((name, np.nan, np.nan, option.reason))
        else:
            rows.append((name, option.recurrent_000, option.one_off_000, option.note))
    return pd.DataFrame(rows, columns=["option", "recurrent", "one_off", "note"])


@table(
    "option_thresholds",
    title="Share of the claimed reduction in placement cost that must be real for an option to pay for itself",
    row="an option and published reduction",
    labels={"option": "Option", "reduction": "Claimed reduction"},
    values=(
        Value("gross", "Claimed £000", "thousands"),
        Value("share", "Share that must be real", "percent"),
    ),
    source=SOURCE + "; data/reference/scenarios.csv",
    method="cost of the option ÷ reduction in placement cost before the programme's cost is taken off",
)
def option_thresholds(view: View) -> pd.DataFrame:
    """What would have to be true: the option's cost as a share of each published reduction, programme left out."""
    costs = {n: o.recurrent_000 for n, o in _options().items() if not isinstance(o, Withheld)}
    rows = [
        (option, name, gross, cost / gross)
        for name, gross in _reductions().items()
        for option, cost in costs.items()
        if option in ("Full implementation", "Reduced")
    ]
    return pd.DataFrame(rows, columns=["option", "reduction", "gross", "share"])


def _reductions() -> dict[str, float]:
    """Published reductions of placement cost, £000 a year, before the programme's own cost is taken off."""
    case, totals = scenarios.scenarios(), scenarios.totals()
    programme = options.programme_total_000(options.programme_costs())
    found = {}
    for position in (counterfactuals.fixed_in_2019(case), counterfactuals.rebased_as_published(case, totals)):
        if isinstance(position, Withheld):
            raise InputError(position.reason)
        found[f"Against the do-nothing {position.counterfactual}"] = position.value_000 + programme
        if position.counterfactual == "fixed in 2019":
            found["The same on outside placements and IFAs alone"] = position.parts[1][1] + programme
    return found


@table(
    "stopping_risks",
    title="Who is affected if a programme stops, and what goes with it",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("affected", "Children, as published"),
        Value("who", "Who", "text"),
        Value("likely", "Likely if stopped", "text"),
        Value("notice", "Notice", "text"),
        Value("money", "External money lost £000", "thousands"),
    ),
    source="data/reference/stopping_risks.csv: BOND report to Cabinet 2021, 3 and 8",
    method="as published",
)
def stopping_risks(view: View) -> pd.DataFrame:
    """The report's own account of stopping, programme by programme."""
    frame = read_reference("stopping_risks.csv")
    rows = frame.rename(columns={"likely_if_stopped": "likely", "money_lost_000": "money"})
    rows[["affected", "money"]] = rows[["affected", "money"]].apply(pd.to_numeric)
    return rows[["programme", "affected", "who", "likely", "notice", "money"]]


@table(
    "option_decisions",
    title="Choose if, reverse if, who bears the risk, and by when it would be known",
    row="an option",
    labels={"option": "Option"},
    values=(
        Value("choose_if", "Choose if", "text"),
        Value("reverse_if", "Reverse if", "text"),
        Value("bears_the_risk", "Who bears the risk", "text"),
        Value("known_by", "Known by", "text"),
    ),
    source="data/reference/option_decisions.csv",
    method="a judgement, set out so that it can be argued with",
)
def option_decisions(view: View) -> pd.DataFrame:
    """What would make each option right, and what should make the Cabinet turn back."""
    return read_reference("option_decisions.csv")
