"""Highest cosine with any real image in the embedding of the cohort's own retrieval network."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Match, Nearest
from medsynth_desktop.similarity.base import Metric


def retrieval(nearest: Nearest) -> float:
    """Return the highest cosine, -1 to 1; NaN where no network was trained on the cohort."""
    return nearest.metrics.get("retrieval", math.nan)


def retrieved(nearest: Nearest) -> Match | None:
    """Return the real image that has it."""
    return nearest.matches.get("retrieval")


METRIC = Metric(
    key="retrieval",
    label="Retrieval",
    direction="high",
    range=(-1.0, 1.0),
    description="Likeness, to a network that learnt to tell this cohort's patients apart, to its nearest real image.",
    function=retrieval,
    neighbour=retrieved,
    undefined="because no recognition was trained on this cohort",
    optional=True,
)
