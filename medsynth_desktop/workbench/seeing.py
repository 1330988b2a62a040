"""The eye of a perceptual loss: VGG16 where somebody has its weights, and nothing where nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.similarity.features.base import Choice
from medsynth_desktop.similarity.features.vgg16 import VGG16
from medsynth_desktop.similarity.features.vgg16_weights import SOURCE
from medsynth_desktop.similarity.features.weights import POOLED
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.featuring import choice_of

if TYPE_CHECKING:
    from medsynth_desktop.training.perceptual import Eye


def find_eye(workspace: Workspace, cohort: CohortRecord) -> Eye | None:
    """VGG16 with the weights that the cohort's feature dictionary uses, else with an installed package's; else None.

    Nothing is downloaded. Weights that cannot be used are as if there were none: training says what it leaves out.
    """
    chosen = choice_of(workspace, cohort)
    choice = chosen if chosen is not None and chosen.source == SOURCE.key else Choice(SOURCE.key)
    if SOURCE.lacking(workspace, cohort, choice):
        return None
    try:
        extractor = SOURCE.open(workspace, cohort, choice)
    except InputRefused:
        return None
    return eye_of(extractor) if isinstance(extractor, VGG16) else None


def eye_of(extractor: VGG16) -> Eye:
    """What a perceptual loss needs of the feature dictionary's network."""
    from medsynth_desktop.training.perceptual import Eye

    kernels, (scale, means, deviations) = extractor.kernels, extractor.prepared_by
    return Eye(
        extractor.name, kernels.hash, kernels.weights, kernels.biases, POOLED, scale, means, deviations
    )
