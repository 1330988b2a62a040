"""A sample beside its nearest real image: what the pair view shows, and why the guard says what it says."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.cohorts.conform import grid_affine
from medsynth_desktop.core.records import Nearest, Recipe, Verdict
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.guarding import GuardState
from medsynth_desktop.workbench.presenting import (
    difference,
    difference_caption,
    nearest_caption,
    other_image_words,
    synthetic_caption,
)
from medsynth_desktop.workbench.state import Workbench

Picture = tuple[Volume, str]
"""A volume of intensities in [-1, 1] (a difference: in [-2, 2]) and its caption."""


def verdict_shown(guard: GuardState, sample: str | None) -> Verdict | None:
    """Judge one sample under the thresholds now shown; None where it was not checked.

    `GuardState.verdicts` judges the whole batch, too slow for every step of a drag.
    """
    nearest = guard.nearest.get(sample) if sample is not None else None
    if nearest is None or guard.policy is None:
        return None
    return judge(nearest, guard.policy)


def why_words(guard: GuardState, sample: str | None) -> str:
    """Reasons of the verdict, a line each, and which number is with another image than the one in the picture."""
    verdict = verdict_shown(guard, sample)
    if verdict is None:
        return ""
    return "\n".join(filter(None, [*verdict.reasons, other_image_words(verdict.nearest, tuple(METRICS))]))


def pictures(workbench: Workbench, sample: str) -> list[Picture]:
    """The sample, its nearest real image and the signed difference; only the sample where nothing was searched.

    Raises
    ------
    NotFound
        When the sample or its nearest image is not in the workspace.
    """
    verdict = verdict_shown(workbench.guard, sample)
    synthetic = np.asarray(workbench.sample_array(sample), np.float32)
    recipe = _recipe(workbench, sample)
    shown = [(_volume(synthetic, recipe), synthetic_caption(sample, verdict.verdict if verdict else None))]
    nearest = workbench.guard.nearest.get(sample)
    if nearest is None or not nearest.neighbours:
        return shown
    real = np.asarray(workbench.image_array(nearest.neighbours[0].image), np.float32)
    shown.append((_volume(real, recipe), nearest_caption(nearest)))
    shown.append((_volume(difference(synthetic, real), recipe), difference_caption()))
    return shown


def nearest_image(nearest: Nearest | None) -> str | None:
    """Pseudonymous id of the most similar real image."""
    return nearest.neighbours[0].image if nearest is not None and nearest.neighbours else None


def _recipe(workbench: Workbench, sample: str) -> Recipe:
    bundle = workbench.workspace.samples.get(sample).bundle_hash
    return workbench.workspace.bundles.get(bundle).recipe


def _volume(array: np.ndarray, recipe: Recipe) -> Volume:
    return Volume(
        array if array.ndim == 3 else array[..., None],
        grid_affine(recipe),
        recipe.modality,
        spaced=recipe.spacing > 0,
    )
