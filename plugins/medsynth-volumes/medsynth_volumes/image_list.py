"""The images of a cohort as a list with thumbnails, drawn only when they come into view."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView

from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.qt.picture import film, grey_image

THUMBNAIL = 72
KEPT_THUMBNAILS = 600
"""About 12 MB; more than any screen shows at once."""
SPLIT_WORDS = {"train": "train", "calibration": "calibration"}


class ImageModel(QAbstractListModel):
    """Pseudonyms, splits and thumbnails of image records.

    Parameters
    ----------
    load
        From an image id to its conformed array (a memory map: only the drawn slice is read).
    """

    def __init__(self, load: Callable[[str], np.ndarray]) -> None:
        super().__init__()
        self._load = load
        self._records: tuple[ImageRecord, ...] = ()
        self._icons: OrderedDict[str, QIcon] = OrderedDict()

    def set_records(self, records: tuple[ImageRecord, ...]) -> None:
        """Show other images."""
        self.beginResetModel()
        self._records = records
        self._icons.clear()
        self.endResetModel()

    def record(self, index: QModelIndex) -> ImageRecord | None:
        """Return the image at ``index``."""
        return self._records[index.row()] if index.isValid() else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many images there are."""
        return len(self._records)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what Qt asks for of one image."""
        record = self.record(index)
        if record is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return record.id
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icon(record)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            facts = [f"{key}: {value}" for key, value in sorted(record.attributes.items())]
            return "\n".join([f"{record.id}, used for {SPLIT_WORDS[record.split]}", *facts])
        return None

    def _icon(self, record: ImageRecord) -> QIcon:
        icon = self._icons.get(record.id)
        if icon is None:
            icon = self._icons[record.id] = thumbnail(self._load(record.id))
            while len(self._icons) > KEPT_THUMBNAILS:
                self._icons.popitem(last=False)
        return icon


def thumbnail(array: np.ndarray, side: int = THUMBNAIL) -> QIcon:
    """Middle slice of a conformed array, on a square of ``side`` pixels."""
    canvas = QPixmap(side, side)
    canvas.fill(QColor(0, 0, 0))
    picture = QPixmap.fromImage(grey_image(film(array))).scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    painter = QPainter(canvas)
    painter.drawPixmap((side - picture.width()) // 2, (side - picture.height()) // 2, picture)
    painter.end()
    return QIcon(canvas)


class ImageList(QListView):
    """Thumbnails in rows that wrap; the keyboard walks them, Enter shows one."""

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.setGridSize(QSize(THUMBNAIL + 14, THUMBNAIL + 26))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setMinimumHeight(220)
        self.setAccessibleName("Images of the cohort by pseudonym")
