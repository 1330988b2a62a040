"""Order of the cohort and the batch, its size and threads change no verdict, not even a word of its reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Policy, Threshold, Verdict
from medsynth_desktop.guard.policy import make_policy
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity.disguised.search import DisguisedSearch
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.search import NearestSearch

POLICY = make_policy(
    "c",
    [
        Threshold("correlation", 0.3, 0.6, "calibrated", (0.3, 0.7), 20, 0.983),
        Threshold("aligned", 0.2, 0.6, "calibrated", (0.2, 0.7), 20, 0.9983),
        Threshold("part", 0.2, 0.7, "calibrated", (0.2, 0.8), 20, 0.9983),
    ],
)
Batch = list[tuple[str, np.ndarray]]


def verdicts(
    images: np.ndarray, order: list[int], batch: Batch, size: int, threads: int
) -> dict[str, Verdict]:
    """Verdicts of a batch, judged ``size`` at a time against ``images`` in ``order``."""
    real = [images[i] for i in order]
    records = [ImageRecord(f"P-{i}", f"P-{i}", "train", hash_array(images[i])) for i in order]
    disguised = DisguisedSearch(real, records, threads=threads)
    evidence = Evidence(NearestSearch(real, records, threads=threads), [disguised])
    parts = [batch[start : start + size] for start in range(0, len(batch), size)]
    return {n.id: judge(n, POLICY) for part in parts for n in drain(evidence.query(part))}


def check(images: np.ndarray, batch: Batch, policy: Policy = POLICY) -> None:
    """Compare every value and word with those of the plain order."""
    order = list(range(len(images)))
    plain = verdicts(images, order, batch, len(batch), 1)
    assert {v.verdict for v in plain.values()} >= {"block"}, "there is something to get wrong"
    for other in (
        verdicts(images, order[::-1], batch, len(batch), 2),
        verdicts(images, order, batch[::-1], 1, 3),
    ):
        for id_, verdict in plain.items():
            assert repr(other[id_]) == repr(verdict)


def test_phantoms() -> None:
    rng = np.random.default_rng(0)
    images = np.stack([ndimage.gaussian_filter(rng.standard_normal((48, 40)), 2) for _ in range(6)])
    images = (images / np.abs(images).max()).astype(np.float32)
    stranger = ndimage.gaussian_filter(rng.standard_normal((48, 40)), 2).astype(np.float32)
    check(
        images,
        [("mirrored", images[2][::-1].copy()), ("noisy", images[4] + 0.1 * stranger), ("new", stranger)],
    )


@pytest.mark.realdata
def test_real_chest_x_rays(shared_data: Path) -> None:
    from PIL import Image

    paths = sorted((shared_data / "cxr-paediatric" / "test" / "NORMAL").glob("*.jpeg"))[:8]
    images = np.stack([np.asarray(Image.open(p).convert("L").resize((96, 96)), np.float32).T for p in paths])
    images = images / np.float32(127.5) - 1
    check(images[:6], [("mirrored", images[1][::-1].copy()), ("stranger", images[7])])
