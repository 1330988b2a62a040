"""Verbs of the Study panel: draw a study up, give readers their files, take answers in, see how far it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.answers import AnswerLog, showings_done
from medsynth_desktop.studies.giving import give
from medsynth_desktop.studies.merging import merge as merge_log
from medsynth_desktop.studies.merging import open_log, whose
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.studies.study import Study, open_study
from medsynth_desktop.workbench.study_cases import conformed


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
    yield from give(target, study, reader, readers_password, partial(conformed, workspace))
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
