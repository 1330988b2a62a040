"""Verbs of the Study panel: draw a study up, give readers their files, take answers in, see how far it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.studies import StudyRecord
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.answers import AnswerLog, showings_done
from medsynth_desktop.studies.design import Case, Design
from medsynth_desktop.studies.giving import give
from medsynth_desktop.studies.merging import merge as merge_log
from medsynth_desktop.studies.merging import open_log, whose
from medsynth_desktop.studies.questions import PUBLISHED, Question
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.studies.sample_size import expected_width
from medsynth_desktop.studies.sealed import check_password
from medsynth_desktop.studies.study import Study, draw_up, open_study, seal_study
from medsynth_desktop.workbench.study_cases import Wish, choose, pool_of, prepare_for

MAY = ("back", "change", "window")
"""What readers may be allowed: to go back to earlier cases, to change an answer, to change the window."""
LIKELY, ALIKE = 0.9, 0.5
"""Share of good answers, and correlation of two readers' answers to one case, that the expected width supposes."""


@dataclass(frozen=True)
class Plan:
    """All that an investigator decides before a study begins.

    Attributes
    ----------
    cohort, batches
        Where real and synthetic cases come from; ``approved_only``: of samples only those approved for release.
    wish
        How many, or which.
    repeats, block
        Share of cases shown twice, and cases in a balanced block.
    may
        Of `MAY`.
    window
        Centre and width that every case begins with; None: all that there is.
    """

    name: str
    readers: tuple[str, ...]
    cohort: str | None = None
    batches: tuple[str, ...] = ()
    approved_only: bool = False
    wish: Wish = field(default_factory=Wish)
    questions: tuple[Question, ...] = PUBLISHED
    repeats: float = 0.1
    block: int = 10
    seed: int = 0
    may: tuple[str, ...] = ("change", "window")
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class Created:
    """A study drawn up, and the width of the 95% interval of a share of `LIKELY` that it will give, by kind."""

    record: StudyRecord
    real: int
    synthetic: int
    widths: dict[str, float]


def create(workspace: Workspace, plan: Plan, password: str, *, replace: bool = False) -> Steps[Created]:
    """Draw cases and orders and seal them under the investigator's password.

    ``replace`` draws up anew a study of that name which no reader has started; files given to its readers are
    worthless then.

    Raises
    ------
    InputRefused
        When a study of that name exists (and, with ``replace``, is frozen), or the plan cannot be read or evaluated.
    """
    check_password(password)
    _check_name_free(workspace, plan.name, replace)
    if unknown := set(plan.may) - set(MAY):
        raise InputRefused(f"Readers may be allowed {', '.join(MAY)}; got {', '.join(sorted(unknown))}.")
    pool = pool_of(workspace, plan.cohort, plan.batches, plan.approved_only)
    cases = choose(pool, plan.wish, np.random.default_rng(plan.seed))
    preparation = yield from prepare_for(workspace, cases, pool.recipe, plan.window)
    design = Design(
        plan.name,
        cases,
        plan.readers,
        plan.questions,
        plan.seed,
        plan.block,
        plan.repeats,
        "back" in plan.may,
        "change" in plan.may,
        "window" in plan.may,
        preparation,
    )
    study = draw_up(design)
    if plan.name in workspace.studies.names():
        workspace.studies.clear(plan.name)
    record = _record(study)
    workspace.studies.folder(plan.name).mkdir(parents=True, exist_ok=True)
    # The record comes last: what it names is whole. A sealed file without one is what a killed program left.
    workspace.studies.sealed(plan.name).unlink(missing_ok=True)
    seal_study(workspace.studies.sealed(plan.name), study, password)
    workspace.studies.put(record)
    counted = [case for case in cases if not case.training]
    synthetic = sum(case.synthetic for case in counted)
    return Created(record, len(counted) - synthetic, synthetic, _widths(len(plan.readers), counted))


def _check_name_free(workspace: Workspace, name: str, replace: bool) -> None:
    if name not in workspace.studies.names():
        return
    held = workspace.studies.get(name)
    if held.frozen:
        raise InputRefused(
            f"The study {name!r} is frozen since its first reader started ({held.frozen}); choose another name."
        )
    if not replace:
        given = f" and files given to {', '.join(held.given)}" if held.given else ""
        raise InputRefused(
            f"There is a study {name!r} already; choose another name, or give --replace to draw it up anew, which "
            f"makes the old one{given} worthless."
        )


