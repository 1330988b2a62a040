"""Images as a list with thumbnails, drawn only when they come into view."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.qt.picture import film, grey_image

SIDE = 72
KEPT = 600
"""About 12 MB of thumbnails; more than any screen shows at once."""


@dataclass(frozen=True, slots=True)
class Thumb:
    """One entry: its key for `load`, the text below the picture, and the words of its tool tip."""

    key: str
    text: str
    tip: str = ""


class ThumbnailModel(QAbstractListModel):  # type: ignore[misc]
    """Entries with pictures that are loaded when a view asks for them.

    Parameters
    ----------
    load
        From a key to its conformed array (a memory map: only the drawn slice is read).
    """

    def __init__(self, load: Callable[[str], np.ndarray]) -> None:
        super().__init__()
        self._load = load
        self._thumbs: tuple[Thumb, ...] = ()
        self._icons: OrderedDict[str, QIcon] = OrderedDict()

    def set_thumbs(self, thumbs: Sequence[Thumb]) -> None:
        """Show other entries; entries added at the end leave selection and scroll position alone."""
        new, old = tuple(thumbs), self._thumbs
        if new == old:
            return
        if old and new[: len(old)] == old:
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._thumbs = new
            self.endInsertRows()
            return
        self.beginResetModel()
        self._thumbs = new
        self._icons.clear()
        self.endResetModel()

    def key(self, index: QModelIndex) -> str | None:
        """Return the key of the entry at ``index``."""
        return self._thumbs[index.row()].key if index.isValid() else None

    def index_of(self, key: str | None) -> QModelIndex:
        """Return where ``key`` is; an invalid index when nowhere."""
        for row, thumb in enumerate(self._thumbs):
            if thumb.key == key:
                return self.index(row)
        return QModelIndex()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many entries there are."""
        return len(self._thumbs)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what Qt asks for of one entry."""
        if not index.isValid():
            return None
        thumb = self._thumbs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return thumb.text
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icon(thumb.key)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return thumb.tip or thumb.text
        return None

    def _icon(self, key: str) -> QIcon:
        icon = self._icons.get(key)
        if icon is None:
            try:
                icon = thumbnail(self._load(key))
            except MedSynthError:
                icon = thumbnail(np.full((8, 8), np.nan, np.float32))
            self._icons[key] = icon
            while len(self._icons) > KEPT:
                self._icons.popitem(last=False)
        return icon


def thumbnail(array: np.ndarray, side: int = SIDE) -> QIcon:
    """Middle slice of a conformed array, on a black square of ``side`` pixels."""
    canvas = QPixmap(side, side)
    canvas.fill(QColor(0, 0, 0))
    picture = QPixmap.fromImage(grey_image(film(array))).scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    painter = QPainter(canvas)
    painter.drawPixmap((side - picture.width()) // 2, (side - picture.height()) // 2, picture)
    painter.end()
    icon = QIcon(canvas)
    icon.addPixmap(
        canvas, QIcon.Mode.Selected
    )  # a selected picture must not be tinted: its greys are looked at
    return icon


class ThumbnailList(QListView):  # type: ignore[misc]
    """Thumbnails in rows that wrap; arrow keys walk them.

    Parameters
    ----------
    model
        What is listed.
    name
        For screen readers.
    """

    def __init__(self, model: ThumbnailModel, name: str) -> None:
        super().__init__()
        self.setModel(model)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setGridSize(QSize(SIDE + 14, SIDE + 26))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setMinimumHeight(2 * (SIDE + 26) + 8)
        self.setAccessibleName(name)
