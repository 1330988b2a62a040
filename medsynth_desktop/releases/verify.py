"""Whether a package is what its manifest says: every byte changed, missing or added is a problem in words.

A package comes from anywhere, so nothing in it is believed: sizes are bounded before reading, names are plain
ASCII below the folder, links and devices are refused unopened, and no content can make this raise.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.progress import Progress, Steps, drain
from medsynth_desktop.releases import manifest, signing
from medsynth_desktop.releases.claims import Claims, read_claims

MAX_PROBLEMS = 1000
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes
    ----------
    ok
        No problem at all.
    problems
        One sentence each, at most `MAX_PROBLEMS`.
    files
        Files found in the package.
    samples
        Samples that the manifest lists.
    fingerprint
        Of the key that signed, where a signature was found and holds; else None. It proves who made the
        package only when compared with what the signer says by another way.
    manifest_hash
        SHA-256 of ``manifest.json``, or None where there is none.
    signer_given
        Whether it was said whose signature to accept.
    own_cohort
        Whether the samples were judged against the cohort that their model learnt from.
    """

    ok: bool
    problems: tuple[str, ...]
    files: int
    samples: int = 0
    fingerprint: str | None = None
    manifest_hash: str | None = None
    signer_given: bool = False
    own_cohort: bool = True

    @property
    def warnings(self) -> tuple[str, ...]:
        """What this verification cannot have found, and how to find it."""
        return (*self._of_signer, *(() if self.own_cohort else (manifest.OTHER_COHORT,)))

    @property
    def _of_signer(self) -> tuple[str, ...]:
        if self.signer_given or self.manifest_hash is None:
            return ()
        if self.fingerprint:
            known, again = f"the signer {self.fingerprint}", ", or verify again with --signer"
        else:
            known, again = f"the manifest's SHA-256 {self.manifest_hash}", ""
        return (
            "No signer was given: a package rewritten as a whole, with its hashes and its signature, looks like "
            f"this one; compare {known} with what the sender tells you by another way{again}.",
        )


def verify_package(path: Path, expected_fingerprint: str | None = None) -> VerifyReport:
    """Run `verify_steps` to its end."""
    return drain(verify_steps(path, expected_fingerprint))


def verify_steps(path: Path, expected_fingerprint: str | None = None) -> Steps[VerifyReport]:
    """Check the package in the folder ``path``; never raises for what it holds.

    Parameters
    ----------
    expected_fingerprint
        `signing.fingerprint` of the only signer to accept, learned by another way; without it any signature
        that holds is accepted, and none at all is no problem unless the manifest names a signer.
    """
    root = Path(path)
    if not root.is_dir():
        return VerifyReport(False, (f"There is no folder {_say(root.name)}.",), 0)
    problems: list[str] = []
    yield Progress(0, 0, "Looking through the package")
    found, folders = _walk(root, problems)
    data = _read(root, manifest.MANIFEST, manifest.MAX_BYTES, found, problems)
    if data is None:
        return _report(problems, found)
    claims = read_claims(data, problems)
    expected = manifest.checksum(data, {name: digest for name, (_, digest) in claims.files.items()})
    if _read(root, manifest.CHECKSUM, manifest.MAX_BYTES, found, problems) not in (None, expected):
        problems.append(f"{manifest.CHECKSUM} does not fit {manifest.MANIFEST}: one of them was changed.")
    fingerprint = _check_signature(root, data, claims, found, problems, expected_fingerprint)
    _check_names(claims, found, folders, problems)
    for number, (name, (size, digest)) in enumerate(sorted(claims.files.items())):
        yield Progress(number, len(claims.files), "Comparing every file with the manifest")
        if name in found:
            problems += _compare(root, name, size, digest)
    facts = (claims.samples, fingerprint, hash_bytes(data), bool(expected_fingerprint), claims.own_cohort)
    return _report(problems, found, *facts)


def _report(problems: list[str], found: set[str], *facts: Any) -> VerifyReport:
    shown = tuple(problems[:MAX_PROBLEMS])
    if len(problems) > MAX_PROBLEMS:
        shown += (f"And {len(problems) - MAX_PROBLEMS} more problems.",)
    return VerifyReport(not problems, shown, len(found), *facts)


