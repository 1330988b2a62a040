"""A sample beside its nearest real image: what the pair view shows, and why the guard says what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from medsynth_desktop.cohorts.conform import recipe_volume
from medsynth_desktop.core.records import Nearest, Recipe, Verdict
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.guard.of_unseen import tell_unseen
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.captions import (
    DIFFERENCE_LIMIT,
    difference,
    difference_caption,
    limit_passed,
    metric_captions,
    nearest_caption,
    other_image_words,
    synthetic_caption,
    undone_caption,
)
from medsynth_desktop.workbench.guarding import GuardState
from medsynth_desktop.workbench.overlay import Finding, explain_words, finding, undo
from medsynth_desktop.workbench.presenting import VERDICTS
from medsynth_desktop.workbench.state import Workbench


@dataclass(frozen=True, eq=False)
class Picture:
    """A volume, in its recipe's unit where there is one, with its caption and the window that it begins with."""

    volume: Volume
    caption: str
    limits: tuple[float, float]
    coloured: bool = False


def verdict_shown(guard: GuardState, sample: str | None) -> Verdict | None:
    """Judge one sample under the thresholds now shown; None where it was not checked.

    `GuardState.verdicts` judges the whole batch, too slow for every step of a drag.
    """
    nearest = guard.nearest.get(sample) if sample is not None else None
    if nearest is None or guard.policy is None:
        return None
    return tell_unseen(judge(nearest, guard.policy), guard.unseen_images)


def why_words(guard: GuardState, sample: str | None) -> str:
    """Reasons of the verdict, a line each, and which number is with another image than the one in the picture.

    Without what `explained` says.
    """
    verdict = verdict_shown(guard, sample)
    if verdict is None:
        return ""
    said = [metric.explain(verdict.nearest) for metric in METRICS]  # `explained` says it once for all
    reasons = list(verdict.reasons)
    for sentence in filter(None, said):
        reasons = [reason.removesuffix(f" {sentence}") for reason in reasons]
    return "\n".join(filter(None, [*reasons, other_image_words(verdict.nearest, tuple(METRICS))]))


def explained(guard: GuardState, sample: str | None) -> str:
    """What a sample is a copy of in disguise, how alike, and what unseen patients reach; "" where it is none."""
    nearest = guard.nearest.get(sample) if sample is not None else None
    return explain_words(finding(nearest, guard.policy), guard.unseen)


def told_by_disguise(guard: GuardState, sample: str | None) -> bool:
    """Whether a disguise lies beyond a limit, so that the pair is looked at with the disguise undone."""
    found = finding(guard.nearest.get(sample or ""), guard.policy)
    return found is not None and found.code > 0


def deciding_metric(guard: GuardState, sample: str | None) -> str:
    """Key of the metric that decided the verdict: of the worst, the disguise that is explained, else the first.

    Empty where no metric lies beyond a limit.
    """
    verdict = verdict_shown(guard, sample)
    if verdict is None or verdict.verdict == "pass":
        return ""
    codes = {
        key: VERDICTS.index(limit_passed(METRICS[key], verdict.metrics.get(key, math.nan), limit))
        for key, limit in guard.thresholds.items()
        if key in METRICS
    }
    worst = max(codes.values(), default=0)
    found = finding(verdict.nearest, guard.policy)
    told = [found.metric.key] if found is not None and found.code else []
    return next((key for key in (*told, *METRICS.keys()) if worst and codes.get(key) == worst), "")


@dataclass(frozen=True, eq=False)
class Pair:
    """One to three pictures: sample, real image, difference.

    ``region`` marks with 1 the voxels of the sample that are alike, to be outlined; None where nothing is undone.
    ``can_undo`` says whether a disguise of the sample is known, ``undone`` whether it is undone in the pictures.
    """

    pictures: tuple[Picture, ...]
    region: Volume | None = None
    can_undo: bool = False
    undone: bool = False


def pair_of(workbench: Workbench, sample: str, undone: bool = False) -> Pair:
    """The sample beside its nearest real image as they are, or beside that of its disguise, which is undone.

    Only the sample where nothing was searched; as they are where no disguise was looked for.

    Raises
    ------
    NotFound
        When the sample or its nearest image is not in the workspace.
    """
    guard = workbench.guard
    nearest, found = guard.nearest.get(sample), finding(guard.nearest.get(sample), guard.policy)
    synthetic = np.asarray(workbench.sample_array(sample), np.float32)
    recipe = _recipe(workbench, sample)
    pictures = [_picture(synthetic, recipe, _caption(guard, sample))]
    if nearest is None or not nearest.neighbours:
        return Pair(tuple(pictures))
    if undone and found is not None:
        return _undone(workbench, pictures, synthetic, found, recipe)
    real = np.asarray(workbench.image_array(nearest.neighbours[0].image), np.float32)
    pictures.append(_picture(real, recipe, nearest_caption(nearest)))
    pictures.append(_difference(difference(synthetic, real), recipe))
    return Pair(tuple(pictures), can_undo=found is not None)


def _undone(
    workbench: Workbench, pictures: list[Picture], synthetic: np.ndarray, found: Finding, recipe: Recipe
) -> Pair:
    disguise = found.disguise
    real = np.asarray(workbench.image_array(disguise.image), np.float32)
    laid = undo(synthetic, real, disguise, found.whole)
    caption = undone_caption(disguise.image, disguise.done, laid.before, laid.after, found.whole)
    region = np.zeros(synthetic.shape, np.uint8)
    region[tuple(slice(a, b) for a, b in zip(laid.low, laid.high, strict=True))] = 1
    shown = (
        *pictures,
        _picture(laid.real, recipe, caption),
        _difference(laid.difference, recipe, aligned=True, matched=laid.matched),
    )
    like = pictures[0].volume
    alike = replace(like, array=region.reshape(like.array.shape), unit="")
    return Pair(shown, alike, can_undo=True, undone=True)


def _picture(array: np.ndarray, recipe: Recipe, caption: str) -> Picture:
    volume = recipe_volume(array, recipe)
    return Picture(volume, caption, (recipe.low, recipe.high) if volume.unit else (-1.0, 1.0))


def _difference(array: np.ndarray, recipe: Recipe, **how: bool) -> Picture:
    volume = recipe_volume(array, recipe, difference=True)
    limit = DIFFERENCE_LIMIT * ((recipe.high - recipe.low) / 2 if volume.unit else 1)
    return Picture(volume, difference_caption(limit, volume.unit, **how), (-limit, limit), coloured=True)


def _caption(guard: GuardState, sample: str) -> str:
    verdict = verdict_shown(guard, sample)
    if verdict is None:
        return synthetic_caption(sample, None)
    values = metric_captions(verdict.metrics, guard.thresholds, tuple(METRICS))
    return synthetic_caption(sample, verdict.verdict, values)


def nearest_image(nearest: Nearest | None) -> str | None:
    """Pseudonymous id of the most similar real image."""
    return nearest.neighbours[0].image if nearest is not None and nearest.neighbours else None


def _recipe(workbench: Workbench, sample: str) -> Recipe:
    bundle = workbench.workspace.samples.get(sample).bundle_hash
    return workbench.workspace.bundles.get(bundle).recipe
