"""Lowe's ratio between patients: whether one real patient stands out."""

from __future__ import annotations

from medsynth_desktop.core.records import Nearest
from medsynth_desktop.similarity.base import Metric


def lowe_ratio(nearest: Nearest) -> float:
    """Return the patient-aware Lowe's ratio; defined in `medsynth_desktop.similarity.base.standing_out`."""
    return nearest.lowe_ratio


METRIC = Metric(
    key="lowe_ratio",
    label="Lowe's ratio",
    short="Lowe",
    direction="low",
    range=(0.0, 1.0),
    description="Best correlation with another patient over the best of all; low where one stands out, "
    "above 1 where even the best is negative.",
    function=lowe_ratio,
    undefined="because there is no other patient to compare with",
    share=1.0,
)
