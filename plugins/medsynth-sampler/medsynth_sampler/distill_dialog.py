"""Asks what a privacy distillation shall do: whom to keep away from, which samples to learn from, where to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medsynth_sampler.place import Place

FILTERS = (
    ("top-k", "Those that single out one patient least (top-k)"),
    ("hcc", "Those no liker to a patient than unseen ones (HCC)"),
    ("ratio", "Those that single out none more than unseen ones (ratio)"),
)
AUTOENCODERS = (
    ("new", "New: nothing of the student saw a patient"),
    ("teacher", "The teacher's, frozen: it learnt from patients"),
)
PRESETS = ("tiny", "small", "medium", "large")
INTRODUCTION = (
    "The open model draws samples; a filter keeps as many as it learnt from, those that resemble no patient too much; "
    "a new model learns from them alone. This takes hours on a processor. It can be cancelled, and goes on when it is "
    "started again with the same folder and choices."
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was chosen."""

    cohort: str
    out: Path
    filter: str
    autoencoder: str
    preset: str
    draws: int | None


class DistillDialog(QDialog):  # type: ignore[misc]
    """A form; it decides nothing.

    Parameters
    ----------
    teacher
        Name of the open model.
    cohorts, cohort
        Names to choose from, and the open one.
    parent
        The panel.
    """

    def __init__(
        self, teacher: str, cohorts: Sequence[str], cohort: str | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Distil {teacher}")
        self.cohort = _choice("Cohort", [(name, name) for name in cohorts])
        self.cohort.setCurrentIndex(max(0, self.cohort.findData(cohort)))
        self.filter = _choice("Which samples to learn from", FILTERS)
        self.autoencoder = _choice("Autoencoder", AUTOENCODERS)
        self.preset = _choice("Size of the student", [(p, p) for p in PRESETS])
        self.preset.setCurrentIndex(PRESETS.index("small"))
        self.draws = QSpinBox()
        self.draws.setRange(0, 100_000)
        self.draws.setSpecialValueText("4 for each training image")
        self.draws.setAccessibleName("Samples the teacher draws")
        self.draws.setToolTip("All of them for top-k; for the other filters, at most so many")
        self.place = Place(self, "student", f"{teacher}-distilled")
        self.name, self.folder = self.place.name, self.place.folder
        self._lay_out()

    def _lay_out(self) -> None:
        words = QLabel(INTRODUCTION)
        words.setWordWrap(True)
        form = QFormLayout()
        form.addRow("&Keep away from", self.cohort)
        form.addRow("&Learn from", self.filter)
        form.addRow("Samples &drawn", self.draws)
        form.addRow("&Autoencoder", self.autoencoder)
        form.addRow("&Preset", self.preset)
        self.place.add_to(form)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Distil")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.name.textChanged.connect(self._check)
        self.cohort.currentIndexChanged.connect(self._check)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.setMinimumWidth(560)
        self._check()

    def wishes(self) -> Wishes:
        """Return what was chosen."""
        return Wishes(
            self.cohort.currentData(),
            self.place.path,
            self.filter.currentData(),
            self.autoencoder.currentData(),
            self.preset.currentData(),
            self.draws.value() or None,
        )

    def _check(self, *_: Any) -> None:
        ready = self.place.named and self.cohort.currentData() is not None
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


def _choice(name: str, items: Sequence[tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    for key, words in items:
        box.addItem(words, key)
    return box
