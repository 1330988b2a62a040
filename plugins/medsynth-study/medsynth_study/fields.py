"""Fields of forms."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QComboBox, QSpinBox


def choice(name: str, items: Sequence[tuple[str, int]], chosen: str | None) -> QComboBox:
    """A list of names with their counts, ``chosen`` or the first at hand; its data are the names."""
    box = QComboBox()
    box.setAccessibleName(name)
    for key, count in items:
        box.addItem(f"{key} ({count:,})", key)
    box.setCurrentIndex(max(0, box.findData(chosen)) if items else -1)
    return box


def number(low: int, high: int, value: int) -> QSpinBox:
    """A whole number from ``low`` to ``high``."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    return box
