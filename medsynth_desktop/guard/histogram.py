"""Histograms of a metric as SVG: a batch above the line, unseen patients below it, the limits across."""

from __future__ import annotations

from html import escape

import numpy as np

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.similarity.base import Metric

WIDTH, HEIGHT, MARGIN = 720, 230, 34
BINS = 40
BATCH, UNSEEN, REVIEW, BLOCK, INK = "#0969da", "#8c959f", "#9a6700", "#cf222e", "#57606a"


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
    half = HEIGHT / 2 - MARGIN / 2
    parts = [
        _bars(shares[0] / tallest, half, -1, BATCH, half),
        _bars(shares[1] / tallest, half, 1, UNSEEN, half),
        f'<line x1="0" x2="{WIDTH}" y1="{half}" y2="{half}" stroke="{INK}"/>',
        _text(4, 14, f"this batch ({batch.size})", BATCH),
        _text(4, 2 * half - 4, f"unseen patients ({unseen.size})", INK),
        *(_tick(value, edges, metric) for value in np.linspace(edges[0], edges[-1], 6)[1:-1]),
    ]
    for value, colour, word in zip(marks, (REVIEW, BLOCK), ("review", "block"), strict=False):
        parts.append(_limit(value, edges, colour, word))
    label = f"{metric.label} of {batch.size} images and of {unseen.size} unseen images"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label, True)}">{"".join(parts)}</svg>'


def _place(value: float, edges: np.ndarray) -> float:
    return float(WIDTH * (value - edges[0]) / (edges[-1] - edges[0]))


def _bars(heights: np.ndarray, base: float, sign: int, colour: str, room: float) -> str:
    step = WIDTH / BINS
    parts = []
    for number in np.flatnonzero(heights):
        tall = float(heights[number]) * (room - 18)
        top = base - tall if sign < 0 else base
        parts.append(
            f'<rect x="{number * step + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"/>'
        )
    return f'<g fill="{colour}">{"".join(parts)}</g>'


def _tick(value: float, edges: np.ndarray, metric: Metric) -> str:
    return _text(_place(value, edges), HEIGHT - 8, f"{value:.{metric.digits}f}", INK, "middle")


def _limit(value: float, edges: np.ndarray, colour: str, word: str) -> str:
    x = _place(value, edges)
    dash = ' stroke-dasharray="5 4"' if word == "review" else ""
    end = x > WIDTH / 2
    label = _text(
        x - 4 if end else x + 4, 28 if word == "review" else 14, word, colour, "end" if end else "start"
    )
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT - MARGIN}"'
    return f'<line {ends} stroke="{colour}" stroke-width="2"{dash}/>{label}'


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
