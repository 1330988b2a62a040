"""A dialog that is as large as its rows and its wrapped words need."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDialog


class GrowingDialog(QDialog):  # type: ignore[misc]
    """A dialog none of whose rows is cut: Qt asks for its size before the style, by which rows grow, is known."""

    def showEvent(self, event: Any) -> None:
        """Qt's own."""
        super().showEvent(event)
        self.grow()

    def grow(self) -> None:
        """Take the size that is needed now, if it is larger; to be called when words were changed."""
        layout = self.layout()
        if layout is None or not self.isVisible():
            return
        layout.activate()
        width = max(self.width(), layout.totalMinimumSize().width())
        self.resize(width, max(self.height(), layout.totalHeightForWidth(width)))
