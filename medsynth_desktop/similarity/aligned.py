"""Highest likeness with any real image after a flip, turn, shift, scale or change of contrast is undone."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Disguise, Nearest
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.similarity.disguised.words import explain


def aligned_likeness(nearest: Nearest) -> float:
    """Return the highest `medsynth_desktop.core.records.Disguise.whole`, -1 to 1; NaN where none was looked for."""
    return nearest.metrics.get("aligned", math.nan)


def most_alike(nearest: Nearest) -> Disguise | None:
    """Return the disguise that has it."""
    return max(nearest.disguises, key=lambda d: d.whole, default=None)


METRIC = Metric(
    key="aligned",
    label="Aligned likeness",
    short="Align.",
    direction="high",
    range=(-1.0, 1.0),
    description="Likeness to a real image laid over it, mirrored, turned, inverted if need be; copies: 0.4 to 0.9.",
    function=aligned_likeness,
    neighbour=most_alike,
    undefined="because nothing looked for copies in disguise",
    optional=True,
    explain=lambda nearest: explain(most_alike(nearest), whole=True),
)
