"""Asks what a reader study shall be: which cases, which questions, who reads, in what order."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qtpy.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.qt.growing import GrowingDialog
from medsynth_desktop.studies.design import Case
from medsynth_desktop.studies.questions import COMMENT, PUBLISHED, Question
from medsynth_desktop.studies.sample_size import expected_width
from medsynth_desktop.studies.sealed import SHORTEST_PASSWORD
from medsynth_desktop.studies.typed import TURING, read_questions
from medsynth_desktop.workbench.study_cases import Wish, propose, short_of
from medsynth_desktop.workbench.study_plan import ALIKE, LIKELY, Plan
from medsynth_study.cases_dialog import CasesDialog
from medsynth_study.fields import choice, number

INTRODUCTION = (
    "Cases are drawn at random and shown to every reader in an order of their own. The study is sealed under your "
    "password, which opens the truth: nobody can get it back for you."
)


class PlanDialog(GrowingDialog):
    """A form; it decides nothing.

    Parameters
    ----------
    cohorts, batches
        Name and number of images of each that there is.
    pool, load
        From the names of a cohort and a batch (None: none of it), and whether only approved samples, to the cases there
        are, and from a case to its conformed array.
    cohort, batch
        The open ones.
    parent
        The panel.
    """

    def __init__(
        self,
        cohorts: Sequence[tuple[str, int]],
        batches: Sequence[tuple[str, int]],
        pool: Callable[[str | None, str | None, bool], Sequence[Case]],
        load: Callable[[Case], np.ndarray],
        cohort: str | None = None,
        batch: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New reader study")
        self._pool, self._load = pool, load
        self._cases: Sequence[Case] = ()
        self.by_hand: tuple[str, ...] = ()
        self.own: tuple[Question, ...] = ()
        self.cases_button, self.own_button = QPushButton("&Choose…"), QPushButton("&From a file…")
        self.cases_button.setToolTip("Choose cases by hand, in place of drawing them at random")
        self.own_button.setToolTip("Questions of your own, from a JSON file (docs/reader-study.md)")
        self.own_words = QLabel("none of your own")
        self.own_words.setWordWrap(True)
        self.refused = QLabel()
        self.refused.setWordWrap(True)
        self.refused.setVisible(False)
        self.name, self.readers = QLineEdit(), QLineEdit()
        self.readers.setPlaceholderText("Names, commas between")
        self.cohort = choice("Real cases from the cohort", cohorts, cohort)
        self.batch = choice("Synthetic cases from the batch", batches, batch)
        self.real, self.synthetic = number(0, 10_000, 0), number(0, 10_000, 0)
        self.training, self.seed = number(0, 100, 4), number(0, 2**31 - 1, 0)
        self.seed.setSpecialValueText("at random, sealed")
        self.seed.setToolTip("Who knows the seed could draw the orders again; it stands in the sealed study")
        self.repeats = QDoubleSpinBox()
        self.repeats.setRange(0, 1)
        self.repeats.setSingleStep(0.05)
        self.repeats.setValue(0.1)
        self.approved = QCheckBox("Only samples approved for release")
        self.published = QCheckBox("Appearance, consistency between slices, anatomy (Likert, as published)")
        self.published.setChecked(True)
        self.recognition = QCheckBox("Real or synthetic, and how sure")
        self.comment = QCheckBox("Readers may comment on a case")
        self.comment.setChecked(True)
        self.back = QCheckBox("Readers may go back to earlier cases")
        self.password, self.again = QLineEdit(), QLineEdit()
        for field in (self.password, self.again):
            field.setEchoMode(QLineEdit.EchoMode.Password)
        self.width_words = QLabel()
        self.width_words.setWordWrap(True)
        self._lay_out()
        self._look()
        self._propose()
        self._connect()
        self._check()

    def _lay_out(self) -> None:
        words = QLabel(INTRODUCTION)
        words.setWordWrap(True)
        form = QFormLayout()
        form.addRow("&Name", self.name)
        form.addRow("&Readers", self.readers)
        counts = QGridLayout()
        for column, (label, field) in enumerate(
            (("Real", self.real), ("Synthetic", self.synthetic), ("Training", self.training))
        ):
            counts.addWidget(QLabel(label), 0, column)
            counts.addWidget(field, 1, column)
            field.setAccessibleName(f"{label} cases")
        counts.addWidget(self.cases_button, 1, 3)
        form.addRow("Real &from", self.cohort)
        form.addRow("S&ynthetic from", self.batch)
        form.addRow("", self.approved)
        form.addRow("Cases", counts)
        form.addRow("Shown &twice", self.repeats)
        form.addRow("See&d", self.seed)
        for text, box in (
            ("Questions", self.published),
            ("", self.recognition),
            ("", self.comment),
            ("", self.back),
        ):
            form.addRow(text, box)
        own = QHBoxLayout()
        own.addWidget(self.own_button)
        own.addWidget(self.own_words, 1)
        form.addRow("", own)
        form.addRow("Your &password", self.password)
        form.addRow("Once &more", self.again)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Draw up")
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.refused)
        column.addWidget(self.width_words)
        column.addWidget(self.buttons)
        self.setMinimumWidth(540)

    def _connect(self) -> None:
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for field in (self.name, self.readers, self.password, self.again):
            field.textChanged.connect(self._check)
        for box in (self.real, self.synthetic, self.training):
            box.valueChanged.connect(self._check)
        for box in (self.published, self.recognition):
            box.toggled.connect(self._check)
        for changed in (
            self.cohort.currentIndexChanged,
            self.batch.currentIndexChanged,
            self.approved.toggled,
        ):
            changed.connect(lambda *_: self._chosen())
        self.cases_button.clicked.connect(lambda _checked=False: self._ask_cases())
        self.own_button.clicked.connect(lambda _checked=False: self._ask_own())

    def plan(self) -> Plan:
        """Return what was chosen."""
        questions = (PUBLISHED if self.published.isChecked() else ()) + (
            (TURING,) if self.recognition.isChecked() else ()
        )
        questions += self.own
        questions += (COMMENT,) if self.comment.isChecked() else ()
        return Plan(
            self.name.text().strip(),
            self._names(),
            self.cohort.currentData(),
            (self.batch.currentData(),) if self.batch.currentData() else (),
            self.approved.isChecked(),
            self._wish(),
            questions,
            self.repeats.value(),
            seed=self.seed.value() or secrets.randbits(31),
            may=("change", "window", *(("back",) if self.back.isChecked() else ())),
        )

    def _wish(self) -> Wish:
        return Wish(self.real.value(), self.synthetic.value(), self.training.value(), self.by_hand)

    def _names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.readers.text().split(",") if name.strip())

    def _chosen(self) -> None:
        """Take another choice of cohort and batch: what was chosen by hand is not in it."""
        self._choose((), ())
        self._look()
        if self._wish() == self._proposed:  # numbers of the user's own stay
            self._propose()
        self._check()

    def _propose(self) -> None:
        self._proposed = propose(self._cases, self.training.value())
        self.real.setValue(self._proposed.real or 0)
        self.synthetic.setValue(self._proposed.synthetic or 0)

    def _look(self) -> None:
        """See which cases there are."""
        chosen = self.cohort.currentData(), self.batch.currentData(), self.approved.isChecked()
        self._cases = ()
        try:
            self._cases = self._pool(*chosen)
        except MedSynthError as refused:
            self._refuse(refused)

    def _ask_cases(self) -> None:
        if self._cases and (dialog := CasesDialog(self._cases, self.by_hand, self._load, self)).exec():
            self._choose(*dialog.chosen())

    def _choose(self, real: Sequence[str], synthetic: Sequence[str]) -> None:
        """Take the cases chosen by hand; none at all: they are drawn at random."""
        self.by_hand = (*real, *synthetic)
        for box, ids in ((self.real, real), (self.synthetic, synthetic)):
            if self.by_hand:
                box.setValue(len(ids))
            box.setEnabled(not self.by_hand)
            box.setToolTip("Chosen by hand" if self.by_hand else "")
        self._refuse(None)

    def _ask_own(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Questions of your own", "", "Questions (*.json);;All files (*)"
        )
        if path:
            self.read_own(path)

    def read_own(self, path: str) -> None:
        """Take the questions of a JSON file in."""
        try:
            self.own = read_questions(path)
        except MedSynthError as refused:
            self._refuse(refused)
            return
        self.own_words.setText("; ".join(question.text for question in self.own))
        self._refuse(None)
        self._check()

    def _refuse(self, why: MedSynthError | None) -> None:
        self.refused.setText(str(why) if why else "")
        self.refused.setVisible(why is not None)
        self.grow()

    def _check(self, *_: Any) -> None:
        readers, cases = len(self._names()), self.real.value() + self.synthetic.value()
        password = self.password.text()
        lacking = [
            words
            for words, there in (
                ("a name", self.name.text().strip()),
                ("readers", readers),
                ("cases", cases and self._cases),
                ("a question", self.published.isChecked() or self.recognition.isChecked() or self.own),
                (f"a password of {SHORTEST_PASSWORD} characters or more", len(password) >= SHORTEST_PASSWORD),
                ("the password once more", password == self.again.text()),
            )
            if not there
        ]
        lacking += short_of(self._cases, self._wish()) if self._cases else []
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not lacking)
        if lacking:
            self.width_words.setText(f"Still needed: {', '.join(lacking)}.")
            self.grow()
            return
        width = expected_width(readers, cases, LIKELY, ALIKE)
        self.width_words.setText(
            f"{readers} reader{'' if readers == 1 else 's'} and {cases} cases tell a share of {100 * LIKELY:.0f}% good "
            f"answers within an interval about {100 * width:.0f} points wide."
        )
        self.grow()
