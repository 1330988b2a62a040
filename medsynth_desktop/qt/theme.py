"""Colours, words and shapes that mean the same everywhere.

Every colour stands behind near-black text (WCAG AA and better) and never alone: a word and a shape go with
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

Shape = Literal["circle", "triangle", "square", "diamond"]
INK = "#14181f"
"""Text on any of the signal colours below."""
PAPER = "#f0f1f2"
"""Text on the dark theme."""

ACCENT = "#4466d6"
"""Behind white text: what is chosen, and the one button of a panel that does what the panel is for."""
PRIMARY = (
    f"QPushButton {{ background: {ACCENT}; color: #ffffff; font-weight: bold; border: 2px solid {ACCENT}; }}"
    "QPushButton:hover { background: #3555c4; border-color: #3555c4; }"
    "QPushButton:pressed { background: #2a459f; border-color: #2a459f; }"
    f"QPushButton:focus {{ border: 2px solid {PAPER}; }}"
    "QPushButton:disabled { background: #3a3f4b; color: #9a9ea6; border-color: #3a3f4b; }"
)
"""Style of that button."""


@dataclass(frozen=True, slots=True)
class Signal:
    """How one meaning looks: a word, a colour to fill with, and a shape with a mark in it."""

    word: str
    colour: str
    shape: Shape
    mark: str


LEVELS: dict[str, Signal] = {
    "info": Signal("Note", "#8ecbff", "circle", "i"),
    "warning": Signal("Attention", "#ffcf5c", "triangle", "!"),
    "error": Signal("Problem", "#ff9d8a", "square", "×"),
}
VERDICTS: dict[str, Signal] = {
    "pass": Signal("Pass", "#7ddc9a", "circle", "✓"),
    "review": Signal("Review", "#ffcf5c", "triangle", "?"),
    "block": Signal("Block", "#ff9d8a", "square", "×"),
}
DECISIONS: dict[str, Signal] = {
    "approved": Signal("Approved", "#7ddc9a", "circle", "✓"),
    "rejected": Signal("Rejected", "#ff9d8a", "square", "×"),
    "reopened": Signal("Re-opened", "#ffcf5c", "triangle", "!"),
}


def signal_pixmap(signal: Signal, size: int = 18, ratio: float = 2.0) -> QPixmap:
    """Draw the signal's shape with its mark, ``size`` logical pixels wide, sharp on HiDPI screens."""
    pixmap = QPixmap(int(size * ratio), int(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QBrush(QColor(signal.colour)))
    painter.setPen(QPen(QColor(INK), 1.2))
    _draw_shape(painter, signal.shape, QRectF(1, 1, size - 2, size - 2))
    font = painter.font()
    font.setPixelSize(int(size * 0.62))
    font.setBold(True)
    painter.setFont(font)
    drop = size * 0.14 if signal.shape == "triangle" else 0.0
    painter.drawText(QRectF(0, drop, size, size), Qt.AlignmentFlag.AlignCenter, signal.mark)
    painter.end()
    return pixmap


def arrow_icon(down: bool, size: int = 12) -> QIcon:
    """Arrow of a section that is open (down) or closed (right), light as the text beside it."""
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QBrush(QColor(PAPER)))
    painter.setPen(Qt.PenStyle.NoPen)
    near, middle, far = 0.25 * size, 0.5 * size, 0.75 * size
    corners = [(near, near), (far, middle), (near, far)]
    painter.drawPolygon(QPolygonF([QPointF(*(c[::-1] if down else c)) for c in corners]))
    painter.end()
    return QIcon(pixmap)


def _draw_shape(painter: QPainter, shape: Shape, box: QRectF) -> None:
    if shape == "circle":
        painter.drawEllipse(box)
    elif shape == "square":
        painter.drawRoundedRect(box, 3, 3)
    else:
        middle = box.center()
        corners = [QPointF(middle.x(), box.top()), QPointF(box.right(), box.bottom()), box.bottomLeft()]
        if shape == "diamond":
            corners = [
                QPointF(middle.x(), box.top()),
                QPointF(box.right(), middle.y()),
                QPointF(middle.x(), box.bottom()),
                QPointF(box.left(), middle.y()),
            ]
        painter.drawPolygon(QPolygonF(corners))
