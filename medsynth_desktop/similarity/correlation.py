"""Highest correlation with any real image (HCC)."""

from __future__ import annotations

from medsynth_desktop.similarity.base import Metric, highest_correlation

METRIC = Metric(
    key="correlation",
    label="Correlation",
    short="Corr.",
    direction="high",
    range=(-1.0, 1.0),
    description="Highest Pearson correlation with any real image of the training split; 1 is a copy.",
    function=highest_correlation,
    share=1.0,
)
