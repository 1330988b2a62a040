"""The Sample panel: from a model to a batch of synthetic images, watched as they form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.core.errors import OutOfMemory
from medsynth_desktop.core.records import SampleRecord
from medsynth_desktop.jobs.runner import FINAL, Job
from medsynth_desktop.qt.demonstration import demo_buttons
from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.engine import Engine
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.qt.picture import PictureLabel, film
from medsynth_desktop.qt.theme import PRIMARY
from medsynth_desktop.qt.thumbnails import Thumb, ThumbnailList, ThumbnailModel
from medsynth_desktop.qt.viewer import show_sample
from medsynth_desktop.workbench.sampling import free_batch_name
from medsynth_sampler.foreign_dialog import ask_about
from medsynth_sampler.learning_box import LearningBox
from medsynth_sampler.model_box import ModelBox
from medsynth_sampler.settings_form import SettingsForm

FORMING = "The sample appears here as it forms."


class SamplePanel(Panel):
    """Chooses a model, draws samples, shows the finished ones.

    Parameters
    ----------
    napari_viewer
        Where a finished sample is shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(
            napari_viewer,
            titles=("Sampling", "Importing a model", "Opening the demo", "Distilling", "Training the model"),
        )
        self.engine = Engine.of(self.workbench)
        self._job: Job | None = None
        self._drawn: Any = None
        self._following = False
        self._asked = 0
        self._build_parts()
        events = self.workbench.events
        for signal in (events.bundles, events.cohorts, events.workspace):
            self.listen(signal, self.refresh_model)
        for signal in (events.batches, events.samples, events.workspace):
            self.listen(signal, self.refresh_samples)
        self.listen(events.selection, self.refresh_selection)
        self.listen(events.progress, self.refresh_preview)
        self.listen(events.jobs, self.refresh_job)
        self.engine.start_with(self)
        self.listen(self.engine.found, self._engine_found)
        self._engine_found()
        self.refresh_job()
        self.refresh_model()
        self.refresh_samples()

    def _build_parts(self) -> None:
        self.empty = EmptyState(
            "No model yet. Import a model folder to draw synthetic images from it, or train one on a cohort below.",
            ("Import model…", self.ask_import),
            others=demo_buttons(self.attempt, self.workbench),
        )
        self.model_box = ModelBox()
        self.model_box.chosen.connect(lambda key: self.attempt(self.workbench.use_bundle, key))
        self.model_box.import_asked.connect(self.ask_import)
        self.model_box.card_asked.connect(self.ask_card)
        self.form = SettingsForm()
        self.sample_button = QPushButton("Sample")
        self.sample_button.setMinimumHeight(34)
        self.sample_button.setStyleSheet(PRIMARY)
        self.sample_button.clicked.connect(lambda: self.sample())
        self.learning = LearningBox(self, self.engine, self.form.device.currentData)
        self.picture = PictureLabel(FORMING)
        self.picture.setAccessibleName("The sample that is forming")
        self.batches = QComboBox()
        self.batches.setAccessibleName("Batch")
        self.batches.textActivated.connect(lambda name: self.attempt(self.workbench.use_batch, name))
        self.count_label = QLabel()
        self.count_label.setWordWrap(True)
        self.thumbs = ThumbnailModel(self.workbench.sample_array)
        self.list = ThumbnailList(self.thumbs, "Samples of the batch")
        self.list.selectionModel().currentChanged.connect(self._sample_chosen)
        self.full = QWidget()
        column = QVBoxLayout(self.full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.model_box)
        column.addWidget(self.form)
        column.addWidget(self.sample_button)
        self.layout().insertWidget(
            self.layout().indexOf(self.jobbar), self.picture
        )  # in sight while scrolling
        self.finished = QWidget()
        below = QVBoxLayout(self.finished)
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self.batches)
        below.addWidget(self.count_label)
        below.addWidget(self.list, 1)
        self.body.addWidget(self.empty)
        self.body.addWidget(self.full)
        self.body.addWidget(self.learning)
        self.body.addWidget(self.finished, 1)
        self.body.addStretch(0)

    # -- verbs -------------------------------------------------------------------------------------------------

    def ask_import(self) -> None:
        """Ask for a model folder, and of a MONAI bundle for what it may not say, and import it in the background."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the model")
        said = ask_about(Path(chosen), self) if chosen else None
        if said is not None:
            self.attempt(self.workbench.import_bundle, Path(chosen), said)

    def ask_card(self) -> None:
        """Ask where to save the card of the open model, and save it in the background."""
        name = f"{self.workbench.bundle.name}-card.md" if self.workbench.bundle else "card.md"
        path, _ = QFileDialog.getSaveFileName(self, "Save the model card", name, "Markdown (*.md)")
        if path:
            self.attempt(self.workbench.save_model_card, Path(path))

    def sample(self, batch_size: int | None = None) -> Job | None:
        """Draw samples as the form says; ``batch_size`` overrides the form's."""
        if batch_size is not None:
            self.form.batch_size.setValue(batch_size)
        self._job = self.attempt(
            self.workbench.sample,
            self.form.count.value(),
            self.form.settings(),
            self.form.seed.value(),
            device=self.form.device.currentData(),
            batch_name=self.form.batch_name(),
            batch_size=self.form.batch_size.value(),
        )
        self._drawn = None
        if self._job is not None:
            self._asked = self.form.seed.value()
            self.form.seed.setValue(self._asked + self.form.count.value())  # asking again gives other images
        self.refresh_job()
        return self._job

    def retry(self, batch_size: int) -> None:
        """Draw the same seeds again, fewer at once."""
        self.form.seed.setValue(self._asked)
        self.sample(batch_size)

    # -- what the workbench tells ------------------------------------------------------------------------------

    def refresh_model(self) -> None:
        """Show the models, and the open one."""
        bundles, bundle = self.workbench.bundles, self.workbench.bundle
        self.empty.setVisible(not bundles)
        self.full.setVisible(bool(bundles))
        self.model_box.show_bundles(bundles, bundle, self.workbench.cohort)
        self.form.set_conditions(bundle.conditions if bundle else ())
        self.learning.refresh()

    def refresh_samples(self) -> None:
        """Show the batches, and the finished samples of the open one."""
        batch = self.workbench.batch
        names = self.workbench.batch_names
        self.form.suggest_batch(free_batch_name(self.workbench.workspace))
        self.finished.setVisible(bool(names))
        self.batches.clear()
        self.batches.addItems(names)
        samples = batch.samples if batch else ()
        if batch is not None:
            self.batches.setCurrentText(batch.name)
        self.count_label.setText(f"{len(samples)} finished{_guarded(samples)}; choose one to show it.")
        self.thumbs.set_thumbs([Thumb(s.id, _caption(s), _tip(s)) for s in samples])
        self.refresh_selection()

    def refresh_selection(self) -> None:
        """Mark the sample that is looked at on any panel."""
        index = self.thumbs.index_of(self.workbench.selected)
        if index.isValid() and index != self.list.currentIndex():
            self._following = True
            self.list.setCurrentIndex(index)
            self._following = False

    def refresh_preview(self) -> None:
        """Show the newest picture of the sample that is forming."""
        job = self._running()
        if job is not None and job.preview is not None and job.preview is not self._drawn:
            self._drawn = job.preview
            self.picture.show_picture(job.preview if job.preview.ndim == 2 else film(job.preview))

    def refresh_job(self) -> None:
        """Follow the sampling job to its end; memory that ran out offers a smaller batch."""
        job = self._job
        running = self._running() is not None
        self.sample_button.setText("Sample more (waits its turn)" if running else "Sample")
        self.picture.setVisible(running)
        if job is None or job.state not in FINAL:
            return
        self._job = None
        if isinstance(job.error, OutOfMemory) and job.error.suggested_batch_size > 0:
            smaller = job.error.suggested_batch_size
            self.link.clear_host_banner()
            self.banner.say(
                "error", str(job.error), (f"Retry with batch {smaller}", lambda: self.retry(smaller))
            )
        self.picture.show_sentence(FORMING)
        batch = self.workbench.batch
        if job.state == "done" and batch is not None and batch.samples and not self.viewer.layers:
            self.attempt(self.show_sample, batch.samples[0].id)

    def _running(self) -> Job | None:
        for job in self.workbench.runner.jobs:
            if job.state not in FINAL and job.title.startswith(
                ("Sampling", "Distilling", "Training the model")
            ):
                return job
        return None

    def _engine_found(self) -> None:
        if self.engine.facts is not None:
            self.form.set_facts(self.engine.facts)
        self.learning.refresh()

    def _sample_chosen(self, index: Any, _before: Any) -> None:
        sample = self.thumbs.key(index)
        if sample is not None and not self._following:
            self.attempt(self.show_sample, sample)

    def show_sample(self, sample: str) -> None:
        """Show a finished sample and make it the one looked at."""
        show_sample(self.viewer, self.workbench, sample)


