"""Pass, review or block, and why in words.

Each metric of the policy gives a verdict of its own, and the worst one counts. Whatever the policy says, a
copy of a real image is blocked: thresholds that came from few patients, or were typed, must not let one
leave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from medsynth_desktop.core.records import Nearest, Policy, Threshold, Verdict, VerdictName
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.base import Metric

VERDICTS: tuple[VerdictName, ...] = ("pass", "review", "block")
"""Names of the codes 0, 1, 2."""
PASS, REVIEW, BLOCK = range(3)

COPY_RMSE = 1e-3
"""Below this two images of [-1, 1] differ by an eighth of an 8-bit grey level (2 / 255): one is the other."""
COPY_LACK = 1e-6
"""A correlation above 1 less this is a copy, maybe with another brightness or contrast: no two scans, each with
noise and a position of its own, come so near."""


def judge(nearest: Nearest, policy: Policy) -> Verdict:
    """Judge one image under ``policy``.

    A value strictly beyond the block limit blocks; beyond the review limit it asks for a person, and so does
    a value that is not defined, a metric that is not installed, a policy without any threshold, and one in doubt.
    """
    values = {metric.key: float(metric(nearest)) for metric in METRICS if metric.measured(nearest)}
    findings = [_copy(nearest, values), *(_by_threshold(nearest, values, t) for t in policy.thresholds)]
    if not policy.thresholds:
        findings.append(
            (REVIEW, "No limit is set for this cohort, so nothing else was tested; calibrate it.")
        )
    if policy.doubt:
        findings.append((REVIEW, policy.doubt))
    worst = max(code for code, _ in findings)
    gravest = sorted(findings, key=lambda found: -found[0])
    reasons = tuple(reason for code, reason in gravest if code != PASS) or (_within(values, policy),)
    return Verdict(nearest.id, VERDICTS[worst], reasons, values, nearest, policy.hash)


def judge_many(
    table: Mapping[str, np.ndarray] | np.ndarray, policy: Policy, keys: Sequence[str] | None = None
) -> np.ndarray:
    """Judge many images at once, as `judge` does: fast enough to follow a dragged threshold.

    Parameters
    ----------
    table
        (n,) values by metric key; or an (n, m) array whose columns are ``keys``.
    policy
        The thresholds.
    keys
        Metric of each column; by default those of the policy's thresholds, in their order.

    Returns
    -------
    numpy.ndarray
        (n,) int8: 0 pass, 1 review, 2 block.
    """
    if not isinstance(table, Mapping):
        names = keys if keys is not None else [t.metric for t in policy.thresholds]
        table = dict(zip(names, np.asarray(table, float).T, strict=True))
    count = len(next(iter(table.values()), ()))
    missing = np.full(count, np.nan)
    codes = np.full(count, PASS if policy.thresholds and not policy.doubt else REVIEW, np.int8)
    for threshold in policy.thresholds:
        values = np.asarray(table.get(threshold.metric, missing), float)
        np.maximum(codes, _codes(values, threshold), out=codes)
    codes[is_copy(table.get("rmse", missing), table.get("correlation", missing))] = BLOCK
    return codes


def metrics_table(found: Sequence[Nearest]) -> dict[str, np.ndarray]:
    """Return the (n,) values of every metric that was measured of any, for `judge_many`."""
    return {
        metric.key: np.array([metric(nearest) for nearest in found], float)
        for metric in METRICS
        if not metric.optional or any(metric.measured(nearest) for nearest in found)
    }


def is_copy(rmse: np.ndarray | float, correlation: np.ndarray | float) -> np.ndarray:
    """Return where an image is a copy of a real one, whatever the thresholds; NaN is none."""
    return np.asarray((np.asarray(rmse) < COPY_RMSE) | (np.asarray(correlation) > 1 - COPY_LACK))


def percent(share: float) -> str:
    """Return ``share`` in words, "98.3%", with as many digits as it takes not to say 100% of less than all."""
    for digits in range(3, 12):
        text = f"{100 * share:.{digits}g}"
        if share >= 1 or float(text) < 100:
            break
    return f"{text}%"


def _codes(values: np.ndarray, threshold: Threshold) -> np.ndarray:
    if threshold.metric not in METRICS:
        return np.full(values.shape, REVIEW, np.int8)
    sign = 1 if METRICS[threshold.metric].direction == "high" else -1
    beyond = (sign * values > sign * threshold.review) | np.isnan(values)
    blocked = sign * values > sign * threshold.block
    return np.asarray(beyond.astype(np.int8) + blocked)


def _copy(nearest: Nearest, values: Mapping[str, float]) -> tuple[int, str]:
    rmse, correlation = values.get("rmse", math.nan), values.get("correlation", math.nan)
    if not is_copy(rmse, correlation):
        return PASS, ""
    metric = METRICS["rmse" if rmse < COPY_RMSE else "correlation"]
    whose = metric.neighbour(nearest)
    numbers = f"RMSE {METRICS['rmse'].format(rmse)}, correlation {METRICS['correlation'].format(correlation)}"
    return BLOCK, f"It is a copy of {whose.image if whose else 'a real image'} ({numbers})."


def _by_threshold(nearest: Nearest, values: Mapping[str, float], threshold: Threshold) -> tuple[int, str]:
    if threshold.metric not in METRICS:
        return REVIEW, f"The limit on {threshold.metric!r} cannot be checked: no such metric is installed."
    metric, value = METRICS[threshold.metric], values.get(threshold.metric, math.nan)
    code = int(_codes(np.array([value]), threshold)[0])
    if math.isnan(value):
        return code, " ".join(
            f"{metric.label} is not defined {metric.undefined}".split()
        ) + "; a person must look."
    if code == PASS:
        return code, ""
    whose = metric.neighbour(nearest)
    numbers = (value, threshold.review, threshold.block)
    number, review, block = (metric.format(n, *numbers) for n in numbers)
    subject = f"{metric.label} {number}" + (f" with {whose.image}" if whose else "")
    more = metric.explain(nearest)
    more = f" {more}" if more else ""
    if code == BLOCK:
        return code, f"{subject} is beyond {block}, {_evidence(metric, threshold)}.{more}"
    return code, f"{subject} lies between {review} and {block}, {_doubt(threshold)}.{more}"


def _evidence(metric: Metric, threshold: Threshold) -> str:
    """Say where the block limit comes from, as a clause."""
    if threshold.origin == "typed" or threshold.quantile is None:
        return (
            f"the limit set by {threshold.who} ({threshold.why})"
            if threshold.who
            else "the limit set by hand"
        )
    if (1 - threshold.quantile) * threshold.n < 0.5:
        return f"about the most extreme of {threshold.n} unseen images"
    side = "under" if metric.direction == "high" else "above"
    return f"which {percent(threshold.quantile)} of {threshold.n} unseen images stay {side}"


def _doubt(threshold: Threshold) -> str:
    if threshold.origin == "typed" or threshold.quantile is None:
        return "the limits set by hand; a person must look"
    return f"where {threshold.n} unseen images are too few to tell; a person must look"


def _within(values: Mapping[str, float], policy: Policy) -> str:
    """Say what was tested, for an image that passes."""
    parts = []
    for threshold in policy.thresholds:
        metric, value = METRICS[threshold.metric], values[threshold.metric]
        label = metric.label if metric.label.isupper() else metric.label[0].lower() + metric.label[1:]
        label = "Lowe" + label[4:] if label.startswith("lowe") else label
        limit = f"{'limit' if metric.direction == 'high' else 'at least'} {metric.format(threshold.review, value)}"
        parts.append(f"{label} {metric.format(value, threshold.review)} ({limit})")
    return f"Within every limit: {', '.join(parts)}."
