"""Whatever a manifest says, verification answers in sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynth_desktop.releases import manifest
from medsynth_desktop.releases.verify import verify_package
from tests.releases.packages import reseal, told


def first_file(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda m: m["files"][1].update(values)


def first_sample(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda m: m["samples"][0].update(values)


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "climbs out": first_file(path="../../etc/passwd"),
    "absolute": first_file(path="/etc/passwd"),
    "windows path": first_file(path="C:\\Windows\\x"),
    "dot": first_file(path="images/./x"),
    "empty name": first_file(path=""),
    "new line": first_file(path="README.txt\n"),
    "foreign letters": first_file(path="images/\u0430.nii.gz"),
    "direction mark": first_file(path="images/\u202egz.iin"),
    "null": first_file(path="images/\0"),
    "very long": first_file(path="x" * 5000),
    "very deep": first_file(path="/".join("x" * 500)),
    "the manifest itself": first_file(path="manifest.json"),
    "a number as name": first_file(path=7),
    "a list as name": first_file(path=["README.txt"]),
    "negative size": first_file(size=-1),
    "yes as size": first_file(size=True),
    "text as size": first_file(size="12"),
    "broken size": first_file(size=1.0),
    "huge size": first_file(size=10**30),
    "upper case hash": first_file(sha256="A" * 64),
    "short hash": first_file(sha256="ab"),
    "no hash": first_file(sha256=None),
    "listed twice": lambda m: m["files"].append(m["files"][0]),
    "twice but for case": lambda m: m["files"].append({**m["files"][0], "path": "readme.TXT"}),
    "no files": lambda m: m.update(files=[]),
    "files as object": lambda m: m.update(files={}),
    "files as text": lambda m: m.update(files="README.txt"),
    "files of numbers": lambda m: m.update(files=[1, None, []]),
    "no samples": lambda m: m.update(samples=[]),
    "samples as number": lambda m: m.update(samples=3),
    "samples of text": lambda m: m.update(samples=["a", "b"]),
    "blocked": first_sample(verdict={"verdict": "block"}),
    "not approved": first_sample(decision={"status": "rejected"}),
    "decision as list": first_sample(decision=[]),
    "sample without files": first_sample(files=[]),
    "sample with nested files": first_sample(files=[[["x"]]]),
    "sample with foreign file": first_sample(files=["README.txt"]),
    "other format": lambda m: m.update(format="zip"),
    "other version": lambda m: m.update(version=2),
    "not synthetic": lambda m: m.update(synthetic=False),
    "signer as text": lambda m: m.update(signer="me"),
    "signer without key": lambda m: m.update(signer={"algorithm": "Ed25519"}),
    "signer with a number": lambda m: m.update(signer={"algorithm": "Ed25519", "public_key": 5, "fingerprint": "x"}),
    "nothing at all": lambda m: m.clear(),
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_manifest_with_fitting_hashes_is_a_sentence(
    package: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    reseal(package, change)
    told(verify_package(package))


RAW = {
    "empty": b"",
    "no JSON": b"{",
    "list": b"[]\n",
    "number": b"1\n",
    "not text": b"\xff\xfe\x00",
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "as deep as can be read": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}\n",
    "huge number": b'{"a":' + b"9" * 6000 + b"}\n",
    "infinite": b'{"a":1e999}\n',
    "not a number": b'{"a":NaN}\n',
    "half a letter": b'{"a":"\\ud800"}\n',
    "equal keys": b'{"format":"medsynth-release","format":"medsynth-release"}\n',
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
def test_a_broken_manifest_is_a_sentence(package: Path, data: bytes) -> None:
    (package / manifest.MANIFEST).write_bytes(data)
    assert "manifest" in told(verify_package(package))


@given(data=st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["format", "version", "files", "samples", "signer", "path", "size", "sha256", "x"]), inner, max_size=5),
    max_leaves=12,
).map(lambda v: json.dumps(v).encode()))  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_manifest_are_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / manifest.MANIFEST).write_bytes(data)
    told(verify_package(tmp_path))


def test_a_manifest_too_large_to_be_ours_is_not_read(package: Path) -> None:
    with (package / manifest.MANIFEST).open("r+b") as stream:
        stream.truncate(manifest.MAX_BYTES + 1)  # sparse: takes no room
    assert "more than" in told(verify_package(package))
