"""Discount factors against those that HM Treasury's Green Book prints."""

import csv
from pathlib import Path

import pytest

from bond_eval.economics.discounting import discount_factors, present_value

FACTORS = Path(__file__).parents[3] / "shared" / "oracles" / "discount_factors.csv"


@pytest.mark.parametrize(
    ("year", "factor"), [(0, 1.0), (1, 0.9662), (5, 0.8420), (10, 0.7089), (20, 0.5026), (30, 0.3563)]
)
def test_printed_factors(year, factor):
    assert round(float(discount_factors(year)), 4) == factor


@pytest.mark.parametrize(("year", "factor"), [(31, 0.3459), (75, 0.0942), (76, 0.0919), (125, 0.0274)])
def test_the_rate_falls_after_years_30_and_75(year, factor):
    assert round(float(discount_factors(year)), 4) == factor


def test_every_year_of_the_table():
    if not FACTORS.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    with FACTORS.open(encoding="utf-8") as stream:
        rows = [(int(row["year"]), float(row["factor"])) for row in csv.DictReader(stream)]
    years, expected = zip(*rows, strict=True)
    assert len(rows) == 126 and discount_factors(years) == pytest.approx(expected, abs=5.1e-7)


def test_health_effects_have_a_rate_of_their_own():
    assert float(discount_factors(10, "health")) == pytest.approx(1.015**-10)


def test_annuity_in_closed_form():
    assert present_value([0.0] + [100.0] * 30) == pytest.approx(100 * (1 - 1.035**-30) / 0.035)
