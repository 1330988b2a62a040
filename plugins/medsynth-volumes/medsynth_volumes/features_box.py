"""By which network the guard compares features: a chooser that says what each one lacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.workbench.featuring import Offer

NONE = "No feature network"
TIP = (
    "The guard can also compare what a network sees in each image with every real image (feature dictionary)."
)


class FeaturesBox(QWidget):  # type: ignore[misc]
    """Chooser of the feature network; ``chosen`` carries its key ("" for none) and a file of weights or None."""

    chosen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._offers: tuple[Offer, ...] = ()
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Feature network of the guard")
        self.chooser.setToolTip(TIP)
        self.chooser.setMinimumContentsLength(12)  # else its longest words widen the dock
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.chooser.activated.connect(self._chosen)
        self.file_button = QPushButton("Weights…")
        self.file_button.setToolTip(
            "Choose a file of trained VGG16 weights (ONNX); nothing in it is executed"
        )
        self.file_button.clicked.connect(lambda: self._ask_file())
        self.lacking = QLabel()
        self.lacking.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(QLabel("Features:"))
        row.addWidget(self.chooser, 1)
        row.addWidget(self.file_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.lacking)

    def show_offers(self, offers: Sequence[Offer]) -> None:
        """List ``offers`` and the one in use."""
        self._offers = tuple(offers)
        self.chooser.clear()
        self.chooser.addItem(NONE, "")
        for offer in self._offers:
            self.chooser.addItem(
                offer.label if not offer.lacking else f"{offer.label} (not available)", offer.key
            )
        used = next((i for i, offer in enumerate(self._offers, 1) if offer.in_use), 0)
        self.chooser.setCurrentIndex(used)
        self._say()

    def _chosen(self, _: Any = None) -> None:
        self._say()
        offer = self._offer()
        if offer is None or not offer.lacking:
            self.chosen.emit(offer.key if offer else "", None)

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Trained weights", "", "ONNX (*.onnx);;All files (*)")
        offer = self._offer()
        if path and offer is not None:
            self.chosen.emit(offer.key, Path(path))

    def _offer(self) -> Offer | None:
        index = self.chooser.currentIndex()
        return self._offers[index - 1] if index > 0 else None

    def _say(self) -> None:
        """Show what the chosen network lacks, and offer a file where it takes one."""
        offer = self._offer()
        self.lacking.setText(offer.lacking if offer is not None else "")
        self.lacking.setVisible(offer is not None and bool(offer.lacking))
        self.file_button.setVisible(offer is not None and offer.takes_file)
