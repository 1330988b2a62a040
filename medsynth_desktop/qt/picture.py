"""Arrays as small pictures: thumbnails, and the sample that is forming."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget


def film(array: np.ndarray) -> np.ndarray:
    """Return the 2D picture (rows, columns) of a conformed array, viewed the radiological way.

    A volume (x, y, z) in RAS axes gives its middle axial slice; a picture (x to the left, y down) itself.
    """
    if array.ndim == 3:
        return np.asarray(array[::-1, ::-1, array.shape[2] // 2]).T
    return np.asarray(array).T


def grey_image(picture: np.ndarray, low: float = -1.0, high: float = 1.0) -> QImage:
    """(rows, columns) numbers to an 8-bit grey image; ``low`` is black, ``high`` white, NaN black."""
    scaled = (np.nan_to_num(np.asarray(picture, np.float32), nan=low) - low) * (255.0 / (high - low))
    grey = np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))
    rows, columns = grey.shape
    return QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()


class PictureLabel(QLabel):  # type: ignore[misc]
    """A grey picture that keeps its shape as the panel is resized, or a sentence where there is none."""

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(sentence, parent)
        self._sentence = sentence
        self._picture: QPixmap | None = None
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def has_picture(self) -> bool:
        """Whether a picture is shown."""
        return self._picture is not None

    def show_picture(self, picture: np.ndarray) -> None:
        """Show (rows, columns) numbers in [-1, 1]."""
        self._picture = QPixmap.fromImage(grey_image(picture))
        self._draw()

    def show_sentence(self, sentence: str | None = None) -> None:
        """Go back to words."""
        self._picture = None
        self.setMinimumHeight(120)
        self.setText(sentence or self._sentence)

    def sizeHint(self) -> QSize:
        """Prefer a square of 220 pixels."""
        return QSize(220, 220 if self.has_picture else 120)

    def resizeEvent(self, event: object) -> None:
        """Fit the picture to the new width."""
        super().resizeEvent(event)
        if self._picture is not None:
            self._draw()

    def _draw(self) -> None:
        assert self._picture is not None
        ratio = self.devicePixelRatioF()
        side = int(max(self.width(), 64)), 240
        fitted = self._picture.scaled(
            QSize(int(side[0] * ratio), int(side[1] * ratio)),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        fitted.setDevicePixelRatio(ratio)
        self.setMinimumHeight(int(fitted.height() / ratio))
        self.setPixmap(fitted)
