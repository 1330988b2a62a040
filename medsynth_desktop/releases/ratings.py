"""What a release may demand of readers: so many of them, and a median rating so good."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

from medsynth_desktop.core.errors import InputRefused


@dataclass(frozen=True, slots=True)
class RatedQuestion:
    """Ratings of one sample on one Likert question: reader to option from 1, the worst, to ``options``."""

    question: str
    options: int
    ratings: dict[str, int]

    @property
    def median(self) -> float:
        """The median option; NaN without a rating."""
        return statistics.median(self.ratings.values()) if self.ratings else float("nan")

    @property
    def words(self) -> str:
        """For instance ``anatomy C (3 readers)``."""
        count = len(self.ratings)
        return f"{self.question} {self.middle} ({count} reader{'s' * (count != 1)})"

    @property
    def middle(self) -> str:
        """The median's letter, or both letters that it lies between."""
        low, high = (letter(int(self.median // 1)), letter(int(-(-self.median // 1))))
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True, slots=True)
class RatingRule:
    """What must be rated before a sample may leave.

    Attributes
    ----------
    readers
        At least so many rated it, on each question.
    median
        The least median option, from 1, on each question: C of A to D is 3.
    questions
        Ids; empty: every Likert question that was asked of the sample.
    """

    readers: int
    median: int
    questions: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For instance ``at least 2 readers, median C or better``."""
        on = f" on {', '.join(self.questions)}" if self.questions else ""
        return f"at least {self.readers} reader{'s' * (self.readers != 1)}, median {letter(self.median)} or better{on}"


@dataclass(frozen=True)
class Ratings:
    """What readers said of samples, and what a release asks of it.

    Attributes
    ----------
    rule
        None where ratings are not asked for.
    found
        By sample and question.
    """

    rule: RatingRule | None = None
    found: Mapping[str, Mapping[str, RatedQuestion]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to tell: a rule, or a rating."""
        return self.rule is not None or any(self.of(sample) for sample in self.found)

    def of(self, sample: str) -> list[RatedQuestion]:
        """The questions on which ``sample`` was rated."""
        return [question for question in self.found.get(sample, {}).values() if question.ratings]

    def brief(self, sample: str) -> str:
        """The worst median and the fewest readers of any question, ``C (2)``; empty without a rating."""
        questions = self.of(sample)
        if not questions:
            return ""
        worst = min(questions, key=lambda q: q.median / q.options)
        return f"{worst.middle} ({min(len(q.ratings) for q in questions)})"

    def why_not(self, samples: Iterable[str]) -> str:
        """Why the first of ``samples`` that lacks ratings may not leave, and how many more do; empty when all may."""
        if self.rule is None:
            return ""
        refused = [why for s in samples if (why := why_not_rated(self.rule, s, self.found.get(s, {})))]
        if not refused:
            return ""
        left = len(refused) - 1
        return (
            f"{refused[0]} {left} more sample{'s lack' if left > 1 else ' lacks'} it too."
            if left
            else refused[0]
        )


def make_rule(readers: int, median: str, questions: Sequence[str] = ()) -> RatingRule:
    """Make a rule of what a person gave; ``median`` is a letter.

    Raises
    ------
    InputRefused
        When no reader is asked for, or the median is no letter.
    """
    word = median.strip().upper()
    if readers < 1 or len(word) != 1 or word not in ascii_uppercase:
        raise InputRefused(
            f"A release asks for at least one reader and a median from A; got {readers} and {median!r}. Correct them."
        )
    return RatingRule(readers, ascii_uppercase.index(word) + 1, tuple(questions))


def why_not_rated(rule: RatingRule, sample: str, rated: Mapping[str, RatedQuestion]) -> str:
    """Why the ratings of a sample, by question, do not let it go, in a sentence; empty when they do."""
    for question in rule.questions or tuple(rated) or ("",):
        found = rated.get(question)
        readers = len(found.ratings) if found else 0
        on = f" on {question}" if question else ""
        if found is None or readers < rule.readers:
            return f"{sample} was rated{on} by {readers} of {rule.readers} readers whom the release policy asks for."
        if found.median < rule.median:
            return f"{sample} was rated {found.words}; the release policy asks for {rule.words}."
    return ""


def letter(option: int) -> str:
    """The letter of an option, counted from 1."""
    return ascii_uppercase[option - 1]
