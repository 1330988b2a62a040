"""A reader's answers: an append-only, encrypted log, on disk before the reader goes on."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import canonical_json, hash_bytes
from medsynth_desktop.studies.sealed import decrypt, encrypt


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. A change is a later answer to the same question of the same showing.

    ``showing`` counts the reader's showings from 0, ``time`` is ISO 8601 in UTC, ``seconds`` since the case was shown,
    None where nobody measured them.
    """

    showing: int
    question: str
    value: Any
    time: str
    seconds: float | None


class AnswerLog:
    """Answers of one reader in one file, a line each.

    A line is bound to the study, its design, the reader and all lines before it: none can be changed, moved or taken
    from within. (Lines cut from the end are seen at the merge, if a longer log came before.) In front of each line
    stands, readable and bound to it, how many showings are done, so that progress can be told without a password.
    """

    def __init__(self, path: Path, key: bytes, study: str, reader: str, design: str) -> None:
        """Open or begin a log; the torn last line of a killed program is dropped.

        Raises
        ------
        InputRefused
            When the log is another reader's or study's, or was changed.
        """
        self.path, self._key = path, key
        self._chain = hash_bytes(canonical_json([study, reader, design]).encode())
        self.answers: list[Answer] = []
        data = path.read_bytes() if path.exists() else b""
        whole = data.rfind(b"\n") + 1
        for line in data[:whole].splitlines():
            self._take(line)
        if whole < len(data):
            os.truncate(path, whole)

    def _take(self, line: bytes) -> None:
        done, _, text = line.partition(b" ")
        try:
            sealed = base64.b64decode(text, validate=True)
        except ValueError:
            sealed = b""
        facts = json.loads(decrypt(self._key, sealed, self._chain.encode() + done))
        self.answers.append(Answer(**facts))
        self._chain = hash_bytes(self._chain.encode() + line)

    def add(self, answer: Answer, done: int) -> None:
        """Append one answer, with which ``done`` showings are done; it is on the disk when this returns."""
        text, front = canonical_json(dataclasses.asdict(answer)).encode(), str(done).encode()
        sealed = encrypt(self._key, text, self._chain.encode() + front)
        line = front + b" " + base64.b64encode(sealed)
        with self.path.open("ab") as stream:
            stream.write(line + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._chain = hash_bytes(self._chain.encode() + line)
        self.answers.append(answer)

    def standing(self) -> dict[tuple[int, str], Answer]:
        """The last answer to each question of each showing."""
        return {(a.showing, a.question): a for a in self.answers}


def showings_done(path: Path) -> int:
    """How many showings are done in a log, without its key; 0 without a log."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    done = lines[-1].partition(b" ")[0] if lines else b"0"
    return int(done) if done.isdigit() else 0


def merge_answers(held: list[Answer], came: list[Answer]) -> list[Answer]:
    """Bring two states of one reader's log together: the longer, when it begins with the shorter.

    Raises
    ------
    InputRefused
        When they differ, as after reading on two machines from one state.
    """
    common = min(len(held), len(came))
    for number in range(common):
        if held[number] != came[number]:
            raise InputRefused(
                f"Two answer files of this reader agree up to answer {number} and differ then; expected one to go on "
                "from the other. Nothing was taken; find out which machine's answers are meant."
            )
    return came if len(came) > len(held) else held
