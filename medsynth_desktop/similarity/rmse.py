"""Smallest root mean square difference from any real image."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import Nearest, Neighbour
from medsynth_desktop.similarity.base import Metric


def lowest_rmse(nearest: Nearest) -> float:
    """Return the smallest RMSE to any real image, on intensities in [-1, 1]: 0 to 2.

    The search measures it over the whole split (its image need not be the most correlated one); without its
    word it is the smallest of the listed neighbours.
    """
    found = [n.rmse for n in nearest.neighbours]
    return nearest.metrics.get("rmse", min(found, default=math.nan))


def closest(nearest: Nearest) -> Neighbour | None:
    """Return the listed neighbour that has that RMSE."""
    value = lowest_rmse(nearest)
    return next((n for n in nearest.neighbours if n.rmse == value), None)


METRIC = Metric(
    key="rmse",
    label="RMSE",
    direction="low",
    range=(0.0, 2.0),
    description="Smallest root mean square difference from any real image, intensities -1 to 1; 0 is a copy.",
    function=lowest_rmse,
    neighbour=closest,
    share=1.0,
)
