"""What the Guard panel says, in words and numbers, without Qt.

Every count, caption, histogram and limit that the view shows is made here, so it can be tested by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medsynth_desktop.core.records import Nearest, Threshold, VerdictName
from medsynth_desktop.similarity.base import Metric

VERDICTS: tuple[VerdictName, ...] = ("pass", "review", "block")
"""In the order of the guard's codes 0, 1, 2."""
GLYPHS: dict[str, str] = {"pass": "●", "review": "▲", "block": "■"}
"""A shape for each verdict, because colour alone reaches nobody who is colour-blind."""
COUNT_WORDS: dict[str, str] = {"pass": "pass", "review": "need a look", "block": "blocked"}
UNCHECKED = "Not checked"
BINS = 40
"""Bars of a distribution plot: about one per 8 pixels in a 400-pixel dock."""
DIFFERENCE_LIMIT = 1.0
"""End of the colour map of a difference: half of the range of [-1, 1] intensities.

The same for every pair, so that the difference of a copy looks empty instead of being stretched into noise.
"""


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


def empty_guard_words(cohort: str | None, batch: str | None, samples: int, checked: int) -> str:
    """Say what is missing before the guard can show anything; empty when it can."""
    if cohort is None:
        return "No cohort of real images is open. Import one in the Cohort panel, or open the demo."
    if batch is None or samples == 0:
        return "There are no samples to check. Draw a batch in the Sample panel first."
    if checked == 0:
        return (
            f"The {samples:,} samples of {batch} have not been compared with the real images of {cohort} yet."
        )
    return ""


def next_step(cohort: str | None, samples: int) -> str:
    """Panel to go to while something is missing, ``Cohort`` or ``Sample``; empty when the batch can be checked."""
    if cohort is None:
        return "Cohort"
    return "" if samples else "Sample"


# -- pair view -------------------------------------------------------------------------------------------------


def synthetic_caption(sample: str, verdict: str | None) -> str:
    """Caption of the left picture: ``Synthetic S-12ab · PASS ●``."""
    said = UNCHECKED if verdict is None else f"{verdict.upper()} {GLYPHS[verdict]}"
    return f"Synthetic {sample} · {said}"


def nearest_caption(nearest: Nearest | None) -> str:
    """Caption of the middle picture: ``Nearest real P-0042-1 · r 0.873 · RMSE 0.21 · Lowe 0.97``."""
    if nearest is None or not nearest.neighbours:
        return "Nearest real: not searched yet"
    best = nearest.neighbours[0]
    return (
        f"Nearest real {best.image} · r {_short(best.correlation)} · RMSE {best.rmse:.3f}"
        f" · Lowe {_short(nearest.lowe_ratio)}"
    )


def other_image_words(nearest: Nearest | None, metrics: Sequence[Metric]) -> str:
    """Say which numbers speak of another image than the nearest one, the picture's; empty where none does."""
    sentences = []
    for metric in metrics:
        if nearest is None or not (other := other_image(nearest, metric)):
            continue
        shown = nearest.neighbours[0]
        to_it = f" ({metric.label} {shown.rmse:.3f})" if metric.key == "rmse" else ""
        sentences.append(
            f"{metric.label} {metric.format(metric(nearest))} is with {other}; "
            f"the picture shows {shown.image}, the most alike by correlation{to_it}."
        )
    return "\n".join(sentences)


def other_image(nearest: Nearest, metric: Metric) -> str:
    """Return the image of ``metric`` where it is not the nearest one; ``another image`` where that is not listed."""
    if not nearest.neighbours or not np.isfinite(metric(nearest)):
        return ""
    whose = metric.neighbour(nearest)
    image = whose.image if whose is not None else "another image"
    return "" if image == nearest.neighbours[0].image else image


def difference_caption() -> str:
    """Caption of the right picture, synthetic minus real: what its colours mean, and their scale."""
    return f"Difference, scale ±{DIFFERENCE_LIMIT:g} · orange brighter · blue darker"


def difference(synthetic: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Signed difference ``synthetic - real`` as float32 of the common shape.

    Raises
    ------
    ValueError
        When the shapes differ: such a pair was never compared.
    """
    if synthetic.shape != real.shape:
        raise ValueError(f"a pair has one shape; got {synthetic.shape} and {real.shape}")
    return np.asarray(synthetic, np.float32) - np.asarray(real, np.float32)


def grid_shape(
    width: float, height: float, count: int, aspect: float = 1.0, above: float = 0.0
) -> tuple[int, int]:
    """Rows and columns for ``count`` pictures side by side; two rows where that makes them a quarter larger.

    Parameters
    ----------
    width, height
        Of the canvas, in pixels.
    count
        How many pictures.
    aspect
        Width of a picture over its height.
    above
        Pixels of every cell that its caption and letters take.
    """

    def picture(rows: int, columns: int) -> float:
        return min(width / columns, max(0.0, height / rows - above) * aspect)

    two = (2, max(2, (count + 1) // 2))
    return two if count > 2 and picture(*two) > 1.25 * picture(1, count) else (1, count)


def wrapped(caption: str, width: int) -> str:
    """Break a caption at its dots, so that no line is longer than ``width`` characters where that can be."""
    lines: list[str] = []
    for part in caption.split(" · "):
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "\n".join(lines)


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


def _short(value: float) -> str:
    """Three digits, more where they would round to a perfect 1."""
    if not np.isfinite(value):
        return "not defined"
    for digits in range(3, 8):
        text = f"{value:.{digits}f}"
        if abs(value) == 1 or abs(float(text)) != 1:
            return text
    return text


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
    """Where the numbers come from: calibrated with n, quantile and interval, or typed with who and why."""
    if threshold.origin == "typed":
        who = threshold.who or "somebody who was not signed in"
        return f"Typed by {who}: {threshold.why or 'no reason given'}."
    parts = [f"Calibrated on {threshold.n:,} unseen images"]
    if threshold.quantile is not None:
        parts.append(f"quantile {threshold.quantile:g}")
    if threshold.interval is not None:
        low, high = threshold.interval
        parts.append(f"95% interval {metric.format(low)} to {metric.format(high)}")
    return ", ".join(parts) + "."
