"""Answers as a person types them, or as a table of answers holds them."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_uppercase
from typing import Any, get_args

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.questions import COMMENT, MARKED, PUBLISHED, Form, Question, check_answer

YES, NO = frozenset({"y", "yes", "true"}), frozenset({"n", "no", "false"})
NOTHING = frozenset({"none", "nothing"})
TURING = Question("origin", "Is this image real or synthetic, and how sure are you?", "real-or-synthetic")
"""The question that recognition is measured by."""
BUILT_IN = {"published": PUBLISHED, "real-or-synthetic": (TURING,), "comment": (COMMENT,)}


def read_answer(question: Question, text: str) -> Any:
    """Turn ``text`` into an answer to ``question``: see `hint` for what is understood.

    Raises
    ------
    InputRefused
        When it is no answer.
    """
    word = text.strip()
    value: Any = word
    if question.form == "likert":
        letter = word.upper()
        known = len(letter) == 1 and letter in ascii_uppercase
        value = ascii_uppercase.index(letter) + 1 if known else int(word) if word.isdecimal() else word
    elif question.form == "yes-no":
        value = True if word.lower() in YES else False if word.lower() in NO else word
    elif question.form == "real-or-synthetic":
        value = _origin(word)
    elif question.form in MARKED and word.lower() in NOTHING:
        value = None
    elif question.form == "point":
        value = _point(word)
    elif question.form == "region":
        value = [_point(part) for part in word.split(";")]
    try:
        check_answer(question, value)
    except InputRefused:
        raise InputRefused(
            f"{word!r} is no answer to the question {question.id!r}; type {hint(question)}."
        ) from None
    return value


def hint(question: Question) -> str:
    """What to type, for instance ``A to D``."""
    return {
        "likert": f"A to {ascii_uppercase[max(0, len(question.options) - 1)]}",
        "yes-no": "y or n",
        "real-or-synthetic": "r or s and how sure, 0 to 100: s 80",
        "text": "any words, or nothing",
        "comment": "any words",
        "point": "voxel: x,y,z, or none",
        "region": "voxels: x,y,z; x,y,z; ..., or none",
    }[question.form]


def _origin(word: str) -> Any:
    kind, _, sure = word.replace("%", "").partition(" ")
    if kind.lower() not in {"r", "real", "s", "synthetic"}:
        return word
    try:
        confidence = float(sure) / 100 if sure.strip() else None
    except ValueError:
        return word
    return {"synthetic": kind[0].lower() == "s", "confidence": confidence}


def _point(word: str) -> Any:
    try:
        return [float(part) for part in word.split(",")]
    except ValueError:
        return word


def read_questions(source: str) -> tuple[Question, ...]:
    """Questions of a JSON file, or built-in ones by name (`BUILT_IN`).

    A file holds one question or a list of them: ``id``, ``text``, ``form`` (likert where left out) and, for likert,
    ``options`` from worst to best.

    Raises
    ------
    InputRefused
        When there is no such file, or it holds anything else.
    """
    if source in BUILT_IN:
        return BUILT_IN[source]
    path = Path(source)
    try:
        held = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise InputRefused(
            f"{path.name} is no JSON file of questions; give one, or {' or '.join(BUILT_IN)}."
        ) from None
    return tuple(_question(one) for one in (held if isinstance(held, list) else [held]))


def _question(held: Any) -> Question:
    fields = {"id", "text", "form", "options"}
    whole = isinstance(held, dict) and {"id", "text"} <= set(held) <= fields
    if whole:
        form, options = held.get("form", "likert"), held.get("options", [])
        words = [held["id"], held["text"], form, *(options if isinstance(options, list) else [None])]
        if all(isinstance(word, str) for word in words) and form in get_args(Form):
            return Question(held["id"], held["text"], form, tuple(options))
    raise InputRefused(
        f"A question has id, text, a form ({', '.join(get_args(Form))}) and, for likert, options; got "
        f"{json.dumps(held)[:80]}. Correct the file."
    )
