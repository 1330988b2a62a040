"""Real images, imported as the program imports them, and their patients: training, calibration, evaluation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from scipy import ndimage

import medsynth_desktop
from medsynth_desktop.cohorts.access import MappedArrays
from medsynth_desktop.core.hashing import hash_file, hash_json
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord, ImageRecord
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.importing import import_cohort
from tests.similarity.disguises import about_centre, turn

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
SOURCES = {
    "cxr": (SHARED / "cxr-paediatric", "manifest.csv", ("train", "test")),
    "heads": (SHARED / "ixi-t1-2mm", "participants.csv", ("t1",)),
}
"""By data set its folder, its table of participants, and where its images lie."""
PLACING = Path(medsynth_desktop.__file__).parent / "similarity" / "disguised"
"""Code that an index of the cache depends on: other code makes it anew."""
MOST_SCANS = 5
"""Images of one patient that count."""


@dataclass(frozen=True)
class Sizes:
    """How many training images, how many patients for calibration and evaluation, and which disjoint choice of them."""

    train: int
    calibration: int
    evaluation: int
    fold: int = 0


@dataclass(frozen=True)
class Part:
    """Images of some patients, in the order of their records."""

    images: list[np.ndarray]
    records: list[ImageRecord]

    def first_of_each(self) -> list[int]:
        """One image of each patient."""
        seen: dict[str, int] = {}
        for index, record in enumerate(self.records):
            seen.setdefault(record.patient, index)
        return list(seen.values())

    def of_patients(self, low: int, high: int) -> list[int]:
        """Images of patients who have ``low`` to ``high`` of them here."""
        count: dict[str, int] = defaultdict(int)
        for record in self.records:
            count[record.patient] += 1
        return [i for i, record in enumerate(self.records) if low <= count[record.patient] <= high]


@dataclass(frozen=True)
class Patients:
    """Three groups that share no patient, and where indexes of the training images are kept."""

    train: Part
    calibration: Part
    evaluation: Part
    shelf: Shelf
    grid: tuple[int, ...]


def imported(name: str, cache: Path, grid: tuple[int, ...] | None) -> tuple[Workspace, CohortRecord]:
    """Import data set ``name`` into a workspace in ``cache``; an import of before is opened."""
    folder, table, below = SOURCES[name]
    workspace = Workspace.open(cache / f"{name}-{'x'.join(map(str, grid)) if grid else 'proposed'}")
    if "real" not in workspace.cohorts.names():
        paths = [folder / part for part in below]
        drain(
            import_cohort(workspace, "real", paths, participants=folder / table, grid=grid, calibration=0.3)
        )
    return workspace, workspace.cohorts.get("real")


def divided(workspace: Workspace, cohort: CohortRecord, sizes: Sizes, repeats: int) -> Patients:
    """Divide the patients, whatever the import's own split, by the hashes of their images.

    ``repeats`` training patients with one scan get one to four more, as if they had been scanned again.

    Raises
    ------
    ValueError
        Fewer patients than asked for.
    """
    of_patient: dict[str, list[ImageRecord]] = defaultdict(list)
    for record in sorted(cohort.images, key=lambda r: r.id):
        of_patient[record.patient].append(record)
    ranked = sorted(
        of_patient.values(), key=lambda own: sha256(min(r.array_hash for r in own).encode()).digest()
    )
    ranked = ranked[sizes.fold * (sizes.train + sizes.calibration + sizes.evaluation) :]
    groups: list[list[ImageRecord]] = [[], [], []]
    position = 0
    while len(groups[0]) < sizes.train and position < len(ranked):
        groups[0] += ranked[position][:MOST_SCANS]
        position += 1
    for group, count in ((1, sizes.calibration), (2, sizes.evaluation)):
        for own in ranked[position : position + count]:
            groups[group].append(own[0])
        position += count
    if position > len(ranked):
        raise ValueError(f"{position} patients are asked for, fold {sizes.fold} has {len(ranked)}.")
    parts = [Part([a.copy() for a in MappedArrays(workspace, group)], group) for group in groups]
    for index in parts[0].of_patients(1, 1)[:repeats]:
        _scan_again(parts[0], index, 1 + index % 4)
    key = hash_json([cohort.hash, *(hash_file(path) for path in sorted(PLACING.glob("*.py")))])
    return Patients(parts[0], parts[1], parts[2], Shelf(workspace.indexes, key, least=0), cohort.recipe.grid)


def _scan_again(part: Part, index: int, times: int) -> None:
    """Add ``times`` further scans of the patient of image ``index``."""
    record = part.records[index]
    for number in range(2, 2 + times):
        image = acquired_again(np.random.default_rng([index, number]), part.images[index])
        name = sha256(image.tobytes()).hexdigest()
        part.images.append(image)
        part.records.append(ImageRecord(f"{record.patient}-{number}", record.patient, "train", name))


def acquired_again(generator: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """``image`` as if its patient had been scanned on another day.

    Turned by up to 4 degrees, shifted by up to 2 voxels, under another coil's smooth bias of about a tenth, with 2 %
    noise, its intensities clipped to [-1, 1] anew.
    """
    dims = image.ndim
    moved = about_centre(image, turn(generator, dims, 1, 4), generator.uniform(-2, 2, dims))
    bias = ndimage.zoom(generator.normal(0, 0.1, (3,) * dims), [n / 3 for n in image.shape], order=3)
    seen = (moved + 1) * np.exp(bias) - 1 + generator.normal(0, 0.02, image.shape)
    return np.clip(seen, -1, 1).astype(np.float32)
