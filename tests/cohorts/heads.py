"""Small NIfTI heads for tests of the import: different numbers, real files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np


def write_head(path: Path, seed: int, shape: tuple[int, int, int] = (12, 14, 10)) -> Path:
    """Write noise of its own seed with 4 mm voxels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([4.0, 4.0, 4.0, 1.0])), path)
    return path


def write_heads(folder: Path, patients: int, each: int = 1) -> Path:
    """Write ``each`` heads of ``patients`` patients, named as IXI names them."""
    for patient in range(patients):
        for visit in range(each):
            write_head(folder / f"IXI{patient:03d}-HH-{1200 + patient}_T1_{visit}.nii", patient * 100 + visit)
    return folder
