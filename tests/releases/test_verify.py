"""Any byte changed, missing or added is found."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynth_desktop.releases import manifest, signing
from medsynth_desktop.releases.manifest import OTHER_COHORT
from medsynth_desktop.releases.verify import verify_package
from tests.releases.packages import KEY, PRINT, files_of, reseal, told


def test_a_whole_package_verifies_also_after_moving(package: Path, tmp_path: Path) -> None:
    report = verify_package(package)
    assert report.ok
    assert report.problems == ()
    assert report.files == len(files_of(package))
    assert verify_package(Path(shutil.move(package, tmp_path / "elsewhere"))).ok


def test_samples_of_a_model_of_other_patients_are_told(package: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        told["policy"]["cohort_hash"] = told["bundle"]["cohort"] = "ab" * 32

    reseal(package, change)
    assert OTHER_COHORT not in verify_package(package).warnings
    reseal(package, lambda told: told["bundle"].update(cohort="cd" * 32))
    assert verify_package(package).warnings[-1] == OTHER_COHORT
    reseal(package, lambda told: told["bundle"].update(cohort=""))
    assert OTHER_COHORT in verify_package(package).warnings


def flip(package: Path, chance: random.Random) -> None:
    path = chance.choice(files_of(package))
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def append(package: Path, chance: random.Random) -> None:
    with chance.choice(files_of(package)).open("ab") as stream:
        stream.write(chance.choice([b"\n", b" ", b"\0", b"more"]))


def cut(package: Path, chance: random.Random) -> None:
    path = chance.choice(files_of(package))
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def insert(package: Path, chance: random.Random) -> None:
    path = chance.choice(files_of(package))
    data = path.read_bytes()
    place = chance.randrange(len(data))
    path.write_bytes(data[:place] + chance.randbytes(1) + data[place:])


def remove(package: Path, chance: random.Random) -> None:
    chance.choice(files_of(package)).unlink()


def rename(package: Path, chance: random.Random) -> None:
    path = chance.choice(files_of(package))
    path.rename(path.with_name(path.name + chance.choice([".bak", "~", " "])))


def swap(package: Path, chance: random.Random) -> None:
    first, second = chance.sample(sorted(package.rglob("batch1-*.nii.gz")), 2)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def add(package: Path, chance: random.Random) -> None:
    folder = chance.choice([package, *sorted(p for p in package.rglob("*") if p.is_dir())])
    (
        folder
        / chance.choice([".hidden", "extra.nii.gz", "Thumbs.db", "manifest.json.bak", "x\ny", "\u202e"])
    ).write_bytes(chance.choice([b"", b"added"]))


def add_folder(package: Path, chance: random.Random) -> None:
    chance.choice([package, package / "images"]).joinpath("empty").mkdir()


TAMPERINGS: tuple[Callable[[Path, random.Random], None], ...] = (
    flip, append, cut, insert, remove, rename, swap, add, add_folder,
)  # fmt: skip


@given(tampering=st.sampled_from(TAMPERINGS), chance=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_anywhere_is_found(
    whole: Path, tmp_path: Path, tampering: Callable[[Path, random.Random], None], chance: int
) -> None:
    package = Path(shutil.copytree(whole, tmp_path / "tampered"))
    try:
        tampering(package, random.Random(chance))
        told(verify_package(package))
    finally:
        shutil.rmtree(package)


def test_every_single_byte_of_manifest_checksum_and_signature_counts(signed: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(signed, tmp_path / "release"))
    for name in (manifest.CHECKSUM, manifest.SIGNATURE, manifest.MANIFEST):
        data = (package / name).read_bytes()
        for place in range(0, len(data), max(1, len(data) // 200)):
            changed = bytearray(data)
            changed[place] ^= 0x20 if chr(data[place]).isalpha() else 1
            (package / name).write_bytes(changed)
            told(verify_package(package))
        (package / name).write_bytes(data)
    assert verify_package(package).ok


def test_hashes_alone_do_not_find_a_forger_and_a_signature_does(signed: Path, tmp_path: Path) -> None:
    """The limit of an unsigned package, stated as a test."""
    package = Path(shutil.copytree(signed, tmp_path / "release"))
    reseal(package, lambda m: m.update(created="1999-01-01T00:00:00+00:00"))
    assert "signature" in told(verify_package(package))

    def unsign(found: dict[str, Any]) -> None:
        found["signer"] = None

    reseal(package, unsign)
    (package / manifest.SIGNATURE).unlink()
    whole = verify_package(package)
    assert whole.ok  # a rewritten package without a signature looks whole
    assert whole.manifest_hash is not None
    assert whole.manifest_hash in whole.warnings[0]
    assert "not signed" in told(verify_package(package, PRINT))  # unless one asks for the signer


def test_a_forger_with_an_own_key_is_found_by_the_fingerprint(signed: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(signed, tmp_path / "release"))
    other = signing.new_key()
    public = signing.public_key(other)

    def sign_over(found: dict[str, Any]) -> None:
        found["signer"].update(public_key=public.hex(), fingerprint=signing.fingerprint(public))

    reseal(package, sign_over, other)
    whole = verify_package(package)
    assert (whole.ok, whole.fingerprint) == (True, signing.fingerprint(public))
    assert f"compare the signer {whole.fingerprint}" in whole.warnings[0]
    assert "not by" in told(verify_package(package, PRINT))
    assert verify_package(signed, PRINT).ok
    assert verify_package(signed, PRINT).warnings == ()
    assert verify_package(signed, PRINT.upper()).ok


def test_a_signature_is_for_release_manifests_only() -> None:
    data = b"any manifest"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    elsewhere = Ed25519PrivateKey.from_private_bytes(KEY).sign(data)
    public = signing.public_key(KEY)
    assert signing.is_signed(public, signing.sign(KEY, data), data)
    assert not signing.is_signed(public, elsewhere, data)
    assert not signing.is_signed(b"short", elsewhere, data)


def test_links_pipes_and_folders_in_the_place_of_files_are_refused_unopened(
    package: Path, tmp_path: Path
) -> None:
    image = package / "images" / "batch1-0000.nii.gz"
    outside = tmp_path / "same bytes"
    shutil.copy(image, outside)
    image.unlink()
    image.symlink_to(outside)
    assert "is a link" in told(verify_package(package))
    image.unlink()
    os.mkfifo(image)
    assert "pipe" in told(verify_package(package))  # and does not wait for a writer
    image.unlink()
    image.mkdir()
    assert "missing" in told(verify_package(package))
    shutil.rmtree(image)
    shutil.copy(outside, image)
    assert verify_package(package).ok
    shutil.move(package / "images", tmp_path / "images")
    (package / "images").symlink_to(tmp_path / "images")
    assert "is a link" in told(verify_package(package))


@pytest.mark.parametrize("name", [manifest.MANIFEST, manifest.CHECKSUM, manifest.SIGNATURE])
def test_the_packages_own_files_are_no_links_either(signed: Path, tmp_path: Path, name: str) -> None:
    package = Path(shutil.copytree(signed, tmp_path / "release"))
    shutil.move(package / name, tmp_path / name)
    (package / name).symlink_to(tmp_path / name)
    told(verify_package(package))


def test_a_name_that_is_no_text_is_told(package: Path) -> None:
    os.close(os.open(os.fsencode(package) + b"/images/\xff\xfe\n", os.O_CREAT))
    assert "was added" in told(verify_package(package))


def test_what_is_no_package_is_told(tmp_path: Path) -> None:
    assert "no folder" in told(verify_package(tmp_path / "nowhere"))
    assert str(tmp_path) not in told(verify_package(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("x")
    assert "no folder" in told(verify_package(tmp_path / "file"))
    assert "missing" in told(verify_package(tmp_path))


def test_thousands_of_problems_are_counted_not_listed(package: Path) -> None:
    for number in range(1100):
        (package / f"extra{number}").touch()
    report = verify_package(package)
    assert len(report.problems) == 1001
    assert "100 more" in report.problems[-1]


def test_verifying_changes_nothing(package: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in package.rglob("*")}
    verify_package(package)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in package.rglob("*")}
