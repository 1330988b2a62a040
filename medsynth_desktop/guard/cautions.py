"""What to hold against a calibration: too few unseen patients, and unseen images that are none."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from medsynth_desktop.similarity.disguised.words import FIRM_PART, FIRM_WHOLE

FEW_PATIENTS = 10
"""Below this a bootstrap of patients says little about the next patient."""
DISGUISED = {"aligned": FIRM_WHOLE, "part": FIRM_PART}
"""From where on an unseen image may be a training image in disguise. Measured on 1,200 unseen chest X-rays and 183
heads: theirs reach 0.30 and 0.56, and 0.43 and 0.64. Copies that were mirrored, moved, turned, scaled or inverted
begin at 0.70 and 0.77 (but for one turned by 10 degrees), heads at 0.65 and 0.76, pasted halves at a part of 0.67."""
FAR_OUT = 3.0
"""Interquartile ranges above the upper quartile from where on a value is none of the others' kind (Tukey 1977): a
cohort whose innocent images come that near each other loses none of them."""


def in_disguise(table: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Find the unseen images that are training images in disguise: (n,) bool for sure, and (n,) bool where it may be.

    One such image, a patient under two names, moves the limits to where copies in disguise lie. What lies beyond
    `DISGUISED` and `FAR_OUT` from all others is one for sure; beyond `DISGUISED` alone it may be.
    """
    count = len(next(iter(table.values()), ()))
    sure, maybe = np.zeros(count, bool), np.zeros(count, bool)
    for key, limit in DISGUISED.items():
        values = np.asarray(table.get(key, np.full(count, np.nan)), float)
        defined = values[np.isfinite(values)]
        if not defined.size:
            continue
        low, high = np.quantile(defined, [0.25, 0.75])
        like = values >= limit
        sure |= like & (values > high + FAR_OUT * (high - low))
        maybe |= like
    return sure, maybe & ~sure


def copies_left_out(copies: int, sure: int, maybe: int) -> list[str]:
    """Say how many unseen images are, or may be, training images.

    Parameters
    ----------
    copies
        Copies voxel by voxel, which were left out.
    sure, maybe
        As `in_disguise` found them among the others; the sure ones were left out.
    """
    said = []
    if copies:
        said.append(
            f"{copies} unseen images are copies of training images (one patient under two names?); they were "
            "left out."
        )
    if sure:
        said.append(
            f"{sure} unseen images are training images in disguise, moved, mirrored, changed in contrast or in part "
            "(one patient under two names?); they were left out."
        )
    if maybe:
        said.append(
            f"{maybe} unseen images come as near to training images, once laid over each other, as copies in disguise "
            "do; if they are such copies, the limits let others pass: look at them."
        )
    return said


def too_few(patients: int, quantile: float) -> list[str]:
    """Say where ``patients`` are too few for the limits; images of one patient tell no more of the next than one."""
    said = []
    needed = math.ceil(1 / (1 - quantile) - 1e-9)
    if patients < needed:
        said.append(
            f"{patients} unseen patients are too few for the {100 * quantile:.3g}% quantile, which needs {needed}: "
            "the limits lie at their most extreme values."
        )
    if patients < FEW_PATIENTS:
        said.append(f"The intervals rest on {patients} unseen patients only and say little about others.")
    return said
