"""The window: napari with the panels of the plugins as tabs on the right, a header line, and a menu."""

from __future__ import annotations

import logging
from pathlib import Path

import napari
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDockWidget, QTabWidget, QToolBar, QWidget

from medsynth_desktop.qt import bridge
from medsynth_desktop.qt.arrangement import Arrangement
from medsynth_desktop.qt.faults import FaultHook, say_fault
from medsynth_desktop.qt.header import HeaderLine
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.menu import fill_menu
from medsynth_desktop.qt.panels import PanelSpec, installed_panels, widget_class
from medsynth_desktop.qt.statusbar import StatusBar
from medsynth_desktop.qt.viewbar import ViewBar
from medsynth_desktop.workbench.state import Workbench

TITLE = "MedSynth Desktop"
READER = "medsynth-volumes"
READ_PATTERNS = (
    "*.nii",
    "*.nii.gz",
    "*.dcm",
    "*.ima",
    "*.png",
    "*.jpg",
    "*.jpeg",
    "*.tif",
    "*.tiff",
    "*.npy",
    "*/",
)
TIPS = (
    "Ctrl+Shift+D opens the demo, made of images of no patient.",
    "A folder dropped here is read as a whole, DICOM series by series.",
    "Ctrl+1, Ctrl+2, … bring a panel to the front.",
)
"""Shown while nothing is open, instead of napari's own."""
ICON = Path(__file__).resolve().parents[2] / "resources" / "icons" / "medsynth.png"
log = logging.getLogger(__name__)


class Shell(QObject):  # type: ignore[misc]
    """One window on one workbench.

    Parameters
    ----------
    workbench
        What the panels share; the shell closes it when the window closes.
    show
        Whether the window appears at once.

    Attributes
    ----------
    viewer, window
        The napari viewer, and its Qt main window.
    panels, docks
        The panel widgets and their docks, by title, in order.
    """

    def __init__(self, workbench: Workbench, show: bool = True) -> None:
        super().__init__()
        self.workbench = workbench
        bridge.set_workbench(workbench)
        bridge.open_in_background(True)
        _prefer_our_reader()
        self.viewer = napari.Viewer(title=TITLE, show=False)
        self.window = self.viewer.window._qt_window
        self.link = ViewerLink.of(self.viewer)
        self.panels: dict[str, QWidget] = {}
        self.docks: dict[str, QDockWidget] = {}
        self._closed = False
        self.viewer.window._qt_viewer.set_welcome_tips(TIPS)
        self._make_header()
        self._dock_panels()
        self.arrangement = Arrangement(self.viewer, self.docks)
        self.viewbar = ViewBar(self.viewer, self.arrangement)
        self.window.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.viewbar)
        self.statusbar = StatusBar(self.viewer)
        fill_menu(self)
        self.hook = FaultHook(workbench.tell)
        self.hook.install()
        self.window.installEventFilter(self)
        self.viewer.window._qt_viewer.installEventFilter(self)
        if ICON.is_file():
            self.window.setWindowIcon(QIcon(str(ICON)))
        self.window.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North)
        if show:
            self.show()

    def show(self) -> None:
        """Show the window with room for the picture; the first time it fills the screen."""
        first = get_settings().application.first_time
        self.viewer.window.show()
        if first:
            self.window.showMaximized()
        QTimer.singleShot(0, self.arrangement.arrange)
        QTimer.singleShot(0, self.statusbar.lay_out)

    def raise_panel(self, title: str) -> QWidget:
        """Bring a panel to the front and return its widget."""
        dock = self.docks[title]
        dock.show()
        dock.raise_()
        return self.panels[title]

    def close(self) -> None:
        """Close the window; jobs are cancelled, finished work is kept."""
        if not self._closed:
            self._close_down()
            self.viewer.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close down with the window, and open what is dropped on the viewer."""
        if event.type() == QEvent.Type.Drop and watched is not self.window:
            paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
            if paths:
                event.acceptProposedAction()
                self.workbench.open_volumes(paths)
                return True
        if event.type() == QEvent.Type.Close and watched is self.window:
            QTimer.singleShot(0, self._if_closed)
        return False

    def _if_closed(self) -> None:
        if not self._closed and not self.window.isVisible():
            self._close_down()

    def _close_down(self) -> None:
        self._closed = True
        self.hook.remove()
        self.window.removeEventFilter(self)
        for panel in self.panels.values():
            if hasattr(panel, "stop_listening"):
                panel.stop_listening()
        self.header.close_down()
        self.viewbar.close_down()
        self.statusbar.close_down()
        self.arrangement.close()
        self.link.close()
        bridge.open_in_background(False)
        bridge.close_workbench()

    def _make_header(self) -> None:
        self.header = HeaderLine(self.workbench)
        self.link.host_banner = self.header.banner
        bar = QToolBar("What is open")
        bar.setObjectName("MedSynthHeader")
        bar.setMovable(False)
        bar.setStyleSheet("#MedSynthHeader { padding: 0; margin: 0; border: none; spacing: 0; }")
        bar.layout().setContentsMargins(0, 0, 0, 0)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.addWidget(self.header)
        self.window.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)

    def _dock_panels(self) -> None:
        first: QDockWidget | None = None
        for spec in installed_panels():
            widget = self._make_panel(spec)
            if widget is None:
                continue
            dock = self.viewer.window.add_dock_widget(widget, name=spec.title, area="right")
            self.panels[spec.title], self.docks[spec.title] = widget, dock
            if first is not None:
                self.window.tabifyDockWidget(first, dock)
            first = first or dock
        if first is not None:
            first.raise_()

    def _make_panel(self, spec: PanelSpec) -> QWidget | None:
        try:
            return widget_class(spec)(self.viewer)
        except Exception as error:  # one broken plugin must not keep the others from the user
            say_fault(error, self.workbench.tell)
            return None


def _prefer_our_reader() -> None:
    plugins = get_settings().plugins
    plugins.extension2reader = {**plugins.extension2reader, **dict.fromkeys(READ_PATTERNS, READER)}
