"""The verb `distill`: a teacher that saw patients draws, a filter chooses, a student learns from what is left alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.progress import Steps, rising, within
from medsynth_desktop.core.records import BundleRecord, CohortRecord, SampleSettings
from medsynth_desktop.guard.distillation import FILTERS, Likeness, divergences, facts_of
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.searching import training_search
from medsynth_desktop.workbench.seeing import find_eye
from medsynth_desktop.workbench.students import STAGES, synthetic_cohort, train_student
from medsynth_desktop.workbench.teaching import DistillSettings, Drawn, Task, Unseen, draw_and_filter

LONGEST_NAME = 40
"""Characters of the student's name: batches are named after it."""
SETTINGS, REPORT = "distilling.json", "distillation.json"


def distill(
    workspace: Workspace,
    teacher_hash: str,
    cohort_name: str,
    out: Path,
    settings: DistillSettings,
    *,
    resume: bool = False,
    device: str | None = None,
) -> Steps[dict[str, Any]]:
    """Make the bundle ``out`` from those samples of a teacher that pass a filter, and say what it changed.

    Stages: the teacher draws into the batch ``OUT-teacher`` until as many samples pass as the training split has
    images, class by class; two networks are trained on these; the student draws into ``OUT-student``; teacher, filtered
    samples and student are compared with the unseen patients. All stages go on where they stopped; their files stand in
    ``OUT.training``, with the answer as ``distillation.json``.

    Raises
    ------
    InputRefused
        Settings that make no sense, or a run that is there already and ``resume`` not set.
    GuardRefused
        When too few of the teacher's samples pass.
    """
    cohort, teacher = workspace.cohorts.get(cohort_name), workspace.bundles.get(teacher_hash)
    _check(cohort, teacher, settings, out.name)
    task = Task(workspace, teacher, cohort, out, settings, device, training_search(workspace, cohort))
    _remember(task, resume)
    if (done := _read(task.folder / REPORT)) is not None:
        return done
    return (yield from rising(_run(task)))


def _run(task: Task) -> Steps[dict[str, Any]]:
    workspace, teacher, out, settings = task.workspace, task.teacher, task.out, task.settings
    drawn, unseen = yield from draw_and_filter(task)
    about = _about(task, drawn, unseen)
    if not out.exists():
        kept = [drawn.samples[i] for i in drawn.kept]
        synthetic = synthetic_cohort(out.name, teacher.recipe, kept)
        arrays = np.stack([workspace.arrays.get(s.array_hash) for s in kept])
        steps = train_student(
            teacher, arrays, synthetic, out,
            preset=settings.preset, max_steps=settings.max_steps, seed=settings.seed, source=settings.autoencoder,
            facts=about, device=task.device, eye=find_eye(workspace, task.cohort),
        )  # fmt: skip
        yield from steps
    student = _added(workspace, out)
    count = settings.checked or len(task.train)
    steps_ = task.draw(student, "student", settings.sampling, count, settings.seed)
    samples = yield from within(steps_, "The student draws", (3, STAGES))
    values = yield from within(task.measure(samples), "Comparing the student's samples", (4, STAGES))
    report = about | {"bundle": str(out), "hash": student.hash, "name": student.name}
    report |= _before_and_after(drawn, values, unseen)
    _write(task, REPORT, report)
    return report


def _before_and_after(drawn: Drawn, student: Likeness, unseen: Unseen) -> dict[str, Any]:
    sets = {"teacher": drawn.values, "filtered": drawn.values.take(drawn.kept), "student": student}
    kinds = {"as_soft": unseen.soft, "as_they_are": unseen.plain}
    return {
        "divergence": {
            kind: {name: divergences(one, other) for name, one in sets.items()}
            for kind, other in kinds.items()
        }
    }


def _about(task: Task, drawn: Drawn, unseen: Unseen) -> dict[str, Any]:
    """What is known before the student is: it goes into its bundle."""
    return {
        "teacher": task.teacher.hash,
        "teacher_saw_this_cohort": task.teacher.cohort_hash == task.cohort.hash,
        "cohort": task.cohort.hash,
        "filter": task.settings.filter,
        "autoencoder": task.settings.autoencoder,
        "limits": facts_of(unseen.limits),
        "unseen": {"images": len(unseen.plain.hcc), "sigma": round(unseen.sigma, 4)},
        "drawn": len(drawn.samples),
        "kept": len(drawn.kept),
        "seed": task.settings.seed,
    }