def _caption(sample: SampleRecord) -> str:
    """Name a sample by its seed, with how often it was drawn, a square where it stayed blocked; the tip says it all."""
    if sample.blocked:
        return f"■ seed {sample.seed}"
    return f"seed {sample.seed}" + (f" ×{sample.attempts}" if sample.refused else "")


def _guarded(samples: Sequence[SampleRecord]) -> str:
    """Say how many draws the guard blocked while sampling; nothing where it blocked none."""
    watched = [s for s in samples if s.settings.attempts > 1]
    refused = sum(len(s.refused) for s in watched)
    drawn, blocked = sum(s.attempts for s in watched), sum(s.blocked for s in watched)
    stay = f", {blocked} stayed blocked" if blocked else ""
    return f"; the guard blocked {refused} of {drawn} draws{stay}" if refused else ""


def _tip(sample: SampleRecord) -> str:
    settings = sample.settings
    lines = [
        sample.id,
        f"seed {sample.seed}, {settings.sampler}, {settings.steps} steps",
        f"{sample.seconds:.1f} s on {sample.device} in {settings.precision}{' bits' * settings.precision.isdigit()}",
    ]
    if settings.conditions:
        asked = ", ".join(f"{name} {value}" for name, value in sorted(settings.conditions.items()))
        lines.append(f"asked for {asked}; guidance {settings.guidance:g}")
    if settings.candidates > 1:
        lines.append(f"farthest from training of {settings.candidates} candidates")
    if settings.attempts > 1:
        lines.append(f"drawn {sample.attempts} times, at most {settings.attempts}")
        lines += [f"blocked: {reason}" for reason in sample.refused]
        lines += ["■ It stayed blocked and cannot be approved."] if sample.blocked else []
    return "\n".join(lines)
