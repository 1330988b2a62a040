"""What may leave: samples with all that lets them go, or a refusal that names the first that must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.core.records import BundleRecord, Decision, Policy, SampleRecord, Verdict
from medsynth_desktop.releases import manifest
from medsynth_desktop.releases.decisions import why_not_exportable


@dataclass(frozen=True, eq=False)
class ReleaseItem:
    """A sample with all that lets it go.

    ``level`` is where its surface lies (None: a sensible one); ``ratings`` what readers said, JSON, by question.
    """

    sample: SampleRecord
    array: np.ndarray
    verdict: Verdict
    decision: Decision
    level: float | None = None
    ratings: Sequence[Mapping[str, Any]] = ()


def check_items(items: Sequence[ReleaseItem], bundle: BundleRecord, policy: Policy) -> None:
    """Refuse the whole export when one sample must not leave; raises as `export_release`."""
    if not items:
        raise InputRefused("Nothing is approved; approve samples before exporting.")
    seen: set[str] = set()
    for item in items:
        name = item.sample.id
        if not manifest.PATH.fullmatch(name) or "/" in name:
            raise InputRefused(
                "A sample's id is no file name (letters, digits, '.', '_', '-'); rename its batch."
            )
        if name.lower() in seen:
            raise InputRefused(f"{name} is listed twice; export each sample once.")
        seen.add(name.lower())
        if item.verdict.id != name or item.sample.bundle_hash != bundle.hash:
            raise GuardRefused(
                f"{name} does not belong to this verdict or this model; check its batch again."
            )
        if why := why_not_exportable(item.decision, item.verdict, policy):
            raise GuardRefused(f"{name} may not be exported: {why}")
