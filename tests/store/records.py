"""Small records that tests of the store share."""

from __future__ import annotations

from medsynth_desktop.core.records import (
    BundleRecord,
    Condition,
    Decision,
    Nearest,
    Neighbour,
    Policy,
    Recipe,
    SampleRecord,
    SampleSettings,
    Threshold,
    Verdict,
)

RECIPE = Recipe((8, 8, 8), 2.0, "percentile", 0.1, 99.9, "MR")


def bundle(digest: str = "ab" * 32, name: str = "heads") -> BundleRecord:
    return BundleRecord(
        digest,
        name,
        "",
        "c" * 64,
        RECIPE,
        (Condition("age", (), 20.0, 90.0), Condition("sex", ("F", "M"))),
        "Apache-2.0",
    )


def sample(ordinal: int, batch: str = "batch-1", array: str = "a" * 64) -> SampleRecord:
    settings = SampleSettings("ddim", 12, {"age": 61.5})
    return SampleRecord(
        f"{batch}-{ordinal}", batch, ordinal, 2**40 + ordinal, "b" * 64, settings, "cpu", 0.5, array, "t"
    )


def verdict(identifier: str, policy: str = "p" * 64, name: str = "pass") -> Verdict:
    nearest = Nearest(identifier, (Neighbour("P-0001-1", "P-0001", 0.25, 0.875),), 0.5, {"js": 1.0})
    return Verdict(identifier, name, ("far from every patient",), {"rmse": 0.25}, nearest, policy)  # type: ignore[arg-type]


def policy(digest: str = "p" * 64, cohort: str = "c" * 64) -> Policy:
    typed = Threshold("rmse", 0.2, 0.1, "typed", who="A. Reader", why="safer")
    return Policy(
        cohort,
        (Threshold("correlation", 0.9, 0.95, interval=(0.89, 0.96), n=36, quantile=0.983), typed),
        digest,
    )


def decision(identifier: str, status: str = "approved", reason: str = "") -> Decision:
    return Decision(identifier, status, reason, "A. Reader", "2026-01-01", "p" * 64, "pass")  # type: ignore[arg-type]
