"""Conformed arrays out of a cohort, and any image onto its grid."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsynth_desktop.cohorts.access import conform_query, load_arrays, map_arrays, stream, write_arrays
from medsynth_desktop.cohorts.conform import conform
from medsynth_desktop.cohorts.importing import import_cohort
from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.formats.read import read_volume
from medsynth_desktop.store.workspace import Workspace
from tests.cohorts.heads import write_head, write_heads


@pytest.fixture
def cohort(workspace: Workspace, tmp_path: Path) -> CohortRecord:
    return drain(import_cohort(workspace, "heads", [write_heads(tmp_path / "in", 7)]))


def test_all_ways_to_the_arrays_agree(workspace: Workspace, cohort: CohortRecord) -> None:
    for split in ("train", "calibration"):
        arrays, records = load_arrays(workspace, cohort, split)  # type: ignore[arg-type]
        mapped, same = map_arrays(workspace, cohort, split)  # type: ignore[arg-type]
        streamed = list(stream(workspace, cohort, split))  # type: ignore[arg-type]
        assert arrays.shape == (len(records), *cohort.recipe.grid)
        assert arrays.dtype == np.float32
        assert records == same == tuple(r for r, _ in streamed) == cohort.split(split)  # type: ignore[arg-type]
        assert np.array_equal(arrays, np.stack(list(mapped)))
        assert np.array_equal(arrays, np.stack([a for _, a in streamed]))
        assert np.array_equal(np.stack(list(mapped[1:])), arrays[1:])


def test_written_arrays_are_named_row_by_row(
    workspace: Workspace, cohort: CohortRecord, tmp_path: Path
) -> None:
    write_arrays(workspace, cohort, tmp_path / "out" / "deep")
    write_arrays(workspace, cohort, tmp_path / "out" / "deep")
    folder = tmp_path / "out" / "deep"
    assert sorted(p.name for p in folder.iterdir()) == ["arrays.npy", "rows.csv"]
    arrays = np.load(folder / "arrays.npy", allow_pickle=False)
    rows = list(csv.DictReader((folder / "rows.csv").open()))
    assert arrays.shape == (7, *cohort.recipe.grid)
    assert arrays.dtype == np.float32
    for image, row, array in zip(cohort.images, rows, arrays, strict=True):
        assert [row[c] for c in ("image", "patient", "split")] == [image.id, image.patient, image.split]
        assert np.array_equal(array, workspace.arrays.get(image.array_hash))
    assert [row["row"] for row in rows] == [str(n) for n in range(7)]


def test_arrays_cannot_be_written_below_a_file(
    workspace: Workspace, cohort: CohortRecord, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailed, match="choose another folder"):
        write_arrays(workspace, cohort, tmp_path / "file" / "out")


def test_a_query_is_conformed_as_the_cohort_was(
    workspace: Workspace, cohort: CohortRecord, tmp_path: Path
) -> None:
    file = next((tmp_path / "in").iterdir())
    volume = read_volume(file)
    ((label, array),) = conform_query(file, cohort.recipe)
    ((_, of_volume),) = conform_query(volume, cohort.recipe)
    assert label == str(file)
    assert np.array_equal(array, conform(volume, cohort.recipe))
    assert np.array_equal(array, of_volume)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_conformed_arrays_and_stacks_are_taken_as_they_are(
    cohort: CohortRecord, tmp_path: Path, dtype: type
) -> None:
    stack = np.random.default_rng(0).uniform(-1, 1, (3, *cohort.recipe.grid)).astype(dtype)
    np.save(tmp_path / "stack.npy", stack)
    np.save(tmp_path / "one.npy", stack[1])
    found = list(conform_query(tmp_path / "stack.npy", cohort.recipe))
    assert [label.split("#")[1] for label, _ in found] == ["0", "1", "2"]
    assert np.array_equal(np.stack([a for _, a in found]), stack)
    ((label, one),) = conform_query(tmp_path / "one.npy", cohort.recipe)
    assert label == str(tmp_path / "one.npy")
    assert one.dtype == dtype
    assert np.array_equal(one, stack[1])


def test_bad_queries_are_refused(cohort: CohortRecord, tmp_path: Path) -> None:
    hole = np.zeros((2, *cohort.recipe.grid), np.float32)
    hole[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "hole.npy", hole)
    (tmp_path / "text.nii").write_text("no image")
    (tmp_path / "empty").mkdir()
    picture = nibabel.Nifti1Image(np.random.default_rng(0).random((30, 30, 1)), np.eye(4))
    nibabel.save(picture, tmp_path / "picture.nii")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "other-shape.npy", np.random.default_rng(0).random((5, 6, 7, 8)))
    for name in (
        "hole.npy",
        "text.nii",
        "empty",
        "picture.nii",
        "missing.nii",
        "objects.npy",
        "other-shape.npy",
    ):
        with pytest.raises(InputRefused) as error:
            list(conform_query(tmp_path / name, cohort.recipe))
        assert str(tmp_path) not in str(error.value)


def test_a_folder_gives_all_its_images(cohort: CohortRecord, tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    write_head(folder / "a.nii", 900)
    write_head(folder / "b.nii", 901)
    (folder / "notes.txt").write_text("x")
    nibabel.save(nibabel.Nifti1Image(np.ones((9, 9, 9)), np.eye(4)), folder / "c.nii")
    skipped: list[tuple[str, str]] = []
    labels = [Path(label).name for label, _ in conform_query(folder, cohort.recipe, skipped=skipped)]
    assert labels == ["a.nii", "b.nii"]
    assert sorted(Path(p).name for p, _ in skipped) == ["c.nii", "notes.txt"]
    with pytest.raises(InputRefused):
        list(conform_query(folder, cohort.recipe))
