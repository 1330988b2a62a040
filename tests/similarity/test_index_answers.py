"""The search with an index gives the very answers of the search without one, and of brute force."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio.v3 as imageio
import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.cohorts.conform import Extent, conform, propose_recipe
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.similarity import bounds
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
from medsynth_desktop.store.indexes import Indexes
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


def smooth_images() -> np.ndarray:
    """60 smooth images of 32 x 31 that resemble one another, in [-1, 1]."""
    from scipy import ndimage

    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal((61, 32, 31)), (0, 3, 3))
    images = noise[0] + noise[1:]
    return (images / np.abs(images).max()).astype(np.float32)


@pytest.fixture
def smooth() -> np.ndarray:
    return smooth_images()


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


@settings(max_examples=30, deadline=None)
@given(
    cohorts(),
    st.randoms(use_true_random=False),
    st.sampled_from(EVERY_WAY),
    st.integers(1, 4),
    st.sampled_from([1, 60_000, 1 << 30]),
)
def test_neither_order_nor_batch_nor_threads_change_a_bit_with_an_index(
    cohort, random, large: int, threads: int, memory: int
) -> None:
    images, queries, drawn = cohort
    records = named(images, [r.patient for r in drawn])
    asked = [(f"q{n}", q) for n, q in enumerate(queries)]
    plain = drain(NearestSearch(images, records).query(asked, 3))
    order = list(range(len(images)))
    random.shuffle(order)
    with tempfile.TemporaryDirectory() as folder:
        kept = shelf(Path(folder), large)
        shuffled = [images[i] for i in order], [records[i] for i in order]
        engine = NearestSearch(*shuffled, threads=threads, memory=memory, shelf=kept)
        assert repr(drain(engine.query(asked[::-1], 3))[::-1]) == repr(plain)
        alone = NearestSearch(images, records, threads=threads, memory=memory, shelf=kept)
        assert repr([drain(alone.query([one], 3))[0] for one in asked]) == repr(plain)


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
    with torch.autocast("cpu", torch.bfloat16), ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(bounds.products(torch.from_numpy(rows), rows[:5], 2048, pool), theirs)


@pytest.mark.parametrize("large", EVERY_WAY)
def test_a_cuda_device_gives_the_same_answers(smooth: np.ndarray, tmp_path: Path, large: int) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    asked = [(str(n), smooth[n] * np.float32(0.9) + np.float32(0.1) * smooth[n + 1]) for n in range(9)]
    plain = drain(NearestSearch(smooth, one_each(smooth)).query(asked, 3))
    for kept in (None, shelf(tmp_path, large)):
        engine = NearestSearch(smooth, one_each(smooth), shelf=kept, device="cuda")
        assert repr(drain(engine.query(asked, 3))) == repr(plain)


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


@pytest.mark.realdata
@pytest.mark.parametrize("large", EVERY_WAY)
def test_the_same_on_real_radiographs_with_ties_and_copies(
    shared_data: Path, tmp_path: Path, large: int
) -> None:
    paths = sorted((shared_data / "cxr-paediatric").rglob("*.jp*g"))[:40]
    chests = np.stack([shrunken(np.asarray(imageio.imread(path, mode="L"), np.float32)) for path in paths])
    near = (chests[5] + np.random.default_rng(0).normal(0, 1e-4, chests[5].shape)).astype(np.float32)
    images = np.concatenate([chests[2:], chests[5:7], near[None], chests[5:6] * np.float32(0.5)])
    records = named(images, [f"P-{n % 31:04d}" for n in range(len(images))])
    asked = [(str(n), q) for n, q in enumerate((chests[0], chests[5], near, -chests[6]))]
    for by in ("correlation", "rmse"):
        plain = drain(NearestSearch(images, records).query(asked, 4, by))
        engine = NearestSearch(images, records, shelf=shelf(tmp_path, large))
        assert repr(drain(engine.query(asked, 4, by))) == repr(plain)
        for nearest, (_, query) in zip(plain, asked, strict=True):
            check(nearest, query, images, records, 4, by)


def shrunken(picture: np.ndarray) -> np.ndarray:
    """To 96 x 90, in [-1, 1]."""
    from scipy import ndimage

    small = ndimage.zoom(picture, [96 / picture.shape[0], 90 / picture.shape[1]], order=1)
    return np.asarray(small / 127.5 - 1, np.float32)