def _check(cohort: CohortRecord, teacher: BundleRecord, settings: DistillSettings, name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise InputRefused(f"The bundle's name may have {LONGEST_NAME} characters; got {len(name)}.")
    if settings.filter not in FILTERS:
        raise InputRefused(f"The filter must be one of {', '.join(FILTERS)}; got {settings.filter!r}.")
    from medsynth_desktop.training.presets import preset_for

    preset_for(settings.preset, len(teacher.recipe.grid), settings.seed, settings.max_steps)
    if settings.autoencoder not in ("new", "teacher"):
        raise InputRefused(f"The autoencoder must be new or teacher; got {settings.autoencoder!r}.")
    if cohort.recipe.grid != teacher.recipe.grid:
        raise InputRefused(
            f"The teacher draws on grid {teacher.recipe.grid}, the cohort {cohort.name} has {cohort.recipe.grid}; "
            "name the cohort that the teacher was trained on."
        )
    many = len(cohort.split("train"))
    if not many or not cohort.split("calibration"):
        raise InputRefused("Distillation needs training and unseen patients; import the cohort with more.")
    if settings.draws is not None and settings.draws < many:
        raise InputRefused(
            f"The teacher must draw at least {many} samples, one for each training image; got {settings.draws}."
        )


def _remember(task: Task, resume: bool) -> None:
    """Keep what the run was asked to do, since a resumed one must do exactly that."""
    path = task.folder / SETTINGS
    asked = json.loads(
        json.dumps({**asdict(task.settings), "teacher": task.teacher.hash, "cohort": task.cohort.hash})
    )
    before = _read(path)
    if before is None:
        if resume:
            raise NotFound(
                f"There is no distillation of {task.out.name} to resume; start one without --resume."
            )
        if task.out.exists():
            raise InputRefused(f"The bundle {task.out.name} exists already; choose another --out.")
        return _write(task, SETTINGS, asked)
    if not resume:
        raise InputRefused(
            f"A distillation of {task.out.name} was begun before; add --resume to go on, or choose another --out."
        )
    # What was not known when the run was begun is what it was without.
    before["sampling"] = {**asdict(SampleSettings()), **(before.get("sampling") or {})}
    for key, value in asked.items():
        if before.get(key) != value:
            raise InputRefused(
                f"The run to resume was started with {key} {before.get(key)!r}; got {value!r}; give the same again."
            )


def begun(out: Path) -> bool:
    """Whether a distillation of ``out`` was begun before."""
    return (training_folder(out) / SETTINGS).is_file()


def in_words(report: dict[str, Any]) -> str:
    """What a distillation made, and what it changed, in two sentences."""
    found = report["divergence"]["as_soft"]
    numbers = "; ".join(
        f"{who} {_number(one['js_hcc'])} and {_number(one['js_lowe'])}" for who, one in found.items()
    )
    doubt = (
        ""
        if all(one["trusted_hcc"] and one["trusted_lowe"] for one in found.values())
        else (" Too few images for these numbers to be trusted.")
    )
    if report["kept"] == report["drawn"]:
        doubt += " The filter kept every sample, so it kept nobody away: let the teacher draw more (-n)."
    return (
        f"{report['name']} learnt from {report['kept']} of {report['drawn']} samples of its teacher. Jensen-Shannon "
        f"divergence from unseen patients (0 best, 1 worst), of highest correlation and Lowe's ratio: {numbers}.{doubt}"
    )


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4f}"


def _added(workspace: Workspace, out: Path) -> BundleRecord:
    from medsynth_desktop.bundles import read_bundle

    return workspace.bundles.add(read_bundle(out).record, out)


def _read(path: Path) -> dict[str, Any] | None:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _write(task: Task, name: str, document: dict[str, Any]) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    part = task.folder / f"{name}.part"
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.replace(task.folder / name)
