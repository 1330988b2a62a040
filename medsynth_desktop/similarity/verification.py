"""Highest probability that a real image shows the same patient, by the cohort's own verification network."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Match, Nearest
from medsynth_desktop.similarity.base import Metric

PUBLISHED = 0.5
"""Limit of Packhaeuser et al.; told, not used: limits come from unseen patients."""


def verification(nearest: Nearest) -> float:
    """Return the highest P(same patient), 0 to 1; NaN where no network was trained on the cohort."""
    return nearest.metrics.get("verification", math.nan)


def verified(nearest: Nearest) -> Match | None:
    """Return the real image that has it."""
    return nearest.matches.get("verification")


METRIC = Metric(
    key="verification",
    label="P(same patient)",
    direction="high",
    range=(0.0, 1.0),
    description=f"Highest probability of one patient with any real image, by a network; published limit: {PUBLISHED}.",
    function=verification,
    neighbour=verified,
    undefined="because no recognition was trained on this cohort",
    optional=True,
)
