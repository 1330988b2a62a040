"""Which model samples are drawn from, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.core.records import BundleRecord, CohortRecord
from medsynth_desktop.qt.words import grid_words


class ModelBox(QWidget):  # type: ignore[misc]
    """Chooser and details; ``chosen`` carries a bundle hash, ``import_asked`` and ``card_asked`` nothing."""

    chosen = Signal(str)
    import_asked = Signal()
    card_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Model")
        self.chooser.activated.connect(lambda _: self.chosen.emit(self.chooser.currentData()))
        self.import_button = QPushButton("Import…")
        self.import_button.setToolTip("Import a model folder; nothing in it is executed")
        self.import_button.clicked.connect(self.import_asked.emit)
        self.card_button = QPushButton("Card…")
        self.card_button.setToolTip(
            "Save the model card: what it learnt from, how good it is, whether it repeats patients"
        )
        self.card_button.clicked.connect(self.card_asked.emit)
        self.facts = QFormLayout()
        self.facts.setVerticalSpacing(2)
        top = QHBoxLayout()
        top.addWidget(self.chooser, 1)
        top.addWidget(self.card_button)
        top.addWidget(self.import_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addLayout(self.facts)

    def show_bundles(
        self, bundles: Sequence[BundleRecord], current: BundleRecord | None, cohort: CohortRecord | None
    ) -> None:
        """List ``bundles`` and describe ``current``; ``cohort`` is the open one."""
        self.chooser.clear()
        for bundle in bundles:
            self.chooser.addItem(bundle.name, bundle.hash)
        while self.facts.rowCount():
            self.facts.removeRow(0)
        if current is None:
            return
        self.chooser.setCurrentIndex(self.chooser.findData(current.hash))
        for name, value, tip in bundle_facts(current, cohort):
            label = QLabel(value)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setToolTip(tip)
            self.facts.addRow(f"{name}:", label)


def bundle_facts(bundle: BundleRecord, cohort: CohortRecord | None) -> list[tuple[str, str, str]]:
    """Tell name, value and tool tip of what a person wants to know of a model."""
    if not bundle.cohort_hash:
        trained = "a cohort that the model does not name"
    elif cohort is not None and cohort.hash == bundle.cohort_hash:
        trained = f"the open cohort, {cohort.name}"
    else:
        trained = "another cohort than the open one"
    facts: list[tuple[str, Any, str]] = [
        ("Draws", grid_words(bundle.recipe), ""),
        ("Trained on", trained, bundle.cohort_hash),
        ("Licence", bundle.licence or "not stated", ""),
        ("Fingerprint", bundle.hash[:12], f"SHA-256 {bundle.hash}"),
    ]
    if bundle.privacy is not None:
        facts.insert(2, ("Privacy", bundle.privacy.words, bundle.privacy.details))
    return facts
