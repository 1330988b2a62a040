"""Readers' ratings beside the guard's verdicts: taken from a study, and asked for by the release policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.releases.ratings import RatedQuestion, RatingRule, Ratings
from medsynth_desktop.store.studies import SampleRatings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.study import Study
from medsynth_desktop.studies.table import counted_cases, rating_table
from medsynth_desktop.workbench.studying import answers, investigators, progress

RULE = "release:ratings"
"""Key of the setting that holds the rule."""


def open_ratings(
    workspace: Workspace, name: str, password: str, *, unfinished: bool = False
) -> SampleRatings:
    """Put what a study's readers said of its synthetic cases in the open, for the release; return it.

    Raises
    ------
    NotFound
        When there is no such study.
    InputRefused
        When the password is wrong, the study asks no Likert question, or readers are not done (unless ``unfinished``):
        they could look.
    """
    study = investigators(workspace, name, password)
    record = workspace.studies.get(name)
    left = [reader for reader, done in progress(workspace, name).items() if done < len(study.orders[reader])]
    if left and not unfinished:
        raise InputRefused(
            f"{', '.join(left)} of {record.name!r} have not finished, and open ratings would tell them which cases are "
            "synthetic; wait for them, or give --unfinished."
        )
    found = _ratings(workspace, study)
    if not found.options:
        raise InputRefused(f"The study {name!r} asks no Likert question, so it holds no ratings.")
    workspace.studies.put_ratings(name, found)
    return found


def _ratings(workspace: Workspace, study: Study) -> SampleRatings:
    readers = study.design.readers
    logs = {reader: answers(workspace, study, reader) for reader in readers}
    likert = [question for question in study.design.questions if question.form == "likert"]
    ratings: dict[str, dict[str, dict[str, int]]] = {c.id: {} for c in counted_cases(study) if c.synthetic}
    for question in likert:
        table = rating_table(study, logs, question.id)
        for column, case in enumerate(table.cases):
            given = table.ratings[:, column]
            if case in ratings:
                ratings[case][question.id] = {
                    reader: int(rating)
                    for reader, rating in zip(readers, given, strict=True)
                    if rating == rating
                }
    options = {question.id: len(question.options) for question in likert}
    return SampleRatings(study.design.name, study.hash, options, ratings)


def ratings_of(workspace: Workspace, samples: Iterable[str]) -> Ratings:
    """What is known of each sample, and the rule in force; readers of one name in two studies count as two.

    A question whose number of options differs between studies is taken from the first of them alone.
    """
    studies = workspace.studies.ratings()
    found: dict[str, dict[str, RatedQuestion]] = {sample: {} for sample in samples}
    for sample, questions in found.items():
        for held in studies:
            for question, given in held.ratings.get(sample, {}).items():
                options = held.options[question]
                known = questions.setdefault(question, RatedQuestion(question, options, {}))
                if known.options == options:
                    known.ratings.update(
                        {f"{held.study}/{reader}": rating for reader, rating in given.items()}
                    )
    return Ratings(rating_rule(workspace), found)


def rating_rule(workspace: Workspace) -> RatingRule | None:
    """The rule in force in this workspace, None where ratings are not asked for."""
    held = workspace.settings.get(RULE)
    if not held:
        return None
    return RatingRule(int(held["readers"]), int(held["median"]), tuple(held["questions"]))


def require_ratings(workspace: Workspace, rule: RatingRule | None) -> None:
    """Put a rule in force for every approval and export of this workspace; None lifts it."""
    workspace.settings.set(RULE, asdict(rule) if rule else None)


def check_rated(workspace: Workspace, samples: Sequence[str]) -> None:
    """Refuse samples whose ratings do not meet the rule in force.

    Raises
    ------
    GuardRefused
        With the first of them, and how many more there are.
    """
    if why := ratings_of(workspace, samples).why_not(samples):
        raise GuardRefused(why)


def rated_enough(workspace: Workspace, samples: Sequence[str]) -> tuple[list[str], str]:
    """Those of ``samples`` whose ratings meet the rule in force, and why the others are left out.

    Raises
    ------
    GuardRefused
        When there are samples, and none of them does.
    """
    ratings = ratings_of(workspace, samples)
    enough = [s for s in samples if not ratings.why_not([s])]
    if samples and not enough:
        raise GuardRefused(ratings.why_not(samples))
    return enough, ratings.why_not(samples)


def told_of(questions: Iterable[RatedQuestion]) -> list[dict[str, Any]]:
    """What a package says of a sample's ratings: no reader's name."""
    return [
        {"question": q.question, "options": q.options, "readers": len(q.ratings), "median": q.median}
        for q in questions
    ]
