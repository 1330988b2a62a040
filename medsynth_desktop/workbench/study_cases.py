"""Which cases a reader study may show, which it draws, and how they are prepared, alike for real and synthetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medsynth_desktop.cohorts.conform import grid_affine
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.blinding import FEWEST, least_telling, measures, tells_of_images, too_few
from medsynth_desktop.studies.design import Case, draw_cases
from medsynth_desktop.studies.preparing import (
    LEVELS,
    NARROW,
    CommonRange,
    Preparation,
    body_masks,
    prepare,
    uniform_borders,
)

FLOORS = (0.02, 0.05, 0.1, 0.15)
"""Shares of the range that are tried for air; of PET the first two, for what is cold there is body."""
GROUP = "label"
"""The attribute, or condition, by which blocks are balanced where images have it."""
MANY = 20
"""Cases of either kind that are proposed, where there are as many."""


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


def propose(cases: Sequence[Case], training: int) -> Wish:
    """As many of either kind as there are, up to `MANY`, when half as many as for ``training`` are spared of each."""
    held = [sum(case.synthetic is kind for case in cases) for kind in (False, True)]
    each = min([MANY, *(max(n - (training + 1) // 2, 1) for n in held if n)])
    real, synthetic = (each if n else 0 for n in held)
    return Wish(real, synthetic, training)


def short_of(cases: Sequence[Case], wish: Wish) -> list[str]:
    """Say what ``cases`` lack for numbers that were wished, a few words each; nothing: `choose` will find them."""
    lacking, left = [], len(cases)
    for kind, name, asked in ((False, "real", wish.real), (True, "synthetic", wish.synthetic)):
        held = sum(case.synthetic is kind for case in cases)
        left -= held if asked is None else asked
        if asked is not None and asked > held:
            lacking.append(f"{asked - held} more {name} cases ({held} are there)")
    if not lacking and wish.training > left:
        lacking.append(f"{wish.training - left} more cases for training, which are none of the others")
    return lacking


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
    floor: float | None = None,
) -> Steps[Preparation]:
    """Find how all cases are prepared alike: steps, air, range of intensity and field of view.

    ``window`` is the centre and width in the recipe's unit that every case begins with; None: the whole range.
    ``floor`` is the share of the range up to which what surrounds the body is air; None: the least of `FLOORS` with
    which how much air there is does not tell the kinds apart.

    Raises
    ------
    InputRefused
        When the cases share too little of the range, the window has no width, or ``floor`` is not in 0 to 0.5.
    """
    if window is not None and not window[1] > 0:
        raise InputRefused(f"A window has a width above 0; got {window[1]:g}. Give CENTRE,WIDTH.")
    if floor is not None and not 0 <= floor <= NARROW:
        raise InputRefused(f"The floor is a share of the range, 0 to {NARROW}; got {floor:g}. Lower it.")
    floors = (floor,) if floor is not None else FLOORS[:2] if recipe.modality == "PT" else FLOORS
    shared = CommonRange()
    outside = np.zeros((len(cases), len(floors)))
    for number, case in enumerate(cases):
        yield Progress(number, 3 * len(cases), "Looking for the range and the air that all cases share")
        image = conformed(workspace, case)
        shared.add(image)
        if len(floors) > 1:
            outside[number] = [1 - mask.mean() for mask in body_masks(image, floors)]
    chosen = (
        floors[least_telling(outside, [case.synthetic for case in cases])] if len(floors) > 1 else floors[0]
    )
    plain = replace(_preparation(recipe, shared, window), floor=chosen, step=shared.step)
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


def _preparation(recipe: Recipe, shared: CommonRange, window: tuple[float, float] | None) -> Preparation:
    values, unit, own = (0.0, float(LEVELS)), "", recipe.intensity != "window"
    low, high = (-1.0, 1.0) if own else shared.ends()
    if not own:
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
        bright=shared.bright if own else 0.0,
    )
