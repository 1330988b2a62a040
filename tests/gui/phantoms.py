"""Small synthetic heads, and workspaces made of them: no patient, no model training."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import BundleRecord, SampleRecord, SampleSettings
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.importing import import_cohort

SHAPE = (32, 40, 32)
SPACING_MM = 5.0
PATIENTS = 10


def head(seed: int) -> np.ndarray:
    """A head-like phantom of `SHAPE`: skull, brain, ventricles and a lesion, all varied by ``seed``."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1, 1, n) for n in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    a, b, c = rng.uniform(0.68, 0.8), rng.uniform(0.75, 0.88), rng.uniform(0.75, 0.88)
    r = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    image = np.where(r < 1, 0.9, 0.0)
    image[r < 0.9] = 0.25
    image[r < 0.84] = 0.6 + 0.06 * np.sin(9 * x + seed)[r < 0.84]
    for side in (-1, 1):
        image[((x - side * 0.16) / 0.1) ** 2 + (y / rng.uniform(0.25, 0.4)) ** 2 + (z / 0.22) ** 2 < 1] = 0.15
    px, py = rng.uniform(-0.35, 0.35, 2)
    image[(x - px) ** 2 + (y - py) ** 2 + (z - 0.1) ** 2 < 0.012] = 1.0
    return (1000 * image + rng.normal(0, 12, SHAPE)).clip(0).astype(np.float32)


def write_heads(folder: Path, count: int = PATIENTS) -> Path:
    """NIfTI files ``sub-00.nii.gz``, ... and one file that is no image."""
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    for number in range(count):
        nibabel.save(nibabel.Nifti1Image(head(number), affine), folder / f"sub-{number:02}.nii.gz")
    (folder / "broken.nii.gz").write_bytes(b"this is no image")
    return folder


def add_cohort(workspace: Workspace, folder: Path, name: str = "phantoms") -> None:
    """Import `write_heads` as a cohort."""
    drain(import_cohort(workspace, name, [write_heads(folder)], grid=SHAPE, spacing=SPACING_MM))


def add_batch(workspace: Workspace, folder: Path, count: int = 4) -> None:
    """Store a batch of heads as if a model had drawn them; the model itself is an empty folder."""
    cohort = workspace.cohorts.get(workspace.cohorts.names()[-1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.json").write_text("{}")
    record = BundleRecord("b" * 64, "phantom model", str(folder), cohort.hash, cohort.recipe, (), "CC0-1.0")
    bundle = workspace.bundles.add(record, folder)
    workspace.batches.create("batch-1", bundle.hash)
    for number in range(count):
        array = (head(100 + number) / 550 - 1).clip(-1, 1).astype(np.float32)
        workspace.batches.add_sample(
            SampleRecord(
                id=f"S-{number:012x}",
                batch="batch-1",
                ordinal=number,
                seed=2026 + number,
                bundle_hash=bundle.hash,
                settings=SampleSettings(),
                device="cpu",
                seconds=1.5,
                array_hash=workspace.arrays.put(array),
                created="2026-01-01T00:00:00+00:00",
            )
        )


def write_tiny_bundle(folder: Path, cohort_hash: str = "") -> Path:
    """A real model of fresh weights, small enough to sample from in a second on one processor."""
    import torch

    from medsynth_desktop.bundles import BundleFacts, write_bundle
    from medsynth_desktop.bundles.schedule import Schedule
    from medsynth_desktop.core.records import Recipe
    from medsynth_desktop.networks.architecture import AutoencoderShape, UNetShape

    torch.manual_seed(1)
    autoencoder = AutoencoderShape(
        channels=(8, 16), res_blocks=(1, 1), latent_channels=4, norm_groups=4, fold=2
    )
    unet = UNetShape(
        latent_channels=4,
        channels=(16, 32),
        res_blocks=(1, 1),
        attention=(False, False),
        head_channels=16,
        norm_groups=8,
        fold=1,
    )
    facts = BundleFacts(
        name="tiny heads",
        licence="CC0-1.0",
        recipe=Recipe(SHAPE, SPACING_MM, "percentile", 0.1, 99.9, "MR"),
        cohort_hash=cohort_hash or "0" * 64,
        conditions=(),
        autoencoder=autoencoder,
        unet=unet,
        schedule=Schedule(),
        latent_scale=1.0,
        training={},
    )
    write_bundle(folder, facts, autoencoder.build(), unet.build())
    return folder
