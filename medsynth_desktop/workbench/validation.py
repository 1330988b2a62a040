"""Which training patients a training with an early stop does not learn from, and what a bundle says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medsynth_desktop.cohorts.splits import held_out
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.training.stopping import EarlyStop

Rows = list[int]


def divide(records: Sequence[ImageRecord], stop: EarlyStop | None) -> tuple[Rows, Rows]:
    """Rows of the training images to learn from, and of those of the patients to validate on."""
    unseen = held_out((r.patient for r in records), stop.share) if stop else frozenset()
    rows: tuple[Rows, Rows] = ([], [])
    for row, record in enumerate(records):
        rows[record.patient in unseen].append(row)
    return rows


def validation_facts(records: Sequence[ImageRecord], stop: EarlyStop | None) -> dict[str, Any]:
    """What a bundle says of the patients of `divide`: how many, and a hash by which who has the cohort knows them."""
    if stop is None:
        return {}
    unseen = sorted(held_out((r.patient for r in records), stop.share))
    images = sum(r.patient in unseen for r in records)
    return {
        "share": stop.share, "patients": len(unseen), "images": images, "sha256": hash_json(unseen),
    }  # fmt: skip


def learnt_from(records: Sequence[ImageRecord], training: Mapping[str, Any]) -> tuple[ImageRecord, ...]:
    """Those of the training images that either stage of the bundle with this ``training`` learnt from.

    Of two shares the patients of the smaller are among those of the larger, so neither stage saw them.
    """
    shares = []
    for stage in ("autoencoder", "diffusion"):
        told = training.get(stage)
        facts = told.get("validation") if isinstance(told, Mapping) else None
        share = facts.get("share") if isinstance(facts, Mapping) else None
        shares.append(float(share) if isinstance(share, int | float) and 0 < share < 1 else 0.0)
    if not min(shares):
        return tuple(records)
    unseen = held_out((r.patient for r in records), min(shares))
    return tuple(r for r in records if r.patient not in unseen)
