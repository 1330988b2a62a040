"""Cells of tables whose words have a colour of their own, also where the row is selected."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QStyledItemDelegate, QTableView

SELECTED = "#33437a"
"""Behind a selected row: the signal colours of `qt.theme` keep a contrast of 4.5 on it (WCAG AA)."""


class ColouredCells(QStyledItemDelegate):  # type: ignore[misc]
    """Draws a selected cell in the colour that its model gives it."""

    def initStyleOption(self, option: Any, index: QModelIndex) -> None:
        """Take the colour over for the selected state."""
        super().initStyleOption(option, index)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if colour is not None:
            option.palette.setColor(QPalette.ColorRole.HighlightedText, QColor(colour))


def keep_colours(view: QTableView) -> None:
    """Let the rows of ``view`` keep their colours when they are selected."""
    view.setItemDelegate(ColouredCells(view))
    view.setStyleSheet(f"QTableView::item:selected {{ background-color: {SELECTED}; }}")
