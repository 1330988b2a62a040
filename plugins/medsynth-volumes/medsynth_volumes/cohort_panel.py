"""The Cohort panel: which real images there are, how they were prepared, and what was not read."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from medsynth_desktop.core.records import CohortRecord, ImageRecord
from medsynth_desktop.qt.demonstration import demo_buttons
from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.qt.theme import arrow_icon
from medsynth_desktop.qt.thumbnails import Thumb, ThumbnailList, ThumbnailModel
from medsynth_desktop.qt.viewer import show_array
from medsynth_desktop.qt.words import cohort_facts
from medsynth_volumes.features_box import FeaturesBox
from medsynth_volumes.import_dialog import ImportDialog

RECOGNITION = (
    "Train two small networks that tell this cohort's patients apart; the guard then asks them too. "
    "Minutes on a processor; a training that stopped goes on."
)
SHOWN = (("All images", None), ("Training", "train"), ("Set aside (calibration)", "calibration"))


class CohortPanel(Panel):
    """Chooses the open cohort, shows its images, imports new ones.

    Parameters
    ----------
    napari_viewer
        Where a chosen image is shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, titles=("Importing ", "Opening", "Training the recognition"))
        self.empty = EmptyState(
            "No real images yet. Import a folder of images to compare synthetic ones with.",
            ("Import cohort…", self.ask_import),
            others=demo_buttons(self.attempt, self.workbench),
        )
        self.body.addWidget(self.empty)
        self.full = QWidget()
        self.body.addWidget(self.full, 1)
        self._build_full()
        self.listen(self.workbench.events.cohorts, self.refresh)
        self.listen(self.workbench.events.workspace, self.refresh)
        self.refresh()

    def _build_full(self) -> None:
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Cohort")
        self.chooser.textActivated.connect(self._chosen)
        self.import_button = QPushButton("Import…")
        self.import_button.clicked.connect(lambda: self.ask_import())
        self.recognition_button = QPushButton("Train recognition")
        self.recognition_button.setToolTip(RECOGNITION)
        self.recognition_button.clicked.connect(lambda: self.attempt(self.workbench.train_recognition))
        top = QHBoxLayout()
        top.addWidget(self.chooser, 1)
        top.addWidget(self.import_button)
        self.facts = QFormLayout()
        self.facts.setContentsMargins(0, 0, 0, 0)
        self.facts.setVerticalSpacing(2)
        self.shown = QComboBox()
        self.shown.setAccessibleName("Which images are listed")
        for label, split in SHOWN:
            self.shown.addItem(label, split)
        self.shown.activated.connect(self._list_images)
        self.model = ThumbnailModel(self.workbench.image_array)
        self.images = ThumbnailList(self.model, "Images of the cohort by pseudonym")
        self.images.selectionModel().currentChanged.connect(self._image_chosen)
        self.skipped = QTreeWidget()
        self.skipped.setHeaderLabels(["File", "Why it was not read"])
        self.skipped.setRootIsDecorated(False)
        self.skipped.setMinimumHeight(140)
        self.skipped.setWordWrap(True)
        self.skipped_box = QCollapsible(
            "Not read", expandedIcon=arrow_icon(True), collapsedIcon=arrow_icon(False)
        )
        self.skipped_box.addWidget(self.skipped)
        self.features = FeaturesBox()
        self.features.chosen.connect(
            lambda key, path: self.attempt(self.workbench.choose_features, key, path)
        )
        column = QVBoxLayout(self.full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addLayout(self.facts)
        column.addWidget(self.features)
        column.addWidget(self.recognition_button)
        column.addWidget(self.shown)
        column.addWidget(self.images, 1)
        column.addWidget(self.skipped_box)

    def ask_import(self) -> ImportDialog:
        """Open the import dialog; what it gives is imported in the background."""
        dialog = ImportDialog(self.workbench.cohort_names, self, self.workbench)
        dialog.accepted.connect(lambda: self._import(dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _import(self, dialog: ImportDialog) -> None:
        name, paths, options = dialog.values()
        self.attempt(self.workbench.import_cohort, name, paths, **options)

    def refresh(self) -> None:
        """Show the cohorts and the open one as they are now."""
        names, cohort = self.workbench.cohort_names, self.workbench.cohort
        self.empty.setVisible(cohort is None)
        self.full.setVisible(cohort is not None)
        self.chooser.clear()
        self.chooser.addItems(names)
        if cohort is not None:
            self.chooser.setCurrentText(cohort.name)
            self._show_facts(cohort)
            self._show_skipped(cohort)
        self.features.show_offers(self.workbench.feature_offers())
        self._list_images()

    def _show_facts(self, cohort: CohortRecord) -> None:
        while self.facts.rowCount():
            self.facts.removeRow(0)
        for name, value in cohort_facts(cohort):
            label = QLabel(value)
            label.setWordWrap(True)
            self.facts.addRow(f"{name}:", label)

    def _show_skipped(self, cohort: CohortRecord) -> None:
        self.skipped.clear()
        for path, reason in cohort.skipped:
            item = QTreeWidgetItem([path, reason])
            item.setToolTip(0, path)
            item.setToolTip(1, reason)
            self.skipped.addTopLevelItem(item)
        self.skipped_box.setVisible(bool(cohort.skipped))
        self.skipped_box.setText(f"Not read ({len(cohort.skipped)})")

    def _list_images(self, *_: Any) -> None:
        cohort, split = self.workbench.cohort, self.shown.currentData()
        records = cohort.images if cohort else ()
        self.model.set_thumbs([Thumb(r.id, r.id, _tip(r)) for r in records if split in (None, r.split)])

    def _chosen(self, name: str) -> None:
        self.attempt(self.workbench.use_cohort, name)

    def _image_chosen(self, index: Any, _before: Any) -> None:
        image = self.model.key(index)
        if image is not None:
            self.attempt(self.show_image, image)

    def show_image(self, image: str) -> None:
        """Show one real image by its pseudonym."""
        cohort = self.workbench.cohort
        if cohort is not None:
            array = self.workbench.image_array(image)
            show_array(self.viewer, array, cohort.recipe, f"Real {image}", slot="real")


def _tip(record: ImageRecord) -> str:
    facts = [f"{key}: {value}" for key, value in sorted(record.attributes.items())]
    return "\n".join([f"{record.id} ({record.split})", *facts])
