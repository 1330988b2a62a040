"""Limits for one model: from unseen patients made as soft as its samples, and whether they still catch copies.

Softness must not be a disguise. Where images as soft as the samples cannot be told from copies made as soft, the limits
prove nothing of them, and every sample of that model needs a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.guard.calibration import QUANTILE, RESAMPLES, Calibration, calibrate
from medsynth_desktop.guard.sharpness import Blur
from medsynth_desktop.guard.verdicts import PASS, judge_many, metrics_table
from medsynth_desktop.similarity.base import Search

MOST_COPIES = 20
"""Training images that are made as soft and put to the test."""
ENOUGH_CAUGHT = 0.95
"""Share of them that must be beyond a limit: one of 20 may slip."""

AS_THEY_ARE = "Unseen images were compared as they are: this model's samples are no softer."


def calibrate_matched(
    search: Search,
    images: Sequence[np.ndarray] | np.ndarray,
    records: Sequence[ImageRecord],
    blur: Blur,
    *,
    quantile: float = QUANTILE,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Steps[Calibration]:
    """Calibrate on unseen images after ``blur``, and count the copies after ``blur`` that the limits catch.

    The copies are up to `MOST_COPIES` training images, drawn by ``seed``; caught is what the limits block or send to
    review. The other parameters are those of `calibrate`.
    """
    made = yield from calibrate(
        search,
        images,
        records,
        quantile=quantile,
        seed=seed,
        resamples=resamples,
        through=blur,
    )
    total = len(search.records)
    chosen = np.random.default_rng(seed).choice(total, min(MOST_COPIES, total), replace=False)
    copies = [(search.records[i].id, blur(search.image(i))) for i in sorted(chosen.tolist())]
    found = yield from search.query(copies)
    caught = int((judge_many(metrics_table(found), made.policy("")) != PASS).sum())
    return with_power(replace(made, sigma=blur.sigma), len(copies), caught)


def with_power(made: Calibration, copies: int, caught: int) -> Calibration:
    """Record how many of ``copies`` the limits catch; with too few of them comes the doubt, and a warning of it."""
    doubt = ""
    if caught < ENOUGH_CAUGHT * copies:
        doubt = (
            f"The limits catch only {caught} of {copies} training images made as soft as this model's samples: "
            "images that soft cannot be told from copies, so a person must look at each."
        )
    warnings = (*made.warnings, doubt) if doubt else made.warnings
    return replace(made, copies=copies, caught=caught, doubt=doubt, warnings=warnings)


def preparation_words(calibration: Calibration | None) -> str:
    """Say in one sentence what was done to the unseen images and what it costs; empty where no model was measured."""
    if calibration is None or not calibration.through:
        return AS_THEY_ARE if calibration is not None and calibration.no_softer else ""
    power = (
        f"; copies as soft as they: {calibration.caught} of {calibration.copies} beyond a limit"
        if calibration.copies
        else ""
    )
    return f"Unseen images were first {calibration.through}{power}."


def preparation_facts(calibration: Calibration) -> dict[str, Any]:
    """The same as `preparation_words` for a program to read."""
    return {
        "sentence": preparation_words(calibration),
        "sigma": calibration.sigma,
        "copies": calibration.copies,
        "caught": calibration.caught,
    }
