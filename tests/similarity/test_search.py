"""The search against a brute force in float64: on random arrays, ties, duplicates, near copies, any order."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.core.errors import Cancelled, InputRefused
from medsynth_desktop.core.progress import CancelToken, drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity import search
from medsynth_desktop.similarity.search import NearestSearch

ACCURACY = 1e-9
"""A thousand times tighter than the contract's 1e-6."""


def record(name: str, patient: str | None = None) -> ImageRecord:
    return ImageRecord(name, patient or name.rsplit("-", 1)[0], "train", "")


def brute_force(query: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RMSE and correlation with every image, in float64 (longdouble sums)."""
    a, b = query.astype(np.float64).ravel(), images.astype(np.float64).reshape(len(images), -1)
    rmse = np.sqrt(((a - b) ** 2).mean(axis=1))
    u, v = a - a.mean(), b - b.mean(axis=1, keepdims=True)
    return rmse, (v @ u) / np.sqrt((u @ u) * (v * v).sum(axis=1))


def check(
    found: Nearest, query: np.ndarray, images: np.ndarray, records: list[ImageRecord], k: int, by: str
) -> None:
    rmse, correlation = brute_force(query, images)
    values = correlation if by == "correlation" else rmse
    best = np.sort(-values if by == "correlation" else values)[:k]
    names = [r.id for r in records]
    assert len(found.neighbours) == min(k, len(images))
    for place, neighbour in enumerate(found.neighbours):
        index = names.index(neighbour.image)
        assert -1 <= neighbour.correlation <= 1
        assert neighbour.patient == records[index].patient
        assert neighbour.rmse == pytest.approx(rmse[index], abs=ACCURACY)
        assert neighbour.correlation == pytest.approx(correlation[index], abs=ACCURACY)
        assert abs(values[index]) == pytest.approx(abs(best[place]), abs=ACCURACY)
    assert found.metrics["correlation"] == pytest.approx(correlation.max(), abs=ACCURACY)
    assert found.metrics["rmse"] == pytest.approx(rmse.min(), abs=ACCURACY)
    top = np.flatnonzero(correlation >= correlation.max() - ACCURACY)
    ratios = []
    for index in top:
        others = [j for j in range(len(images)) if records[j].patient != records[index].patient]
        ratios.append(correlation[others].max() / correlation.max() if others else math.nan)
    assert any(found.lowe_ratio == pytest.approx(r, abs=1e-7, nan_ok=True) for r in ratios)


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[ImageRecord]]:
    """Random images with planted duplicates, near copies, gain and offset copies; queries likewise."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(4, 5), (16, 17), (5, 7, 3), (24, 20, 18)]))
    count, asked = draw(st.integers(1, 14)), draw(st.integers(1, 4))
    common = draw(st.sampled_from([0.0, 0.5, 0.99]))
    base = rng.uniform(-1, 1, shape)
    images = ((1 - common) * rng.uniform(-1, 1, (count, *shape)) + common * base).astype(np.float32)
    queries = ((1 - common) * rng.uniform(-1, 1, (asked, *shape)) + common * base).astype(np.float32)
    for target in (images, queries):
        for row in range(len(target)):
            source = images[draw(st.integers(0, count - 1))].copy()
            match draw(st.sampled_from(["keep", "copy", "near", "gain", "offset", "negative"])):
                case "copy":
                    target[row] = source
                case "near":
                    target[row] = source + np.float32(1e-4) * rng.standard_normal(shape)
                case "gain":
                    target[row] = source * np.float32(0.5)
                case "offset":
                    target[row] = source + np.float32(0.25)
                case "negative":
                    target[row] = -source
    patients = [draw(st.integers(1, 4)) for _ in range(count)]
    records = [record(f"P-{patient:04d}-{row}") for row, patient in enumerate(patients)]
    return images, queries, records


@settings(max_examples=150, deadline=None)
@given(
    cohorts(),
    st.integers(1, 16),
    st.sampled_from(["correlation", "rmse"]),
    st.integers(1, 3),
    st.sampled_from([1, 60_000, 1 << 30]),
)
def test_equals_brute_force(cohort, k: int, by: str, threads: int, memory: int) -> None:
    images, queries, records = cohort
    engine = NearestSearch(images, records, threads=threads, memory=memory)
    found = drain(engine.query([(f"q{n}", q) for n, q in enumerate(queries)], k, by))
    assert [f.id for f in found] == [f"q{n}" for n in range(len(queries))]
    for nearest, query in zip(found, queries, strict=True):
        check(nearest, query, images, records, k, by)


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False), st.sampled_from(["correlation", "rmse"]))
def test_order_threads_and_blocks_change_no_bit(cohort, random, by: str) -> None:
    images, queries, records = cohort
    asked = [(f"q{n}", q) for n, q in enumerate(queries)]
    order = list(range(len(images)))
    random.shuffle(order)
    first = drain(NearestSearch(images, records, threads=1).query(asked, 4, by))
    other = NearestSearch([images[i] for i in order], [records[i] for i in order], threads=4, memory=1)
    assert repr(drain(other.query(asked, 4, by))) == repr(first)
    assert repr(drain(other.query(asked[::-1], 4, by))) == repr(first[::-1])


