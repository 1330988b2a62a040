"""Small real records for release tests: a bundle, a policy and approved samples of 8 x 10 x 8 voxels."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.records import (
    BundleRecord,
    Nearest,
    Neighbour,
    Policy,
    Recipe,
    SampleRecord,
    SampleSettings,
    Threshold,
    Verdict,
)
from medsynth_desktop.releases.decisions import approve
from medsynth_desktop.releases.export import ReleaseItem

WHEN = "2026-03-01T12:00:00+00:00"
MR = Recipe((8, 10, 8), 3.0, "percentile", 0.1, 99.9, "MR", "")
CT = Recipe((8, 10, 8), 2.0, "window", -1000.0, 1000.0, "CT", "HU")
FLAT = Recipe((16, 12), 0.0, "percentile", 0.1, 99.9, "DX", "")
POLICY = Policy(
    "c" * 64, (Threshold("correlation", 0.8, 0.9, interval=(0.79, 0.81), n=40, quantile=0.983),), "p" * 64
)


def bundle(recipe: Recipe = MR) -> BundleRecord:
    return BundleRecord("b" * 64, "Head T1", "/somewhere/private", "c" * 64, recipe, ("age",), "CC BY-SA 3.0")


def ball(recipe: Recipe, seed: int = 0) -> np.ndarray:
    """A bright ball in noise, in [-1, 1]."""
    centre = (np.array(recipe.grid) - 1) / 2
    grid = np.indices(recipe.grid).transpose(*range(1, len(recipe.grid) + 1), 0)
    inside = np.linalg.norm(grid - centre, axis=-1) < min(recipe.grid) / 3
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, recipe.grid)
    return np.clip(np.where(inside, 0.8, -0.9) + noise, -1, 1).astype(np.float32)


def verdict(name: str, said: str = "pass", policy: Policy = POLICY) -> Verdict:
    near = Nearest(
        name, (Neighbour("P-0007-1", "P-0007", 0.3, 0.5), Neighbour("P-0002-1", "P-0002", 0.4, 0.4)), 0.8
    )
    reasons = () if said == "pass" else (f"Its correlation with P-0007-1 calls for {said}.",)
    return Verdict(name, said, reasons, {"correlation": 0.5, "lowe_ratio": float("nan")}, near, policy.hash)  # type: ignore[arg-type]


def item(number: int, recipe: Recipe = MR) -> ReleaseItem:
    array = ball(recipe, number)
    name = f"batch1-{number:04d}"
    sample = SampleRecord(
        name, "batch1", number, 1000 + number, "b" * 64, SampleSettings(), "cpu", 1.5, hash_array(array), WHEN
    )
    judged = verdict(name)
    return ReleaseItem(sample, array, judged, approve(judged, who="Dr Example", when=WHEN))
