"""The verb behind `medsynth audit --membership`: ask a model whether it gives away whom it learnt from."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.cohorts.access import MappedArrays, map_arrays
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BundleRecord, CohortRecord
from medsynth_desktop.guard.membership import Membership
from medsynth_desktop.guard.membership_attacks import MOST_IMAGES, attack_membership
from medsynth_desktop.store.workspace import Workspace


def ask_membership(
    workspace: Workspace,
    cohort: CohortRecord,
    bundle_hash: str,
    *,
    most: int = MOST_IMAGES,
    seed: int = 0,
    device: str | None = None,
) -> Steps[Membership]:
    """Attack a model with images of its training split and of unseen patients, and keep what was found.

    Raises
    ------
    InputRefused
        When the model was trained on another cohort than this one, or a split is empty.
    """
    record = check_asked(workspace, cohort, bundle_hash)
    from medsynth_desktop.bundles import describe_bundle, read_bundle
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.training.denoising import Probe
    from medsynth_desktop.workbench.validation import learnt_from

    yield Progress(0, 0, "Loading the model")
    bundle = read_bundle(Path(record.path)).to(pick_device(device)[0])
    # Patients on whom the training was only validated are no members.
    learnt = learnt_from(cohort.split("train"), describe_bundle(Path(record.path))["training"])
    members = MappedArrays(workspace, learnt), learnt
    sides = (members, map_arrays(workspace, cohort, "calibration"))
    made = yield from attack_membership(bundle, *sides, Probe(seed=seed), most=most)
    workspace.settings.set(_key(cohort, bundle_hash), made.to_json())
    return made


def check_asked(workspace: Workspace, cohort: CohortRecord, bundle_hash: str) -> BundleRecord:
    """Return the record of a model that can be asked about ``cohort``, before long work begins.

    Raises
    ------
    InputRefused
        When it was trained on another cohort.
    """
    record = workspace.bundles.get(bundle_hash)
    if not record.cohort_hash:
        raise InputRefused(
            f"A membership test needs the cohort that the model {record.name} was trained on, and nobody here knows it."
        )
    if record.cohort_hash != cohort.hash:
        raise InputRefused(
            f"A membership test needs the cohort that the model {record.name} was trained on, as it was then; "
            f"{cohort.name} is another one or has changed since."
        )
    return record


def stored_membership(workspace: Workspace, cohort: CohortRecord, bundle_hash: str) -> Membership | None:
    """What the last membership test of this model against exactly this cohort found, or None."""
    kept = workspace.settings.get(_key(cohort, bundle_hash))
    try:
        return Membership.from_json(kept) if kept else None
    except InputRefused:
        return None


def _key(cohort: CohortRecord, bundle_hash: str) -> str:
    return f"membership:{cohort.hash}:{bundle_hash}"
