"""The feature dictionary against distances known by hand, and against plain float64 arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Match, Nearest
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.features import rows as rows_module
from medsynth_desktop.similarity.features.dictionary import FeatureDictionary
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.indexes import Indexes


class FirstVoxels:
    """An extractor that can be checked by hand: the first ``length`` voxels of an image."""

    name = "First voxels"

    def __init__(self, length: int = 2, fingerprint: str = "first") -> None:
        self.length, self.fingerprint, self.seen = length, fingerprint, 0

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.seen += len(images)
        return np.stack([image.reshape(-1)[: self.length] for image in images]).astype(np.float32)


def image(*values: float) -> np.ndarray:
    """An image whose first voxels are ``values``; its last two make a contrast."""
    array = np.zeros((4, 4), np.float32)
    array.reshape(-1)[: len(values)] = values
    array[3, 2:] = 0.5, -0.5
    return array


def records(images: Sequence[np.ndarray], names: Sequence[str] = "abcdefghijklmnop") -> list[ImageRecord]:
    return [
        ImageRecord(n, f"P-{n}", "train", hash_array(np.asarray(i)))
        for n, i in zip(names, images, strict=False)
    ]


def look_up(known: FeatureDictionary, *queries: np.ndarray) -> list[tuple[float, int]]:
    return drain(known.query(queries))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Indexes(tmp_path), "recipe")


REAL = [image(1, 0), image(0, 1), image(-3, 0), image(0.6, 0.8)]
"""Brought to length 1: (1, 0), (0, 1), (-1, 0) and (0.6, 0.8)."""
TABLE = [
    # features of a query -> distance, whose
    ((1, 0), 0.0, 0),
    ((0.5, 0), 0.0, 0),  # scale means nothing
    ((0, -1), math.sqrt(2), 0),  # as far from the first as from the third: the first id wins
    ((-4, 3), math.sqrt(0.04 + 0.36), 2),  # (-0.8, 0.6) from (-1, 0)
    ((0.8, 0.6), math.sqrt(0.04 + 0.04), 3),
    ((4, -3), math.sqrt(0.04 + 0.36), 0),
]


@pytest.mark.parametrize(("features", "distance", "whose"), TABLE)
def test_distances_known_by_hand(features: tuple[float, float], distance: float, whose: int) -> None:
    known = FeatureDictionary(FirstVoxels(), REAL, records(REAL))
    ((value, index),) = look_up(known, image(*features))
    assert value == pytest.approx(distance, abs=1e-7)  # float32 vectors
    assert index == whose


def test_the_farthest_two_vectors_can_be_are_two_apart() -> None:
    only = [image(1, 0)]
    assert look_up(FeatureDictionary(FirstVoxels(), only, records(only)), image(-1, 0)) == [(2.0, 0)]


def test_a_metric_beside_the_others() -> None:
    evidence = Evidence(
        NearestSearch(REAL, records(REAL)), [FeatureDictionary(FirstVoxels(), REAL, records(REAL))]
    )
    (nearest,) = drain(evidence.query([("q", image(0.8, 0.6))]))
    metric = METRICS["dictionary"]
    assert metric(nearest) == pytest.approx(math.sqrt(0.08), abs=1e-7)
    assert metric.neighbour(nearest) == Match("d", "P-d")
    assert metric.beyond(0.1, 0.2)
    assert "correlation" in nearest.metrics
    assert math.isnan(metric(Nearest("q", (), math.nan)))


@pytest.mark.parametrize("step", [1e-4, 1e-6, 1e-7])
def test_near_copies_are_told_from_copies(step: float) -> None:
    """Where a flat float32 index, by |a|^2 + |b|^2 - 2ab, says 0."""
    base = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    base /= np.linalg.norm(base)
    moved = base.copy()
    moved[:100] += np.float32(step / 10)  # at right angles to nothing: the length barely changes
    real = [np.zeros((25, 40), np.float32) + base.reshape(25, 40), image_of(1)]
    known = FeatureDictionary(FirstVoxels(1000), real, records(real))
    (near, index), (copy, _) = look_up(known, moved.reshape(25, 40), base.reshape(25, 40))
    a, b = (v.astype(np.float64) / np.linalg.norm(v.astype(np.float64)) for v in (base, moved))
    truth = float(np.linalg.norm(a - b))
    assert truth > 0.5 * step
    assert index == 0
    assert near == pytest.approx(truth, abs=2e-8)  # rounding a vector to float32: at most 2^-24 of its length
    assert copy == 0


def image_of(seed: int, length: int = 1000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((25, length // 25)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 60),
    length=st.sampled_from([25, 500, 1000, 1300]),
    spread=st.sampled_from([1.0, 1e-3, 1e-6]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_nearest_as_by_plain_arithmetic(
    count: int, length: int, spread: float, threads: int, seed: int
) -> None:
    """Vectors close together, with duplicates: the index and the distance are those of float64 brute force."""
    generator = np.random.default_rng(seed)
    common = generator.standard_normal(length)
    rows = (common + spread * generator.standard_normal((count, length))).astype(np.float32)
    rows[generator.integers(count)] = rows[0]
    queries = (common + spread * generator.standard_normal((5, length))).astype(np.float32)
    queries[0] = rows[count // 2]
    real = list(rows.reshape(count, 5, -1))
    named = [ImageRecord(f"{i:03}", f"P{i}", "train", "") for i in range(count)]
    known = FeatureDictionary(FirstVoxels(length), real, named, threads=threads)
    unit = rows_module.unit_rows(rows, "").astype(np.float64)
    for (value, index), query in zip(look_up(known, *queries.reshape(5, 5, -1)), queries, strict=True):
        truth = np.sqrt(np.square(unit - rows_module.unit_rows(query[None], "")[0]).sum(axis=1))
        assert index == int(truth.argmin())
        assert value == pytest.approx(truth.min(), abs=1e-15)


def test_neither_order_nor_company_nor_threads_change_a_value() -> None:
    real = [image_of(seed) for seed in range(20)]
    queries = [image_of(seed) for seed in range(30, 41)]
    named = records(real, [f"{i:02}" for i in range(20)])
    whole = look_up(FeatureDictionary(FirstVoxels(1000), real, named, threads=1), *queries)
    backwards = FeatureDictionary(FirstVoxels(1000), real[::-1], named[::-1], threads=2)
    assert [(v, 19 - i) for q in queries for v, i in look_up(backwards, q)] == whole


def test_vectors_are_made_once(shelf: Shelf) -> None:
    first, second, other = FirstVoxels(), FirstVoxels(), FirstVoxels(fingerprint="others")
    query = image(0.8, 0.6)
    wanted = look_up(FeatureDictionary(first, REAL, records(REAL), shelf=shelf), query)
    assert first.seen == len(REAL) + 1
    assert look_up(FeatureDictionary(second, REAL, records(REAL), shelf=shelf), query) == wanted
    assert second.seen == 1
    look_up(FeatureDictionary(other, REAL, records(REAL), shelf=shelf), query)
    assert other.seen == len(REAL) + 1  # another network's vectors are not these


def test_a_grown_cohort_adds_what_is_new(shelf: Shelf) -> None:
    look_up(FeatureDictionary(FirstVoxels(), REAL[:2], records(REAL)[:2], shelf=shelf), REAL[0])
    extractor = FirstVoxels()
    grown = FeatureDictionary(extractor, REAL, records(REAL), shelf=shelf)
    assert look_up(grown, image(0.8, 0.6))[0][1] == 3
    assert extractor.seen == 2 + 1


def test_images_twice_in_a_cohort(shelf: Shelf) -> None:
    twice = [*REAL, REAL[1]]
    extractor = FirstVoxels()
    for _ in range(2):
        known = FeatureDictionary(extractor, twice, records(twice), shelf=shelf)
        assert look_up(known, REAL[1]) == [(0.0, 1)]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 0x10
    path.write_bytes(bytes(data))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def overwrite(path: Path) -> None:
    path.write_bytes(b"nonsense")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, overwrite])
def test_a_damaged_shelf_is_made_anew(shelf: Shelf, tmp_path: Path, damage) -> None:
    wanted = look_up(FeatureDictionary(FirstVoxels(), REAL, records(REAL), shelf=shelf), *REAL)
    (path,) = (tmp_path / "indexes").rglob("*.npys")
    damage(path)
    extractor = FirstVoxels()
    assert look_up(FeatureDictionary(extractor, REAL, records(REAL), shelf=shelf), *REAL) == wanted
    assert extractor.seen > len(REAL)
    healed = FirstVoxels()
    assert look_up(FeatureDictionary(healed, REAL, records(REAL), shelf=shelf), *REAL) == wanted


def test_a_full_disk_only_costs_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreFailed("The disk is full.")

    monkeypatch.setattr(Indexes, "put", full)
    assert look_up(FeatureDictionary(FirstVoxels(), REAL, records(REAL), shelf=shelf), REAL[1]) == [(0.0, 1)]


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_no_network_sees_is_refused(value: float) -> None:
    with pytest.raises(InputRefused, match="First voxels"):
        look_up(FeatureDictionary(FirstVoxels(), REAL, records(REAL)), image(value, 0))


def test_another_network_is_another_fingerprint() -> None:
    one, two = (FeatureDictionary(FirstVoxels(fingerprint=f), REAL, records(REAL)) for f in "ab")
    assert one.fingerprint != two.fingerprint


def test_images_are_read_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(Sequence):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, index):
            return image(1, index)

    steps: Iterator = FeatureDictionary(
        FirstVoxels(), Counted(), records([image(1, i) for i in range(40)], [f"{i:02}" for i in range(40)])
    ).query([image(1, 7)])
    seen = [step.done for step in steps]
    assert len(seen) >= 40 // rows_module.AT_A_TIME
