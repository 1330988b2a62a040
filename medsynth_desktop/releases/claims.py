"""What a manifest claims, read with suspicion: wrong types and wrong values become problems in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medsynth_desktop.releases import manifest, signing

MAX_FILE_BYTES = 1 << 42


@dataclass(slots=True)
class Claims:
    """The parts of a manifest that verification needs.

    Attributes
    ----------
    files
        Size and SHA-256 by path below the package.
    samples
        How many are listed.
    public_key
        32 bytes of the signer, or None.
    own_cohort
        Whether the limits are those of the cohort that the model learnt from.
    """

    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    samples: int = 0
    public_key: bytes | None = None
    own_cohort: bool = True


def read_claims(data: bytes, problems: list[str]) -> Claims:
    """Read the bytes of a manifest; whatever is wrong is added to ``problems``."""
    claims = Claims()
    try:
        told = manifest.parsed(data)
    except ValueError as error:
        problems.append(f"The manifest {error}: it was changed or is not one of ours.")
        return claims
    if told.get("format") != manifest.FORMAT or told.get("version") != manifest.VERSION:
        problems.append(
            "The manifest is of another kind or version than this program reads; update MedSynth Desktop."
        )
        return claims
    if told.get("self_sha256") != manifest.self_hash(told):
        problems.append("The manifest does not have the hash that it states: it was changed.")
    if told.get("synthetic") is not True:
        problems.append("The manifest does not say that the images are synthetic.")
    claims.files = _files(told.get("files"), problems)
    claims.public_key = _signer(told.get("signer"), problems)
    claims.samples = _samples(told.get("samples"), claims.files, problems)
    learnt, judged = _dict(told.get("bundle")).get("cohort"), _dict(told.get("policy")).get("cohort_hash")
    claims.own_cohort = bool(learnt) and learnt == judged
    return claims


def _files(told: Any, problems: list[str]) -> dict[str, tuple[int, str]]:
    if not isinstance(told, list):
        problems.append("The manifest lists no files.")
        return {}
    files: dict[str, tuple[int, str]] = {}
    lower: set[str] = set()
    for number, entry in enumerate(told, 1):
        entry = entry if isinstance(entry, dict) else {}
        path, size, digest = entry.get("path"), entry.get("size"), entry.get("sha256")
        if not isinstance(path, str) or not manifest.PATH.fullmatch(path) or path in manifest.OUTSIDE:
            problems.append(f"Entry {number} of the manifest's files has a name that no package has.")
        elif type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            problems.append(f"The manifest gives no possible size for {path}.")
        elif not isinstance(digest, str) or not manifest.DIGEST.fullmatch(digest):
            problems.append(f"The manifest gives no SHA-256 for {path}.")
        elif path.lower() in lower:
            problems.append(f"The manifest lists {path} twice.")
        else:
            lower.add(path.lower())
            files[path] = (size, digest)
    if manifest.README not in files:
        problems.append(f"The manifest does not list {manifest.README}.")
    return files


def _signer(told: Any, problems: list[str]) -> bytes | None:
    if told is None:
        return None
    try:
        key = bytes.fromhex(told["public_key"])
        known = told["algorithm"] == "Ed25519" and told["fingerprint"] == signing.fingerprint(key)
        if len(key) == signing.KEY_BYTES and known and told["public_key"] == key.hex():
            return key
    except (KeyError, TypeError, ValueError):
        pass
    problems.append("The manifest names a signer, but not in a way that can be checked.")
    return None


def _samples(told: Any, files: dict[str, tuple[int, str]], problems: list[str]) -> int:
    """Check that each sample was approved and not blocked, and that each file has one sample."""
    if not isinstance(told, list) or not told:
        problems.append("The manifest lists no samples.")
        return 0
    owned = {manifest.README}
    for number, entry in enumerate(told, 1):
        decision, verdict, own = (_dict(entry).get(k) for k in ("decision", "verdict", "files"))
        if _dict(decision).get("status") != "approved":
            problems.append(f"Sample {number} of the manifest is not approved.")
        if _dict(verdict).get("verdict") not in ("pass", "review"):
            problems.append(f"Sample {number} of the manifest is blocked or was not judged.")
        names = {n for n in own if isinstance(n, str)} if isinstance(own, list) else set()
        if not names or not names <= files.keys() or names & owned:
            problems.append(f"Sample {number} of the manifest does not name its own files.")
        owned |= names
    if rest := len(files.keys() - owned):
        problems.append(f"{rest} of the listed files belong to no sample.")
    return len(told)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
