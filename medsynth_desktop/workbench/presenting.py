"""What the Guard panel says, in words and numbers, without Qt.

Every count, caption, histogram and limit that the view shows is made here, so it can be tested by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medsynth_desktop.core.records import Threshold, VerdictName
from medsynth_desktop.similarity.base import Metric

VERDICTS: tuple[VerdictName, ...] = ("pass", "review", "block")
"""In the order of the guard's codes 0, 1, 2."""
GLYPHS: dict[str, str] = {"pass": "●", "review": "▲", "block": "■"}
"""A shape for each verdict, because colour alone reaches nobody who is colour-blind."""
COUNT_WORDS: dict[str, str] = {"pass": "pass", "review": "need a look", "block": "blocked"}
UNCHECKED = "Not checked"
BINS = 40
"""Bars of a distribution plot: about one per 8 pixels in a 400-pixel dock."""


def verdict_words(verdict: str | None) -> str:
    """Return for instance ``Pass ●``; ``Not checked`` where there is no verdict."""
    return UNCHECKED if verdict is None else f"{verdict.capitalize()} {GLYPHS[verdict]}"


def count_words(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return for instance ``("● 12 pass", "▲ 3 need a look", "■ 1 blocked")``."""
    return tuple(f"{GLYPHS[v]} {counts.get(v, 0):,} {COUNT_WORDS[v]}" for v in VERDICTS)


def unchecked_words(samples: int, checked: int) -> str:
    """Say how many samples of the batch no verdict exists for; empty when all are checked."""
    left = samples - checked
    if left <= 0:
        return ""
    few = "1 sample has" if left == 1 else f"{left:,} samples have"
    return f"{few} not been checked yet; check the batch again."


def caution_words(count: int) -> str:
    """Return for instance ``▲ 2 cautions about these limits``."""
    return f"▲ {count:,} {'caution' if count == 1 else 'cautions'} about these limits"


def reasons_words(count: int) -> str:
    """Return for instance ``2 reasons in full``."""
    return f"{count:,} {'reason' if count == 1 else 'reasons'} in full"


def strange_words(caution: str) -> str:
    """The caution on a model of other patients (`lineage.unknown_training`) in a line; empty without one."""
    return (
        "▲ The model learnt from other patients than these: a copy of one may pass unseen." if caution else ""
    )


STRANGE = "▲ not whom the model learnt from"


def heading_words(title: str, left: str, caution: str) -> str:
    """What is checked against what and how much is left, and below it that the model learnt from others."""
    first = ". ".join(filter(None, (title, left)))
    return "\n".join(filter(None, (first, STRANGE if caution else ""))) if title else ""


def empty_guard_words(cohort: str | None, batch: str | None, samples: int, checked: int) -> str:
    """Say what is missing before the guard can show anything; empty when it can."""
    if cohort is None:
        return "No cohort of real images is open. Import one in the Cohort panel, or open the demo."
    if batch is None or samples == 0:
        return "There are no samples to check. Draw a batch in the Sample panel first."
    if checked == 0:
        return (
            f"The {samples:,} sample{'s' * (samples != 1)} of {batch} {'have' if samples != 1 else 'has'} not been "
            f"compared with the real images of {cohort} yet."
        )
    return ""


def next_step(cohort: str | None, samples: int) -> str:
    """Panel to go to while something is missing, ``Cohort`` or ``Sample``; empty when the batch can be checked."""
    if cohort is None:
        return "Cohort"
    return "" if samples else "Sample"


def step_in(order: Sequence[str], current: str | None, step: int) -> str | None:
    """Return the id ``step`` places after ``current`` in ``order``, held at both ends; None when there is none."""
    if not order:
        return None
    if current not in order:
        return order[0]
    return order[min(max(order.index(current) + step, 0), len(order) - 1)]


def place_words(row: int | None, total: int, by_risk: bool = True) -> str:
    """Return for instance ``3 of 120, riskiest first``; ``by_risk``: whether the rows stand in that order."""
    if row is None:
        return ""
    return f"{row + 1:,} of {total:,}, {'riskiest first' if by_risk else 'as sorted'}"


# -- distributions and thresholds ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Distribution:
    """One plot: shares of batch and unseen patients in common bins, in percent.

    Attributes
    ----------
    edges
        (bins + 1,) rising, in the metric's unit.
    batch, unseen
        (bins,) percent of the finite values of each, summing to 100; zeros where there are none.
    batch_n, unseen_n
        How many finite values stand behind them.
    """

    edges: np.ndarray
    batch: np.ndarray
    unseen: np.ndarray
    batch_n: int
    unseen_n: int


def distribution(
    batch: ArrayLike, unseen: ArrayLike, threshold: Threshold | None = None, bins: int = BINS
) -> Distribution:
    """Histogram two sets of one metric in common bins that reach over both and over the threshold's lines."""
    batch, unseen = _finite(batch), _finite(unseen)
    lines = [] if threshold is None else [threshold.review, threshold.block]
    reach = np.concatenate([batch, unseen, _finite(np.array(lines, float))])
    low, high = (float(reach.min()), float(reach.max())) if reach.size else (0.0, 1.0)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return Distribution(edges, _shares(batch, edges), _shares(unseen, edges), batch.size, unseen.size)


def _finite(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, float)
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(values, edges)[0].astype(float)
    return counts * (100 / values.size) if values.size else counts


def legend_words(found: Distribution) -> tuple[str, str]:
    """Name the two colours of a plot, with how many images stand behind each."""
    return f"Batch, n = {found.batch_n:,}", f"Unseen patients, n = {found.unseen_n:,}"


def ordered_limits(metric: Metric, moved: str, review: float, block: float) -> tuple[float, float]:
    """Keep both limits in the metric's range and block never milder than review: the line that moved pushes the other.

    Parameters
    ----------
    moved
        ``review`` or ``block``: the line that the user dragged.
    """
    low, high = metric.range
    review, block = (min(max(v, low), high) for v in (review, block))
    if metric.beyond(review, block):
        review, block = (review, review) if moved == "review" else (block, block)
    return review, block


def threshold_words(metric: Metric, threshold: Threshold) -> str:
    """Where the numbers come from: calibrated with n, quantile and interval, or typed; who did that and why."""
    if threshold.origin == "typed":
        return _typed_words(threshold)
    parts = [f"Calibrated on {threshold.n:,} unseen images"]
    if threshold.quantile is not None:
        parts.append(f"quantile {threshold.quantile:g}")
    if threshold.interval is not None:
        low, high = threshold.interval
        parts.append(f"95% interval {metric.format(low)} to {metric.format(high)}")
    lifted = f" {threshold.who} lifted a typed limit: {threshold.why}." if threshold.who else ""
    return ", ".join(parts) + "." + lifted


def _typed_words(threshold: Threshold) -> str:
    who = threshold.who or "somebody who was not signed in"
    return f"Typed by {who}: {threshold.why or 'no reason given'}."


def lifted_words(typed: Sequence[tuple[str, Threshold]]) -> str:
    """Name the typed limits, each with its metric's label, that go when the calibrated ones come back."""
    named = [f"{label}, review {t.review:g}, block {t.block:g}. {_typed_words(t)}" for label, t in typed]
    head = "This lifts a typed limit:" if len(typed) == 1 else f"This lifts {len(typed)} typed limits:"
    return "\n".join([head, *named]) if typed else ""
