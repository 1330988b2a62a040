"""The manifest of a package: what is in it, byte for byte, and why each sample may leave.

``manifest.json`` is `core.hashing.canonical_json` and a line end. It lists every other file with size and
SHA-256, and holds its own hash (``self_sha256``, over everything else in it). ``manifest.sha256`` repeats
the hashes of the manifest and of all files as ``sha256sum -c`` reads them; ``manifest.sig``, where a key was
given, is the Ed25519 signature of the manifest in hexadecimal.

Hashes alone find accidents and careless changes: whoever rewrites a file can rewrite every hash. Only the
signature, with the signer's fingerprint known from elsewhere, finds a forger.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medsynth_desktop import __version__
from medsynth_desktop.core.hashing import canonical_json, hash_bytes
from medsynth_desktop.core.records import BundleRecord, Decision, Policy, SampleRecord, Verdict
from medsynth_desktop.releases import images, signing

FORMAT, VERSION = "medsynth-release", 1
MANIFEST, CHECKSUM, SIGNATURE, README = "manifest.json", "manifest.sha256", "manifest.sig", "README.txt"
OUTSIDE = (MANIFEST, CHECKSUM, SIGNATURE)
"""Files that the manifest cannot list, since they depend on it."""
MAX_BYTES = 64 << 20
"""A larger manifest is refused unread: this is room for about 20,000 samples."""
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9][A-Za-z0-9._-]{0,199}){0,4}")
"""Plain ASCII names: no '..', no absolute path, nothing that one system spells otherwise than another."""
DIGEST = re.compile(r"[0-9a-f]{64}")
NOTICE = (
    "Every image in this package was computed by a generative model. None is an image of a patient. "
    "Not for diagnosis."
)

OTHER_COHORT = (
    "The samples were compared with another cohort than the one that their model learnt from, or with another state of "
    "it: the package does not show that they copy none of the patients of that training; ask the sender."
)


def sample_entry(
    sample: SampleRecord,
    verdict: Verdict,
    decision: Decision,
    files: Sequence[str],
    ratings: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Where a sample came from, what the guard found, what readers said of it, and who let it go."""
    return {
        "id": sample.id,
        "batch": sample.batch,
        "ordinal": sample.ordinal,
        "seed": sample.seed,
        "bundle": sample.bundle_hash,
        "noise_seed": sample.seed if sample.noise_seed is None else sample.noise_seed,
        "attempts": sample.attempts,
        "settings": asdict(sample.settings),
        "device": sample.device,
        "created": sample.created,
        "array_sha256": sample.array_hash,
        "verdict": {
            "verdict": verdict.verdict,
            "reasons": list(verdict.reasons),
            "metrics": verdict.metrics,
            "policy": verdict.policy_hash,
        },
        "nearest": {
            "neighbours": [asdict(n) for n in verdict.nearest.neighbours],
            "lowe_ratio": verdict.nearest.lowe_ratio,
        },
        "decision": {k: v for k, v in asdict(decision).items() if k not in ("sample", "policy_hash")}
        | {"policy": decision.policy_hash},
        "files": sorted(files),
        **({"ratings": [dict(rating) for rating in ratings]} if ratings else {}),
    }


@dataclass(frozen=True)
class Terms:
    """What is the same for all samples of a package; ``key`` is the private one and is never written."""

    bundle: BundleRecord
    policy: Policy
    formats: tuple[str, ...]
    created: str
    serial: str
    key: bytes | None = None
    calibration: Mapping[str, Any] | None = None
    rating_rule: str = ""


def build(
    samples: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]], terms: Terms
) -> dict[str, Any]:
    """Put the manifest together. The bundle's folder on this machine stays out of it."""
    bundle = terms.bundle
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "program": f"MedSynth Desktop {__version__}",
        "notice": NOTICE,
        "synthetic": True,
        "created": terms.created,
        "serial": terms.serial,
        "bundle": {
            "name": bundle.name,
            "hash": bundle.hash,
            "cohort": bundle.cohort_hash,
            "conditions": [asdict(c) for c in bundle.conditions],
            "licence": bundle.licence,
            **({"privacy": asdict(bundle.privacy)} if bundle.privacy else {}),
        },
        "recipe": asdict(bundle.recipe),
        "intensity": images.meaning(bundle.recipe),
        "policy": asdict(terms.policy),
        "calibration": terms.calibration,
        **({"ratings_asked_for": terms.rating_rule} if terms.rating_rule else {}),
        "signer": _signer(terms.key),
        "samples": list(samples),
        "files": sorted(files, key=lambda f: str(f["path"])),
    }
    plain = dict(_plain(manifest))
    plain["self_sha256"] = self_hash(plain)
    return plain


def _signer(key: bytes | None) -> dict[str, str] | None:
    if key is None:
        return None
    public = signing.public_key(key)
    return {"algorithm": "Ed25519", "public_key": public.hex(), "fingerprint": signing.fingerprint(public)}


def self_hash(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text of ``manifest`` without its own hash."""
    return hash_bytes(canonical_json({k: v for k, v in manifest.items() if k != "self_sha256"}).encode())


def encoded(manifest: Mapping[str, Any]) -> bytes:
    """Bytes of ``manifest.json``."""
    return (canonical_json(manifest) + "\n").encode()


def checksum(data: bytes, files: Mapping[str, str]) -> bytes:
    """Bytes of ``manifest.sha256``: hash of the manifest's bytes, then the SHA-256 of ``files`` by path."""
    lines = {MANIFEST: hash_bytes(data), **dict(sorted(files.items()))}
    return "".join(f"{digest}  {name}\n" for name, digest in lines.items()).encode()


def parsed(data: bytes) -> dict[str, Any]:
    """Read the bytes of a manifest that anyone may have written.

    Raises
    ------
    ValueError
        Not JSON, not an object, or not in the canonical form (which shuts out equal keys and hidden spaces).
    """
    try:
        found = json.loads(data.decode("utf-8"))
        canonical = isinstance(found, dict) and encoded(found) == data
    except (ValueError, RecursionError) as error:
        raise ValueError("is not readable JSON") from error
    if not canonical:
        raise ValueError("is not in its canonical form")
    return dict(found)


def _plain(value: Any) -> Any:
    """JSON's own types; numbers that JSON lacks (a ratio over nothing) become null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None
