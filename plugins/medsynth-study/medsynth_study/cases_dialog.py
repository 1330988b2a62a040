"""Asks which cases a study shows: pictures of all there are, chosen by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from qtpy.QtCore import QItemSelectionModel
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.qt.thumbnails import Thumb, ThumbnailList, ThumbnailModel
from medsynth_desktop.studies.design import Case

INTRODUCTION = (
    "A click chooses a case, another leaves it out. Cases drawn at random speak of the whole cohort and batch; cases "
    "chosen by hand only of themselves. With none chosen they are drawn at random."
)
KINDS = ((False, "Real"), (True, "Synthetic"))


class CasesDialog(QDialog):  # type: ignore[misc]
    """Two lists, real and synthetic.

    Parameters
    ----------
    cases
        All that there are.
    chosen
        Ids of those chosen so far.
    load
        From a case to its conformed array.
    parent
        The form of the study.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        chosen: Collection[str],
        load: Callable[[Case], np.ndarray],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Cases of the study")
        by_id = {case.id: case for case in cases}
        told = QLabel(INTRODUCTION)
        told.setWordWrap(True)
        self.counts = QLabel()
        self.lists: list[ThumbnailList] = []
        row = QHBoxLayout()
        for kind, name in KINDS:
            model = ThumbnailModel(lambda key: load(by_id[key]))
            view = ThumbnailList(model, f"{name} cases")
            view.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
            model.set_thumbs([Thumb(c.id, c.id, c.id) for c in cases if c.synthetic is kind])
            for case in cases:
                if case.id in chosen and case.synthetic is kind:
                    view.selectionModel().select(
                        model.index_of(case.id), QItemSelectionModel.SelectionFlag.Select
                    )
            view.selectionModel().selectionChanged.connect(lambda *_: self._count())
            self.lists.append(view)
            column = QVBoxLayout()
            column.addWidget(QLabel(name))
            column.addWidget(view, 1)
            row.addLayout(column, 1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(told)
        column.addLayout(row, 1)
        column.addWidget(self.counts)
        column.addWidget(buttons)
        self.resize(900, 560)
        self._count()

    def chosen(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Ids of the chosen real and synthetic cases."""
        real, synthetic = (
            tuple(
                str(view.model().key(index))
                for index in sorted(view.selectedIndexes(), key=lambda i: i.row())
            )
            for view in self.lists
        )
        return real, synthetic

    def _count(self) -> None:
        real, synthetic = map(len, self.chosen())
        self.counts.setText(f"{real} real and {synthetic} synthetic cases chosen")
