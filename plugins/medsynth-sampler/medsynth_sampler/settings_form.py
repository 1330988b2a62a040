"""The form of one sampling run: how many, by which algorithm, from which seed, on what."""

from __future__ import annotations

import random

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QLargeIntSpinBox

from medsynth_desktop.core.records import MOST_GUIDANCE, Condition, SampleSettings
from medsynth_desktop.qt.engine import EngineFacts
from medsynth_desktop.qt.theme import arrow_icon
from medsynth_desktop.workbench.keeping_away import MOST_DRAWN

LARGEST_SEED = 2**63 - 1 - 100_000
DEFAULTS = SampleSettings()
AUTO = "Best available"
PRECISIONS = {
    "The device's own": "auto",
    "32 bits": "32",
    "bf16": "bf16",
    "16 bits (CUDA only)": "16",
}


class ClassField(QComboBox):  # type: ignore[misc]
    """One of a condition's classes, or any."""

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.setAccessibleName(condition.name)
        self.addItem("any", None)
        for name in condition.classes:
            self.addItem(name, name)

    def value(self) -> str | None:
        """Return the class, or None when it is not asked for."""
        found: str | None = self.currentData()
        return found


class NumberField(QWidget):  # type: ignore[misc]
    """A number within what the model has learnt, or not asked for."""

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.asked = QCheckBox("ask for")
        self.asked.setAccessibleName(f"Ask for {condition.name}")
        self.number = QDoubleSpinBox()
        self.number.setRange(condition.low, condition.high)
        self.number.setDecimals(max(0, 3 - len(str(int(condition.high - condition.low)))))
        self.number.setValue((condition.low + condition.high) / 2)
        self.number.setEnabled(False)
        self.number.setAccessibleName(condition.name)
        self.asked.toggled.connect(self.number.setEnabled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.asked)
        row.addWidget(self.number, 1)

    def value(self) -> float | None:
        """Return the number, or None when it is not asked for."""
        return self.number.value() if self.asked.isChecked() else None


