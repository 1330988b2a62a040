"""The verb behind `medsynth quality --bundle`: how well a model's autoencoder gives images back."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BundleRecord, CohortRecord, Split
from medsynth_desktop.quality.measure import Side, measure_reconstruction
from medsynth_desktop.quality.record import Reconstruction
from medsynth_desktop.store.workspace import Workspace

IMAGES = 100
"""Images of either split that are reconstructed at most."""
SPLITS: tuple[Split, Split] = ("train", "calibration")


def measure_bundle(
    workspace: Workspace,
    cohort: CohortRecord,
    record: BundleRecord,
    *,
    most: int = IMAGES,
    seed: int = 0,
    device: str | None = None,
) -> Steps[Reconstruction]:
    """Let a model's autoencoder give back images of both splits of ``cohort``, and keep what was found.

    Raises
    ------
    InputRefused
        When the model is of another grid than the cohort, or the cohort has no image.
    """
    if record.recipe.grid != cohort.recipe.grid:
        raise InputRefused(
            f"The model {record.name} has grid {record.recipe.grid}, the cohort {cohort.name} has "
            f"{cohort.recipe.grid}; give the cohort that it was trained on."
        )
    from medsynth_desktop.bundles import read_bundle
    from medsynth_desktop.samplers.sampling import pick_device

    yield Progress(0, 0, "Loading the model")
    used = pick_device(device)[0]
    sides: dict[str, Side] = {
        split: split_side(workspace, cohort, split) for split in SPLITS if cohort.split(split)
    }
    if not sides:
        raise InputRefused(f"The cohort {cohort.name} has no image to reconstruct; import some.")
    bundle = read_bundle(Path(record.path)).to(used)
    found = yield from measure_reconstruction(bundle, sides, most=most, seed=seed, device=used)
    workspace.settings.set(_reconstruction_key(cohort, record.hash), found.to_json())
    return found


def stored_reconstruction(
    workspace: Workspace, cohort: CohortRecord, bundle_hash: str
) -> Reconstruction | None:
    """What was last measured of this model against exactly this cohort, or None."""
    kept = workspace.settings.get(_reconstruction_key(cohort, bundle_hash))
    try:
        return Reconstruction.from_json(kept) if kept else None
    except InputRefused:
        return None


def split_side(workspace: Workspace, cohort: CohortRecord, split: Split) -> Side:
    """The images of one split, each mapped from the disk when it is looked at, and whose each is."""
    images, records = map_arrays(workspace, cohort, split)
    return Side(images, tuple(record.patient for record in records))


def _reconstruction_key(cohort: CohortRecord, bundle_hash: str) -> str:
    return f"reconstruction:{cohort.hash}:{bundle_hash}"
