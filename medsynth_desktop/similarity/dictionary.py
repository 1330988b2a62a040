"""Distance to the nearest vector of the feature dictionary."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Match, Nearest
from medsynth_desktop.similarity.base import Metric


def feature_distance(nearest: Nearest) -> float:
    """Return the L2 distance to the nearest vector of the dictionary, 0 to 2; NaN where no dictionary was asked.

    Source: Shi et al., privacy-enhanced latent diffusion models for CT, MRI and PET; see
    `medsynth_desktop.similarity.features.dictionary`.
    """
    return nearest.metrics.get("dictionary", math.nan)


def nearest_by_features(nearest: Nearest) -> Match | None:
    """Return the real image whose vector it is."""
    return nearest.matches.get("dictionary")


METRIC = Metric(
    key="dictionary",
    label="Feature distance",
    direction="low",
    range=(0.0, 2.0),
    description="Distance to the nearest real image in what a network sees of both (feature dictionary); 0 is a copy.",
    function=feature_distance,
    neighbour=nearest_by_features,
    undefined="because no feature network was asked",
    digits=4,
    optional=True,
)
