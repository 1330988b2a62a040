"""The verb `train private`: a model learnt elsewhere is fine-tuned on patients, with a bound on what it tells of each.

Published for cardiac volumes ([D] of methods.md): pre-train on public images, then DP-SGD on the private ones, on the
attention alone or on all of the UNet.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from medsynth_desktop.bundles import Bundle, BundleFacts, describe_bundle, read_bundle, write_bundle
from medsynth_desktop.bundles.asking import given_rows
from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.privacy import Privacy
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BundleRecord, CohortRecord, ImageRecord
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.accounting import ACCOUNTANT, SECOND, noise_for, spent
from medsynth_desktop.training.private import PrivateSettings, fine_tune, mechanism
from medsynth_desktop.training.summary import TrainingSummary
from medsynth_desktop.workbench.checkpoints import training_folder
from medsynth_desktop.workbench.model_card import training_card
from medsynth_desktop.workbench.tuning import PrivateChoice, begun

FEWEST, UNTOLD = 10, "OT"
"""Patients, below which there is no privacy to speak of and nothing to learn from; and DICOM's "other" modality."""


def train_private(
    workspace: Workspace,
    base_hash: str,
    cohort_name: str,
    out: Path,
    choice: PrivateChoice,
    *,
    resume: bool = False,
    device: str = "cpu",
) -> Steps[dict[str, Any]]:
    """Fine-tune a bundle on the training split of a cohort and write the bundle ``out``, also into the workspace.

    The checkpoint stands in ``OUT.training``; with the random secret of the run in it, it is to stay with the images.

    Raises
    ------
    InputRefused
        A cohort of another recipe, of too few patients, or whose patients the base has learnt from already; numbers
        out of range; a run that is there already and ``resume`` not set.
    StoreFailed
        When the two accountants do not agree.
    """
    cohort, base = workspace.cohorts.get(cohort_name), workspace.bundles.get(base_hash)
    images = cohort.split("train")
    patients = len({image.patient for image in images})
    _check(workspace, cohort, base, patients)
    folder = training_folder(out)
    _check_run(out, resume)
    delta = choice.delta if choice.delta is not None else 10.0 ** -(math.ceil(math.log10(patients)) + 1)
    if not 0 < delta <= 1 / patients:
        raise InputRefused(
            f"Delta must lie above 0 and at most at one over the number of patients, {1 / patients:.2g}; got {delta:g}."
        )
    plain = PrivateSettings(choice.parts, choice.steps, choice.batch, mirrored=_mirrored(base))
    yield Progress(0, plain.steps, "Working out the noise")
    share = mechanism(plain, patients).share
    settings = replace(plain, noise=noise_for(choice.epsilon, delta, share, plain.steps))
    epsilon, second = spent(mechanism(settings, patients), delta)
    arrays, _ = load_arrays(workspace, cohort, "train")
    model = read_bundle(Path(base.path)).to(device)
    given = given_rows(base.conditions, [image.attributes for image in images])
    network, summary = yield from fine_tune(
        model, arrays, [image.patient for image in images], settings, folder, cohort.hash, given
    )
    privacy = Privacy(
        epsilon, delta, ACCOUNTANT, second, SECOND, settings.noise, settings.clip, share, settings.steps,
        settings.parts, base.hash,
    )  # fmt: skip
    facts = _facts(out.name, model, cohort, images, privacy, settings, summary)
    texts = {"README.md": training_card(asdict(facts))}
    record = write_bundle(out, facts, model.autoencoder, network, texts=texts)
    workspace.bundles.add(record, out)
    told = {"hash": record.hash, "name": record.name, "bundle": str(out), "privacy": asdict(privacy)}
    return {**told, "steps": summary.steps, "seconds": summary.seconds, "patients": patients}


def _facts(
    name: str,
    model: Bundle,
    cohort: CohortRecord,
    images: tuple[ImageRecord, ...],
    privacy: Privacy,
    settings: PrivateSettings,
    summary: TrainingSummary,
) -> BundleFacts:
    """What `bundle.json` says of the fine-tuned ``model``."""
    record = model.record
    training = {
        "images": len(images),
        "autoencoder": {"of": record.hash},
        "private": {"steps": summary.steps, "seconds": summary.seconds, "notes": list(summary.notes)},
        "settings": {"private": asdict(settings)},
    }
    return BundleFacts(
        name, record.licence, record.recipe, cohort.hash, record.conditions, model.autoencoder_shape,
        model.unet_shape, model.schedule, model.latent_scale, training, privacy,
    )  # fmt: skip


def _check(workspace: Workspace, cohort: CohortRecord, base: BundleRecord, patients: int) -> None:
    ours, theirs = cohort.recipe, base.recipe
    untold = UNTOLD in (ours.modality, theirs.modality)  # files such as NIfTI do not say what they show
    if ours != (replace(theirs, modality=ours.modality) if untold else theirs):
        raise InputRefused(
            f"The model {base.name} draws {theirs.modality} images of {_words(theirs.grid)} at {theirs.spacing:g} mm "
            f"({theirs.intensity} {theirs.low:g} to {theirs.high:g}), the cohort {cohort.name} holds {ours.modality} "
            f"images of {_words(ours.grid)} at {ours.spacing:g} mm ({ours.intensity} {ours.low:g} to {ours.high:g}); "
            "import the images again as the model draws."
        )
    if patients < FEWEST:
        raise InputRefused(
            f"The cohort {cohort.name} has {patients} training patients; differential privacy needs {FEWEST} or more, "
            "better hundreds."
        )
    known = {h for c in map(workspace.cohorts.get, workspace.cohorts.names()) if c.hash == base.cohort_hash
             for h in (i.array_hash for i in c.split("train"))}  # fmt: skip
    if base.cohort_hash == cohort.hash or known & {i.array_hash for i in cohort.split("train")}:
        raise InputRefused(
            f"The model {base.name} has learnt from these patients already, without protection; no fine-tuning takes "
            "that back. Begin with a model of other images."
        )


def _mirrored(base: BundleRecord) -> bool:
    """Whether the base learnt the mirrors of its images too, as it says; one that says nothing: volumes yes."""
    settings = describe_bundle(Path(base.path))["training"].get("settings")
    diffusion = settings.get("diffusion") if isinstance(settings, dict) else None
    said = diffusion.get("mirrored") if isinstance(diffusion, dict) else None
    return said if isinstance(said, bool) else len(base.recipe.grid) == 3


def _words(grid: tuple[int, ...]) -> str:
    return " x ".join(map(str, grid))


def _check_run(out: Path, resume: bool) -> None:
    if out.exists():
        raise InputRefused(f"The bundle {out.name} exists already; choose another --out.")
    stopped = begun(out)
    if stopped and not resume:
        raise InputRefused(
            f"A private fine-tuning of {out.name} is there already; add --resume to go on with it, or choose another "
            "--out."
        )
    if resume and not stopped:
        raise NotFound(
            f"There is no private fine-tuning of {out.name} to resume; start one without --resume."
        )
