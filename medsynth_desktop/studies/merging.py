"""Answers that come back: whose they are is found by the key that opens them."""

from __future__ import annotations

import os
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.answers import AnswerLog, merge_answers
from medsynth_desktop.studies.study import Study


def open_log(path: Path, study: Study, reader: str) -> AnswerLog:
    """A reader's answers with the investigator's key; raises as `AnswerLog`."""
    return AnswerLog(path, bytes.fromhex(study.keys[reader]), study.id, reader, study.hash)


def whose(path: Path, study: Study) -> str:
    """The reader whose answers a file holds.

    Raises
    ------
    InputRefused
        When no reader's key opens it whole, or it holds nothing.
    """
    if not path.is_file():
        raise InputRefused(f"There is no file {path.name} of answers. Check its name.")
    if b"\n" not in path.read_bytes():
        raise InputRefused(f"{path.name} holds no answer yet. Merge it when its reader has answered.")
    for reader in study.design.readers:
        try:
            open_log(path, study, reader)
        except InputRefused:
            continue
        return reader
    raise InputRefused(
        f"{path.name} holds no answers to this study: they are another study's, were given to an earlier design of it, "
        "or the file was changed. Ask its reader for the file again."
    )


def merge(target: Path, study: Study, reader: str, came: Path) -> AnswerLog:
    """Take a reader's answer file into ``target``, their log in the study; the same file twice changes nothing.

    Raises
    ------
    InputRefused
        When it is another reader's, was changed, or contradicts what is held. Nothing is taken then.
    """
    if reader not in study.keys or not came.is_file():
        raise InputRefused("Expected a reader of this study and a file of their answers. Check both names.")
    arrived = came.read_bytes()
    unfinished = target.with_suffix(".arriving")
    unfinished.write_bytes(arrived[: arrived.rfind(b"\n") + 1])
    try:
        new, held = open_log(unfinished, study, reader), open_log(target, study, reader)
        if merge_answers(held.answers, new.answers) is not held.answers:
            with unfinished.open("rb") as stream:
                os.fsync(stream.fileno())
            os.replace(unfinished, target)
            held = open_log(target, study, reader)
        return held
    finally:
        unfinished.unlink(missing_ok=True)
