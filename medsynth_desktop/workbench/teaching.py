"""The teacher's part of a distillation: it draws until enough of its samples pass the filter, class by class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import GuardRefused
from medsynth_desktop.core.progress import Steps, within
from medsynth_desktop.core.records import (
    BundleRecord,
    CohortRecord,
    Condition,
    ImageRecord,
    SampleRecord,
    SampleSettings,
)
from medsynth_desktop.guard.distillation import (
    Filter,
    FilterLimits,
    Likeness,
    choose,
    joined,
    limits_from,
    measure_likeness,
)
from medsynth_desktop.guard.sharpness import MOST_IMAGES, softness_steps
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.sampling import sample_batch
from medsynth_desktop.workbench.students import STAGES, Source

POOL = 4
"""Samples drawn for each training image, where no number is given: all of them for top-k, else at most."""


@dataclass(frozen=True, slots=True)
class DistillSettings:
    """What a distillation is asked to do.

    ``draws`` is how many samples the teacher draws: all for ``top-k``, at most for the other filters; None: 4 for each
    training image. ``autoencoder`` is ``new`` (trained on the filtered samples, so that nothing of the student saw a
    patient) or ``teacher`` (the teacher's, frozen). ``checked`` samples of the student are compared in the end; None:
    as many as the training split has images.
    """

    filter: Filter = "top-k"
    draws: int | None = None
    preset: str = "small"
    max_steps: int | None = None
    seed: int = 0
    autoencoder: Source = "new"
    sampling: SampleSettings = field(default_factory=SampleSettings)
    checked: int | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """What unseen patients look like, as they are and as soft as the teacher's samples, and limits from the latter."""

    plain: Likeness
    soft: Likeness
    sigma: float
    limits: FilterLimits


@dataclass(frozen=True, slots=True)
class Drawn:
    """All samples of the teacher and what they resemble, and which of them are kept."""

    samples: list[SampleRecord]
    values: Likeness
    kept: list[int]


@dataclass(frozen=True)
class Task:
    """A distillation at work: who teaches, whom nobody may resemble, where the student goes."""

    workspace: Workspace
    teacher: BundleRecord
    cohort: CohortRecord
    out: Path
    settings: DistillSettings
    device: str | None
    search: NearestSearch

    @property
    def folder(self) -> Path:
        """Where checkpoints and the report stand."""
        return training_folder(self.out)

    @property
    def train(self) -> tuple[ImageRecord, ...]:
        """The images that the teacher learnt from."""
        return self.cohort.split("train")

    @property
    def most(self) -> int:
        """Samples that the teacher draws, or may draw."""
        return self.settings.draws or POOL * len(self.train)

    def measure(self, samples: Sequence[SampleRecord]) -> Steps[Likeness]:
        """Compare samples with the training split."""
        queries = [(s.id, self.workspace.arrays.get(s.array_hash)) for s in samples]
        return measure_likeness(self.search, queries)

    def draw(
        self, model: BundleRecord, whose: str, settings: SampleSettings, count: int, seed: int
    ) -> Steps[list[SampleRecord]]:
        """Draw ``count`` samples into the batch of ``whose``, those that are there already included."""
        name = f"{self.out.name}-{whose}"
        batch = yield from sample_batch(self.workspace, model.hash, count, settings, seed, self.device, name)
        found = {s.seed: s for s in batch.samples if s.settings == settings}
        return [found[seed + i] for i in range(count)]


def draw_and_filter(task: Task) -> Steps[tuple[Drawn, Unseen]]:
    """Let the teacher draw until as many samples pass as there are training images, class by class.

    Raises
    ------
    GuardRefused
        When too few pass.
    """
    unseen: Unseen | None = None
    first, samples, values = task.settings.seed, list[SampleRecord](), [Likeness.none()]
    kept: list[int] = []
    for conditions, wanted in class_plan(task.teacher.conditions, task.train):
        limit = max(wanted, math.ceil(task.most * wanted / len(task.train)))
        settings = replace(task.settings.sampling, conditions=conditions)
        if unseen is None:
            own = yield from _draw(task, settings, wanted, first, "The teacher draws")
            unseen = yield from within(_unseen(task, own), part=(0, STAGES))
        own, some, chosen = yield from _one_class(task, settings, wanted, limit, first, unseen.limits)
        kept += [len(samples) + i for i in chosen]
        samples += own
        values.append(some)
        first += limit
    assert unseen is not None
    return Drawn(samples, joined(values), kept), unseen


def _one_class(
    task: Task, settings: SampleSettings, wanted: int, limit: int, first: int, limits: FilterLimits
) -> Steps[tuple[list[SampleRecord], Likeness, list[int]]]:
    """Samples of one class, what they resemble, and which ``wanted`` ones are kept."""
    key, words, values = task.settings.filter, "The teacher draws", Likeness.none()
    count = limit if key == "top-k" else wanted
    while True:
        samples = yield from _draw(task, settings, count, first, words)
        new = task.measure(samples[len(values.hcc) :])
        values = joined([values, (yield from within(new, "Comparing the teacher's samples", (0, STAGES)))])
        chosen = choose(key, values, limits, wanted)
        if len(chosen) == wanted:
            return samples, values, chosen
        if count == limit:
            raise GuardRefused(_too_few(key, len(chosen), wanted, count))
        words = f"The teacher draws more, {len(chosen)} of {wanted} pass so far"
        count = min(limit, count + wanted - len(chosen))


def _draw(
    task: Task, settings: SampleSettings, count: int, first: int, words: str
) -> Steps[list[SampleRecord]]:
    return within(task.draw(task.teacher, "teacher", settings, count, first), words, (0, STAGES))


def class_plan(
    conditions: Sequence[Condition], records: Sequence[ImageRecord]
) -> list[tuple[dict[str, float | str], int]]:
    """What to ask the teacher for, and how many of each: the classes of the training images and their sizes.

    A class is what an image's attributes say of the model's conditions; a condition that they do not tell is not asked
    for. A model without conditions has one class.
    """
    counts = Counter(tuple(sorted(_told(conditions, record.attributes).items())) for record in records)
    return [(dict(key), number) for key, number in sorted(counts.items())]


def _told(conditions: Sequence[Condition], attributes: Mapping[str, Any]) -> dict[str, float | str]:
    """What may be asked of the model for an image like this one."""
    found: dict[str, float | str] = {}
    for condition in conditions:
        value = attributes.get(condition.name)
        if condition.classes:
            if str(value) in condition.classes:
                found[condition.name] = str(value)
        elif isinstance(value, int | float) and condition.low <= value <= condition.high:
            found[condition.name] = float(value)
    return found


def _unseen(task: Task, samples: Sequence[SampleRecord]) -> Steps[Unseen]:
    """Compare the unseen patients, as they are and made as soft as the teacher's first samples."""
    images, records = map_arrays(task.workspace, task.cohort, "calibration")
    drawn = [task.workspace.arrays.get(s.array_hash) for s in samples[:MOST_IMAGES]]
    blur = yield from softness_steps(drawn, images)
    found = []
    for words, prepare in (("", np.asarray), ("softened ", blur)):
        queries = [(r.id, prepare(image)) for r, image in zip(records, images, strict=True)]
        found.append(
            (yield from within(measure_likeness(task.search, queries), f"Comparing {words}unseen patients"))
        )
    return Unseen(found[0], found[1], blur.sigma, limits_from(found[1]))


def _too_few(key: Filter, passed: int, wanted: int, drawn: int) -> str:
    return (
        f"Only {passed} of {drawn} samples of the teacher pass the filter {key}, where {wanted} are needed; draw more "
        "with -n, choose another filter, or train the teacher for fewer steps: it remembers its patients."
    )
