"""Which cases a reader study may show, which it draws, and how they are prepared, alike for real and synthetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.cohorts.conform import grid_affine
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.blinding import FEWEST, measures, tells_of_images, too_few
from medsynth_desktop.studies.design import Case, draw_cases
from medsynth_desktop.studies.preparing import (
    FLOOR,
    LEVELS,
    CommonRange,
    Preparation,
    prepare,
    uniform_borders,
)

GROUP = "label"
"""The attribute, or condition, by which blocks are balanced where images have it."""


@dataclass(frozen=True)
class Pool:
    """Cases that may be shown, all made by one recipe."""

    cases: tuple[Case, ...]
    recipe: Recipe


@dataclass(frozen=True)
class Wish:
    """Which cases are wanted.

    Attributes
    ----------
    real, synthetic
        How many are drawn at random; None: all that the pool holds (none for training then).
    training
        How many more, half of each kind, for practice; they are not counted.
    by_hand
        Ids of images and samples, in place of drawing.
    """

    real: int | None = None
    synthetic: int | None = None
    training: int = 0
    by_hand: tuple[str, ...] = ()


def pool_of(workspace: Workspace, cohort: str | None, batches: Sequence[str], approved_only: bool) -> Pool:
    """Gather the images of a cohort and the samples of batches.

    Raises
    ------
    InputRefused
        When there is nothing, or not all share one grid, voxel size and range of intensity.
    """
    cases: list[Case] = []
    recipes: list[Recipe] = []
    if cohort is not None:
        record = workspace.cohorts.get(cohort)
        recipes.append(record.recipe)
        cases += [
            Case(i.id, False, str(i.attributes.get(GROUP, "")), array=i.array_hash) for i in record.images
        ]
    for name in batches:
        batch = workspace.batches.get(name)
        recipes.append(workspace.bundles.get(batch.bundle_hash).recipe)
        approved = {s for s, d in workspace.decisions.of(name).items() if d.status == "approved"}
        cases += [
            Case(s.id, True, str(s.settings.conditions.get(GROUP, "")), array=s.array_hash)
            for s in batch.samples
            if not approved_only or s.id in approved
        ]
    if not cases:
        which = "approved sample" if approved_only and batches else "image"
        raise InputRefused(f"There is no {which} to show. Name a cohort or a batch that holds some.")
    if len({_frame(recipe) for recipe in recipes}) > 1:
        raise InputRefused(
            "Cohort and batches differ in grid, voxel size or range of intensity, which would tell them apart. Take "
            "a batch of a model that learnt from this cohort."
        )
    return Pool(tuple(dict.fromkeys(cases)), recipes[0])


def _frame(recipe: Recipe) -> tuple[object, ...]:
    return recipe.grid, recipe.spacing, recipe.intensity, recipe.low, recipe.high, recipe.unit


def choose(pool: Pool, wish: Wish, generator: np.random.Generator) -> tuple[Case, ...]:
    """Draw the cases of a study, training ones last; raises as `draw_cases`."""
    if wish.by_hand:
        counted = _by_hand(pool, wish.by_hand)
    else:
        held = [sum(c.synthetic is kind for c in pool.cases) for kind in (False, True)]
        real, synthetic = (
            total if asked is None else asked
            for asked, total in zip((wish.real, wish.synthetic), held, strict=True)
        )
        counted = draw_cases(pool.cases, real, synthetic, generator)
    taken = {case.id for case in counted}
    left = tuple(case for case in pool.cases if case.id not in taken)
    drawn = sum(case.synthetic for case in left)
    synthetic = min((wish.training + 1) // 2, drawn)
    synthetic = max(synthetic, wish.training - (len(left) - drawn))
    practice = draw_cases(left, wish.training - synthetic, synthetic, generator) if wish.training else ()
    return (*counted, *(dataclasses.replace(case, training=True) for case in practice))


def _by_hand(pool: Pool, ids: Iterable[str]) -> tuple[Case, ...]:
    known = {case.id: case for case in pool.cases}
    if strange := [i for i in ids if i not in known]:
        raise InputRefused(
            f"{strange[0]} is no image of the cohort and no sample of the batches given. Check its id."
        )
    return tuple(known[i] for i in ids)


def prepare_for(
    workspace: Workspace,
    cases: Sequence[Case],
    recipe: Recipe,
    window: tuple[float, float] | None,
    floor: float = FLOOR,
) -> Steps[Preparation]:
    """Find the range of intensity and the field of view that all cases share, and say what levels mean.

    ``window`` is the centre and width in the recipe's unit that every case begins with; None: the whole range.
    ``floor`` is the share of the range below which nothing is told apart.

    Raises
    ------
    InputRefused
        When the cases share too little of the range, or the window has no width.
    """
    if window is not None and not window[1] > 0:
        raise InputRefused(f"A window has a width above 0; got {window[1]:g}. Give CENTRE,WIDTH.")
    shared = CommonRange(floor)
    for number, case in enumerate(cases):
        yield Progress(number, 3 * len(cases), "Looking for the range that all cases share")
        shared.add(conformed(workspace, case))
    plain = _preparation(recipe, *shared.ends(), window)
    borders = np.zeros((len(recipe.grid), 2), int)
    for number, case in enumerate(cases):
        yield Progress(
            len(cases) + number, 3 * len(cases), "Looking for the field of view that all cases fill"
        )
        borders = np.maximum(borders, uniform_borders(prepare(conformed(workspace, case), plain)))
    return plain.trimmed([(int(first), int(last)) for first, last in borders])


def what_tells(workspace: Workspace, cases: Sequence[Case], preparation: Preparation) -> Steps[list[str]]:
    """Say what beside their look tells real from synthetic cases as they will be shown, a sentence each."""
    found = []
    for number, case in enumerate(cases):
        yield Progress(2 * len(cases) + number, 3 * len(cases), "Looking for what would tell the kinds apart")
        found.append(measures(prepare(conformed(workspace, case), preparation)))
    truth = [case.synthetic for case in cases]
    if too_few(truth):
        return [
            f"With fewer than {FEWEST} cases of a kind nothing can be said of what tells them from the other."
        ]
    return tells_of_images(found, truth)


def conformed(workspace: Workspace, case: Case) -> np.ndarray:
    """The image of a case as the workspace holds it: float32 in [-1, 1]."""
    return np.asarray(workspace.arrays.get(case.array))


def _preparation(recipe: Recipe, low: float, high: float, window: tuple[float, float] | None) -> Preparation:
    values, unit = (0.0, float(LEVELS)), ""
    if recipe.intensity == "window":
        first, last = (float(recipe.low + (end + 1) / 2 * (recipe.high - recipe.low)) for end in (low, high))
        values, unit = (first, last), recipe.unit
    shown = window or ((values[0] + values[1]) / 2, values[1] - values[0])
    affine = tuple(tuple(float(v) for v in row) for row in grid_affine(recipe))
    return Preparation(
        tuple(recipe.grid),
        affine,
        low,
        high,
        unit,
        recipe.modality,
        recipe.spacing > 0,
        values,
        (float(shown[0]), float(shown[1])),
    )
