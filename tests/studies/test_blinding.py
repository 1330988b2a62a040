"""Blinding: nothing in a reader's file tells, and each of these leaks, planted, is found."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.blinding import leaks_of_file, least_telling, measures, tells_of_images
from medsynth_desktop.studies.design import Case, Design
from medsynth_desktop.studies.giving import give
from medsynth_desktop.studies.order import Showing
from medsynth_desktop.studies.preparing import CommonRange, Preparation, body_masks, prepare, uniform_borders
from medsynth_desktop.studies.sealed import seal, unseal
from medsynth_desktop.studies.study import Study, draw_up
from medsynth_desktop.workbench.study_cases import prepare_for, what_tells
from tests.workbench.small import picture

GRID = (16, 32, 16)
CASES = tuple(Case(f"{'drawn' if i % 2 else 'P-00'}{i:02}", synthetic=i % 2 == 1) for i in range(24))
TRUTH = {case.id: case.synthetic for case in CASES}
IMAGES = {case.id: picture(i, GRID) for i, case in enumerate(CASES)}
PASSWORD = "anna reads here"
Facts = dict[str, Any]
Plant = Callable[[Facts, list[np.ndarray], list[bool]], list[bytes]]


def drawn_up() -> Study:
    shared = CommonRange()
    for image in IMAGES.values():
        shared.add(image)
    low, high = shared.ends()
    affine = tuple(map(tuple, np.diag([3.0, 3.0, 3.0, 1.0]).tolist()))
    prepared = Preparation(GRID, affine, low, high)
    return draw_up(Design("looks", CASES, ("anna",), repeats=0.1, preparation=prepared))


@pytest.fixture(scope="module")
def study() -> Study:
    return drawn_up()


@pytest.fixture(scope="module")
def honest(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "looks.study"
    drain(give(path, study, "anna", PASSWORD, lambda case: IMAGES[case.id]))
    return path


def npy(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, image, allow_pickle=False)
    return stream.getvalue()


def padded(image: np.ndarray) -> np.ndarray:
    bare = np.zeros_like(image)
    bare[2:-2, 2:-2] = image[2:-2, 2:-2]
    return bare


def in_real(change: Callable[[np.ndarray], np.ndarray]) -> Plant:
    """Change the images of real cases alone."""
    return lambda facts, images, truth: [
        npy(image if synthetic else change(image)) for image, synthetic in zip(images, truth, strict=True)
    ]


def longer(facts: Facts, images: list[np.ndarray], truth: list[bool]) -> list[bytes]:
    return [npy(i) + bytes(64 * synthetic) for i, synthetic in zip(images, truth, strict=True)]


def in_facts(**more: Any) -> Plant:
    def plant(facts: Facts, images: list[np.ndarray], truth: list[bool]) -> list[bytes]:
        facts.update(more)
        return [npy(image) for image in images]

    return plant


def in_image_facts(facts: Facts, images: list[np.ndarray], truth: list[bool]) -> list[bytes]:
    facts["image"]["low"] = -1.0
    return [npy(image) for image in images]


PLANTED: dict[str, tuple[Plant, str]] = {
    "different zero padding": (in_real(padded), "uniform border tells"),
    "different type": (in_real(lambda i: i.astype("<i4")), "differ in type"),
    "same size, other byte order": (in_real(lambda i: i.astype(">i2")), "differ in type"),
    "other layout": (in_real(np.asfortranarray), "differ in type"),
    "different window": (in_real(lambda i: (i * 0.9).astype("<i2")), "brightest level tells"),
    "different floor": (in_real(lambda i: np.maximum(i, 40)), "darkest level tells"),
    "fewer steps of grey": (in_real(lambda i: (i // 16 * 16).astype("<i2")), "step between levels tells"),
    "saturated": (in_real(lambda i: np.where(i > 2500, 4095, i).astype("<i2")), "brightest level tells"),
    "size of sealed cases": (longer, "differ in size"),
    "metadata": (in_facts(series="T1 3D"), "more than a reader may know: series"),
    "stored times": (in_facts(created=["2026-01-01"] * 24), "more than a reader may know: created"),
    "seed": (in_facts(seed=0), "more than a reader may know: seed"),
    "facts of the cohort": (in_image_facts, "more than a reader may know: low"),
    "names of cases": (in_facts(title="looks of P-0004"), "names 1 cases"),
}


def test_an_honest_file_tells_nothing(study: Study, honest: Path) -> None:
    assert leaks_of_file(honest, PASSWORD, study, "anna") == []


@pytest.mark.parametrize(("plant", "told"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_leak_is_found(study: Study, honest: Path, tmp_path: Path, plant: Plant, told: str) -> None:
    text, *members = unseal(honest, PASSWORD)
    facts = json.loads(text)
    images = [np.load(io.BytesIO(m), allow_pickle=False) for m in members]
    made = plant(facts, images, [TRUTH[s.case] for s in study.orders["anna"]])
    seal(tmp_path / "looks.study", PASSWORD, [json.dumps(facts).encode(), *made])
    assert any(told in leak for leak in leaks_of_file(tmp_path / "looks.study", PASSWORD, study, "anna"))


def test_a_name_of_the_file_and_its_open_part_are_looked_at(
    study: Study, honest: Path, tmp_path: Path
) -> None:
    members = unseal(honest, PASSWORD)
    (tmp_path / "P-0004.study").write_bytes(honest.read_bytes())
    assert leaks_of_file(tmp_path / "P-0004.study", PASSWORD, study, "anna") == ["The file names 1 cases."]
    seal(tmp_path / "looks.study", PASSWORD, members, {"made": "2026"})
    assert "reader may know: made" in leaks_of_file(tmp_path / "looks.study", PASSWORD, study, "anna")[0]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (lambda n, synthetic: (synthetic, n), "place in the order"),
        (lambda n, synthetic: (n, synthetic), "from the case before"),
    ],
    ids=["sorted", "alternating"],
)
def test_an_order_that_tells_is_found(honest: Path, study: Study, key: Any, told: str) -> None:
    numbers = {case.id: i // 2 for i, case in enumerate(CASES)}
    order = tuple(Showing(case) for case in sorted(numbers, key=lambda case: key(numbers[case], TRUTH[case])))
    repeats = tuple(s for s in study.orders["anna"] if s.repeat)
    other = dataclasses.replace(study, orders={"anna": (*order, *repeats)})
    assert any(told in leak for leak in leaks_of_file(honest, PASSWORD, other, "anna"))


def test_the_search_finds_nothing_where_there_is_nothing() -> None:
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        images = [picture(int(rng.integers(1 << 30)), (8, 12, 8)) for _ in range(20)]
        prepared = [measures(prepare(i, Preparation((8, 12, 8), low=-0.96, high=0.96))) for i in images]
        found += len(tells_of_images(prepared, [n % 2 == 0 for n in range(20)]))
    assert found <= 1  # 20 studies of 6 measures at one in a thousand


def test_padding_of_real_cases_is_taken_from_all(workspace: Workspace) -> None:
    cases = []
    for number, case in enumerate(CASES):
        image = IMAGES[case.id].copy()
        if not case.synthetic:
            image[: 1 - number % 2], image[:, -2:] = -1.0, -1.0
        cases.append(dataclasses.replace(case, array=workspace.arrays.put(image)))
    recipe = Recipe(GRID, 2.0, "percentile", 0.1, 99.9, "MR")
    prepared = drain(prepare_for(workspace, cases, recipe, None))
    assert prepared.trim == ((1, 0), (0, 2), (0, 0))
    assert prepared.shown == (15, 30, 16)
    at = np.array(prepared.affine) @ [0, 0, 0, 1]
    assert at[:3] == pytest.approx([-2.0 * 15 / 2 + 2, -2.0 * 31 / 2, -2.0 * 15 / 2])
    assert drain(what_tells(workspace, cases, prepared)) == []
    bare = dataclasses.replace(prepared, trim=())
    assert any("uniform border" in told for told in drain(what_tells(workspace, cases, bare)))


def test_the_steps_the_air_and_the_saturation_of_real_files_are_hidden(workspace: Workspace) -> None:
    """Real cases have 8 bits, exact air and no saturation; synthetic ones noise for air, and are cut at the top."""
    cases, bare = [], []
    for number, case in enumerate(CASES):
        rng = np.random.default_rng(number)
        image = np.full((24, 40, 24), -1.0)
        image[4:-4, 4:-4, 4:-4] = 0.4 + 0.4 * picture(number, (16, 32, 16))
        if case.synthetic:
            air = np.ones(image.shape, bool)
            air[4:-4, 4:-4, 4:-4] = False
            image[air] += rng.uniform(0, 0.15, int(air.sum()))
            image = np.minimum(image, np.quantile(image, 0.99))
        else:
            image = np.rint(image * 127) / 127 + rng.normal(0, 1e-7, image.shape).clip(0, 1e-6) * (image > -1)
        image = np.clip(image, -1, 1).astype(np.float32)
        cases.append(dataclasses.replace(case, array=workspace.arrays.put(image)))
        bare.append(measures(prepare(image, Preparation(image.shape, low=-0.96, high=0.96))))
    truth = [case.synthetic for case in cases]
    told = " ".join(tells_of_images(bare, truth))
    assert "step between levels tells" in told
    recipe = Recipe((24, 40, 24), 2.0, "percentile", 0.1, 99.9, "MR")
    prepared = drain(prepare_for(workspace, cases, recipe, None))
    assert prepared.floor > 0.02, "air with noise is not told from air by the least floor"
    assert prepared.step == pytest.approx(2 / 254, rel=0.1)
    assert prepared.bright > 0.01
    assert drain(what_tells(workspace, cases, prepared)) == []
    image = np.asarray(workspace.arrays.get(cases[0].array))
    assert np.array_equal(prepare(image, prepared), prepare(image.copy(), prepared)), (
        "repeats are the same picture"
    )
    levels = prepare(image, dataclasses.replace(prepared, trim=()))
    assert not levels[:3].any(), "air is one level"
    inside = image[4:-4, 4:-4, 4:-4].ravel()
    assert np.corrcoef(inside, levels[4:-4, 4:-4, 4:-4].ravel())[0, 1] > 0.99
    fixed = drain(prepare_for(workspace, cases, recipe, None, floor=0.3))
    assert fixed.floor == 0.3
    with pytest.raises(InputRefused, match="0 to 0.5"):
        drain(prepare_for(workspace, cases, recipe, None, floor=0.7))


def test_units_are_kept_where_there_are_some(workspace: Workspace) -> None:
    cases = [dataclasses.replace(case, array=workspace.arrays.put(IMAGES[case.id])) for case in CASES]
    prepared = drain(
        prepare_for(workspace, cases, Recipe(GRID, 2.0, "window", -1000, 1000, "CT", unit="HU"), None)
    )
    assert (prepared.bright, prepared.unit) == (0.0, "HU")
    low, high = prepared.values
    assert (low, high) == pytest.approx((1000 * prepared.low, 1000 * prepared.high))
    image = IMAGES[CASES[0].id]
    levels = prepare(image, dataclasses.replace(prepared, trim=()))
    shown = low + levels / 4095 * (high - low)
    body = body_masks(image, [prepared.floor])[0] & (abs(image) < 0.9)
    assert abs(shown - 1000 * np.clip(image, prepared.low, prepared.high))[body].max() < 2, "HU"


def test_bodies_by_hand() -> None:
    image = np.full((20, 20), -1.0, np.float32)
    image[4:16, 4:16] = 1.0
    image[8:12, 8:12] = -1.0  # a cavity belongs to the body
    image[1, 18] = 1.0  # a speck does not
    [mask] = body_masks(image, [0.5])
    assert mask[4:16, 5:15].all()
    assert 140 <= mask.sum() <= 144, "all but the corners, which smoothing rounds"
    least, most = body_masks(image, [0.02, 0.5])
    assert least.sum() > most.sum()
    assert body_masks(np.zeros((4, 4), np.float32), [0.1])[0].all()


def test_the_least_that_does_not_tell_is_taken() -> None:
    truth = [n % 2 == 0 for n in range(40)]
    rng = np.random.default_rng(0)
    apart, nearly = (
        np.where(truth, 1.0, 0.0) + rng.normal(0, 0.01, 40),
        np.where(truth, 1, 0) + rng.normal(0, 0.5, 40),
    )
    chance = rng.normal(0, 1, 40)
    assert least_telling(np.stack([apart, chance, chance], 1), truth) == 1
    assert least_telling(np.stack([apart, nearly], 1), truth) == 1
    assert least_telling(np.stack([apart, nearly], 1)[:6], truth[:6]) == 0


def test_borders_and_range_by_hand() -> None:
    image = np.zeros((4, 5), "<i2")
    image[1, 2], image[2, 2] = 7, 9
    assert uniform_borders(image) == [(1, 1), (2, 2)]
    assert uniform_borders(np.zeros((2, 3))) == [(2, 2), (3, 3)]
    shared = CommonRange()
    shared.add(np.linspace(-1, 1, 1001))
    shared.add(np.linspace(-0.5, 0.8, 1001))
    assert shared.ends() == pytest.approx((-0.5 + 0.0013, 0.8 - 0.0013))
    levels = prepare(np.array([-1.0, 0.0, 0.4, 1.0]), Preparation((4,), low=-0.5, high=0.5))
    assert levels.tolist() == [0, 2048, 3686, 4095]
