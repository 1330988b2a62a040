"""The files of one sample in a package, by format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from medsynth_desktop.core.records import Recipe
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.releases import images
from medsynth_desktop.releases.items import ReleaseItem

MESHES = ("stl", "ply", "obj", "glb")
FORMATS = ("nifti", "dicom", *MESHES)


@dataclass(frozen=True)
class Contents:
    """Writes samples into the folder of a package that is being built."""

    folder: Path
    recipe: Recipe
    created: str

    def add(self, kind: str, item: ReleaseItem, volume: Volume) -> list[str]:
        """Write ``item``, whose released ``volume`` is given, as one of `FORMATS`; return its files' names."""
        name = item.sample.id
        if kind == "nifti":
            written = self._nifti(item, volume, self.folder / "images" / f"{name}.nii.gz")
        elif kind == "dicom":
            written = self._dicom(item, volume, self.folder / "dicom" / name)
        else:
            written = self._mesh(item, volume, self.folder / "meshes" / f"{name}.{kind}")
        return [path.relative_to(self.folder).as_posix() for path in written]

    def _nifti(self, item: ReleaseItem, volume: Volume, path: Path) -> list[Path]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(images.nifti_bytes(np.asarray(item.array), volume, images.value_range(self.recipe)))
        return [path]

    def _dicom(self, item: ReleaseItem, volume: Volume, folder: Path) -> list[Path]:
        from medsynth_desktop.formats.dicom_write import SeriesFacts, write_synthetic_series

        sample, settings = item.sample, item.sample.settings
        age = settings.conditions.get("age")
        made_by = (
            f"Model {sample.bundle_hash[:16]}, {settings.sampler}, {settings.steps} steps, seed {sample.seed}"
        )
        facts = SeriesFacts(
            patient_id=sample.id,
            derivation=made_by,
            recognizable_visual_features=not volume.is_2d,  # a surface of any volume might show a face
            created=datetime.fromisoformat(self.created),
            age=age if isinstance(age, float) else None,
        )
        folder.mkdir(parents=True)
        return list(write_synthetic_series(images.whole_numbers(volume), folder, facts))

    def _mesh(self, item: ReleaseItem, volume: Volume, path: Path) -> list[Path]:
        from medsynth_desktop.meshes.files import sidecar_path, write_surface
        from medsynth_desktop.meshes.surface import extract_surface

        path.parent.mkdir(exist_ok=True)
        write_surface(extract_surface(volume, item.level), path)
        return [path, sidecar_path(path)]
