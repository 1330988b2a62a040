"""Captions of the pair view and of the metrics, in words and numbers, without Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from medsynth_desktop.core.records import Disguise, Match, Nearest, Threshold, VerdictName
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.workbench.presenting import GLYPHS, UNCHECKED

DIFFERENCE_LIMIT = 1.0
"""End of the colour map of a difference: half of the range of [-1, 1] intensities.

The same for every pair, so that the difference of a copy looks empty instead of being stretched into noise.
"""
BAR_LENGTHS = (10.0, 20.0, 50.0, 100.0, 200.0)
"""Lengths of the scale bar (mm); napari's own choice reaches over the letter at the bottom of a cell."""


def synthetic_caption(sample: str, verdict: str | None, values: Sequence[str] = ()) -> str:
    """Caption of the left picture: ``Synthetic S-12ab · PASS ●`` and the ``values`` of `metric_captions`."""
    said = UNCHECKED if verdict is None else f"{verdict.upper()} {GLYPHS[verdict]}"
    return " · ".join((f"Synthetic {sample}", said, *values))


def metric_captions(
    values: Mapping[str, float], thresholds: Mapping[str, Threshold], metrics: Sequence[Metric]
) -> tuple[str, ...]:
    """A caption for every metric: ``("Align. 0.972 ■", "Lowe 0.971")``, with the shape of a limit that it is beyond.

    A metric that the search left out is left out here.
    """
    said = []
    for metric in metrics:
        value = values.get(metric.key, math.nan)
        if metric.optional and not math.isfinite(value):
            continue
        code = limit_passed(metric, value, thresholds.get(metric.key))
        number = metric.format(value) if math.isfinite(value) else "not defined"
        said.append(f"{metric.title} {number} {GLYPHS[code] if code != 'pass' else ''}".strip())
    return tuple(said)


def limit_passed(metric: Metric, value: float, threshold: Threshold | None) -> VerdictName:
    """What one metric alone says: ``review`` where its value is not defined, ``pass`` without a limit."""
    if threshold is None:
        return "pass"
    if metric.beyond(value, threshold.block):
        return "block"
    return "review" if metric.beyond(value, threshold.review) or not math.isfinite(value) else "pass"


def nearest_caption(nearest: Nearest | None) -> str:
    """Caption of the middle picture: ``Nearest real P-0042-1 · r 0.873 · RMSE 0.21``, the numbers of this pair."""
    if nearest is None or not nearest.neighbours:
        return "Nearest real: not searched yet"
    best = nearest.neighbours[0]
    return f"Nearest real {best.image} · r {short_number(best.correlation)} · RMSE {best.rmse:.3f}"


def undone_caption(image: str, done: Sequence[str], before: float, after: float, whole: bool) -> str:
    """Caption of a real image whose disguise is undone: what it was, and r before and after.

    As ``Real P-0042-1, disguise undone · it was mirrored · turned by 7° · r 0.971, before 0.312``.
    """
    was = f"it was {' · '.join(done)}" if done else "it kept its place"
    where = "" if whole else " in the outline"
    return f"Real {image}, disguise undone · {was} · r {short_number(after)}{where} · before {short_number(before)}"


def other_image_words(nearest: Nearest | None, metrics: Sequence[Metric]) -> str:
    """Say which numbers speak of another image than the nearest one, the picture's; empty where none does.

    Of the metrics of the exact search: those with a search of their own say so in their reasons.
    """
    sentences = []
    for metric in metrics:
        if nearest is None or isinstance(metric.neighbour(nearest), Disguise | Match):
            continue
        if not (other := other_image(nearest, metric)):
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


def difference_caption(
    limit: float = DIFFERENCE_LIMIT, unit: str = "", *, aligned: bool = False, matched: bool = False
) -> str:
    """Caption of the right picture, synthetic minus real: what its colours mean, and their scale (in ``unit``).

    ``aligned`` says that the real image's disguise was undone, ``matched`` that its grey values were matched too.
    """
    what = "Difference after alignment" if aligned else "Difference"
    more = " · grey values matched" if matched else ""
    scale = f"{limit:g} {unit}".rstrip()
    return f"{what} · scale ±{scale} · orange brighter · blue darker{more}"


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


def bar_length(width: float) -> float:
    """Longest scale bar (mm) within a third of a cell ``width`` millimetres wide."""
    fitting = [length for length in BAR_LENGTHS if length <= width / 3]
    return fitting[-1] if fitting else BAR_LENGTHS[0]


def wrapped(caption: str, width: int) -> str:
    """Break a caption at its dots, so that no line is longer than ``width`` characters where that can be."""
    lines: list[str] = []
    for part in caption.split(" · "):
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "\n".join(lines)


def short_number(value: float) -> str:
    """Three digits, more where they would round to a perfect 1."""
    if not np.isfinite(value):
        return "not defined"
    for digits in range(3, 8):
        text = f"{value:.{digits}f}"
        if abs(value) == 1 or abs(float(text)) != 1:
            return text
    return text


def metric_line(metric: Metric, value: float | None, threshold: Threshold | None) -> str:
    """Return for instance ``■ Aligned 0.972 / 0.881``: shape of what it says, value and block limit; – for none."""
    shape = GLYPHS[limit_passed(metric, value, threshold)] if value is not None else ""
    numbers = (threshold.block,) if threshold is not None else ()
    said = metric.format(value, *numbers) if value is not None and math.isfinite(value) else "–"
    limit = metric.format(threshold.block, *(v for v in (value,) if v is not None)) if threshold else "–"
    return f"{shape} {metric.title} {said} / {limit}".strip()


def metric_tip(metric: Metric, value: float | None, threshold: Threshold | None) -> str:
    """The same in a sentence, with what the metric is."""
    said = (
        "" if value is None else f" {metric.format(value)} {'' if math.isfinite(value) else metric.undefined}"
    )
    side = "above" if metric.direction == "high" else "below"
    limits = "No limit is set."
    if threshold is not None:
        review, block = metric.format(threshold.review), metric.format(threshold.block)
        limits = f"Review {side} {review}, block {side} {block}."
    return f"{f'{metric.label}{said}'.strip()}. {limits} {metric.description}"
