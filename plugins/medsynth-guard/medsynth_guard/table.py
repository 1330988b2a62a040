"""The verdict table as a Qt model over arrays: no widget and no object per row, so 10,000 samples follow a drag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QFontMetrics, QKeySequence, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QShortcut, QTableView, QWidget

from medsynth_desktop.qt.cells import darken_selection
from medsynth_desktop.qt.theme import VERDICTS
from medsynth_desktop.workbench.verdict_table import VerdictTable

SMALLER = 0.87
"""Size of the letters, of the panel's: all numbers stand beside each other in a window of 1366 pixels."""
CELL_MARGIN, WORD_MARGIN = 6, 10
"""Pixels; words with a shape behind them take more than is measured, and are cut with dots where that lacks."""
LEAST_ROWS = 4
"""Rows in sight on the smallest screen, where the plot below the table needs the rest of the height."""
MARKED_TITLE = "Dec."
"""Title of the decisions where they are marks."""
SPARED = ("nearest", "sample")
"""Columns that leave, in this order, where the numbers have no room; the tip of the verdict says them."""
SAMPLED_ROWS = 12
"""Rows, the riskiest, whose texts give the columns their widths."""
NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
WORDS = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class VerdictModel(QAbstractTableModel):  # type: ignore[misc]
    """Shows a `VerdictTable`; cells are made when they are painted."""

    def __init__(self) -> None:
        super().__init__()
        self.table: VerdictTable | None = None
        self._sorted: tuple[int, bool] | None = None  # None: riskiest first
        self.marked = False  # decisions as marks instead of words

    @property
    def by_risk(self) -> bool:
        """Whether the riskiest come first."""
        if self._sorted is None or self.table is None:
            return True
        return self.table.columns[self._sorted[0]].key == "verdict" and self._sorted[1]

    def set_table(self, table: VerdictTable | None) -> None:
        """Show other rows in the order that the user chose."""
        self.beginResetModel()
        self.table = table
        if table is not None and self._sorted is not None:
            table.sort(*self._sorted)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Samples."""
        return 0 if parent.isValid() or self.table is None else len(self.table)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Columns, the registered metrics among them."""
        return 0 if parent.isValid() or self.table is None else len(self.table.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour and alignment of one cell."""
        if self.table is None or not index.isValid():
            return None
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole and self._is_marked(column):
            return self.table.mark(row)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.table.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.table.tip(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return NUMBERS if self.table.columns[column].numeric else WORDS
        if role in (Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.FontRole):
            return self._look(row, column, role)
        return None

    def _is_marked(self, column: int) -> bool:
        return self.marked and self.table is not None and self.table.columns[column].key == "decision"

    def _look(self, row: int, column: int, role: int) -> QColor | QFont | None:
        """Verdicts, and numbers beyond a limit, have a colour; numbers beyond the block limit are bold too."""
        assert self.table is not None
        is_verdict = self.table.columns[column].key == "verdict"
        said = self.table.verdict(row) if is_verdict else self.table.passed(row, column)
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(True)
            return font if said == "block" and not is_verdict else None
        return QColor(VERDICTS[said].colour) if is_verdict or said != "pass" else None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title of a column, and its sentence as tool tip."""
        if orientation != Qt.Orientation.Horizontal or self.table is None:
            return None
        if section >= len(self.table.columns):
            return None
        column = self.table.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return MARKED_TITLE if self._is_marked(section) else column.title
        return column.tip if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 goes back to riskiest first."""
        self._sorted = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        if self.table is None:
            return
        self.layoutAboutToBeChanged.emit()
        self.table.sort(*(self._sorted or (None, False)))
        self.layoutChanged.emit()


class VerdictView(QTableView):  # type: ignore[misc]
    """The table: one row is looked at; arrows and N / P move.

    Parameters
    ----------
    keys
        What keys do while the table has the focus.
    parent
        Qt parent.
    """

    looked_at = Signal(str)

    def __init__(self, keys: Mapping[str, Callable[[], None]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = VerdictModel()
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        darken_selection(self)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Verdicts of the batch, riskiest first")
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(22)
        self.setMinimumHeight(22 * LEAST_ROWS + 40)
        header = self.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self._showing = False
        for key, act in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)
        self.selectionModel().currentRowChanged.connect(self._moved)
        self.rows.layoutChanged.connect(self._keep)
        self._sample: str | None = None
        self._small = False
        self._natural: dict[str, int] = {}

    def show_table(self, table: VerdictTable | None, sample: str | None) -> None:
        """Show other rows and keep ``sample`` looked at."""
        before = self.rows.table
        self._showing = True
        self.rows.set_table(table)
        self._showing = False
        if table is not None and (before is None or before.columns != table.columns):
            if not self._small:
                self._smaller()
            self._measure(table)
            self._arrange()
        self.look_at(sample)

    def look_at(self, sample: str | None) -> None:
        """Move to the row of ``sample`` without telling anyone."""
        self._sample = sample
        row = self.rows.table.row(sample) if self.rows.table is not None else None
        self._showing = True
        if row is None:
            self.clearSelection()
        elif self.currentIndex().row() != row:
            self.selectRow(row)
            self.scrollTo(self.rows.index(row, 0))
        self._showing = False

    def _keep(self) -> None:
        self.look_at(self._sample)

    def _moved(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if self._showing or self.rows.table is None or not current.isValid():
            return
        self._sample = self.rows.table.id(current.row())
        self.looked_at.emit(self._sample)

    def _smaller(self) -> None:
        self.ensurePolished()
        self._small = True
        points = SMALLER * self.font().pointSizeF()
        self.setStyleSheet(
            f"{self.styleSheet()} QTableView, QTableView QHeaderView {{ font-size: {points:.1f}pt; }}"
        )
        self.ensurePolished()

    def sizeHint(self) -> QSize:
        """As low as it may be: the panel's layout gives it more only where there is more."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show in words what there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _measure(self, table: VerdictTable) -> None:
        """Note how wide each column is with all its words."""
        self.rows.marked = False
        self.horizontalHeader().setResizeContentsPrecision(0)  # hints of the rows on screen alone
        heavy = self._bold()
        letters = self.fontMetrics()
        samples = {"verdict": "Review ▲", "nearest": "P-0000-0", "decision": "Re-opened"}
        self._natural = {}
        for index, column in enumerate(table.columns):
            texts = [table.text(row, index) for row in range(min(len(table), SAMPLED_ROWS))]
            texts.append(samples.get(column.key, "0.000" if column.numeric else ""))
            width = max((heavy if column.numeric else letters).horizontalAdvance(text) for text in texts)
            width += CELL_MARGIN if column.numeric else WORD_MARGIN
            width = max(width, heavy.horizontalAdvance(column.title) + CELL_MARGIN)
            self._natural[column.key] = max(width, self.sizeHintForColumn(index))

    def _arrange(self) -> None:
        """Let the numbers of all metrics stand beside each other: words make room where there is too little."""
        room, widths = self.viewport().width(), dict(self._natural)
        if not widths or self.rows.table is None:
            return
        self.rows.marked = sum(widths.values()) > room
        if self.rows.marked:
            widths["decision"] = self._bold().horizontalAdvance(MARKED_TITLE) + CELL_MARGIN
        for key in SPARED:
            if sum(widths.values()) > room:
                widths[key] = 0
        for index, column in enumerate(self.rows.table.columns):
            self.setColumnHidden(index, not widths[column.key])
            if widths[column.key]:
                self.setColumnWidth(index, widths[column.key])
        self.viewport().update()
        self.horizontalHeader().viewport().update()

    def _bold(self) -> QFontMetrics:
        bold = QFont(self.font())
        bold.setBold(True)
        return QFontMetrics(bold)