def _walk(root: Path, problems: list[str]) -> tuple[set[str], set[str]]:
    """Regular files and folders below ``root`` by path; all else is a problem. Follows no link."""
    files: set[str] = set()
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            entries = list(os.scandir(root / prefix))
        except OSError as error:
            problems.append(f"The folder {_say(prefix or '.')} cannot be read ({error.strerror}).")
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink():
                problems.append(f"{_say(name)} is a link; a package holds files only.")
            elif entry.is_dir(follow_symlinks=False):
                folders.add(name)
                waiting.append(name + "/")
            elif entry.is_file(follow_symlinks=False):
                files.add(name)
            else:
                problems.append(f"{_say(name)} is no file (a pipe or a device); remove it.")
    return files, folders


def _check_names(claims: Claims, found: set[str], folders: set[str], problems: list[str]) -> None:
    """Nothing missing, nothing added, no folder that holds nothing listed."""
    outside = {manifest.MANIFEST, manifest.CHECKSUM} | ({manifest.SIGNATURE} if claims.public_key else set())
    problems += [f"{_say(n)} is missing." for n in sorted(claims.files.keys() - found)]
    problems += [
        f"{_say(n)} is not in the manifest: it was added."
        for n in sorted(found - claims.files.keys() - outside)
    ]
    needed = {parent for name in claims.files for parent in _parents(name)}
    problems += [
        f"The folder {_say(n)} is not in the manifest: it was added." for n in sorted(folders - needed)
    ]


def _check_signature(
    root: Path, data: bytes, claims: Claims, found: set[str], problems: list[str], expected: str | None
) -> str | None:
    """Fingerprint of the signer, where the signature holds."""
    if claims.public_key is None:
        if expected:
            problems.append(f"The package is not signed; a signature by {_say(expected)} was expected.")
        return None
    text = _read(root, manifest.SIGNATURE, 1024, found, problems)
    if text is None:
        return None
    try:
        signature = bytes.fromhex(text.decode("ascii").removesuffix("\n"))
    except ValueError:
        signature = b""
    exact = text == signature.hex().encode() + b"\n"
    if not exact or not signing.is_signed(claims.public_key, signature, data):
        problems.append("The signature does not fit the manifest: one of them was changed.")
        return None
    fingerprint = signing.fingerprint(claims.public_key)
    if expected and expected.strip().lower() != fingerprint:
        problems.append(f"The package is signed by {fingerprint}, not by {_say(expected)}.")
    return fingerprint


def _compare(root: Path, name: str, size: int, digest: str) -> Iterator[str]:
    """Say in what way a file differs from what the manifest says, if it does."""
    hasher, count = hashlib.sha256(), 0
    try:
        with _open(root / name) as stream:
            while count <= size and (block := stream.read(BLOCK)):
                hasher.update(block)
                count += len(block)
    except OSError as error:
        yield f"{_say(name)} cannot be read ({error.strerror or 'the disk refused'})."
        return
    if count != size:
        has = "more" if count > size else count
        yield f"{_say(name)} was changed: it should have {size} bytes, it has {has}."
    elif hasher.hexdigest() != digest:
        yield f"{_say(name)} was changed: its content is not what the manifest says."


def _read(root: Path, name: str, limit: int, found: set[str], problems: list[str]) -> bytes | None:
    """Content of one of the package's own files, or None with a problem told."""
    if name not in found:
        problems.append(f"{name} is missing: this is no whole package.")
        return None
    try:
        with _open(root / name) as stream:
            data = bytes(stream.read(limit + 1))
    except OSError as error:
        problems.append(f"{name} cannot be read ({error.strerror or 'the disk refused'}).")
        return None
    if len(data) > limit:
        problems.append(f"{name} has more than {limit} bytes; it is not one of ours.")
        return None
    return data


def _open(path: Path) -> Any:
    """Open a regular file; a link or pipe that took its place meanwhile is refused and never waited for."""
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # not every system has each
        flags |= getattr(os, flag, 0)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(22, "it is no file")
    return os.fdopen(handle, "rb")


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[: n + 1]) for n in range(len(parts)))


def _say(name: str) -> str:
    """Name for a sentence: control, foreign and undecodable characters escaped, at most 120 long."""
    text = ascii(name)[1:-1] if not (name.isascii() and name.isprintable()) else name
    return text if len(text) <= 120 else text[:117] + "..."
