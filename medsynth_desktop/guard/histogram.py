"""Histograms of a metric as SVG: a batch above the line, unseen patients below it, the limits across."""

from __future__ import annotations

from html import escape

import numpy as np

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.similarity.base import Metric

WIDTH, HEIGHT, TOP, BOTTOM = 720, 230, 24, 24
BINS = 40
BATCH, UNSEEN, INK = "#0969da", "#8c959f", "#57606a"
LIMITS = (("#9a6700", ' stroke-dasharray="5 4"', "┆ review beyond"), ("#cf222e", "", "│ block beyond"))
"""Colour, dashes and word of the review and of the block limit."""


def draw_histogram(metric: Metric, batch: np.ndarray, unseen: np.ndarray, threshold: Threshold | None) -> str:
    """Draw both distributions on one axis; empty where neither holds a finite number.

    Bars are shares of their own side, so that sides of different size compare; the tallest bar of either fills its
    half. The axis spans both sides and the limits.
    """
    batch, unseen = batch[np.isfinite(batch)], unseen[np.isfinite(unseen)]
    marks = [threshold.review, threshold.block] if threshold else []
    values = np.concatenate([batch, unseen])
    if not values.size:
        return ""
    low, high = (float(f([*values, *marks])) for f in (min, max))
    pad = 0.03 * (high - low) or 0.05
    edges = np.linspace(low - pad, high + pad, BINS + 1)
    shares = [np.histogram(side, edges)[0] / max(1, side.size) for side in (batch, unseen)]
    tallest = max(float(share.max()) for share in shares)
    base = (TOP + HEIGHT - BOTTOM) / 2
    room = base - TOP
    parts = [
        *_legend(metric, batch.size, unseen.size, marks),
        _bars(shares[0] / tallest, base, -room, BATCH),
        _bars(shares[1] / tallest, base, room, UNSEEN),
        f'<line x1="0" x2="{WIDTH}" y1="{base:.1f}" y2="{base:.1f}" stroke="{INK}"/>',
        *(_tick(value, edges, metric) for value in np.linspace(edges[0], edges[-1], 6)[1:-1]),
        *(_limit(value, edges, *look) for value, look in zip(marks, LIMITS, strict=False)),
    ]
    label = f"{metric.label} of {batch.size} images and of {unseen.size} unseen images"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label, True)}">{"".join(parts)}</svg>'


def _legend(metric: Metric, batch: int, unseen: int, marks: list[float]) -> list[str]:
    """Return the words above the drawing, in the colours of what they name; nothing is written over the bars."""
    words = [(f"▲ this batch ({batch})", BATCH), (f"▼ unseen patients ({unseen})", INK)]
    for value, (colour, _, word) in zip(marks, LIMITS, strict=False):
        words.append((f"{word} {metric.format(value, *marks)}", colour))
    return [_text(place * WIDTH / 4 + 4, 14, text, colour) for place, (text, colour) in enumerate(words)]


def _place(value: float, edges: np.ndarray) -> float:
    return float(WIDTH * (value - edges[0]) / (edges[-1] - edges[0]))


def _bars(heights: np.ndarray, base: float, room: float, colour: str) -> str:
    """Draw bars from ``base``, downwards by ``room`` for a height of 1 (upwards where it is negative)."""
    step = WIDTH / BINS
    parts = []
    for number in np.flatnonzero(heights):
        tall = float(heights[number]) * abs(room)
        top = base if room > 0 else base - tall
        parts.append(
            f'<rect x="{number * step + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"/>'
        )
    return f'<g fill="{colour}">{"".join(parts)}</g>'


def _tick(value: float, edges: np.ndarray, metric: Metric) -> str:
    return _text(_place(value, edges), HEIGHT - 7, f"{value:.{metric.digits}f}", INK, "middle")


def _limit(value: float, edges: np.ndarray, colour: str, dash: str, _: str) -> str:
    x = _place(value, edges)
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
    return f'<line {ends} stroke="{colour}" stroke-width="2"{dash}/>'


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
