"""The search with an index gives the very answers of the search without one, and the index is built once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.cohorts.conform import Extent, conform, propose_recipe
from medsynth_desktop.core.errors import Cancelled, InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import CancelToken, Progress, drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.similarity import bounds, index
from medsynth_desktop.similarity.exact import flatten, moments
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.similarity.thumbnails import (
    ROOM,
    coefficients,
    fit_basis,
    is_orthonormal,
    thumbnail_size,
    write_thumbnail,
)
from medsynth_desktop.store.indexes import Arrays, Indexes
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import searching
from medsynth_desktop.workbench.searching import training_search
from tests.gui.judged_workspace import COHORT, fill
from tests.similarity.test_search import brute_force, check, cohorts

EVERY_WAY = (0, 1 << 40)
"""Bytes of thumbnails above which coefficients come first: always, never."""


def named(images: Sequence[np.ndarray], patients: Sequence[str]) -> list[ImageRecord]:
    each = enumerate(zip(images, patients, strict=True))
    return [ImageRecord(f"{p}-{n}", p, "train", hash_array(image)) for n, (image, p) in each]


def one_each(images: Sequence[np.ndarray]) -> list[ImageRecord]:
    return named(images, [f"P-{n:04d}" for n in range(len(images))])


def shelf(folder: Path, large: int = 0) -> Shelf:
    return Shelf(Indexes(folder), "recipe", least=0, large=large)


@pytest.fixture
def smooth() -> np.ndarray:
    """60 smooth images of 32 x 31 that resemble one another, in [-1, 1]."""
    from scipy import ndimage

    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal((61, 32, 31)), (0, 3, 3))
    images = noise[0] + noise[1:]
    return (images / np.abs(images).max()).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.integers(1, 16), st.sampled_from(["correlation", "rmse"]), st.booleans())
def test_the_same_bits_as_without_and_as_brute_force(cohort, k: int, by: str, apart: bool) -> None:
    images, queries, drawn = cohort
    records = named(images, [r.patient for r in drawn])
    asked = [(f"q{n}", q) for n, q in enumerate(queries)]
    own = {"q0": records[0].patient} if apart and len({r.patient for r in records}) > 1 else None
    plain = drain(NearestSearch(images, records).query(asked, k, by, own))
    with tempfile.TemporaryDirectory() as folder:
        for large in EVERY_WAY:
            for _ in ("made", "opened"):
                engine = NearestSearch(images, records, threads=2, shelf=shelf(Path(folder), large))
                found = drain(engine.query(asked, k, by, own))
                assert repr(found) == repr(plain)
    if own is None:
        for nearest, query in zip(found, queries, strict=True):
            check(nearest, query, images, records, k, by)


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.booleans())
def test_bounds_hold_in_any_orthonormal_basis(cohort, fitted: bool) -> None:
    images, queries, _ = cohort
    both = [*images, queries[0]]
    width = thumbnail_size(images[0].shape)
    rows = np.empty((len(both), bounds.padded(width)), np.float32)
    rests = np.array(
        [write_thumbnail(i, moments(flatten(i), "it"), r) for i, r in zip(both, rows, strict=True)]
    )
    if fitted:
        basis = drain(fit_basis(rows[:-1], max(1, len(images) // 2)))
    else:
        random = np.random.default_rng(0).standard_normal((rows.shape[1], min(4, rows.shape[1])))
        basis = np.linalg.qr(random)[0].T
    assert is_orthonormal(basis)
    known, known_rests = coefficients(rows, basis)
    _, correlation = brute_force(queries[0], images)
    with ThreadPoolExecutor(2) as pool:
        for some, left, size in ((rows, rests, width), (known, known_rests, len(basis))):
            middle = bounds.products(some[-1:], some[:-1], size, pool)[0]
            error = bounds.error_bound(size) + ROOM + left[-1] * left[:-1]
            assert (np.abs(middle - correlation) <= error).all()


def test_a_device_of_torch_gives_the_same_within_the_bound() -> None:
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(0).standard_normal((7, 2048), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with ThreadPoolExecutor(1) as pool:
        ours = bounds.products(rows, rows[:5], 2048, pool)
        theirs = bounds.products(torch.from_numpy(rows), rows[:5], 2048, pool)
    assert np.abs(ours - rows.astype(float) @ rows[:5].T.astype(float)).max() < bounds.error_bound(2048)
    assert np.abs(ours - theirs).max() < 2 * bounds.error_bound(2048)


@pytest.mark.parametrize("large", EVERY_WAY)
def test_near_copies_and_repeat_scans(smooth: np.ndarray, tmp_path: Path, large: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((12, *smooth[0].shape))
    scans = (smooth[0] + 1e-4 * np.arange(1, 13)[:, None, None] * noise).astype(np.float32)
    images = np.concatenate([smooth[1:], scans])
    records = named(images, [f"P-{n:04d}" for n in range(59)] + ["P-0900"] * 12)
    (found,) = drain(
        NearestSearch(images, records, shelf=shelf(tmp_path, large)).query([("q", smooth[0])], 3)
    )
    check(found, smooth[0], images, records, 3, "correlation")
    assert [n.image for n in found.neighbours] == ["P-0900-59", "P-0900-60", "P-0900-61"]
    assert found.neighbours[0].rmse == pytest.approx(1e-4, rel=0.05)


def files(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in sorted(folder.rglob("*.npys"))}


def test_a_growing_cohort_adds_only_what_is_new(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    drain(NearestSearch(smooth[:-1], one_each(smooth[:-1]), shelf=shelf(tmp_path)).query(asked))
    before = files(tmp_path)
    found = drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
    after = files(tmp_path)
    assert found == drain(NearestSearch(smooth, one_each(smooth)).query(asked))
    assert before.items() <= after.items()
    assert sorted(p.parent.name[:5] for p in after.keys() - before.keys()) == ["coeff", "thumb"]
    shuffled = smooth[::-2]
    drain(NearestSearch(shuffled, one_each(shuffled), shelf=shelf(tmp_path)).query(asked))
    assert files(tmp_path) == after


def test_a_basis_that_knows_few_is_fitted_anew(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    for some in (smooth[:10], smooth):
        found = drain(NearestSearch(some, one_each(some), shelf=shelf(tmp_path)).query(asked))
        assert found == drain(NearestSearch(some, one_each(some)).query(asked))
    assert len(list(tmp_path.glob("indexes/*/bases/*"))) == 2


def test_few_images_are_read_with_an_index(smooth: np.ndarray, tmp_path: Path) -> None:
    engine = NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path, 1 << 40))
    drain(engine.query([("q", smooth[3])], 1))
    assert 0 < engine.refined < 0.2
    small = NearestSearch(smooth, one_each(smooth), shelf=Shelf(Indexes(tmp_path / "none"), "recipe"))
    drain(small.query([("q", smooth[3])], 1))
    assert small.refined == 1
    assert not (tmp_path / "none").exists()


def test_what_is_finished_outlives_a_cancel(
    smooth: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SEGMENT", 4 * 256 * 20)
    engine, token = NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)), CancelToken()

    def stop(progress: Progress) -> None:
        if progress.done > 20:
            token.cancel()

    with pytest.raises(Cancelled):
        drain(engine.query([("q", smooth[0])]), stop, token)
    before = files(tmp_path)
    assert len(before) == 1
    drain(engine.query([("q", smooth[0])]))
    assert before.items() <= files(tmp_path).items()


def test_damaged_or_deleted_files_are_made_again(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3] * np.float32(0.5) + smooth[4])]
    plain = drain(NearestSearch(smooth, one_each(smooth)).query(asked))
    drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
    for number, path in enumerate(files(tmp_path)):
        if number == 0:
            path.unlink()
        else:
            os.truncate(path, path.stat().st_size - 1)
        found = drain(NearestSearch(smooth, one_each(smooth), shelf=shelf(tmp_path)).query(asked))
        assert found == plain


class FullDisk(Indexes):
    """Nothing can be kept."""

    def put(self, key: str, name: str, arrays: Sequence[np.ndarray]) -> Arrays:
        raise StoreFailed("full")


def test_where_nothing_can_be_kept_the_search_goes_without(smooth: np.ndarray, tmp_path: Path) -> None:
    asked = [("q", smooth[3])]
    found = drain(
        NearestSearch(smooth, one_each(smooth), shelf=Shelf(FullDisk(tmp_path), "recipe", 0)).query(asked)
    )
    assert found == drain(NearestSearch(smooth, one_each(smooth)).query(asked))


def test_an_image_without_contrast_is_named(smooth: np.ndarray, tmp_path: Path) -> None:
    images = [*smooth[:3], np.full_like(smooth[0], 0.5)]
    with pytest.raises(InputRefused, match="Real image P-0003-3 has no contrast"):
        drain(NearestSearch(images, one_each(images), shelf=shelf(tmp_path)).query([("q", smooth[0])]))


def test_the_workspace_keeps_the_index_of_its_cohort(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace)
    cohort = workspace.cohorts.get(COHORT)
    query = [("q", workspace.arrays.get(cohort.split("train")[0].array_hash))]
    plain = drain(training_search(workspace, cohort).query(query))
    assert not (workspace.path / "indexes").exists()
    monkeypatch.setattr(searching, "Shelf", partial(Shelf, least=0, large=0))
    assert drain(training_search(workspace, cohort).query(query)) == plain
    assert len(files(workspace.path)) == 3


@pytest.mark.realdata
@pytest.mark.parametrize("large", EVERY_WAY)
def test_the_same_on_real_heads(shared_data: Path, tmp_path: Path, large: int) -> None:
    volumes = []
    for path in sorted((shared_data / "ixi-t1-2mm" / "t1").glob("*.nii*"))[:24]:
        image = nib.load(path)
        volumes.append(Volume(np.asarray(image.dataobj, np.float32), np.asarray(image.affine, float), "MR"))
    recipe = propose_recipe([Extent.of(volume) for volume in volumes], grid=(48, 56, 48))
    heads = np.stack([conform(volume, recipe) for volume in volumes])
    near = heads[9] + np.float32(1e-4) * np.random.default_rng(0).standard_normal(heads[9].shape)
    asked = [("other", heads[0]), ("copy", heads[8]), ("near", near.astype(np.float32))]
    real, records = heads[4:], one_each(heads[4:])
    for by in ("correlation", "rmse"):
        plain = drain(NearestSearch(real, records).query(asked, 3, by))
        engine = NearestSearch(real, records, shelf=shelf(tmp_path, large))
        assert repr(drain(engine.query(asked, 3, by))) == repr(plain)
        assert 0 < engine.refined <= 1
        for nearest, (_, query) in zip(plain, asked, strict=True):
            check(nearest, query, real, records, 3, by)