@pytest.fixture
def smooth() -> np.ndarray:
    """40 smooth images of 24 x 20 x 16 that resemble one another, in [-1, 1]."""
    from scipy import ndimage

    rng = np.random.default_rng(7)
    noise = ndimage.gaussian_filter(rng.standard_normal((41, 24, 20, 16)), (0, 2, 2, 2))
    images = noise[0] * 3 + noise[1:]
    return (images / np.abs(images).max()).astype(np.float32)


def records_of(count: int, scans: int = 1) -> list[ImageRecord]:
    return [record(f"P-{1 + i // scans:04d}-{1 + i % scans}") for i in range(count)]


def test_exact_copy_is_exact_wherever_it_stands(smooth: np.ndarray) -> None:
    records = records_of(40)
    engine = NearestSearch(smooth, records)
    found = drain(engine.query([(r.id, image) for r, image in zip(records, smooth, strict=True)]))
    for nearest in found:
        assert nearest.neighbours[0].image == nearest.id
        assert (nearest.neighbours[0].rmse, nearest.neighbours[0].correlation) == (0.0, 1.0)


@pytest.mark.parametrize("scale", [1e-4, 1e-5])
def test_near_copies_are_told_apart(smooth: np.ndarray, scale: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(smooth[0].shape)
    copies = np.stack([(smooth[3] + scale * step * noise).astype(np.float32) for step in (4, 1, 3, 2)])
    images = np.concatenate([smooth, copies])
    for by in ("correlation", "rmse"):
        (found,) = drain(NearestSearch(images, records_of(44)).query([("q", smooth[3])], 5, by))
        check(found, smooth[3], images, records_of(44), 5, by)
        assert [n.image for n in found.neighbours] == [f"P-{n:04d}-1" for n in (4, 42, 44, 43, 41)]
        assert found.neighbours[1].rmse == pytest.approx(scale, rel=0.05)


@pytest.mark.parametrize("gain", [1e-7, 1e-3, 0.1, 30.0, 1e5])
def test_contrasts_of_any_size_are_compared_to_the_last_digits(smooth: np.ndarray, gain: float) -> None:
    images = (smooth + np.float32(0.1) * smooth[::-1]).astype(np.float32)
    query = (smooth[3] * np.float32(gain)).astype(np.float32)
    (found,) = drain(NearestSearch(images, records_of(40)).query([("q", query)], 40))
    truth = dict(zip([r.id for r in records_of(40)], brute_force(query, images)[1], strict=True))
    for neighbour in found.neighbours:
        assert neighbour.correlation == pytest.approx(truth[neighbour.image], abs=2e-13)


def test_ratio_looks_past_more_scans_of_one_patient_than_are_listed(smooth: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    scans = np.stack([smooth[0] + np.float32(1e-3) * rng.standard_normal(smooth[0].shape) for _ in range(12)])
    images = np.concatenate([smooth[1:], scans]).astype(np.float32)
    records = records_of(39) + [record(f"P-0900-{n}") for n in range(1, 13)]
    (found,) = drain(NearestSearch(images, records).query([("q", smooth[0])], 3))
    _, correlation = brute_force(smooth[0], images)
    assert {n.patient for n in found.neighbours} == {"P-0900"}
    assert found.lowe_ratio == pytest.approx(correlation[:39].max() / correlation.max(), abs=ACCURACY)


def test_ties_go_by_image_id(smooth: np.ndarray) -> None:
    images = [smooth[5]] * 3 + list(smooth[:4])
    records = [
        record(n)
        for n in ("P-0009-1", "P-0002-1", "P-0005-1", "P-0011-1", "P-0012-1", "P-0013-1", "P-0014-1")
    ]
    (found,) = drain(NearestSearch(images, records).query([("q", smooth[5])], 3))
    assert [n.image for n in found.neighbours] == ["P-0002-1", "P-0005-1", "P-0009-1"]
    assert found.lowe_ratio == 1.0


def test_smallest_rmse_is_of_the_whole_split_even_when_not_listed(smooth: np.ndarray) -> None:
    query = smooth[0]
    images = np.stack([query * np.float32(0.2), query + np.float32(0.01) * smooth[1], smooth[2]])
    (found,) = drain(NearestSearch(images, records_of(3)).query([("q", query)], 1))
    assert found.neighbours[0].image == "P-0001-1"
    assert found.metrics["rmse"] == pytest.approx(brute_force(query, images)[0][1], abs=ACCURACY)
    assert found.metrics["rmse"] < found.neighbours[0].rmse


def test_one_patient_has_no_ratio(smooth: np.ndarray) -> None:
    (found,) = drain(
        NearestSearch(smooth[:3], [record(f"P-0001-{n}") for n in "123"]).query([("q", smooth[9])])
    )
    assert math.isnan(found.lowe_ratio)
    assert len(found.neighbours) == 3


def test_own_patient_can_be_left_out(smooth: np.ndarray) -> None:
    records = records_of(40, scans=2)
    engine = NearestSearch(smooth, records)
    asked = [(r.id, image) for r, image in zip(records, smooth, strict=True)]
    found = drain(engine.query(asked, 40, exclude={r.id: r.patient for r in records}))
    for nearest, own in zip(found, records, strict=True):
        assert own.patient not in {n.patient for n in nearest.neighbours}
        assert len(nearest.neighbours) == 38
    with pytest.raises(InputRefused, match="no other patient"):
        drain(NearestSearch(smooth[:2], records[:2]).query([("q", smooth[0])], exclude={"q": "P-0001"}))


def test_memory_maps_and_foreign_layouts_give_the_same(smooth: np.ndarray, tmp_path) -> None:
    np.save(tmp_path / "one.npy", smooth)
    mapped = np.load(tmp_path / "one.npy", mmap_mode="r")
    each = []
    for number, image in enumerate(smooth):
        np.save(tmp_path / f"{number}.npy", np.asfortranarray(image))
        each.append(np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    asked = [("q", smooth[7] * np.float32(0.9) + np.float32(0.1) * smooth[8])]
    want = drain(NearestSearch(smooth, records_of(40)).query(asked))
    for images in (mapped, each, smooth.astype(np.float64), list(smooth)):
        assert drain(NearestSearch(images, records_of(40)).query(asked)) == want


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((24, 20, 16)), "no contrast"),
        (np.full((24, 20, 16), 0.1, np.float32), "no contrast"),
        (np.full((24, 20, 16), np.nan), "7680 voxels that are not finite"),
        (np.full((24, 20, 16), np.inf), "not finite"),
        (np.linspace(-1e200, 1e200, 7680).reshape(24, 20, 16), "too large"),
        (np.zeros((24, 20)), "has shape"),
    ],
)
def test_refuses_in_one_sentence(smooth: np.ndarray, array: np.ndarray, words: str) -> None:
    engine = NearestSearch(smooth, records_of(40))
    with pytest.raises(InputRefused, match=words) as caught:
        drain(engine.query([("fine", smooth[0]), ("Jane Doe", array)]))
    assert "Image 2 of 2" in str(caught.value)
    assert "Jane" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_a_damaged_cohort_and_senseless_wishes(smooth: np.ndarray) -> None:
    broken = list(smooth[:3])
    broken[1] = np.full_like(broken[1], np.nan)
    with pytest.raises(InputRefused, match="Real image P-0002-1"):
        drain(NearestSearch(broken, records_of(3)).query([("q", smooth[0])]))
    with pytest.raises(InputRefused, match="no real image"):
        NearestSearch([], [])
    engine = NearestSearch(smooth, records_of(40))
    with pytest.raises(InputRefused, match="correlation or rmse"):
        drain(engine.query([("q", smooth[0])], metric="lowe_ratio"))
    with pytest.raises(InputRefused, match="At least one"):
        drain(engine.query([("q", smooth[0])], k=0))
    assert drain(engine.query([])) == []


def test_reports_progress_and_can_be_cancelled(smooth: np.ndarray) -> None:
    engine = NearestSearch(smooth, records_of(40), memory=smooth[0].nbytes * 8 * 8)
    seen = []
    drain(engine.query([("q", smooth[0])]), seen.append)
    assert len(seen) > 5
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].fraction == 1.0
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        drain(engine.query([("q", smooth[0])]), cancel=token)


@pytest.mark.parametrize(("images", "most"), [(8, 6), (40, 16)], ids=["floats", "bytes"])
def test_candidates_stay_few(smooth: np.ndarray, images: int, most: int) -> None:
    """The bound leaves the winners and little else, or the exact pass would be the naive loop.

    Bytes tell less: those that are looked at first are a few more.
    """
    engine = NearestSearch(smooth, records_of(40), memory=smooth[0].nbytes * 4 * images)
    with ThreadPoolExecutor(2) as pool:
        (part,) = engine._parts([("q", smooth[0])], {}, pool)
        assert drain(engine._answer(part, 3, "correlation", pool)) == 40
    assert 3 <= len(part.found[0]) <= most
    assert search.ORDERS == ("correlation", "rmse")