def _record(study: Study) -> StudyRecord:
    design = study.design
    training = sum(case.training for case in design.cases)
    return StudyRecord(
        design.name,
        study.id,
        now(),
        design.readers,
        len(design.cases) - training,
        training,
        max(len(order) for order in study.orders.values()),
        tuple(question.id for question in design.questions),
        study.hash,
    )


def _widths(readers: int, cases: Sequence[Case]) -> dict[str, float]:
    synthetic = sum(case.synthetic for case in cases)
    counts = {"all": len(cases), "synthetic": synthetic, "real": len(cases) - synthetic}
    return {kind: expected_width(readers, n, LIKELY, ALIKE) for kind, n in counts.items() if n}


def investigators(workspace: Workspace, name: str, password: str) -> Study:
    """Open a study with the investigator's password.

    Raises
    ------
    NotFound
        When there is none of that name.
    InputRefused
        When the password is wrong, or the study is not the one that its record names.
    """
    record = workspace.studies.get(name)
    study = open_study(workspace.studies.sealed(name), password)
    if study.hash != record.hash:
        raise InputRefused(f"The study {name!r} is not the one that was recorded. Restore it from a backup.")
    return study


def export_reader(
    workspace: Workspace, name: str, reader: str, out: Path | None, password: str, readers_password: str
) -> Steps[Path]:
    """Write the one file that a reader needs, under a password of theirs; return where it lies.

    ``out`` None keeps it in the workspace, for reading on this computer.

    Raises
    ------
    NotFound
        When there is no such study or reader.
    InputRefused
        When a password is wrong or too short, both are the same, or the file exists.
    """
    record = workspace.studies.get(name)
    target = out or workspace.studies.reader_file(name, reader)
    workspace.studies.reader_file(name, reader)  # refuses a stranger before any password
    study = investigators(workspace, name, password)
    if readers_password == password:
        raise InputRefused(
            "A reader's password is not the investigator's, which opens the truth. Choose another."
        )
    if out is None:
        target.unlink(missing_ok=True)
    yield from give(
        target, study, reader, readers_password, lambda case: np.asarray(workspace.arrays.get(case.array))
    )
    if out is not None and reader not in record.given:
        workspace.studies.put(dataclasses.replace(record, given=(*record.given, reader)))
    return target


def sign_in(workspace: Workspace, name: str, reader: str, password: str) -> Reading:
    """Let a reader read on this computer. The design is frozen from now on: the first reader starts.

    Raises
    ------
    NotFound
        When there is no such study or reader.
    InputRefused
        When their file was not made yet, or the password is wrong.
    """
    path = workspace.studies.reader_file(name, reader)
    if not path.is_file():
        raise InputRefused(
            f"{reader} cannot read on this computer yet; run medsynth study export {name!r} --reader {reader!r} first."
        )
    reading = Reading(path, password, workspace.studies.answers(name, reader))
    workspace.studies.freeze(name, now())
    return reading


@dataclass(frozen=True)
class Merged:
    """What came of one file: whose it is, answers held now, and how many of them are new."""

    file: str
    reader: str
    answers: int
    new: int


def merge(workspace: Workspace, name: str, files: Sequence[Path], password: str) -> list[Merged]:
    """Take readers' answer files in; each whole or not at all, and the same file again changes nothing.

    Raises
    ------
    NotFound
        When there is no such study.
    InputRefused
        When the password is wrong, a file is another study's or was changed (nothing is taken then), or contradicts
        what is held (files before it are taken then).
    """
    study = investigators(workspace, name, password)
    readers = [whose(path, study) for path in files]
    held = {reader: len(answers(workspace, study, reader).answers) for reader in set(readers)}
    done = []
    for path, reader in zip(files, readers, strict=True):
        log = merge_log(workspace.studies.answers(name, reader), study, reader, path)
        done.append(Merged(path.name, reader, len(log.answers), len(log.answers) - held[reader]))
        held[reader] = len(log.answers)
        workspace.studies.freeze(name, log.answers[0].time)
    return done


def answers(workspace: Workspace, study: Study, reader: str) -> AnswerLog:
    """A reader's answers as held here."""
    return open_log(workspace.studies.answers(study.design.name, reader), study, reader)


def progress(workspace: Workspace, name: str) -> dict[str, int]:
    """By reader, how many cases are done (training and repeats included); needs no password."""
    record = workspace.studies.get(name)
    return {reader: showings_done(workspace.studies.answers(name, reader)) for reader in record.readers}
