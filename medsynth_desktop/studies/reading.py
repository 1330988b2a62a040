"""A reader at work: sign in, see the showings in order, answer, stop, resume on the same one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.studies.answers import Answer, AnswerLog
from medsynth_desktop.studies.preparing import LEVELS
from medsynth_desktop.studies.questions import Question, check_answer
from medsynth_desktop.studies.sealed import SealedFile


class Reading:
    """One reader's study, opened with their password; answers go to ``answers``, one by one."""

    def __init__(self, package: Path, password: str, answers: Path) -> None:
        """Sign in.

        Raises
        ------
        InputRefused
            When the password is wrong, or a file was changed or is another reader's.
        """
        self._file = SealedFile(package, password)
        self.facts: dict[str, Any] = json.loads(self._file.member(0))
        self.questions = tuple(
            Question(**{**q, "options": tuple(q["options"])}) for q in self.facts["questions"]
        )
        key = bytes.fromhex(self.facts["key"])
        self._log = AnswerLog(answers, key, self.facts["study"], self.facts["reader"], self.facts["design"])

    def __len__(self) -> int:
        """Showings, training included."""
        return len(self._file) - 1

    def image(self, showing: int) -> np.ndarray:
        """Image of a showing, read and decrypted now: int16, 0 to 4095, on the study's grid."""
        stream = io.BytesIO(self._file.member(showing + 1))
        image: np.ndarray = np.load(stream, allow_pickle=False)
        return image

    def volume(self, showing: int) -> Volume:
        """Image of a showing in patient millimetres and in the study's unit, float32; a picture has z = 1."""
        facts = self.facts["image"]
        first, last = facts["values"]
        array = self.image(showing).astype(np.float32) * np.float32((last - first) / LEVELS) + np.float32(
            first
        )
        if array.ndim == 2:
            array = array[:, :, None]
        return Volume(
            array,
            np.array(facts["affine"], float),
            facts["modality"],
            facts["unit"],
            spaced=facts["spaced"],
            window=tuple(facts["window"]),
        )

    @property
    def answers_path(self) -> Path:
        """Where the answers go."""
        return self._log.path

    def open_questions(self, showing: int) -> tuple[Question, ...]:
        """Questions of a showing that are not answered yet, comments left out."""
        standing = self._log.standing()
        return tuple(q for q in self.questions if q.asked and (showing, q.id) not in standing)

    def given(self, showing: int) -> list[tuple[Question, Any]]:
        """Questions of a showing with the answers that stand, in the order they are asked, comments left out."""
        standing = self._log.standing()
        found = ((q, standing.get((showing, q.id))) for q in self.questions if q.asked)
        return [(q, answer.value) for q, answer in found if answer is not None]

    @property
    def comment(self) -> Question | None:
        """What takes a comment; None where the study takes none."""
        return next((q for q in self.questions if not q.asked), None)

    def said(self, showing: int) -> str:
        """The comment that stands of a showing; empty where there is none."""
        given = self._log.standing().get((showing, self.comment.id)) if self.comment else None
        return str(given.value) if given is not None else ""

    def stands(self, showing: int, question: str, value: Any) -> bool:
        """Whether exactly this answer stands."""
        given = self._log.standing().get((showing, question))
        return given is not None and given.value == value

    @property
    def current(self) -> int | None:
        """First showing with a question open; None when all are answered."""
        return self.done if self.done < len(self) else None

    @property
    def done(self) -> int:
        """Showings before the first with a question open; nothing is answered beyond it."""
        return self.last if self.open_questions(self.last) else self.last + 1

    @property
    def last(self) -> int:
        """The showing answered last, which is not left until the next is answered; 0 at the beginning."""
        return max((showing for showing, _ in self._log.standing()), default=0)

    def answer(self, showing: int, question: str, value: Any, time: str, seconds: float | None) -> None:
        """Keep an answer; it is on the disk when this returns.

        A case is left when the next one is answered: until then its answers may be changed, if answers may be.

        Raises
        ------
        InputRefused
            When the showing is not to be answered now, the design forbids the change or the value is no answer.
        """
        asked = next((q for q in self.questions if q.id == question), None)
        if asked is None:
            raise InputRefused(f"The study has no question {question!r}. Answer one of its questions.")
        check_answer(asked, value)
        now = self.current
        ahead = showing < 0 or showing >= len(self) or (now is not None and showing > now)
        if ahead or (showing < self.last and not self.facts["may_go_back"]):
            due = "no other" if now is None else f"case {now + 1}"
            raise InputRefused(
                f"Case {showing + 1} is not to be answered now; expected {due}. Answer that one."
            )
        if (showing, question) in self._log.standing() and not self.facts["may_change"]:
            raise InputRefused("This study does not let an answer be changed. Go on to the next question.")
        completes = showing == now and [q.id for q in self.open_questions(showing)] == [question]
        self._log.add(Answer(showing, question, value, time, seconds), self.done + completes)


def answers_beside(file: Path) -> Path:
    """Where the answers of a reader go who reads from ``file``."""
    return file.with_suffix(".answers")
