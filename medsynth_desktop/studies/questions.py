"""What a reader is asked, and what counts as an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from medsynth_desktop.core.errors import InputRefused

Form = Literal["likert", "yes-no", "real-or-synthetic", "text", "point", "region", "comment"]
MARKED = ("point", "region")
"""Forms that are answered on the picture."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``options`` are a Likert scale's, from worst to best; other forms have none."""

    id: str
    text: str
    form: Form = "likert"
    options: tuple[str, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether a case is not done without an answer; a comment is given by who wants to."""
        return self.form != "comment"


PUBLISHED = (
    Question(
        "appearance",
        "Realistic image appearance",
        options=(
            "Overall not recognizable as CT/MRI",
            "Overall unrealistic, but generally recognizable as CT/MRI",
            "Overall realistic and only minor unrealistic areas",
            "Can't tell whether fake or not",
        ),
    ),
    Question(
        "consistency",
        "Consistency between slices",
        options=(
            "No consistent slices",
            "Only few (up to 3) slices are consistent",
            "Majority of slices (>10) is consistent",
            "All slices are consistent",
        ),
    ),
    Question(
        "anatomy",
        "Anatomical correctness",
        options=(
            "Anatomical region not recognizable",
            "Anatomical region recognizable, but major parts of the images exhibit anatomical incorrectness",
            "Only minor anatomical incorrectness",
            "Anatomical features are correct",
        ),
    ),
)
"""The three published Likert questions, word for word (shared methods, Reader study [K], table 1)."""


COMMENT = Question("comment", "Comment", "comment")
"""What readers may say of any case beside its questions."""


def check_answer(question: Question, value: Any) -> None:
    """Refuse what is no answer to ``question``.

    An option is its number from 1, as the statistics count; yes or no a bool; real-or-synthetic
    ``{"synthetic": bool, "confidence": 0..1}``;
    a point 2 or 3 voxel coordinates; a region two or more such points; either None where there is nothing to mark.

    Raises
    ------
    InputRefused
        When ``value`` does not fit the question's form.
    """
    wanted = {
        "likert": f"the number of an option, 1 to {len(question.options)}",
        "yes-no": "true or false",
        "real-or-synthetic": "synthetic (true or false) and confidence (0 to 1)",
        "text": "text",
        "comment": "text",
        "point": "2 or 3 finite voxel coordinates, or nothing",
        "region": "at least two points of equally many coordinates, or nothing",
    }[question.form]
    if not _fits(question, value):
        raise InputRefused(
            f"The question {question.id!r} takes {wanted}; got {value!r}. Answer it in that form."
        )


def _fits(question: Question, value: Any) -> bool:
    if question.form == "likert":
        return type(value) is int and 1 <= value <= len(question.options)
    if question.form == "yes-no":
        return type(value) is bool
    if question.form in ("text", "comment"):
        return isinstance(value, str)
    if question.form in MARKED and value is None:
        return True
    if question.form == "point":
        return _is_point(value)
    if question.form == "region":
        points = value if isinstance(value, list) else []
        return len(points) > 1 and all(map(_is_point, points)) and len({len(p) for p in points}) == 1
    if not isinstance(value, dict) or set(value) != {"synthetic", "confidence"}:
        return False
    sure = value["confidence"]
    return type(value["synthetic"]) is bool and type(sure) in (int, float) and 0 <= sure <= 1


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (2, 3)
        and all(type(v) in (int, float) and math.isfinite(v) for v in value)
    )
