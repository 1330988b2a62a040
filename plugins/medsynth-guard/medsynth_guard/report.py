"""The button that saves the report of the open batch, with or without pictures of real patients."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton

from medsynth_desktop.qt.panel import Panel

SUFFIX = ".html"


class ReportButton(QPushButton):  # type: ignore[misc]
    """Asks where to, and lets the workbench write it as a job.

    Parameters
    ----------
    panel
        Whose workbench writes it and who says what went wrong.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__("Save &report")
        self._panel = panel
        self.setToolTip("Write what was found about this batch as one page, to read, print and keep")
        menu = QMenu(self)
        self.with_pictures = menu.addAction("With the riskiest pairs (shows patients' images)…")
        self.without_pictures = menu.addAction("Without pictures…")
        self.with_pictures.triggered.connect(lambda: self._ask_where(True))
        self.without_pictures.triggered.connect(lambda: self._ask_where(False))
        menu.addSeparator()
        self.quality = menu.addAction("Measure quality for it (minutes)")
        self.quality.setToolTip("FID, precision, recall and MS-SSIM beside those of unseen patients")
        self.quality.triggered.connect(lambda: panel.attempt(panel.workbench.measure_quality))
        self.setMenu(menu)

    def _ask_where(self, pictures: bool) -> None:
        batch = self._panel.workbench.batch
        if batch is None:
            return
        name = "-".join(batch.name.split()) + "-audit" + SUFFIX
        path, _ = QFileDialog.getSaveFileName(self, "Save the report", name, f"Web page (*{SUFFIX})")
        if path:
            self.save(Path(path), pictures)

    def save(self, path: Path, pictures: bool) -> None:
        """Write the report to ``path``, which gets the suffix where it has none."""
        path = path if path.suffix.lower() in (SUFFIX, ".htm") else path.with_name(path.name + SUFFIX)
        self._panel.attempt(self._panel.workbench.save_report, path, pictures)
