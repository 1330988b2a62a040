"""The table that all statistics start from: readers x cases."""

from __future__ import annotations

import numpy as np


def check_ratings(ratings: np.ndarray, options: int) -> np.ndarray:
    """Return ``ratings`` as (readers, cases) float64: numbers of options from 1 to ``options``, NaN where missing.

    Raises
    ------
    ValueError
        Where the table has another form, or holds an answer that is no option.
    """
    table = np.asarray(ratings, float)
    if table.ndim != 2:
        raise ValueError(f"ratings must be readers x cases; got {table.ndim} axes")
    if options < 2:
        raise ValueError(f"a question has at least two options; got {options}")
    given = table[~np.isnan(table)]
    if given.size and not (np.isin(given, np.arange(1, options + 1)).all()):
        raise ValueError(f"ratings must be whole numbers from 1 to {options}, or NaN where there is none")
    return table


def option_counts(ratings: np.ndarray, options: int) -> np.ndarray:
    """(cases, options): how many readers chose each option of each case."""
    return np.stack([(ratings == option).sum(axis=0) for option in range(1, options + 1)], axis=1).astype(
        float
    )


def check_truth(synthetic: np.ndarray, cases: int) -> np.ndarray:
    """Return ``synthetic`` as (cases,) bool: True where a case is synthetic.

    Raises
    ------
    ValueError
        Where it has not one entry for each case.
    """
    truth = np.asarray(synthetic)
    if truth.shape != (cases,) or not np.isin(truth, (0, 1)).all():
        raise ValueError(f"the truth must be {cases} entries of True or False; got the shape {truth.shape}")
    return truth.astype(bool)
