"""A reader at work: sign in, see the showings in order, answer, stop, resume on the same one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.answers import Answer, AnswerLog
from medsynth_desktop.studies.questions import Question, check_answer
from medsynth_desktop.studies.sealed import unseal


class Reading:
    """One reader's study, opened with their password; answers go to ``answers``, one by one."""

    def __init__(self, package: Path, password: str, answers: Path) -> None:
        """Sign in.

        Raises
        ------
        InputRefused
            When the password is wrong, or a file was changed or is another reader's.
        """
        facts, *self._images = unseal(package, password)
        self.facts: dict[str, Any] = json.loads(facts)
        self.questions = tuple(
            Question(**{**q, "options": tuple(q["options"])}) for q in self.facts["questions"]
        )
        key = bytes.fromhex(self.facts["key"])
        self._log = AnswerLog(answers, key, self.facts["study"], self.facts["reader"])

    def __len__(self) -> int:
        """Showings, training included."""
        return len(self._images)

    def image(self, showing: int) -> np.ndarray:
        """Image of a showing: int16, 0 to 4095, on the study's grid."""
        image: np.ndarray = np.load(io.BytesIO(self._images[showing]), allow_pickle=False)
        return image

    @property
    def current(self) -> int | None:
        """First showing with a question open; None when all are answered."""
        standing = self._log.standing()
        for showing in range(len(self)):
            if any((showing, q.id) not in standing for q in self.questions):
                return showing
        return None

    def answer(self, showing: int, question: str, value: Any, time: str, seconds: float) -> None:
        """Keep an answer; it is on the disk when this returns.

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
        back = not ahead and showing != now
        if ahead or (back and not self.facts["may_go_back"]):
            raise InputRefused(
                f"Showing {showing} is not to be answered now; expected {now}. Answer that one."
            )
        if (showing, question) in self._log.standing() and not self.facts["may_change"]:
            raise InputRefused("This study does not let an answer be changed. Go on to the next question.")
        self._log.add(Answer(showing, question, value, time, seconds))
