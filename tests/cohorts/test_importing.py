"""Import: every file accounted for, patients kept together, nothing that names them kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.errors import Cancelled, InputRefused, NotFound, StoreFailed
from medsynth_desktop.core.progress import CancelToken, Progress, drain
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.store.workspace import DATABASE, Workspace
from tests.cohorts.heads import write_head, write_heads
from tests.formats.series import series

Import = Callable[..., CohortRecord]


@pytest.fixture
def run(workspace: Workspace) -> Import:
    def run(path: Path, name: str = "heads", **options: object) -> CohortRecord:
        return drain(import_cohort(workspace, name, [path], **options))  # type: ignore[arg-type]

    return run


def patients(cohort: CohortRecord, split: str | None = None) -> set[str]:
    return {i.patient for i in cohort.images if split in (None, i.split)}


def test_images_are_conformed_named_and_split_by_patient(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    cohort = run(write_heads(tmp_path / "in", 10, each=2))
    assert len(cohort.images) == 20
    assert [i.id for i in cohort.images][:3] == ["P-0001-1", "P-0001-2", "P-0002-1"]
    assert len(patients(cohort, "calibration")) == 3
    assert patients(cohort, "train").isdisjoint(patients(cohort, "calibration"))
    assert cohort == workspace.cohorts.get("heads")
    for image in cohort.images:
        array = workspace.arrays.get(image.array_hash, verify=True)
        assert array.shape == cohort.recipe.grid
        assert array.dtype == np.float32
        assert -1 <= array.min() < array.max() <= 1


def test_an_import_says_how_patients_were_told_apart(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 4, each=2)
    guessed = run(folder).patients_told
    assert guessed.startswith("Took 8 images as 4 patients, told apart by the names of their files; if that")
    assert "IXI" not in guessed
    melted = run(folder, "melted", patient_pattern="^[A-Z]+").patients_told
    assert melted == "Took 8 images as 1 patient, told apart by the pattern."
    (tmp_path / "people.csv").write_text("participant_id\nIXI000\nIXI001\nIXI002\n")
    mixed = run(folder, "mixed", participants=tmp_path / "people.csv").patients_told
    by = "the list of participants (6 images) and the names of their files (2 images); if that"
    assert mixed.startswith(f"Took 8 images as 4 patients, told apart by {by}")


def test_the_same_files_give_the_same_cohort_in_any_workspace(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 6)
    first = run(folder)
    shutil.move(folder, tmp_path / "moved")
    with Workspace.open(tmp_path / "other") as other:
        second = drain(import_cohort(other, "heads", [tmp_path / "moved"]))
    assert second == first


def test_importing_again_adds_nothing_and_extending_keeps_splits(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 5)
    first = run(folder)
    assert run(folder) == first
    write_head(folder / "IXI001-HH-1201_T1_9.nii", 777)
    for patient in range(50, 65):
        write_head(folder / f"IXI{patient:03d}-HH-1_T1.nii", patient)
    more = run(folder)
    assert all(i in more.images for i in first.images)
    assert len(more.images) == 21
    assert len(patients(more)) == 20
    assert len(patients(more, "calibration")) == 6
    assert patients(more, "train").isdisjoint(patients(more, "calibration"))
    assert more.hash != first.hash


def test_every_file_is_an_image_or_listed_with_its_reason(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_heads(tmp_path / "in", 4)
    (folder / "IXI900-notes.txt").write_text("nothing to see")
    (folder / "IXI901_T1.nii").write_bytes(b"")
    whole = (folder / "IXI000-HH-1200_T1_0.nii").read_bytes()
    (folder / "IXI902_T1.nii").write_bytes(whole[: len(whole) // 2])
    write_head(folder / "IXI903_T1.nii", 5)
    cohort = run(folder)
    reasons = {Path(path).name: reason for path, reason in cohort.skipped}
    assert set(reasons) == {"IXI900-notes.txt", "IXI901_T1.nii", "IXI902_T1.nii"}
    assert len(cohort.images) == 5
    stored = workspace.cohorts.get("heads").skipped
    assert len(stored) == 3
    assert "IXI" not in str(stored)
    (folder / "IXI901_T1.nii").write_bytes(write_head(tmp_path / "late.nii", 901).read_bytes())
    assert len(run(folder).skipped) == 2
    assert len(workspace.cohorts.get("heads").skipped) == 2


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_images_without_contrast_or_with_holes_are_skipped(run: Import, tmp_path: Path, value: float) -> None:
    import nibabel

    folder = write_heads(tmp_path / "in", 3)
    array = np.full((12, 14, 10), value, np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) * 4), folder / "bad.nii")
    cohort = run(folder)
    assert len(cohort.images) == 3
    assert [Path(p).name for p, _ in cohort.skipped] == ["bad.nii"]


def test_no_name_of_a_patient_or_file_reaches_the_workspace(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_heads(tmp_path / "in", 3)
    shutil.copy(folder / "IXI000-HH-1200_T1_0.nii", folder / "IXI777 copy.nii")
    (folder / "IXI900.txt").write_text("x")
    (tmp_path / "people.csv").write_text("participant_id,age,sex,name\nIXI000,44,F,Erika Mustermann\n")
    messages: list[str] = []
    steps = import_cohort(workspace, "heads", [folder], participants=tmp_path / "people.csv")
    cohort = drain(steps, lambda progress: messages.append(progress.message))
    workspace.close()
    for file in workspace.path.rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        assert b"IXI" not in data
        assert b"Mustermann" not in data
        assert "IXI" not in str(file)
    assert "IXI" not in "".join(messages)
    assert cohort.images[0].attributes == {"age": 44.0, "sex": "F"}


def test_a_file_that_lies_under_two_patients_makes_them_one(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_heads(tmp_path / "in", 8, each=2)
    shutil.copy(folder / "IXI002-HH-1202_T1_1.nii", folder / "IXI006-HH-1206_T1_7.nii")
    shutil.copy(folder / "IXI003-HH-1203_T1_0.nii", folder / "IXI003-HH-1203_T1_7.nii")
    cohort = run(folder)
    assert len(cohort.images) == 16
    assert [reason for _, reason in cohort.skipped] == ["The same bytes as another file of this import."] * 2
    assert len(patients(cohort)) == 7
    assert len(patients(cohort, "train") & patients(cohort, "calibration")) == 0
    assert len(workspace.cohorts.notes("heads")) == 1
    arrays = [i.array_hash for i in cohort.images]
    assert len(set(arrays)) == len(arrays)


def test_a_copy_under_other_bytes_is_recognised_once_conformed(run: Import, tmp_path: Path) -> None:
    import gzip

    folder = write_heads(tmp_path / "in", 3)
    data = (folder / "IXI001-HH-1201_T1_0.nii").read_bytes()
    (folder / "IXI009-HH-1209_T1_0.nii.gz").write_bytes(gzip.compress(data))
    cohort = run(folder)
    assert len(cohort.images) == 3
    assert cohort.skipped[0][1] == "The same image as P-0002-1, which the cohort holds already."


def test_patients_who_turn_out_to_be_one_across_the_split_all_train(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 8)
    before = run(folder)
    trained = next(i for i in before.images if i.split == "train")
    unseen = next(i for i in before.images if i.split == "calibration")
    files = sorted(folder.iterdir())
    one, two = (files[int(i.patient[2:]) - 1] for i in (trained, unseen))
    shutil.copy(one, folder / f"{two.name.split('_')[0]}_T1_zz.nii")
    after = run(folder)
    assert {i.id for i in after.images} == {i.id for i in before.images}
    same = [i for i in after.images if i.id in (trained.id, unseen.id)]
    assert len({i.patient for i in same}) == 1
    assert {i.split for i in same} == {"train"}
    assert after.hash != before.hash


def test_a_mistaken_pattern_does_not_melt_patients_that_are_known(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 4)
    assert run(folder) == run(folder, patient_pattern="IXI")


def test_a_cancelled_import_keeps_its_images_and_goes_on(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_heads(tmp_path / "in", 9)
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.message.startswith("Importing image 5"):
            token.cancel()

    with pytest.raises(Cancelled):
        drain(import_cohort(workspace, "heads", [folder]), stop, token)
    assert len(workspace.cohorts.held("heads")) == 4
    assert workspace.cohorts.names() == []
    with pytest.raises(NotFound, match="interrupted"):
        workspace.cohorts.get("heads")
    with Workspace.open(tmp_path / "other") as other:
        assert run(folder) == drain(import_cohort(other, "heads", [folder]))


def test_an_import_can_be_cancelled_between_two_dicom_headers(workspace: Workspace, tmp_path: Path) -> None:
    series(tmp_path / "in", range(0, 60, 3))
    token, told = CancelToken(), []

    def stop(progress: Progress) -> None:
        told.append(progress.message)
        if progress.message == "Reading headers: 7 of 20 DICOM files":
            token.cancel()

    with pytest.raises(Cancelled):
        drain(import_cohort(workspace, "heads", [tmp_path / "in"]), stop, token)
    assert told[-1] == "Reading headers: 7 of 20 DICOM files"
    assert workspace.cohorts.held("heads") == {}


def test_the_recipe_of_a_cohort_stays(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 3)
    first = run(folder, spacing=5.0, grid=(16, 16, 16))
    assert (first.recipe.grid, first.recipe.spacing) == ((16, 16, 16), 5.0)
    assert run(folder, spacing=5.0, grid=(16, 16, 16)) == run(folder) == first
    for options in ({"spacing": 4.0}, {"grid": (16, 16, 32)}):
        with pytest.raises(InputRefused, match="exists with grid 16,16,16 at 5 mm"):
            run(folder, **options)


def test_what_cannot_be_imported_is_refused_in_one_sentence(
    run: Import, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    folder = write_heads(tmp_path / "in", 2)
    wrong: list[tuple[Path, dict[str, object], str]] = [
        (tmp_path / "empty", {}, "folder is empty"),
        (folder, {"calibration": 1.5}, "share of calibration"),
        (folder, {"calibration": float("nan")}, "share of calibration"),
        (folder, {"patient_pattern": "(IXI"}, "no regular expression"),
        (folder, {"patient_pattern": "(a+)+b"}, "too complicated"),
        (folder, {"patient_pattern": "OASIS"}, "fits none of the 2 images"),
        (folder, {"participants": tmp_path / "no.csv"}, "cannot be read"),
        (folder, {"grid": (4, 4, 4)}, "A grid has"),
        (folder, {"grid": (64, 64)}, "is 2D"),
        (folder, {"spacing": 1e9}, "Spacing must lie"),
    ]
    for path, options, part in wrong:
        with pytest.raises(InputRefused) as error:
            run(path, **options)
        assert part in str(error.value)
        assert "\n" not in str(error.value)
        assert str(tmp_path) not in str(error.value)
    with pytest.raises(InputRefused, match=r"missing could not be imported: Cannot be opened \(No such file"):
        run(tmp_path / "missing")
    with pytest.raises(InputRefused, match="empty"):
        run(folder, name=" ")
    assert workspace.cohorts.names() == []


def test_a_failed_first_import_does_not_bind_the_name(run: Import, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "in", 2)
    (tmp_path / "bad").mkdir()
    with pytest.raises(InputRefused):
        run(tmp_path / "bad")
    with pytest.raises(InputRefused):
        run(folder, grid=(32, 32))
    assert run(folder, grid=(16, 16, 16)).recipe.grid == (16, 16, 16)


def test_a_store_that_fails_stops_the_import_and_keeps_what_it_has(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = write_heads(tmp_path / "in", 5)
    steps = import_cohort(workspace, "heads", [folder])
    for progress in steps:
        if progress.message.startswith("Importing image 4"):
            break
    shutil.rmtree(workspace.path / "unfinished")
    (workspace.path / "unfinished").write_text("in the way")
    with pytest.raises(StoreFailed):
        drain(steps)
    (workspace.path / "unfinished").unlink()
    assert len(workspace.cohorts.held("heads")) == 3
    assert len(drain(import_cohort(workspace, "heads", [folder])).images) == 5
    assert (workspace.path / DATABASE).is_file()
