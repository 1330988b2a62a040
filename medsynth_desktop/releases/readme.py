"""The README of a package: what a person needs who has nothing but the folder."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from medsynth_desktop.releases import signing
from medsynth_desktop.releases.images import meaning
from medsynth_desktop.releases.manifest import OTHER_COHORT, Terms


def readme(count: int, terms: Terms) -> str:
    """Plain words, at most 78 characters a line."""
    bundle, policy = terms.bundle, terms.policy
    facts = meaning(bundle.recipe)
    grid = " x ".join(str(n) for n in bundle.recipe.grid)
    spacing = f"{bundle.recipe.spacing:g} mm" if bundle.recipe.spacing else "without a known voxel size"
    images = "image" if count == 1 else "images"
    thresholds = ", ".join(t.metric for t in policy.thresholds) or "none"
    parts = [
        "SYNTHETIC MEDICAL IMAGES",
        f"This package holds {count} synthetic {images}, written {terms.created} by MedSynth Desktop. Every "
        "image was computed by a generative model. None is an image of a patient, and none is fit for diagnosis.",
        f"Model: {bundle.name} ({bundle.hash[:12]}). Licence: {bundle.licence or 'not stated, ask the sender'}",
        *([f"Privacy: {bundle.privacy.words}. {bundle.privacy.details}"] if bundle.privacy else []),
        f"Images: {bundle.recipe.modality}, {grid}, {spacing}; values from {facts['low']:g} to "
        f"{facts['high']:g} ({facts['unit']}).",
        *_folders(terms.formats),
        f"Why these may leave: each image was compared with every training image of {_compared(terms)}. The guard's "
        f"thresholds ({thresholds}), the nearest images by pseudonym, the verdict, and who approved it when "
        "and why are in manifest.json.",
        *([f"CAUTION: {OTHER_COHORT}"] if bundle.cohort_hash != policy.cohort_hash else []),
        "Check that nothing was changed: medsynth verify THIS_FOLDER. Without MedSynth, 'sha256sum -c "
        "manifest.sha256' in this folder checks every file, but does not notice added ones.",
        _signed(terms.key),
    ]
    return "\n\n".join(textwrap.fill(part, 78) for part in parts) + "\n"


def _compared(terms: Terms) -> str:
    own = terms.bundle.cohort_hash == terms.policy.cohort_hash
    return (
        "the cohort that the model learnt from"
        if own
        else "another cohort than the one that the model learnt from"
    )


def _folders(formats: Sequence[str]) -> list[str]:
    told = {
        "nifti": "images/ holds NIfTI files (.nii.gz, float32, RAS).",
        "dicom": "dicom/ holds one DICOM series per sample, marked by Synthetic Data (0008,001C) = YES.",
    }
    lines = [told[f] for f in formats if f in told]
    surfaces = [f.upper() for f in formats if f not in told]
    if surfaces:
        lines.append(
            f"meshes/ holds surfaces ({', '.join(surfaces)}); the .json beside each states unit and frame."
        )
    return lines


def _signed(key: bytes | None) -> str:
    if key is None:
        return (
            "The package is not signed: its hashes find accidental changes, but whoever changes it on "
            "purpose can write new hashes. Trust it as far as you trust the way it came to you."
        )
    return (
        f"Signed with the key {signing.fingerprint(signing.public_key(key))}. Compare these digits with what "
        "the sender tells you by another way: only then does the signature prove who made the package."
    )
