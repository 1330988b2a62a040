"""Policies: the thresholds in force, named by the hash of exactly these numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.records import Policy, Threshold
from medsynth_desktop.similarity import METRICS


def make_policy(
    cohort_hash: str, thresholds: Iterable[Threshold], bundle_hash: str = "", doubt: str = ""
) -> Policy:
    """Make a policy of ``thresholds``, in order of their metrics.

    ``bundle_hash`` and ``doubt`` enter the hash only where there are any: a policy of the cohort at large has the
    hash that it had before models could have policies of their own.

    Raises
    ------
    InputRefused
        Two thresholds on one metric, a limit that is not finite, or a review limit beyond the block limit.
    """
    ordered = tuple(sorted(thresholds, key=lambda t: t.metric))
    for one, two in zip(ordered, ordered[1:], strict=False):
        if one.metric == two.metric:
            raise InputRefused(f"A policy has one threshold for each metric; got two for {one.metric!r}.")
    for threshold in ordered:
        _check(threshold)
    document: dict[str, Any] = {
        "cohort": cohort_hash,
        "thresholds": [asdict(threshold) for threshold in ordered],
    }
    document |= {k: v for k, v in (("bundle", bundle_hash), ("doubt", doubt)) if v}
    return Policy(cohort_hash, ordered, hash_json(document), bundle_hash, doubt)


def with_threshold(policy: Policy, metric: str, review: float, block: float, who: str, why: str) -> Policy:
    """Return ``policy`` with a typed threshold on ``metric`` in place of what it had there.

    The evidence of a calibrated threshold (interval, number of images, quantile) does not carry over, since
    the typed numbers do not rest on it. ``who`` and ``why`` are empty only while a limit is being dragged;
    whoever puts a policy in force asks for both.

    Raises
    ------
    InputRefused
        An unknown metric, a limit that is not finite, or a review limit beyond the block limit.
    """
    if metric not in METRICS:
        raise InputRefused(f"There is no metric {metric!r}; choose one of {', '.join(METRICS.keys())}.")
    typed = Threshold(metric, float(review), float(block), "typed", who=who, why=why)
    others = [t for t in policy.thresholds if t.metric != metric]
    return make_policy(policy.cohort_hash, [*others, typed], policy.bundle_hash, policy.doubt)


def threshold_of(policy: Policy, metric: str) -> Threshold | None:
    """Return the threshold on ``metric``, or None."""
    return next((t for t in policy.thresholds if t.metric == metric), None)


def out_of_reach(policy: Policy) -> list[str]:
    """Say which limits block nothing: they lie beyond what an exact copy reaches."""
    said = []
    for limit in (t for t in policy.thresholds if t.metric in METRICS):
        metric = METRICS[limit.metric]
        end = metric.range[metric.direction == "high"]
        if metric.beyond(limit.block, end):
            said.append(
                f"The block limit of {metric.label}, {limit.block:g}, lies beyond {end:g}, where exact copies lie: it "
                "blocks nothing."
            )
    return said


def _check(threshold: Threshold) -> None:
    review, block = threshold.review, threshold.block
    if not (math.isfinite(review) and math.isfinite(block)):
        raise InputRefused(f"Limits are finite numbers; got {review} and {block} for {threshold.metric}.")
    if threshold.metric in METRICS and METRICS[threshold.metric].beyond(review, block):
        side = "at most" if METRICS[threshold.metric].direction == "high" else "at least"
        raise InputRefused(
            f"The review limit of {threshold.metric} is {side} its block limit; got {review:g} and {block:g}."
        )