class SettingsForm(QWidget):  # type: ignore[misc]
    """Setters and getters only: it decides nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: dict[str, ClassField | NumberField] = {}
        self._offered: tuple[Condition, ...] = ()
        self._make_fields()
        self.form = QFormLayout()
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setVerticalSpacing(4)
        self.form.addRow("How &many", self.count)
        self.form.addRow("S&eed", self._seed_row())
        self.form.addRow("&Batch name", self.batch)
        self.condition_form = QFormLayout()
        self.condition_form.setContentsMargins(0, 0, 0, 0)
        inner = QWidget()
        more = QFormLayout(inner)
        more.setContentsMargins(0, 0, 0, 0)
        more.setVerticalSpacing(4)
        more.addRow("Sa&mpler", self.sampler)
        more.addRow("S&teps", self.steps)
        more.addRow("&Device", self.device)
        more.addRow("&Precision", self.precision)
        more.addRow("At &once", self.batch_size)
        more.addRow("&Guidance", self.guidance)
        more.addRow("&Candidates", self.candidates)
        more.addRow("Attem&pts", self.attempts)
        self.more = QCollapsible(
            "Sampler, device and privacy", expandedIcon=arrow_icon(True), collapsedIcon=arrow_icon(False)
        )
        self.more.addWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.form)
        column.addLayout(self.condition_form)
        column.addWidget(self.more)
        column.addWidget(self.note)

    def _make_fields(self) -> None:
        self.count = _spin(1, 100_000, 1, "How many samples")
        self.steps = _spin(1, 1000, DEFAULTS.steps, "Steps of the sampler")
        self.batch_size = _spin(0, 256, 0, "Samples drawn at once")
        self.batch_size.setSpecialValueText("what fits")
        self.batch_size.setToolTip(
            "More at once is faster on a graphics processor, and takes more of its memory"
        )
        self.guidance = QDoubleSpinBox()
        self.guidance.setRange(0, MOST_GUIDANCE)
        self.guidance.setSingleStep(0.5)
        self.guidance.setValue(DEFAULTS.guidance)
        self.guidance.setDecimals(1)
        self.guidance.setEnabled(False)
        self.guidance.setAccessibleName("Guidance")
        self.guidance.setToolTip(
            "How strictly the conditions are followed: above 1 more typical and less various images, in twice the time"
        )
        self.candidates = _spin(1, MOST_DRAWN, 1, "Candidates for each sample")
        self.candidates.setToolTip(
            "Latent filtering: so many are drawn for a sample; the one farthest from every training image is kept"
        )
        self.attempts = _spin(1, MOST_DRAWN, 1, "Attempts at each sample")
        self.attempts.setToolTip(
            "Above 1 the guard looks at each sample as it is drawn, and draws a blocked one again, so often in all"
        )
        self.seed = QLargeIntSpinBox()
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("The same seed, model and settings give the same image again")
        self.batch = QLineEdit()
        self.batch.setAccessibleName("Batch name")
        self.batch.setToolTip(
            "Empty: a new batch with the next free name. The name of a batch that exists adds to it"
        )
        self.sampler, self.device, self.precision = QComboBox(), QComboBox(), QComboBox()
        self.sampler.setAccessibleName("Sampler")
        self.device.setAccessibleName("Device")
        self.precision.setAccessibleName("Precision")
        for words, value in PRECISIONS.items():
            self.precision.addItem(words, value)
        self.precision.setToolTip(
            "Fewer bits are faster where the device knows them; the same seed then draws slightly different images"
        )
        for box in (self.sampler, self.device, self.precision):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
        self.sampler.addItem(DEFAULTS.sampler, DEFAULTS.sampler)
        self.device.addItem(AUTO, None)
        self.sampler.activated.connect(self._sampler_chosen)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.hide()
        self._default_steps: dict[str, int] = {}

    def _seed_row(self) -> QWidget:
        self.random_button = QPushButton("Random")
        self.random_button.setToolTip("Draw a new seed")
        self.random_button.clicked.connect(self.draw_seed)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.seed, 1)
        row.addWidget(self.random_button)
        return holder

    def set_facts(self, facts: EngineFacts) -> None:
        """Offer the samplers and devices that there are."""
        self._default_steps = {s.key: s.default_steps for s in facts.samplers}
        self.sampler.clear()
        for choice in facts.samplers:
            self.sampler.addItem(choice.label, choice.key)
        self.sampler.setCurrentIndex(max(0, self.sampler.findData(DEFAULTS.sampler)))
        self.device.clear()
        self.device.addItem(f"{AUTO}: {facts.best}", None)
        for device in facts.devices:
            self.device.addItem(device.words, device.device)
        self.note.setText(facts.note)
        self.note.setVisible(bool(facts.note))

    def set_conditions(self, conditions: tuple[Condition, ...]) -> None:
        """Offer the conditions of a model."""
        if self._offered == conditions:
            return
        self._offered = conditions
        while self.condition_form.rowCount():
            self.condition_form.removeRow(0)
        self.conditions = {c.name: ClassField(c) if c.classes else NumberField(c) for c in conditions}
        for name, field in self.conditions.items():
            self.condition_form.addRow(name.replace("_", " ").capitalize(), field)
        self.guidance.setEnabled(bool(conditions))

    def settings(self) -> SampleSettings:
        """Return what determines a sample beside its seed and model."""
        asked = {name: field.value() for name, field in self.conditions.items()}
        return SampleSettings(
            sampler=self.sampler.currentData(),
            steps=self.steps.value(),
            conditions={name: value for name, value in asked.items() if value is not None},
            candidates=self.candidates.value(),
            attempts=self.attempts.value(),
            guidance=self.guidance.value() if self.conditions else 1.0,
            precision=self.precision.currentData(),
        )

    def batch_name(self) -> str | None:
        """Return the name typed for the batch, None where the next free one shall be taken."""
        return self.batch.text().strip() or None

    def suggest_batch(self, name: str) -> None:
        """Show the name that is taken when none is typed."""
        self.batch.setPlaceholderText(f"{name} (automatic)")

    def draw_seed(self) -> None:
        """Put a random seed (below 2^31, short enough to be read aloud)."""
        self.seed.setValue(random.SystemRandom().randrange(2**31))

    def _sampler_chosen(self, _index: int) -> None:
        self.steps.setValue(self._default_steps.get(self.sampler.currentData(), DEFAULTS.steps))


def _spin(low: int, high: int, value: int, name: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setAccessibleName(name)
    return box
