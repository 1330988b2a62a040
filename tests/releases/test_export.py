"""What leaves: whole packages of approved samples, read back by other programs."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from medsynth_desktop.core.errors import GuardRefused, InputRefused, MedSynthError, StoreFailed
from medsynth_desktop.core.hashing import hash_array, hash_file
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Recipe, ReleaseRecord
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.meshes.files import read_surface
from medsynth_desktop.releases.decisions import reject
from medsynth_desktop.releases.export import ReleaseItem, export_release
from medsynth_desktop.releases.signing import new_key
from medsynth_desktop.releases.verify import verify_package
from tests.releases.packages import CT, FLAT, MR, POLICY, WHEN, ball, bundle, item, verdict


def export(out: Path, *items: ReleaseItem, recipe: Recipe = MR, **options: object) -> ReleaseRecord:
    return drain(export_release(items, out, bundle=bundle(recipe), policy=POLICY, **options))  # type: ignore[arg-type]


def test_a_package_holds_images_evidence_and_proof(tmp_path: Path) -> None:
    out = tmp_path / "release"
    record = export(out, item(0), item(1), calibration={"n": 40}, created=WHEN)
    report = verify_package(out)
    assert report.ok, report.problems
    assert report.samples == 2
    assert record.manifest_hash == report.manifest_hash == hash_file(out / "manifest.json")
    assert record.samples == ("batch1-0000", "batch1-0001")
    told = json.loads((out / "manifest.json").read_text())
    first = told["samples"][0]
    assert first["seed"] == 1000
    assert first["nearest"]["neighbours"][0]["patient"] == "P-0007"
    assert first["decision"]["who"] == "Dr Example"
    assert first["verdict"]["verdict"] == "pass"
    assert first["verdict"]["metrics"] == {"correlation": 0.5, "lowe_ratio": None}
    assert told["policy"]["thresholds"][0]["review"] == 0.8
    assert told["bundle"]["hash"] == "b" * 64
    assert told["calibration"] == {"n": 40}
    assert told["synthetic"] is True
    found = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert found == {f["path"] for f in told["files"]} | {"manifest.json", "manifest.sha256"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release"]


def test_no_path_user_or_host_of_this_machine_leaves(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0), formats=("nifti", "dicom", "stl"))
    words = [b"/somewhere/private", str(tmp_path).encode(), os.uname().nodename.encode()]
    if getpass.getuser() != "root":
        words.append(getpass.getuser().encode())
    for path in (tmp_path / "release").rglob("*"):
        if path.is_file():
            assert not [w for w in words if w in path.read_bytes()]


def test_nifti_is_called_synthetic_and_gives_the_models_numbers_back(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0, CT), recipe=CT, formats=("nifti",))
    path = tmp_path / "release" / "images" / "batch1-0000.nii.gz"
    image = nibabel.load(path)
    assert b"SYNTHETIC" in image.header["descrip"].tobytes()
    assert image.header.get_zooms() == (2, 2, 2)
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    again = np.asarray(image.dataobj, np.float64) / 1000
    np.testing.assert_allclose(again, ball(CT), atol=1e-6)  # -1000..1000 HU stand for -1..1
    volume = read_volume(path)
    assert (volume.modality, volume.unit) == ("CT", "HU")
    np.testing.assert_allclose(volume.affine @ [*(np.array(CT.grid) - 1) / 2, 1], [0, 0, 0, 1], atol=1e-5)


@pytest.mark.parametrize("recipe", [MR, CT, FLAT], ids=["MR", "CT", "2D"])
def test_the_array_hash_of_the_manifest_can_be_recomputed_from_the_image(
    tmp_path: Path, recipe: Recipe
) -> None:
    export(tmp_path / "release", item(0, recipe), recipe=recipe, formats=("nifti",))
    entry = json.loads((tmp_path / "release" / "manifest.json").read_text())["samples"][0]
    image = nibabel.load(tmp_path / "release" / entry["files"][0])
    raw = np.ascontiguousarray(image.dataobj.get_unscaled()).astype("<f4").reshape(recipe.grid)
    assert hash_array(raw) == entry["array_sha256"]


def test_arbitrary_intensities_run_from_0_to_1000(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0), formats=("nifti",))
    volume = read_volume(tmp_path / "release" / "images" / "batch1-0000.nii.gz")
    np.testing.assert_allclose(volume.array, (ball(MR) + 1) * 500, atol=1e-3)
    told = json.loads((tmp_path / "release" / "manifest.json").read_text())["intensity"]
    assert (told["unit"], told["low"], told["high"]) == ("arbitrary", 0, 1000)


@pytest.mark.parametrize("recipe", [MR, CT], ids=["MR", "CT"])
def test_dicom_lies_where_nifti_lies_and_says_it_is_synthetic(tmp_path: Path, recipe: Recipe) -> None:
    export(tmp_path / "release", item(0, recipe), recipe=recipe)
    folder = tmp_path / "release" / "dicom" / "batch1-0000"
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        assert dataset[0x0008, 0x001C].value == "YES"
        assert dataset.PatientID == "batch1-0000"
    series = read_volume(folder).canonical()
    image = read_volume(tmp_path / "release" / "images" / "batch1-0000.nii.gz").canonical()
    np.testing.assert_allclose(series.affine, image.affine, atol=1e-3)
    np.testing.assert_allclose(series.array, image.array, atol=0.51)  # rounded to whole numbers
    assert series.unit == image.unit


def test_pictures_leave_too(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0, FLAT), recipe=FLAT)
    assert verify_package(tmp_path / "release").ok
    assert read_volume(tmp_path / "release" / "images" / "batch1-0000.nii.gz").array.shape == (16, 12, 1)
    with pytest.raises(InputRefused, match="pictures"):
        export(tmp_path / "second", item(0, FLAT), recipe=FLAT, formats=("stl",))


def test_surfaces_leave_with_their_sidecars(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0), formats=("nifti", "stl", "glb"))
    assert verify_package(tmp_path / "release").ok
    surface = read_surface(tmp_path / "release" / "meshes" / "batch1-0000.stl")
    assert surface.watertight
    np.testing.assert_allclose(surface.vertices.mean(axis=0), 0, atol=1)


def test_the_readme_tells_a_stranger_what_this_is(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0), formats=("nifti", "stl"), signing_key=new_key())
    text = (tmp_path / "release" / "README.txt").read_text()
    assert "1 synthetic image," in text
    assert "None is an image of a patient" in " ".join(text.split())
    assert "medsynth verify" in text
    assert verify_package(tmp_path / "release").fingerprint in text  # type: ignore[operator]
    assert max(map(len, text.splitlines())) <= 78


@pytest.mark.skipif(sys.platform == "win32", reason="sha256sum is a Unix program")
def test_sha256sum_checks_every_file_without_this_program(tmp_path: Path) -> None:
    export(tmp_path / "release", item(0))
    command = ["sha256sum", "-c", "--strict", "manifest.sha256"]
    done = subprocess.run(command, cwd=tmp_path / "release", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "images/batch1-0000.nii.gz: OK" in done.stdout


def broken_items() -> dict[str, ReleaseItem]:
    whole = item(0)
    rejected = reject(whole.verdict, who="Dr Example", reason="odd", when=WHEN)
    return {
        "rejected": replace(whole, decision=rejected),
        "reopened": replace(whole, decision=replace(rejected, status="reopened")),
        "blocked": replace(whole, verdict=verdict(whole.sample.id, "block")),
        "worse": replace(whole, verdict=verdict(whole.sample.id, "review")),
        "old thresholds": replace(whole, verdict=replace(whole.verdict, policy_hash="0" * 64)),
        "other sample's verdict": replace(whole, verdict=verdict("batch1-0001")),
        "other model": replace(whole, sample=replace(whole.sample, bundle_hash="0" * 64)),
        "other image": replace(whole, array=ball(MR, seed=99)),
        "other decision": replace(whole, decision=item(1).decision),
    }


@pytest.mark.parametrize("why", broken_items())
def test_what_must_not_leave_does_not_and_takes_nothing_with_it(tmp_path: Path, why: str) -> None:
    with pytest.raises(GuardRefused, match="batch1-0000"):
        export(tmp_path / "release", item(1), broken_items()[why], formats=("nifti",))
    assert not list(tmp_path.iterdir())


def test_wrong_wishes_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="Nothing is approved"):
        export(tmp_path / "release")
    with pytest.raises(InputRefused, match="knows the formats"):
        export(tmp_path / "release", item(0), formats=("jpeg",))
    with pytest.raises(InputRefused, match="twice"):
        export(tmp_path / "release", item(0), item(0))
    evil = item(0)
    evil = replace(evil, sample=replace(evil.sample, id="../x"))
    with pytest.raises(InputRefused, match="file name"):
        export(tmp_path / "release", evil)
    assert not list(tmp_path.iterdir())


def test_a_used_folder_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "release"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    with pytest.raises(InputRefused, match="not empty"):
        export(out, item(0), formats=("nifti",))
    assert (out / "mine.txt").read_text() == "precious"
    with pytest.raises(InputRefused, match="no folder"):
        export(out / "mine.txt", item(0), formats=("nifti",))
    (out / "mine.txt").unlink()
    export(out, item(0), formats=("nifti",))  # empty: taken
    assert verify_package(out).ok


def test_two_exports_of_the_same_samples_are_two_releases(tmp_path: Path) -> None:
    first, second = (export(tmp_path / n, item(0), formats=("nifti",), created=WHEN) for n in "ab")
    assert first.id != second.id
    third, fourth = (export(tmp_path / n, item(0), created=WHEN, serial="1") for n in "cd")
    assert third.manifest_hash == fourth.manifest_hash  # nothing else depends on chance or machine


def test_a_cancelled_export_leaves_nothing(tmp_path: Path) -> None:
    for stop in range(1, 6):
        steps = export_release([item(0), item(1)], tmp_path / "release", bundle=bundle(), policy=POLICY)
        for _ in range(stop):
            next(steps)
        steps.close()
        assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="release could not be written") as refused:
        export(tmp_path / "file" / "release", item(0), formats=("nifti",))
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.skipif(os.name == "nt", reason="uses Unix permissions")
def test_a_read_only_folder_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # permissions do not bind root
            with pytest.raises(StoreFailed, match="could not be written"):
                export(Path(folder) / "release", item(0), formats=("nifti",))
        finally:
            os.seteuid(user)
            os.chmod(folder, 0o755)
        assert not os.listdir(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="uses a Unix limit")
@pytest.mark.parametrize("kind", ["nifti", "dicom", "stl"])
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path, kind: str) -> None:
    """A limit on file size makes real writes fail half-way, as a full disk does."""
    import resource
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, limits[1]))
    try:
        with pytest.raises(MedSynthError, match="written") as refused:
            export(tmp_path / "release", item(0), formats=(kind,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert str(tmp_path) not in str(refused.value)
    assert not list(tmp_path.iterdir())
