"""A volume: numbers and where they lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from medsynth_desktop.core.errors import InputRefused

MIN_SPACING_MM, MAX_SPACING_MM = 1e-3, 1e3
"""A voxel thinner than a micrometre or thicker than a metre is a damaged header, not a patient."""


@dataclass(frozen=True, eq=False)
class Volume:
    """An image of one patient with its geometry.

    Attributes
    ----------
    array
        (x, y, z) numbers in the file's own axis order; a 2D picture has z = 1.
    affine
        (4, 4) float64, voxel index to patient millimetres, RAS (x to the right, y to the front, z upwards).
    modality
        DICOM modality: CT, MR, PT, CR, DX or OT where unknown.
    unit
        Of the numbers: HU, SUVbw, BQML, or "" where arbitrary.
    spaced
        False where the file says nothing about millimetres (a JPEG): the affine is then in pixels.
    patient
        The patient's identifier as the file tells it, in memory only: never stored, logged or shown.
    window
        Centre and width from the header, or None.
    laterality_known
        False where nothing says which side is right.
    tags
        Further facts of the header that carry no identity (series description is not among them).
    """

    array: np.ndarray
    affine: np.ndarray = field(default_factory=lambda: np.eye(4))
    modality: str = "OT"
    unit: str = ""
    spaced: bool = True
    patient: str | None = None
    window: tuple[float, float] | None = None
    laterality_known: bool = True
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise InputRefused(f"A volume needs 3 axes (x, y, z); got shape {self.array.shape}.")
        spacing = self.spacing
        if not np.all(np.isfinite(self.affine)) or not np.all(
            (spacing >= MIN_SPACING_MM) & (spacing <= MAX_SPACING_MM)
        ):
            raise InputRefused(
                f"Voxel spacing must lie between {MIN_SPACING_MM} and {MAX_SPACING_MM:g} mm; "
                f"got {tuple(float(f'{s:.4g}') for s in spacing)}; check the header of the file."
            )
        if abs(np.linalg.det(self.affine[:3, :3])) < 1e-9 * float(np.prod(spacing)):
            raise InputRefused("The affine is singular: two voxel axes point the same way; check the header.")

    @property
    def spacing(self) -> np.ndarray:
        """(3,) millimetres between neighbouring voxels along each array axis."""
        lengths: np.ndarray = np.sqrt((np.asarray(self.affine, float)[:3, :3] ** 2).sum(axis=0))
        return lengths

    @property
    def is_2d(self) -> bool:
        """Whether this is a single picture (z = 1)."""
        return bool(self.array.shape[2] == 1)

    def canonical(self) -> Volume:
        """Return the same voxels with axes permuted and flipped to the closest RAS order; the affine follows."""
        from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

        ornt = io_orientation(self.affine)
        if np.array_equal(ornt, [[0, 1], [1, 1], [2, 1]]):
            return self
        affine = self.affine @ inv_ornt_aff(ornt, self.array.shape)
        return replace(self, array=apply_orientation(self.array, ornt), affine=affine)
