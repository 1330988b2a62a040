"""A small view of one plane: drawn without OpenGL, so that two more planes cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from medsynth_desktop.core.slices import fitted, grey_slice
from medsynth_desktop.qt.orientation import letters
from medsynth_desktop.qt.planes import PLANES
from medsynth_desktop.qt.pointing import behind, is_ours, layer_at

LINES, LETTERS = "#ffcf5c", "#f0f1f2"
FREE_PIXELS = 20
"""Around the picture, for the letters."""
NOTCH = 120
"""Qt's number for one notch of a wheel."""


class PlaneView(QWidget):  # type: ignore[misc]
    """The image a user means in another plane; a click points, the wheel pages.

    Parameters
    ----------
    viewer
        Whose image and point are shown.

    Signals
    -------
    pointed : object
        Position in napari's world that was clicked.
    double_clicked : str
        The plane, which is wanted large.
    """

    pointed = Signal(object)
    double_clicked = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.plane = "Coronal"
        self._key: tuple[Any, ...] = ()
        self._image: QImage | None = None
        self._data: Callable[[], Any] = lambda: None
        self._grey = np.zeros((1, 1), np.uint8)
        self.setMinimumSize(140, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip("Click: look here. Wheel: page. Double click: large")

    def sizeHint(self) -> QSize:
        """About a third of the large picture."""
        return QSize(260, 260)

    def show_plane(self, plane: str) -> None:
        """Show another plane."""
        self.plane = plane
        self.setAccessibleName(f"{plane} slice through the point")
        self.update()

    # -- what is where -----------------------------------------------------------------------------------------

    def layer(self) -> Any:
        """Return the layer shown, or None."""
        found = layer_at(self._viewer, None, is_ours)
        return found if found is not None and found.ndim == self._viewer.dims.ndim == 3 else None

    def index(self, layer: Any) -> int:
        """Return which slice of ``layer`` lies at the point; it may be none of them."""
        axis = PLANES[self.plane][0]
        place = layer.world_to_data(np.asarray(self._viewer.dims.point))
        return int(np.rint(place[axis]))

    def _corner_and_size(self, layer: Any) -> tuple[np.ndarray, np.ndarray]:
        """Top left (row, column) and extent of the picture in millimetres of the world."""
        axes = list(PLANES[self.plane][1:])
        scale, shape = np.asarray(layer.scale)[axes], np.asarray(layer.data.shape)[axes]
        return np.asarray(layer.translate)[axes] - scale / 2, scale * shape

    def place_of(self, layer: Any) -> QRectF:
        """Return where the picture lies in the widget."""
        _, (high, wide) = self._corner_and_size(layer)
        width, height = self.width() - 2 * FREE_PIXELS, self.height() - 2 * FREE_PIXELS
        left, top, width, height = fitted(max(width, 1), max(height, 1), wide, high)
        return QRectF(left + FREE_PIXELS, top + FREE_PIXELS, width, height)

    def point_at(self, pixel: QPointF) -> tuple[float, ...] | None:
        """Return the position in the world under a pixel of the widget, or None beside the picture."""
        layer = self.layer()
        if layer is None or not (box := self.place_of(layer)).contains(pixel):
            return None
        corner, size = self._corner_and_size(layer)
        share = (pixel.y() - box.top()) / box.height(), (pixel.x() - box.left()) / box.width()
        point = [float(x) for x in self._viewer.dims.point]
        for axis, low, length, part in zip(PLANES[self.plane][1:], corner, size, share, strict=True):
            point[axis] = float(low + length * part)
        return tuple(point)

    def pixel_of_point(self, layer: Any) -> QPointF:
        """Return where the point lies in the widget."""
        box, (corner, size) = self.place_of(layer), self._corner_and_size(layer)
        row, column = (self._viewer.dims.point[axis] for axis in PLANES[self.plane][1:])
        return QPointF(
            box.left() + box.width() * (column - corner[1]) / size[1],
            box.top() + box.height() * (row - corner[0]) / size[0],
        )

    # -- mouse ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Point."""
        self._point(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point on while the button is down."""
        self._point(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the plane in the large view."""
        self.double_clicked.emit(self.plane)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Page by one slice for each notch."""
        layer = self.layer()
        if layer is not None:
            axis = PLANES[self.plane][0]
            point = [float(x) for x in self._viewer.dims.point]
            point[axis] -= float(np.sign(event.angleDelta().y())) * float(layer.scale[axis])
            self.pointed.emit(tuple(point))
        event.accept()

    def _point(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            pixel = event.position() if hasattr(event, "position") else event.localPos()
            place = self.point_at(pixel)
            if place is not None:
                self.pointed.emit(place)

    # -- drawing -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw slice, lines and letters."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#000000"))
        layer = self.layer()
        if layer is not None:
            image = self._sliced(layer)
            if image is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(self.place_of(layer), image)
            self._draw_lines(painter, self.pixel_of_point(layer))
        self._draw_words(painter, layer)
        painter.end()

    def _sliced(self, layer: Any) -> QImage | None:
        """The slice at the point, kept until point, window or image change."""
        axis, index = PLANES[self.plane][0], self.index(layer)
        if not 0 <= index < layer.data.shape[axis]:
            return None
        key = (axis, index, *layer.contrast_limits, layer.colormap.name)
        if key != self._key or self._data() is not layer.data:
            self._grey = grey_slice(layer.data, axis, index, *layer.contrast_limits)
            rows, columns = self._grey.shape
            image = QImage(self._grey.data, columns, rows, columns, QImage.Format.Format_Indexed8)
            colours = (np.asarray(layer.colormap.map(np.linspace(0, 1, 256)))[:, :3] * 255).astype(int)
            image.setColorTable([QColor(*(int(c) for c in colour)).rgb() for colour in colours])
            self._key, self._image, self._data = key, image, ref(layer.data)
        return self._image

    def _draw_lines(self, painter: QPainter, point: QPointF) -> None:
        painter.setPen(QPen(QColor(LINES), 1.2))
        for ends in (
            (0, point.y(), point.x() - 6, point.y()),
            (point.x() + 6, point.y(), self.width(), point.y()),
        ):
            painter.drawLine(QLineF(*ends))
        for ends in (
            (point.x(), 0, point.x(), point.y() - 6),
            (point.x(), point.y() + 6, point.x(), self.height()),
        ):
            painter.drawLine(QLineF(*ends))

    def _draw_words(self, painter: QPainter, layer: Any) -> None:
        painter.setPen(QColor(LETTERS))
        area = QRectF(self.rect()).adjusted(4, 2, -4, -2)
        flags = Qt.AlignmentFlag
        painter.drawText(area, flags.AlignLeft | flags.AlignTop, self.plane)
        if layer is None or not behind(layer).laterality_known or not behind(layer).spaced:
            return
        found = letters(PLANES[self.plane], ("down", "right"))
        sides = {
            "top": flags.AlignTop | flags.AlignHCenter,
            "bottom": flags.AlignBottom | flags.AlignHCenter,
            "left": flags.AlignLeft | flags.AlignVCenter,
            "right": flags.AlignRight | flags.AlignVCenter,
        }
        for edge, where in sides.items():
            painter.drawText(area, where, found[edge])
