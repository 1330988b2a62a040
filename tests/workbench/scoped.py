"""A sharp model and a soft one against one cohort, for tests of whose limits judge whose samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, Policy, Verdict
from medsynth_desktop.guard.sharpness import Blur
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, limits, scopes
from tests.gui.judged_workspace import BATCH, COHORT, GRID_3D, anatomy, fill

SOFT = "soft-1"
SIGMA = 1.0
COPY = "S-copy"


@pytest.fixture
def cohort(workspace: Workspace) -> CohortRecord:
    """The cohort of a workspace with a batch of a sharp model, a noisy copy in it."""
    fill(workspace)
    return workspace.cohorts.get(COHORT)


@pytest.fixture
def soft(workspace: Workspace, cohort: CohortRecord) -> str:
    """A soft model, with a batch that holds an exact copy of a patient."""
    folder = Path(workspace.path) / "soft-model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"soft")
    known = workspace.bundles.list()[0]
    bundle = workspace.bundles.add(replace(known, hash=hash_bytes(b"soft"), name="soft"), folder)
    images = {f"S-soft-{n}": Blur(SIGMA)(anatomy(GRID_3D, 200 + n)) for n in range(8)}
    images[COPY] = np.asarray(workspace.arrays.get(cohort.split("train")[5].array_hash))
    draw(workspace, SOFT, bundle.hash, images)
    return bundle.hash


def draw(workspace: Workspace, batch: str, bundle: str, images: dict[str, np.ndarray]) -> None:
    like = workspace.batches.get(BATCH).samples[0]
    workspace.batches.create(batch, bundle)
    for ordinal, (name, image) in enumerate(images.items()):
        stored = workspace.arrays.put(image)
        workspace.batches.add_sample(
            replace(like, id=name, batch=batch, ordinal=ordinal, bundle_hash=bundle, array_hash=stored)
        )


def audit(workspace: Workspace, batch: str) -> dict[str, Verdict]:
    drain(guarding.audit_batch(workspace, batch, COHORT))
    return workspace.verdicts.get(batch)


def at_large(workspace: Workspace, cohort: CohortRecord) -> Policy | None:
    return workspace.policies.current(cohort.hash)


def let_through(workspace: Workspace, batch: str | None) -> None:
    """Set limits for the batch's model (None: for all) that only copies are beyond."""
    out_of_reach = {"correlation": 0.9999, "rmse": 0.002, "lowe_ratio": -9, "aligned": 1, "part": 1}
    for metric, limit in out_of_reach.items():
        limits.set_threshold(workspace, COHORT, metric, limit, limit, who="Officer", why="x", batch=batch)


@pytest.fixture
def both_sharp(workspace: Workspace, cohort: CohortRecord, soft: str) -> dict[str, Verdict]:
    """Two models without limits of their own, both batches checked; what is said of the second one's."""
    for name in (BATCH, SOFT):
        scopes.keep_as_sharp(workspace, cohort, workspace.batches.get(name).bundle_hash)
        audit(workspace, name)
    assert workspace.policies.scopes(cohort.hash) == [""]
    return workspace.verdicts.get(SOFT)
