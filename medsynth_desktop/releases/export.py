"""Approved samples out of the house, with the evidence, as one folder that proves itself.

::

    manifest.json  manifest.sha256  manifest.sig  README.txt
    images/<sample>.nii.gz    dicom/<sample>/*.dcm    meshes/<sample>.stl and .stl.json
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.core.hashing import hash_array, hash_bytes, hash_file
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import BundleRecord, Policy, ReleaseRecord
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.releases import images, manifest, readme, signing
from medsynth_desktop.releases.contents import FORMATS, MESHES, Contents
from medsynth_desktop.releases.folders import appearing
from medsynth_desktop.releases.items import ReleaseItem as ReleaseItem
from medsynth_desktop.releases.items import check_items


def export_release(
    items: Sequence[ReleaseItem],
    out: Path,
    *,
    bundle: BundleRecord,
    policy: Policy,
    formats: Sequence[str] = ("nifti", "dicom"),
    signing_key: bytes | None = None,
    calibration: Mapping[str, Any] | None = None,
    created: str | None = None,
    serial: str | None = None,
    rating_rule: str = "",
) -> Steps[ReleaseRecord]:
    """Write a package into the new folder ``out``; it appears whole or not at all.

    Parameters
    ----------
    items
        Approved samples of one bundle.
    policy
        Thresholds in force; every verdict must have been reached under them.
    formats
        Of `FORMATS`.
    signing_key
        32 bytes of an Ed25519 private key (`signing.new_key`); None leaves the package unsigned.
    calibration
        What to tell of how the thresholds were found; JSON, no path and no identifier.
    created
        ISO 8601; None: now.
    serial
        Tells two exports of the same samples apart; None: a fresh random one.
    rating_rule
        What was asked of readers before a sample could leave, in words; "" for nothing.

    Raises
    ------
    GuardRefused
        A sample is not approved, not of this bundle, not judged under ``policy``, or not the image that was
        judged.
    InputRefused
        Nothing to export, an unknown format, or ``out`` is in use.
    StoreFailed
        The disk refuses; nothing half-written stays.
    """
    terms = manifest.Terms(
        bundle,
        policy,
        _check_formats(formats, bundle),
        created or datetime.now(UTC).isoformat(timespec="seconds"),
        serial or uuid.uuid4().hex,
        signing_key,
        calibration,
        rating_rule,
    )
    check_items(items, bundle, policy)
    with appearing(Path(out)) as folder:
        digest = yield from _fill(folder, items, terms)
    samples = tuple(item.sample.id for item in items)
    return ReleaseRecord(f"R-{digest[:12]}", str(out), digest, samples, terms.created)


def _fill(folder: Path, items: Sequence[ReleaseItem], terms: manifest.Terms) -> Steps[str]:
    """Write everything into ``folder``; return the manifest's hash."""
    total = len(items) * (len(terms.formats) + 1) + 2
    done = 0
    contents = Contents(folder, terms.bundle.recipe, terms.created)
    entries = []
    for item in items:
        yield Progress(done, total, f"Checking {item.sample.id}")
        volume = _volume(item, terms.bundle)
        done += 1
        files: list[str] = []
        for kind in terms.formats:
            yield Progress(done, total, f"Writing {item.sample.id} as {kind}")
            files += contents.add(kind, item, volume)
            done += 1
        entries.append(manifest.sample_entry(item.sample, item.verdict, item.decision, files, item.ratings))
    yield Progress(total - 2, total, "Writing the manifest")
    (folder / manifest.README).write_text(readme.readme(len(items), terms), "utf-8", newline="\n")
    digest = _seal(folder, entries, terms)
    yield Progress(total - 1, total, "Giving the package its name")
    return digest


def _check_formats(formats: Sequence[str], bundle: BundleRecord) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(f.strip().lower() for f in formats))
    unknown = [f for f in chosen if f not in FORMATS]
    if unknown or not chosen:
        raise InputRefused(
            f"Export knows the formats {', '.join(FORMATS)}; got {', '.join(unknown) or 'none'}."
        )
    if len(bundle.recipe.grid) == 2 and set(chosen) & set(MESHES):
        raise InputRefused(
            "These samples are pictures; surfaces are made of volumes only. Export them without meshes."
        )
    return chosen


def _volume(item: ReleaseItem, bundle: BundleRecord) -> Volume:
    array = np.asarray(item.array)
    if hash_array(array) != item.sample.array_hash:
        raise GuardRefused(
            f"The stored image of {item.sample.id} is not the one that was judged; draw it again."
        )
    return images.released_volume(array, bundle.recipe)


def _files(folder: Path) -> list[str]:
    """Every file under ``folder`` as a path with forward slashes, in order."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def _file_entry(folder: Path, path: str) -> dict[str, Any]:
    place = folder / path
    return {"path": path, "size": place.stat().st_size, "sha256": hash_file(place)}


def _seal(folder: Path, entries: Sequence[Mapping[str, Any]], terms: manifest.Terms) -> str:
    """Write manifest, checksum and signature; return the manifest's hash."""
    listed = [_file_entry(folder, path) for path in _files(folder)]
    data = manifest.encoded(manifest.build(entries, listed, terms))
    (folder / manifest.MANIFEST).write_bytes(data)
    digests = {str(f["path"]): str(f["sha256"]) for f in listed}
    (folder / manifest.CHECKSUM).write_bytes(manifest.checksum(data, digests))
    if terms.key is not None:
        (folder / manifest.SIGNATURE).write_bytes(signing.sign(terms.key, data).hex().encode() + b"\n")
    return hash_bytes(data)
