"""Highest likeness of a part with the same part of any real image, after both were laid over each other."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Disguise, Nearest
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.similarity.disguised.words import explain


def part_likeness(nearest: Nearest) -> float:
    """Return the highest `medsynth_desktop.core.records.Disguise.part`, -1 to 1; NaN where none was looked for."""
    return nearest.metrics.get("part", math.nan)


def likest_part(nearest: Nearest) -> Disguise | None:
    """Return the disguise that has it."""
    return max(nearest.disguises, key=lambda d: d.part, default=None)


METRIC = Metric(
    key="part",
    label="Part likeness",
    direction="high",
    range=(-1.0, 1.0),
    description="Likeness of the likest part, two fifths of each axis, to a real image's; copies: 0.5 to 0.9.",
    function=part_likeness,
    neighbour=likest_part,
    undefined="because nothing looked for copies in part",
    optional=True,
    explain=lambda nearest: explain(likest_part(nearest), whole=False),
)
