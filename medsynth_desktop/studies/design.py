"""The design of a reader study: fixed, checked and hashed before the first reader starts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.studies.preparing import Preparation
from medsynth_desktop.studies.questions import PUBLISHED, Question

MOST_OPTIONS = 26
"""One for each letter."""


@dataclass(frozen=True, slots=True)
class Case:
    """One image to be read. ``training`` cases come first and are not counted; ``array`` is the image's hash."""

    id: str
    synthetic: bool
    group: str = ""
    training: bool = False
    array: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """All that decides who sees what, in which order, and is asked what.

    ``repeats`` is the share of counted cases shown a second time; ``block`` the number of cases in a balanced block.
    ``preparation`` is what is done to every image before a reader sees it.
    """

    name: str
    cases: tuple[Case, ...]
    readers: tuple[str, ...]
    questions: tuple[Question, ...] = PUBLISHED
    seed: int = 0
    block: int = 10
    repeats: float = 0.0
    may_go_back: bool = False
    may_change: bool = True
    may_window: bool = True
    preparation: Preparation = Preparation()

    @property
    def hash(self) -> str:
        """SHA-256 over every field."""
        return hash_json(dataclasses.asdict(self))


def check_design(design: Design) -> None:
    """Refuse a design that cannot be read or evaluated.

    Raises
    ------
    InputRefused
        With the first fault found.
    """
    counted = [c for c in design.cases if not c.training]
    if not counted:
        raise InputRefused("A study needs at least one counted case; got none. Add real or synthetic cases.")
    for what, names in (
        ("case", [c.id for c in design.cases]),
        ("reader", list(design.readers)),
        ("question", [q.id for q in design.questions]),
    ):
        if not names or not all(names):
            raise InputRefused(
                f"A study needs at least one {what}, each with a name; got {len(names)}. Add one."
            )
        if len(set(names)) < len(names):
            raise InputRefused(f"Each {what} may stand in a study once; one stands twice. Take it out.")
    for question in design.questions:
        odd = question.form == "likert" and not 2 <= len(question.options) <= MOST_OPTIONS
        if odd or (question.form != "likert" and question.options):
            raise InputRefused(
                f"A Likert question has 2 to {MOST_OPTIONS} options and other forms none; the question {question.id!r} "
                f"({question.form}) has {len(question.options)}. Correct its options."
            )
    if not any(question.asked for question in design.questions):
        raise InputRefused("A study needs at least one question beside the comment. Add one.")
    if sum(not question.asked for question in design.questions) > 1:
        raise InputRefused("A study takes one comment on a case; got more. Leave one.")
    if design.block < 1 or not 0 <= design.repeats <= 1 or design.seed < 0:
        raise InputRefused(
            "A block holds at least one case, the share of repeats lies in 0 to 1 and the seed is not negative; got "
            f"{design.block}, {design.repeats} and {design.seed}. Correct them."
        )


def draw_cases(
    pool: tuple[Case, ...], real: int, synthetic: int, generator: np.random.Generator
) -> tuple[Case, ...]:
    """Draw so many real and synthetic cases at random, without replacement.

    Raises
    ------
    InputRefused
        When the pool holds fewer.
    """
    drawn: list[Case] = []
    for wanted, kind, word in ((real, False, "real"), (synthetic, True, "synthetic")):
        held = sorted((c for c in pool if c.synthetic is kind), key=lambda c: c.id)
        if not 0 <= wanted <= len(held):
            raise InputRefused(
                f"Asked for {wanted} {word} cases; the pool holds {len(held)}. Ask for fewer or add some."
            )
        drawn += [held[i] for i in generator.permutation(len(held))[:wanted]]
    return tuple(drawn)
