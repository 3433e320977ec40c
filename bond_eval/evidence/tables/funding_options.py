"""Tables of notebook 33: what each option costs, and what would have to be true for it to pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.economics import counterfactuals, net_position, options, scenarios
from bond_eval.economics.appraisal import BENEFIT, COST, adjust_for_optimism, appraise, attributable
from bond_eval.economics.money import Account, Benefit, Kind, Numbers, Withheld, spread
from bond_eval.economics.prices import real_terms
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.dials import APPRAISAL, OPTIONS, dials, worked_table
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.tables.case_for_change import required
from bond_eval.evidence.tables.what_would_change_the_answer import simulated
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

# The case for change of June 2019 states no price base: its own year is taken.
CASE_PRICES = "2019-20"
STOP, PUBLISHED = "Discontinue", ("Full implementation", "Reduced")
AS_GIVEN, AFTER_BIAS = "as given", "after optimism bias"
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
def option_costs(view: View) -> Rows:
    """Each option with its cost, or why its cost cannot be said; then savings that are no part of any programme."""
    rows = []
    for name, option in _options().items():
        if isinstance(option, Withheld):
            rows.append((name, np.nan, np.nan, f"{option.reason}; its net cost takes an assumed figure"))
        else:
            rows.append((name, option.recurrent_000, option.one_off_000, option.note))
    items = options.option_items()
    beside = items[items["group"] == options.BESIDE].itertuples()
    return [*rows, *((f"Beside them: {row.item}", -row.amount_000, np.nan, row.note) for row in beside)]


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
def option_thresholds(view: View) -> Rows:
    """What would have to be true: the option's cost as a share of each published reduction, programme left out."""
    costs = {name: required(_options()[name]).recurrent_000 for name in PUBLISHED}
    reductions = _reductions().items()
    return [(option, name, gross, costs[option] / gross) for name, gross in reductions for option in PUBLISHED]


def _reductions() -> dict[str, float]:
    """Published reductions of placement cost, £000 a year, before the programme's own cost is taken off."""
    case, totals = scenarios.scenarios(), scenarios.totals()
    programme = options.programme_total_000(options.programme_costs())
    found = {}
    for result in (counterfactuals.fixed_in_2019(case), counterfactuals.rebased_as_published(case, totals)):
        position = required(result)
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
        # Half of them would give away few, so that a public reader is told who is affected and not how many.
        Value("affected", "Children, as published", inward=True),
        Value("who", "Who", "text"),
        Value("likely", "Likely if stopped", "text"),
        Value("notice", "Notice", "text"),
        Value("money", "External money lost £000", "thousands"),
        Value("at_most", "At most a year, as the report claims £000", "thousands"),
    ),
    source="data/reference/stopping_risks.csv: BOND report to Cabinet 2021, 3 and 8",
    method="as published",
)
def stopping_risks(view: View) -> pd.DataFrame:
    """The report's own account of stopping, programme by programme."""
    frame = read_reference("stopping_risks.csv")
    rows = frame.rename(columns={"likely_if_stopped": "likely", "money_lost_000": "money"})
    rows[["affected", "money"]] = rows[["affected", "money"]].apply(pd.to_numeric)
    claims = programme_worth().set_index("stopping")["claim"]
    rows["at_most"] = rows["programme"].map(claims.to_dict())
    return rows[["programme", "affected", "who", "likely", "notice", "money", "at_most"]]


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


@table(
    "option_net",
    title="What each option costs in its first year net of what it avoids, on the dials, £000",
    row="an option",
    labels={"option": "Option"},
    values=(
        Value("gross", "Cost £000", "thousands"),
        Value("net", "Costs more than it avoids (less: −) £000", "signed"),
        Value("lower", "Lower £000", "signed"),
        Value("upper", "Upper £000", "signed"),
        Value("pays", "Draws in which it pays for itself", "percent"),
        Value("cheaper", "Draws in which it is cheaper than stopping", "percent"),
        Value("rests_on", "Rests on", "text"),
    ),
    source=SOURCE + "; data/reference/assumptions.csv",
    method="cost less the share kept of the draws of avoided cost (notebook 32); below nought it avoids more",
)
def option_net(view: View) -> Rows:
    """Expected net cost with its interval; what has no published figure is taken from the dials and named."""
    known = dials(OPTIONS)
    found = options.options(options.programme_costs(), options.option_items(), {n: d.mode for n, d in known.items()})
    result = simulated(view)
    avoided = np.asarray(net_position.avoided_000(result.inputs))
    kept = known["kept_after_cut"].draw(np.random.default_rng(view.seed), len(avoided))
    nets = {name: _net(option, avoided, kept) for name, option in found.items()}
    stopped = nets[STOP].draws
    rows = []
    for name, net in nets.items():
        cheaper = np.nan if name == STOP else float((net.draws < stopped).mean())
        rests = "published costs" if name in PUBLISHED else "assumed dials"
        interval = (net.net.mean, net.net.lower, net.net.upper)
        rows.append((name, net.gross_000, *interval, net.chance_it_pays, cheaper, rests))
    return rows


def _net(option: options.Option | Withheld, avoided: Numbers, kept: Numbers) -> options.NetCost:
    share = kept if isinstance(option, options.Option) and option.avoidance_kept is None else None
    net = options.expected_net_cost(option, avoided, kept=share)
    return required(net, "data/reference/assumptions.csv lacks a dial: ")


