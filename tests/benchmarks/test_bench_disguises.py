"""The rule and the planting of the benchmark of disguises: hand-computed, and on images small enough to follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord, Nearest
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.store.indexes import Indexes
from tests.benchmarks.bench_disguises import PLANS, page
from tests.benchmarks.disguises.asking import ask
from tests.benchmarks.disguises.limits import Rule
from tests.benchmarks.disguises.patients import Part, Patients, acquired_again
from tests.benchmarks.disguises.planting import PARTS, WHOLE, Query, copies, innocents, names, way_of
from tests.benchmarks.disguises.searches import BlocksAlone, disguised
from tests.benchmarks.disguises.stages import Tracing


def some_patients(folder: Path, shape: tuple[int, ...], smooth: float = 0.0) -> Patients:
    generator = np.random.default_rng(0)

    def part(split: str, patients: int, scans: int) -> Part:
        own = [(f"{split}-{n}", m) for n in range(patients) for m in range(1 if n else scans)]
        noise = (ndimage.gaussian_filter(generator.uniform(-1, 1, shape), smooth) for _ in own)
        images = [(image / np.abs(image).max()).astype(np.float32) for image in noise]
        return Part(images, [ImageRecord(f"{name}-{m}", name, "train", "") for name, m in own])

    parts = [part(*facts) for facts in (("train", 6, 3), ("calibration", 4, 1), ("evaluation", 4, 1))]
    return Patients(*parts, Shelf(Indexes(folder), "test"), shape)


def test_one_column_blocks_one_in_a_hundred() -> None:
    innocent = {"a": np.arange(200.0)}
    rule = Rule.of(innocent, ["a"])
    assert rule.rank == 1  # beyond all others but one lie two of 200; with two of them three would
    assert rule.limits() == {"a": 198.0}
    assert rule.blocked({"a": np.array([198.0, 198.5, 500.0, np.nan])}).tolist() == [False, True, True, False]
    fours = Rule.of(innocent, ["a"], [n // 4 for n in range(200)])
    assert fours.rank == 0  # the last four lie beyond all that were not made of their image


def test_columns_share_what_may_be_blocked() -> None:
    innocent = {"a": np.arange(300.0), "b": -np.arange(300.0)}
    rule = Rule.of(innocent, ["a", "b"])
    assert rule.rank == 0  # one by each column makes two of three; two by each would make four
    assert rule.blocked({"a": np.array([299.0, 299.5]), "b": np.array([0.0, 0.5])}).tolist() == [False, True]
    same = Rule.of({"a": np.arange(300.0), "b": np.arange(300.0)}, ["a", "b"])
    assert same.rank == 2  # both block the same innocents


def test_few_innocents_leave_only_what_is_beyond_all_of_them() -> None:
    rule = Rule.of({"a": np.arange(40.0), "b": np.full(40, np.nan)}, ["a", "b"])
    assert (rule.rank, list(rule.innocent)) == (0, ["a"])
    assert rule.blocked({"a": np.array([39.0, 39.1])}).tolist() == [False, True]


def test_groups_share_no_image_and_every_disguise_is_used_alike_often(tmp_path: Path) -> None:
    patients = some_patients(tmp_path, (16, 16))
    queries = copies("whole", WHOLE, patients, 2, patients.train.of_patients(1, 1))
    assert len({q.id for q in queries}) == len(queries) == 2 * len(names(WHOLE))
    assert {q.source for q in queries} == {3, 4, 5, 6, 7}  # of the patients with one scan
    unseen = innocents("calibration", patients.calibration, 3)
    assert [(q.kind == "", q.source) for q in unseen[:4]] == [(True, 0), (False, 0), (False, 0), (True, 1)]
    disguises = [(q.kind, q.strength) for q in unseen if q.kind]
    assert len(set(disguises)) == len(disguises)


@pytest.mark.parametrize("shape", [(40, 36), (24, 28, 26)])
def test_a_block_of_a_quarter_lies_in_the_unseen_image(tmp_path: Path, shape: tuple[int, ...]) -> None:
    patients = some_patients(tmp_path, shape)
    query = Query("x", "part", "quarter", "", 4, 2)
    image, copied, unseen = query.image(patients), patients.train.images[4], patients.evaluation.images[2]
    inside = image == copied
    assert inside.mean() == pytest.approx(0.25, abs=0.04)
    np.testing.assert_array_equal(image[~inside], unseen[~inside])
    np.testing.assert_array_equal(query.image(patients), image)


WHOLE_VOXELS = [
    ("flip", ""),
    ("shift", "2 voxels"),
    ("shift", "8 voxels"),
    ("quarter", ""),
    ("half", "of a flipped one"),
]


@pytest.mark.parametrize(("kind", "strength"), WHOLE_VOXELS)
def test_the_way_of_a_disguise_leads_back(tmp_path: Path, kind: str, strength: str) -> None:
    patients = some_patients(tmp_path, (48, 44))
    query = Query("x", "part" if kind in PARTS else "whole", kind, strength, 4, 2)
    found = way_of(query, patients)
    assert found is not None
    places, inside = found
    came = np.round(places[:, inside]).astype(int)
    np.testing.assert_allclose(
        patients.train.images[4][tuple(came)], query.image(patients)[inside], atol=1e-5
    )


def test_a_copy_is_followed_through_the_search(tmp_path: Path) -> None:
    patients = some_patients(tmp_path, (96, 80), smooth=1.5)
    followed = Tracing(patients).trace(Query("x", "part", "half", "", 5, 2))
    assert followed.rank == 0
    assert max(part for _, _, part, _ in followed.laid) > 0.8
    assert min(away for *_, away in followed.laid if away is not None) < 1
    assert followed.sentence({"aligned": 0.5, "part": 0.5}).startswith("candidate: rank 0")


def test_blocks_alone_score_a_copy_higher_than_an_unseen_image(tmp_path: Path) -> None:
    patients = some_patients(tmp_path, (96, 80), smooth=1.5)
    asked = [("copy", patients.train.images[4][::-1]), ("unseen", patients.evaluation.images[0])]
    found = drain(BlocksAlone(disguised(patients)).testify(asked, [Nearest(i, (), 1.0) for i, _ in asked]))
    copy, unseen = (nearest.metrics["aligned"] for nearest in found)
    assert copy > 1.5 * unseen


def test_what_was_asked_is_kept_and_searches_are_joined(tmp_path: Path) -> None:
    patients = some_patients(tmp_path, (96, 80), smooth=1.5)
    queries = [Query("a", "whole", "flip", "", 4), Query("b", "evaluation", "", "", 0)]
    first = ask(patients, queries[:1], [disguised(patients)], tmp_path / "kept")
    both = ask(patients, queries, [disguised(patients)], tmp_path / "kept")
    assert first["a"] == both["a"]
    assert {"correlation", "rmse", "lowe_ratio", "plain_ratio", "aligned", "part"} == both["b"][
        "values"
    ].keys()
    assert both["a"]["found"]["aligned"] == patients.train.records[4].patient
    assert both["a"]["seconds"].keys() == {"exact", "aligned+part"}


def test_a_further_scan_is_alike_and_not_the_same() -> None:
    image = np.full((32, 32), -1.0, np.float32)
    image[8:24, 10:22] = 0.4
    again = acquired_again(np.random.default_rng(1), image)
    assert again.dtype == np.float32
    assert np.abs(again).max() <= 1
    assert 0.7 < np.corrcoef(again.ravel(), image.ravel())[0, 1] < 0.999
    assert not np.array_equal(again, acquired_again(np.random.default_rng(2), image))


def test_the_page_has_a_table_for_each_part() -> None:
    found = {"facts": {"grid": [4, 4]}, "detection": [{"disguise": "flip", "ours": "1/1"}], "missed": []}
    assert page({"cxr": found}) == [
        "### cxr", "", "grid: [4, 4].", "", "| disguise | ours |", "| --- | --- |", "| flip | 1/1 |", ""
    ]  # fmt: skip
    assert {plan.data for plan in PLANS} == {"cxr", "heads"}
