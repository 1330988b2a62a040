"""The table of decisions as a Qt model; several rows may be selected and decided at once."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QItemSelection, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QFont
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from medsynth_desktop.qt.cells import darken_selection
from medsynth_desktop.qt.theme import DECISIONS, VERDICTS
from medsynth_desktop.workbench.decision_table import COLUMNS, DecisionTable

CELL_MARGIN = 8
LEAST_REASON = 56
"""Pixels: the head of the column; the reason stands in its tip."""
WIDTHS = {
    "sample": "S-00000",
    "verdict": "Not checked",
    "rated": "C to D (3)",
    "decision": "Re-opened   ..",  # it is bold
    "reason": "some of it …",
    "who": "Somebody Long ",
    "when": "2026-01-01 00:00 UTC ",
}


REASON = next(i for i, column in enumerate(COLUMNS) if column.key == "reason")


class DecisionModel(QAbstractTableModel):  # type: ignore[misc]
    """Shows a `DecisionTable`; cells are made when they are painted."""

    def __init__(self) -> None:
        super().__init__()
        self.table = DecisionTable((), {}, {})
        self._sorted: tuple[int, bool] | None = None

    def set_table(self, table: DecisionTable) -> None:
        """Show other rows in the order that the user chose."""
        self.beginResetModel()
        self.table = table
        if self._sorted is not None:
            table.sort(*self._sorted)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Samples."""
        return 0 if parent.isValid() else len(self.table)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour and weight of one cell."""
        if not index.isValid():
            return None
        row, key = index.row(), COLUMNS[index.column()].key
        if role == Qt.ItemDataRole.DisplayRole:
            return self.table.text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.table.tip(row, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, key)
        if role == Qt.ItemDataRole.FontRole and self.table.reopened(row) and key == "decision":
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _colour(self, row: int, key: str) -> QColor | None:
        verdict = self.table.verdict(row)
        if key == "verdict" and verdict is not None:
            return QColor(VERDICTS[verdict].colour)
        decision = self.table.decisions.get(self.table.id(row))
        if key == "decision" and decision is not None:
            return QColor(DECISIONS[decision.status].colour)
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title of a column, and its sentence as tool tip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        return COLUMNS[section].tip if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 keeps what waits for a decision first."""
        self._sorted = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        if self._sorted is not None:
            self.layoutAboutToBeChanged.emit()
            self.table.sort(*self._sorted)
            self.layoutChanged.emit()


class DecisionView(QTableView):  # type: ignore[misc]
    """The table; says which samples are selected and which one is looked at."""

    chosen = Signal()
    looked_at = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows = DecisionModel()
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        darken_selection(self)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Samples with verdict and decision")
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(22)
        self.setMinimumHeight(22 * 7)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self._showing = False
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        self.selectionModel().currentRowChanged.connect(self._moved)
        self.rows.layoutChanged.connect(self._keep)
        self._kept: set[str] = set()

    def resizeEvent(self, event: object) -> None:
        """Give the reason the room that the others leave; who and when stand in tips where there is too little."""
        super().resizeEvent(event)
        self._share_out()

    def _share_out(self) -> None:
        letters, rated = self.fontMetrics(), bool(self.rows.table.ratings)
        widths = [
            letters.horizontalAdvance(WIDTHS[column.key]) + CELL_MARGIN
            if rated or column.key != "rated"
            else 0
            for column in COLUMNS
        ]
        spare = self.viewport().width() - sum(widths)
        for index, width in enumerate(widths):
            self.setColumnHidden(index, (index > REASON and spare < 0) or not width)
            self.setColumnWidth(index, width)
        if spare < 0:
            spare = self.viewport().width() - sum(widths[: REASON + 1])
        self.setColumnWidth(REASON, max(LEAST_REASON, widths[REASON] + spare))

    def selected(self) -> list[str]:
        """Samples of the selected rows, from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.rows.table.id(row) for row in rows]

    def show_table(self, table: DecisionTable) -> None:
        """Show other rows; the samples that were selected stay so."""
        self._showing = True
        self.rows.set_table(table)
        self._showing = False
        self._share_out()
        self._keep()

    def choose(self, samples: set[str]) -> None:
        """Select the rows of ``samples`` without telling anyone which is looked at."""
        self._kept = set(samples)
        self._keep()

    def _keep(self) -> None:
        kept, model = self._kept, self.selectionModel()
        self._showing = True
        self.clearSelection()
        rows = [r for r in range(len(self.rows.table)) if self.rows.table.id(r) in kept] if kept else []
        model.select(self._stretches(rows), model.SelectionFlag.Select | model.SelectionFlag.Rows)
        if len(rows) == 1:
            model.setCurrentIndex(self.rows.index(rows[0], 0), model.SelectionFlag.NoUpdate)
            self.scrollTo(self.rows.index(rows[0], 0))
        self._showing = False
        self._kept = kept
        self.chosen.emit()

    def _stretches(self, rows: list[int]) -> QItemSelection:
        """Rows as stretches of neighbours: ten thousand are selected in one go."""
        found = QItemSelection()
        for place, row in enumerate(rows):
            if place == 0 or rows[place - 1] != row - 1:
                first = row
            if place + 1 == len(rows) or rows[place + 1] != row + 1:
                found.select(self.rows.index(first, 0), self.rows.index(row, len(COLUMNS) - 1))
        return found

    def _selection_changed(self, *_: object) -> None:
        if not self._showing:
            self._kept = set(self.selected())
            self.chosen.emit()

    def _moved(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._showing and current.isValid():
            self.looked_at.emit(self.rows.table.id(current.row()))
