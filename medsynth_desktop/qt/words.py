"""Records in words: the same on every panel."""

from __future__ import annotations

from medsynth_desktop.core.records import CohortRecord, Recipe

UNKNOWN = "OT"
"""DICOM's word for another modality: what a file that names none is given."""


def grid_words(recipe: Recipe) -> str:
    """Grid and spacing of a recipe: ``64 × 80 × 64 at 2.5 mm, MR``; an unknown modality (OT) is left out."""
    grid = " × ".join(str(g) for g in recipe.grid)
    spacing = f"at {recipe.spacing:g} mm" if recipe.spacing else "pixels, fitted"
    modality = f", {recipe.modality}" if recipe.modality not in ("", UNKNOWN) else ""
    return f"{grid} {spacing}{modality}"


def intensity_words(recipe: Recipe) -> str:
    """Which values become black and white."""
    if recipe.intensity == "window":
        return f"{recipe.low:g} to {recipe.high:g} {recipe.unit}".rstrip()
    return f"{recipe.low:g} to {recipe.high:g} percent of each image's own values"


def cohort_facts(cohort: CohortRecord) -> list[tuple[str, str]]:
    """Tell what a person wants to know of a cohort, as pairs of name and value."""
    patients = len({i.patient for i in cohort.images})
    train, aside = cohort.split("train"), cohort.split("calibration")
    return [
        ("Real images", f"{len(cohort.images):,} images of {patients:,} patients"),
        ("Training", f"{len(train):,} images of {len({i.patient for i in train}):,} patients"),
        ("Set aside", f"{len(aside):,} images of {len({i.patient for i in aside}):,} patients"),
        ("Grid", grid_words(cohort.recipe)),
        ("Intensity", intensity_words(cohort.recipe)),
    ]
