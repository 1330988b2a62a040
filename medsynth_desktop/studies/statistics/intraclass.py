"""Intraclass correlation: how much of the spread of scores is the cases' own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from medsynth_desktop.core.wilson import CONFIDENCE
from medsynth_desktop.studies.statistics.estimate import Estimate, not_defined

Form = Literal["ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"]
FORMS: tuple[Form, ...] = get_args(Form)
ROUNDING = 1e-12
"""Share of the whole spread below which a part of it is none: rounding leaves so much of what is exactly nothing."""
CONSTANT = "each reader gave every case the same score, so nothing tells the cases apart"
LEVEL = "all cases have the same mean score, so nothing of the spread is their own"


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """The analysis of variance of ``cases`` x ``readers`` complete scores.

    Attributes
    ----------
    between, within
        Of cases; within cases (one way).
    readers_, residual
        Of readers; what is left (two ways).
    """

    between: float
    within: float
    readers_: float
    residual: float
    cases: int
    readers: int


def mean_squares(scores: np.ndarray) -> MeanSquares:
    """Return the mean squares of (readers, cases) complete ``scores``, at least two of each."""
    readers, cases = scores.shape
    grand = scores.mean()
    by_case = readers * float(((scores.mean(axis=0) - grand) ** 2).sum())
    by_reader = cases * float(((scores.mean(axis=1) - grand) ** 2).sum())
    total = float(((scores - grand) ** 2).sum())
    rest = total - by_case - by_reader
    by_case, by_reader, rest = (
        part if part > ROUNDING * total else 0.0 for part in (by_case, by_reader, rest)
    )
    return MeanSquares(
        between=by_case / (cases - 1),
        within=(by_reader + rest) / (cases * (readers - 1)),
        readers_=by_reader / (readers - 1),
        residual=rest / ((cases - 1) * (readers - 1)),
        cases=cases,
        readers=readers,
    )


def intraclass(ratings: np.ndarray) -> dict[Form, Estimate]:
    """Return the six intraclass correlations of (readers, cases) ``ratings``; cases with a NaN take no part.

    ICC(1,.): each case has its own readers; ICC(2,.): the readers are a sample, and their levels count (absolute
    agreement); ICC(3,.): these readers only, levels aside (consistency); (.,1) of one reader, (.,k) of the mean of all.
    For a reader study ICC(2,1) is the one to report (Koo and Li 2016, Journal of Chiropractic Medicine 15:155).

    Notes
    -----
    Shrout and Fleiss 1979, Psychological Bulletin 86:420, intervals included: exact F of forms 1 and 3, Satterthwaite's
    approximation for form 2. They take the scores for normal; of four options they are not, so read the intervals as
    approximate (`tests/benchmarks/bench_reader_studies.py` measures how far). Not defined where no score
    varies, or no reader tells cases apart.
    """
    table = np.asarray(ratings, float)
    if table.ndim != 2:
        raise ValueError(f"ratings must be readers x cases; got {table.ndim} axes")
    table = table[:, ~np.isnan(table).any(axis=0)]
    readers, cases = table.shape
    if readers < 2:
        return dict.fromkeys(FORMS, not_defined("one reader alone cannot agree", cases))
    if cases < 2:
        return dict.fromkeys(FORMS, not_defined("fewer than two cases were rated by all readers", cases))
    if np.ptp(table) == 0:
        return dict.fromkeys(FORMS, not_defined("all scores are the same, so there is no variation", cases))
    squares = mean_squares(table)
    if squares.between <= 0 and squares.residual <= 0:
        return dict.fromkeys(FORMS, not_defined(CONSTANT, cases))
    return {
        "ICC(1,1)": _ratio(squares, squares.within, cases * (readers - 1), single=True),
        "ICC(2,1)": _absolute(squares, single=True),
        "ICC(3,1)": _ratio(squares, squares.residual, (cases - 1) * (readers - 1), single=True),
        "ICC(1,k)": _ratio(squares, squares.within, cases * (readers - 1), single=False),
        "ICC(2,k)": _absolute(squares, single=False),
        "ICC(3,k)": _ratio(squares, squares.residual, (cases - 1) * (readers - 1), single=False),
    }


def _ratio(squares: MeanSquares, error: float, freedom: int, *, single: bool) -> Estimate:
    """Forms 1 and 3: a ratio of F alone."""
    ratio = squares.between / error if error > 0 else math.inf
    low = ratio / _f(squares.cases - 1, freedom)
    high = ratio * _f(freedom, squares.cases - 1)
    return _estimate(
        [_correlation(f, squares.readers if single else 1, single) for f in (ratio, low, high)], squares
    )


def _correlation(ratio: float, readers: int, single: bool) -> float:
    """(F - 1) / (F + k - 1) of a single reader, (F - 1) / F of the mean of all."""
    if math.isinf(ratio):
        return 1.0
    below = ratio + readers - 1 if single else ratio
    return (ratio - 1) / below if below else -math.inf


def _absolute(squares: MeanSquares, *, single: bool) -> Estimate:
    """Form 2: absolute agreement, readers a sample."""
    n, k = squares.cases, squares.readers
    between, level, error = squares.between, squares.readers_, squares.residual
    whole = between + (k - 1) * error + k * (level - error) / n
    if whole <= 0:
        return not_defined("neither cases nor readers differ by more than chance answers do", n)
    value = (between - error) / whole
    if error <= 0 and level <= 0:
        return _estimate([1.0, 1.0, 1.0], squares)
    ratio = level / error if error > 0 else math.inf
    slope = n * (1 + (k - 1) * value) - k * value
    # Satterthwaite's degrees of freedom; with no residual the readers' levels are all there is
    top = (k * value * ratio + slope) ** 2
    freedom = (
        (n - 1) * (k - 1) * top / ((n - 1) * (k * value * ratio) ** 2 + slope**2)
        if error > 0
        else float(k - 1)
    )
    upper, lower = _f(n - 1, freedom), _f(freedom, n - 1)
    spare = k * level + (k * n - k - n) * error
    low = _over(n * (between - upper * error), upper * spare + n * between)
    high = _over(n * (lower * between - error), spare + n * lower * between)
    made = [value, low, high]
    return _estimate(made if single else [_over(k * icc, 1 + icc * (k - 1)) for icc in made], squares)


def _over(top: float, below: float) -> float:
    """``top / below``, or the end of the scale that it runs to as ``below`` falls to nothing."""
    return top / below if below > 0 else math.copysign(1.0, top)


def _f(top: float, bottom: float) -> float:
    """The quantile of F that leaves half of what `CONFIDENCE` leaves above it."""
    from scipy.special import fdtri

    return float(fdtri(top, bottom, (1 + CONFIDENCE) / 2))


def _estimate(made: list[float], squares: MeanSquares) -> Estimate:
    """The value and its ends; without an interval where nothing but the cases varies, or all but them."""
    value, low, high = made
    if squares.between <= 0:
        return (
            Estimate(value, cases=squares.cases, undefined=LEVEL)
            if math.isfinite(value)
            else not_defined(LEVEL, squares.cases)
        )
    if squares.residual <= 0 and squares.readers_ <= 0:
        return Estimate(
            value, cases=squares.cases, undefined="all readers agree, so their spread cannot be seen"
        )
    # the mean of readers who contradict each other can lie below -1, where ends tell no more: cut, but never inside it
    low, high = min(max(low, -1.0), value), min(max(high, value), 1.0)
    return Estimate(value, low, high, "F interval of Shrout and Fleiss", squares.cases)
