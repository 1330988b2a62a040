"""Asks what a MONAI bundle may not say of itself: grid, voxel size, range of values, scale of latents."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.workbench.foreign import Said, comes_from_elsewhere

INTRODUCTION = (
    "This is a MONAI bundle. It is converted into a model of this program; nothing in it is run. Most bundles say what "
    "follows themselves: leave it as it is, and fill in only what the import then asks for. Nobody here knows whose "
    "images such a model was trained on, and every check of its samples will say so."
)
BUNDLE = "as the bundle says"
VALUES = ((BUNDLE, None), ("from 0 to 1", "0,1"), ("from -1 to 1", "-1,1"))


class ForeignDialog(QDialog):  # type: ignore[misc]
    """A form; it decides nothing.

    Parameters
    ----------
    name
        Of the bundle's folder.
    parent
        The panel.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import {name}")
        self.grid = QLineEdit()
        self.grid.setPlaceholderText(BUNDLE)
        self.grid.setToolTip("Voxels along x, y and z, such as 160,224,160 (--grid)")
        self.spacing = _number(1000, 3)
        self.spacing.setSuffix(" mm")
        self.spacing.setToolTip("Edge of a voxel in mm (--spacing)")
        self.values = QComboBox()
        for label, key in VALUES:
            self.values.addItem(label, key)
        self.values.setToolTip("The numbers that the bundle's images are made of (--values)")
        self.scale = _number(1_000_000, 6)
        self.scale.setToolTip("What training multiplied latents by; it printed this number (--latent-scale)")
        form = QFormLayout()
        for label, widget in (
            ("&Grid", self.grid),
            ("&Voxel size", self.spacing),
            ("V&alues of images", self.values),
            ("&Scale of latents", self.scale),
        ):
            widget.setAccessibleName(label.replace("&", ""))
            form.addRow(label, widget)
        self._lay_out(form)

    def _lay_out(self, form: QFormLayout) -> None:
        words = QLabel(INTRODUCTION)
        words.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Import")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.setMinimumWidth(520)

    def said(self) -> Said:
        """Return what was filled in, for `Workbench.import_bundle`."""
        return Said(
            self.grid.text().strip() or None,
            self.spacing.value() or None,
            self.values.currentData(),
            self.scale.value() or None,
        )


def ask_about(path: Path, parent: QWidget | None = None) -> Said | None:
    """Return what a person says of the model ``path``: nothing of one of ours; None where the dialog was closed."""
    if not comes_from_elsewhere(path):
        return Said()
    dialog = ForeignDialog(path.name, parent)
    return dialog.said() if dialog.exec() else None


def _number(most: float, decimals: int) -> QDoubleSpinBox:
    """A number above 0, or nothing said."""
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(0, most)
    box.setSpecialValueText(BUNDLE)
    return box
