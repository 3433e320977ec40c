"""The funding options of 2021 and their expected net cost."""

import numpy as np
import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Withheld
from bond_eval.economics.options import (
    expected_net_cost,
    full_cost_000,
    notice_000,
    option_items,
    options,
    programme_costs,
)

CUT = "Full less: "


@pytest.fixture
def found():
    return options(programme_costs(), option_items(), {"route29_cut_000": 100.0, "redundancy_each_000": 10.0})


def test_published_costs(found):
    assert found["Full implementation"].recurrent_000 == 2_591 == full_cost_000(programme_costs(), option_items())
    assert found["Reduced"].recurrent_000 == 2_419
    cuts = {name.removeprefix(CUT): option.recurrent_000 for name, option in found.items() if name.startswith(CUT)}
    assert cuts == {
        "Perpetrator contract not renewed": 2_483,
        "Domestic abuse contracts ended at renewal": 2_414,
        "Route 29 staffing reduced": 2_491,
    }


def test_a_saving_on_a_service_that_no_programmes_cost_holds_comes_off_no_option(found):
    """Source: the report, 8 and the table of programme costs, which has no outreach team: 2,791 without it."""
    beside = option_items().query("group == 'beside'")
    assert beside[["item", "amount_000"]].to_numpy().tolist() == [["Rest of the outreach team", 785]]
    assert not any("outreach" in name for name in found)


def test_stopping_has_a_cost_in_the_year(found):
    assert notice_000(option_items()) == 88.5
    assert (found["Discontinue"].recurrent_000, found["Discontinue"].one_off_000) == (0, 88.5 + 350)


def test_what_is_not_published_is_withheld_and_named():
    bare = options(programme_costs(), option_items())
    assert bare[f"{CUT}Route 29 staffing reduced"].missing == ("route29_cut_000",)
    assert bare["Discontinue"].missing == ("redundancy_each_000",)
    assert sum(isinstance(option, Withheld) for option in bare.values()) == 2
    assert isinstance(expected_net_cost(bare["Discontinue"], [1.0]), Withheld)


def test_expected_net_cost_of_a_distribution(found):
    avoided = np.array([0.0, 1_000.0, 2_000.0, 4_000.0])
    net = expected_net_cost(found["Full implementation"], avoided)
    assert net.net.mean == 2_591 - 1_750 and net.chance_it_pays == 0.25 and net.gross_000 == 2_591
    assert net.net.lower < 0 < net.net.upper
    assert expected_net_cost(found["Discontinue"], avoided).net.mean == 438.5
    half = expected_net_cost(found["Full implementation"], avoided, kept=0.5)
    assert half.net.mean == 2_591 - 875


def test_a_cut_needs_to_say_what_it_does_to_avoided_cost(found):
    cut = found[f"{CUT}Domestic abuse contracts ended at renewal"]
    assert expected_net_cost(cut, [1.0]).missing == ("avoidance_kept",)
    assert expected_net_cost(cut, [1_000.0, 1_000.0], kept=0.8).net.mean == 1_614
    with pytest.raises(ValueError, match="from 0 to 1"):
        expected_net_cost(cut, [1.0], kept=1.5)


def test_a_planted_change_or_gap_shows():
    programmes = programme_costs()
    programmes.loc[0, "amount_000"] += 7
    assert full_cost_000(programmes, option_items()) == 2_598
    programmes.loc[0, "amount_000"] = float("nan")
    with pytest.raises(InputError, match="no cost"):
        options(programmes, option_items())
    for bad in ({"route29_cut_000": 9_999.0}, {"redundancy_each_000": -1.0}):
        with pytest.raises(ValueError):
            options(programme_costs(), option_items(), bad)
