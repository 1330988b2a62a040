"""Figures of a study's report as SVG: they print sharp, and shapes, dashes and words carry what colours do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from string import ascii_uppercase

import numpy as np

from medsynth_desktop.studies.results import KINDS, Answered, Line

WIDTH, ROW, LEFT, RIGHT = 720, 22, 190, 60
INK, FAINT = "#1b1f24", "#8c959f"
SCALE = ("#b35806", "#f1a340", "#998ec3", "#542788", "#2d004b")
"""Worst to best (ColorBrewer PuOr, told apart by those who see no red or green)."""
PALE = SCALE[1:3]
"""On these dark letters are legible."""
DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3")


def draw_ratings(answered: Answered, readers: Sequence[str]) -> str:
    """Stacked bars of a Likert question: a row for each reader and kind, a part for each option with its count."""
    rows = [(reader, kind) for kind in KINDS for reader in readers]
    options = answered.question.options
    colours = [SCALE[round(i * 3 / max(1, len(options) - 1))] for i in range(len(options))]
    parts = [_text(LEFT + i * 60, 14, f"{ascii_uppercase[i]} ■", colour) for i, colour in enumerate(colours)]
    for number, (reader, kind) in enumerate(rows):
        found, y = answered.counts[reader, kind], 24 + number * ROW
        parts.append(_text(LEFT - 8, y + 15, f"{reader}, {kind}", INK, "end"))
        at = float(LEFT)
        for count, colour in zip(found.counts, colours, strict=True):
            wide = (WIDTH - LEFT - RIGHT) * count / max(1, found.answered)
            if not count:
                continue
            parts.append(_box(at, y + 2, wide, ROW - 4, colour))
            parts.append(
                _text(at + wide / 2, y + 15, str(count), INK if colour in PALE else "#fff", "middle")
            )
            at += wide
        parts.append(_text(WIDTH - RIGHT + 8, y + 15, f"n = {found.answered}", INK))
    return _svg(24 + len(rows) * ROW + 4, parts, f"Answers to: {answered.question.text}")


def draw_intervals(lines: Sequence[Line], low: float = 0.0, high: float = 1.0) -> str:
    """Points with 95% intervals, a row for each line; where one is not defined, the row says so."""
    shown = [line for line in lines if math.isfinite(line.estimate.value)]
    if not shown:
        return ""
    low = min([low, *(max(-1.0, math.floor(4 * _low(line)) / 4) for line in shown)])

    def place(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(value, low), high) - low) / (high - low)

    bottom = 8 + len(shown) * ROW
    parts = [
        f'<line x1="{place(t):.1f}" x2="{place(t):.1f}" y1="4" y2="{bottom}" stroke="#d8dee4"/>'
        + _text(place(t), bottom + 14, f"{t:g}", FAINT, "middle")
        for t in np.linspace(low, high, 5)
    ]
    for number, line in enumerate(shown):
        y = 8 + number * ROW + ROW / 2
        words = ", ".join(filter(None, [line.measure, line.kind])) if line.part != "good" else ""
        words = words or f"{line.reader}, {line.kind}"
        parts.append(_text(LEFT - 8, y + 4, words, INK, "end"))
        first, last = line.estimate.low, line.estimate.high
        if math.isfinite(first + last):
            parts.append(
                f'<line x1="{place(first):.1f}" x2="{place(last):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{INK}" stroke-width="1.5"/>'
            )
        parts.append(_box(place(line.estimate.value) - 4, y - 4, 8, 8, INK))
        parts.append(_text(WIDTH - RIGHT + 8, y + 4, f"{line.estimate.value:.2f}", INK))
    return _svg(bottom + 20, parts, "Values with 95% intervals")


def draw_roc(answered: Answered, readers: Sequence[str]) -> str:
    """Empirical ROC curve of each reader, synthetic the positive kind."""
    if answered.scores is None:
        return ""
    size, left, top = 320, 60, 16
    parts = [
        f'<rect x="{left}" y="{top}" width="{size}" height="{size}" fill="none" stroke="{FAINT}"/>',
        f'<line x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}" stroke="#d8dee4"/>',
        _text(left + size / 2, top + size + 30, "1 - specificity (real called synthetic)", INK, "middle"),
        _text(left, 12, "sensitivity (synthetic called synthetic)", INK),
        *(_text(left + t * size, top + size + 14, f"{t:g}", FAINT, "middle") for t in (0, 0.5, 1)),
        *(_text(left - 6, top + size - t * size + 4, f"{t:g}", FAINT, "end") for t in (0, 0.5, 1)),
    ]
    for number, (reader, scores) in enumerate(zip(readers, answered.scores, strict=True)):
        points = roc_points(scores, answered.table.synthetic)
        dash = DASHES[number % len(DASHES)]
        look = f'fill="none" stroke="{SCALE[number % len(SCALE)]}" stroke-width="2" stroke-dasharray="{dash}"'
        if len(points):
            drawn = " ".join(f"{left + x * size:.1f},{top + size - y * size:.1f}" for x, y in points)
            parts.append(f'<polyline points="{drawn}" {look}/>')
        y = top + 20 + number * ROW
        parts.append(
            f'<line x1="{left + size + 20}" x2="{left + size + 60}" y1="{y}" y2="{y}" {look}/>'
            + _text(left + size + 68, y + 4, reader, INK)
        )
    return _svg(top + size + 40, parts, "ROC curves")


def roc_points(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """(n, 2) false and true positive shares as the threshold falls; none where only one kind was answered."""
    known = ~np.isnan(scores)
    scores, positive = scores[known], positive[known]
    if positive.all() or not positive.any():
        return np.zeros((0, 2))
    points = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        points.append((float(called[~positive].mean()), float(called[positive].mean())))
    return np.array(points)


def draw_times(seconds: np.ndarray, synthetic: np.ndarray, readers: Sequence[str]) -> str:
    """Boxes from quartile to quartile with the median, lines to the shortest and longest time, seconds."""
    if not np.isfinite(seconds).any():
        return ""
    longest = float(np.nanmax(seconds)) or 1.0
    parts, y = [], 4.0
    for reader, row in zip(readers, seconds, strict=True):
        for kind in KINDS:
            known = row[(synthetic == (kind == "synthetic")) & ~np.isnan(row)]
            if known.size:
                parts += _time_row(f"{reader}, {kind}", known, longest, y)
                y += ROW
    parts += [
        _text(LEFT + (WIDTH - LEFT - RIGHT) * t, y + 16, f"{longest * t:.0f} s", FAINT, "middle")
        for t in (0, 0.5, 1)
    ]
    return _svg(y + 24, parts, "Seconds for a case")


def _time_row(words: str, known: np.ndarray, longest: float, y: float) -> list[str]:
    marks = np.quantile(known, [0, 0.25, 0.5, 0.75, 1]) / longest * (WIDTH - LEFT - RIGHT) + LEFT
    low, first, middle, third, high = (float(m) for m in marks)
    centre = y + ROW / 2
    return [
        _text(LEFT - 8, centre + 4, words, INK, "end"),
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{centre}" y2="{centre}" stroke="{INK}"/>',
        _box(first, y + 5, max(1.0, third - first), ROW - 10, SCALE[2]),
        f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y + 3}" y2="{y + ROW - 3}" stroke="{INK}" '
        'stroke-width="2"/>',
        _text(WIDTH - RIGHT + 8, centre + 4, f"n = {known.size}", INK),
    ]


def _low(line: Line) -> float:
    return line.estimate.low if math.isfinite(line.estimate.low) else line.estimate.value


def _box(x: float, y: float, wide: float, tall: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label, True)}">'
        f"{''.join(parts)}</svg>"
    )
