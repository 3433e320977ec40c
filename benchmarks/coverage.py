"""How often the 95% intervals of interrupted time series hold the truth: data/reference/its_coverage.csv.

    PYTHONPATH=. python benchmarks/coverage.py            write the file (about twenty minutes on one core)
    PYTHONPATH=. python benchmarks/coverage.py --check    simulate some cells again and compare them with the file

Each cell is 2,000 seeded series of monthly values without any effect (500 for the methods and impact models that are
there to be compared with). A cell's number is the share of intervals that hold the truth, among the series that are not
refused: counts need 20 events before and 6 after, and neighbouring months must not be too alike.
Processes: "normal": normal errors, first-order autoregressive. "rate": Poisson counts around a rate whose logarithm is
autoregressive (0.8), so that counts have the autocorrelation stated, and vary more than Poisson. "carry-over": Poisson
counts of which the stated share carries over to the next month. "shock": "carry-over" with three and a half months from
the second after the interruption at 0.65 of their rate; the interval ignores it, or models it as a pulse.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator

import numpy as np

from bond_eval.core.places import REFERENCE
from bond_eval.methods.ar1 import FloatArray, integrated
from bond_eval.methods.interrupted import (
    COUNTS,
    FEWEST_AFTER,
    FEWEST_BEFORE,
    IMPACTS,
    LEVEL,
    METHODS,
    SLOPE,
    Model,
    design,
    fitted,
)
from bond_eval.methods.regimes import FILE, MOST_LAG1

SERIES, SEED = 2000, 2021
MONTHS, AFTER, LAGS = (36, 48, 60, 120), (4, 6, 8, 12, 24), (0.0, 0.2, 0.4, 0.6)
MEANS = (2.0, 5.0, 20.0)
LEAST_BEFORE = 24
SHOCK = np.array([0.3, 1.0, 1.0, 1.0, 0.1])  # shares of the months from the second after the interruption
FIELDS = (
    "method",
    "impact",
    "process",
    "mean",
    "months",
    "after",
    "autocorrelation",
    "coverage",
    "simulations",
    "seed",
)
Row = tuple[str, str, str, float, int, int, float, float, int, int]


def autoregressive(rng: np.random.Generator, series: int, months: int, rho: float) -> FloatArray:
    """Standard normal AR(1) errors (series, months), from their stationary distribution."""
    fresh = rng.normal(size=(series, months))
    errors = fresh.copy()
    for month in range(1, months):
        errors[:, month] = rho * errors[:, month - 1] + np.sqrt(1 - rho**2) * fresh[:, month]
    return errors


def normal(rng: np.random.Generator, series: int, months: int, mean: float, rho: float) -> FloatArray:
    """The process "normal"; the mean plays no part."""
    return autoregressive(rng, series, months, rho)


def rate(rng: np.random.Generator, series: int, months: int, mean: float, rho: float) -> FloatArray:
    """Counts whose lag-1 autocorrelation is rho: the rate has memory, and extra variance rho / (memory - rho)."""
    memory = 0.8
    extra = np.log1p(rho / (memory - rho) / mean)
    return rng.poisson(mean * np.exp(autoregressive(rng, series, months, memory) * np.sqrt(extra) - extra / 2)) * 1.0


def carry_over(rng: np.random.Generator, series: int, months: int, mean: FloatArray | float, rho: float) -> FloatArray:
    """Poisson counts with autocorrelation rho: each event of a month recurs in the next with probability rho."""
    means = np.broadcast_to(np.asarray(mean, dtype=float), (months,))
    counts = np.empty((series, months))
    counts[:, 0] = rng.poisson(means[0], series)
    for month in range(1, months):
        kept = rho * min(1.0, means[month] / means[month - 1])
        fresh = means[month] - kept * means[month - 1]
        counts[:, month] = rng.binomial(counts[:, month - 1].astype(int), kept) + rng.poisson(fresh, series)
    return counts


PROCESSES: dict[str, Callable[..., FloatArray]] = {"normal": normal, "rate": rate, "carry-over": carry_over}


def held(method: str, impact: str, y: FloatArray, after: int, pulse: FloatArray | None = None) -> FloatArray:
    """For each series (m, n), 1 where the interval of the mean effect holds 0, 0 where not, NaN where it is refused."""
    from scipy.special import ndtri, stdtrit

    n, model = y.shape[1], Model(method, impact)
    names, x = design(n, n - after, model, pulse)
    contrast = np.where(np.isin(names, (LEVEL, SLOPE)), x[-after:].mean(axis=0), 0.0)
    fit = fitted(model, np.broadcast_to(x, (len(y), *x.shape)), y, np.zeros(n))
    if method.endswith("ar1"):
        wide = integrated(fit.design, fit.response, np.arange(n, dtype=float), contrast[None])
        known = np.isfinite(fit.coefficients).all(axis=1) & (wide.lag1 <= MOST_LAG1)
        return np.where(known, np.abs(wide.below(0.0)[:, 0] - 0.5) <= 0.475, np.nan)
    value = fit.coefficients @ contrast
    error = np.sqrt(np.einsum("i,mij,j->m", contrast, fit.covariance, contrast))
    reach = ndtri(0.975) if np.isinf(fit.degrees) else stdtrit(fit.degrees, 0.975)
    return np.where(np.isfinite(value), np.abs(value) <= reach * error, np.nan)


def drawn(process: str, mean: float, months: int, after: int, rho: float, series: int = SERIES) -> FloatArray:
    """The series of a cell that can be analysed; the same for every method."""
    place = (list(PROCESSES).index(process), int(10 * mean), months, after, int(10 * rho))
    y = PROCESSES[process](np.random.default_rng((SEED, *place)), series, months, mean, rho)
    if process == "normal":
        return y
    return y[(y[:, -after:].sum(axis=1) >= FEWEST_AFTER) & (y[:, :-after].sum(axis=1) >= FEWEST_BEFORE)]


def cells() -> Iterator[tuple[str, float, int, int, float]]:
    """Process, mean, months, after, autocorrelation."""
    for process in PROCESSES:
        for mean in (0.0,) if process == "normal" else MEANS:
            for months in MONTHS:
                for after in AFTER:
                    if months - after >= LEAST_BEFORE:
                        yield from ((process, mean, months, after, rho) for rho in LAGS)


def row(method: str, impact: str, process: str, place: tuple[float, int, int, float], ok: FloatArray) -> Row:
    """A line of the file; series in which nothing settles are refused and are not counted."""
    known = ok[np.isfinite(ok)]
    return (method, impact, process, *place, round(float(np.mean(known)), 3), len(known), SEED)


def cell_rows(process: str, mean: float, months: int, after: int, rho: float) -> list[Row]:
    """Every method in one cell."""
    y = drawn(process, mean, months, after, rho)
    if len(y) < SERIES / 4:  # a cell that few series of its kind reach is left off the map
        return []
    methods, place = tuple(m for m in METHODS if (m in COUNTS) == (process != "normal")), (mean, months, after, rho)
    rows = []
    for impact in IMPACTS:
        # The other count models are there to be compared with, so a change of level is enough for them.
        for method in (m for m in methods if impact == "level" or m in ("newey_west", "ols_ar1", "count_ar1")):
            some = y[: SERIES if method.endswith("ar1") and impact == "level" else SERIES // 4]
            rows.append(row(method, impact, process, place, held(method, impact, some, after)))
    return rows


def shock_rows(mean: float, rho: float, months: int = 66, after: int = 8) -> list[Row]:
    """A shock of the pandemic's length, one month after the interruption, ignored and modelled."""
    pulse = np.zeros(months)
    pulse[months - after + 1 :][: SHOCK.size] = SHOCK
    rng = np.random.default_rng((SEED, 9, int(mean), int(10 * rho)))
    y = carry_over(rng, SERIES, months, mean * (1 - 0.35 * pulse), rho)
    y = y[(y[:, -after:].sum(axis=1) >= FEWEST_AFTER) & (y[:, :-after].sum(axis=1) >= FEWEST_BEFORE)]
    place = (mean, months, after, rho)
    rows = []
    for word, given in (("ignored", None), ("modelled", pulse)):
        for method in ("quasi_poisson", "count_ar1"):
            rows.append(row(method, "level", f"shock {word}", place, held(method, "level", y, after, given)))
    return rows


def main() -> int:
    """Write the map, or check a few of its cells; exit status 1 where they differ."""
    parser = argparse.ArgumentParser(description="Coverage of interrupted time series.")
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = [r for place in list(cells())[::97] for r in cell_rows(*place)]
        lines = set((REFERENCE / FILE).read_text(encoding="utf-8").splitlines())
        differ = [r for r in found if ",".join(map(str, r)) not in lines]
        print(f"{len(found)} cells simulated again, {len(differ)} differ.")
        return 1 if differ else 0
    rows: list[Row] = []
    for place in cells():
        rows += cell_rows(*place)
        print(place, file=sys.stderr)
    write(rows + [r for mean in (2.0, 20.0) for rho in LAGS for r in shock_rows(mean, rho)])
    return 0


def write(rows: list[Row]) -> None:
    """The file, rows in the order they were made."""
    with (REFERENCE / FILE).open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(FIELDS)
        out.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