@table(
    "appraisal",
    title="Each kind of benefit against the whole cost over the report's five years, £000 at the first year's worth",
    row="a kind of benefit, its account and basis",
    labels={"benefit": "Benefit", "account": "Account", "basis": "Basis"},
    values=(
        Value("pv_benefit", "Benefit £000", "thousands"),
        Value("pv_cost", "Cost £000", "thousands"),
        Value("npv", "Net present value £000", "signed"),
        Value("lower", "Lower £000", "signed"),
        Value("upper", "Upper £000", "signed"),
        Value("ratio", "Benefit-cost ratio", "ratio"),
        Value("paid_back", "Draws that pay back in time", "percent"),
    ),
    source="data/reference/assumptions.csv, programme_costs.csv, discount_rates.csv, deflators.csv, optimism_bias.csv",
    method="HM Treasury Green Book: 3.5% a year, constant prices; each row bears the whole cost, so rows do not add",
)
def appraisal_table(view: View) -> Rows:
    """Cashable, avoided and partner benefits apart, fiscal, economic and social apart, with and without optimism bias.

    Benefits are attributed: what would have come anyway and what others did are taken off by the dials.
    """
    rows = []
    for basis in (AS_GIVEN, AFTER_BIAS):
        cost, benefits = _flows(view, basis == AFTER_BIAS)
        for worth in appraise(cost, benefits):
            npv = spread(worth.npv)
            paid = float(np.isfinite(worth.payback).mean())
            means = (float(value.mean()) / 1000 for value in (worth.pv_benefit, worth.pv_cost))
            interval = (value / 1000 for value in (npv.mean, npv.lower, npv.upper))
            labels = (str(worth.kind), str(worth.account), basis)
            rows.append((*labels, *means, *interval, float(worth.ratio.mean()), paid))
    return rows


def _flows(view: View, biased: bool) -> tuple[Numbers, list[Benefit]]:
    """Costs and benefits (£), draws × years, in the prices of the programme table; optimism bias if `biased`."""
    programmes, facts, known = options.programme_costs(), project_facts(), dials(APPRAISAL)
    inputs = simulated(view).inputs
    draws, years = len(inputs["attribution"]), int(known["years"].mode)
    drawn = {name: dial.draw(np.random.default_rng([view.seed, place]), draws)
             for place, (name, dial) in enumerate(known.items())}  # fmt: skip

    def flow(pounds: float | Numbers, side: str, grade: str) -> Numbers:
        adjusted = adjust_for_optimism(pounds, int(known[grade].mode), side)[0] if biased else np.asarray(pounds)
        return np.broadcast_to(np.reshape(adjusted, (-1, 1)), (draws, years))

    def caused(pounds: float, account: Account, share: str) -> Benefit:
        whole = Benefit(np.full(draws, pounds), Kind.PARTNER, account)
        mine = attributable(whole, deadweight=1 - drawn[share], attribution=inputs["attribution"])
        return replace(mine, pounds=flow(mine.pounds, BENEFIT, "grade_other"))

    prices = str(programmes["price_base"].iloc[0])[:7]
    raised = real_terms([1.0], [CASE_PRICES], prices).real[0]
    avoided = net_position.avoided_000(inputs) * 1000 * raised
    benefits = [
        Benefit(flow(facts["outreach_saving"] * 1000, BENEFIT, "grade_cost"), Kind.CASHABLE),
        Benefit(flow(avoided, BENEFIT, "grade_fiscal"), Kind.AVOIDED),
        caused(facts["act_children"] * facts["exploitation_police_health"], Account.FISCAL, "exploitation_prevented"),
        caused(facts["da_claim"] * 1000, Account.ECONOMIC, "victims_prevented"),
        caused(facts["act_children"] * facts["exploitation_social"], Account.SOCIAL, "exploitation_prevented"),
    ]
    return flow(options.programme_total_000(programmes) * 1000, COST, "grade_cost"), benefits


@table(
    "programme_tests",
    title="Is each programme sustainable in its own right, or aligned as support?",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("cost", "Cost a year £000", "thousands"),
        Value("claim", "Its own published claim £000", "thousands"),
        Value("share", "Share of the claim that must be real", "percent"),
        Value("children", "Children a year at the claim's worth of each", "decimal"),
        Value("verdict", "By the test of section 2.2", "text"),
    ),
    source="data/reference/programme_worth.csv and programme_costs.csv: BOND report to Cabinet 2021, 2.2, 3 and 6",
    method="cost ÷ claim; cost ÷ worth of a child",
)
def programme_tests(view: View) -> pd.DataFrame:
    """Section 2.2 asks it of every programme; a claim that needs to be wholly real or more fails it."""
    costs = options.programme_costs().set_index("programme")["amount_000"]
    frame = programme_worth()
    frame["cost"] = frame["programme"].map(costs.to_dict())
    frame = frame.assign(share=frame["cost"] / frame["claim"], children=frame["cost"] / frame["each"])
    frame["verdict"] = [_tested(share) for share in frame["share"]]
    return frame[["programme", "cost", "claim", "share", "children", "verdict"]]


def _tested(share: float) -> str:
    if np.isnan(share):
        return "aligned as support: it claims no benefit of its own"
    if share >= 1:
        return "not in its own right, even if its whole claim is real"
    return f"in its own right, if {formats.percent(share)} of its claim is real"


def own_table(view: View, name: str, *formulas: str) -> pd.DataFrame:
    """The rows of a table of data/reference that are this authority's, the formulas of some columns worked out."""
    frame = worked_table(name, *formulas)
    return frame[frame["authority"] == view.authority.published].reset_index(drop=True)


def programme_worth() -> pd.DataFrame:
    """data/reference/programme_worth.csv: programme, its names elsewhere, claim, worth of each and per child, £000."""
    return worked_table("programme_worth.csv", "claim", "each", "per_child")
