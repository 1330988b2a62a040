"""Shares of answers with Wilson intervals: of independent answers, and of answers that come in clusters."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.studies.statistics.estimate import Estimate, not_defined


def share(hits: int, total: int) -> Estimate:
    """Return hits / total with Wilson's interval; not defined where nothing was answered."""
    if not total:
        return not_defined("nothing was answered")
    low, high = wilson_interval(hits, total)
    return Estimate(hits / total, low, high, "Wilson interval", total)


def clustered_share(hits: np.ndarray, total: np.ndarray, most: float | None = None) -> Estimate:
    """Return the share of hits among answers that come in clusters, such as several readers' of one case.

    Parameters
    ----------
    hits, total
        (clusters,) of each cluster how many of its answers are hits, and how many it has. Hits need not be whole: a
        cluster may give the mean of its pairs with a total of 1.
    most
        As how many answers they count at most; all of them without. Pairs of readers, for the mean of pairs.

    Notes
    -----
    Wilson's interval with the effective number of answers p (1 - p) / Var(p), Var(p) being that of a ratio of cluster
    totals (Korn and Graubard 1998, Survey Methodology 24:193; with Wilson's form: Franco, Little, Louis and Slud 2019,
    Journal of Survey Statistics and Methodology 7:334). Where all clusters are alike, which says nothing about how
    they vary, each counts as one answer; it never counts as more answers than there are.
    """
    kept = np.asarray(total, float) > 0
    hits, total = np.asarray(hits, float)[kept], np.asarray(total, float)[kept]
    clusters, answers = len(total), float(total.sum())
    if not clusters:
        return not_defined("nothing was answered")
    value = min(1.0, float(hits.sum() / answers))
    left = hits - value * total
    variance = float((left**2).sum()) / answers**2
    effective = value * (1 - value) / variance if variance > 0 else float(clusters)
    counted = max(1.0, min(effective, answers if most is None else most))
    low, high = wilson_interval(value * counted, counted)
    return Estimate(
        value, low, high, "Wilson interval with the effective number of answers, clustered on cases", clusters
    )
