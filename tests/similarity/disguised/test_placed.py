"""What is kept of the real images: the same with and without a shelf, in any order, and what it says is right."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.core.hashing import hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.blocks import Blocks, cut, norms_of
from medsynth_desktop.similarity.disguised.placed import Placed, open_placed, strong
from medsynth_desktop.similarity.disguised.shelved import LEVELS, quantised
from medsynth_desktop.similarity.disguised.structure import BLOCK, MIDDLE, structure_of
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.store.indexes import Arrays, Indexes
from tests.similarity.disguised.test_parts import blobs

SHAPES = [(60, 52), (32, 30, 28)]


def images_of(shape: tuple[int, ...], count: int = 5) -> list[np.ndarray]:
    return [blobs(shape, seed) for seed in range(count)]


def opened(images: Sequence[np.ndarray], shelf: Shelf | None = None, *, hashed: bool = True) -> Placed:
    records = [ImageRecord("one id", "P-0001", "train", hash_array(i) if hashed else "") for i in images]
    with ThreadPoolExecutor(2) as pool:
        return drain(open_placed(images, records, shelf, pool))


def own(known: Placed, image: np.ndarray, index: int) -> np.ndarray:
    """The band of ``image``, of the pose of a real one, less what the mean explains of it."""
    return strong(known.frame.own(structure_of(image, MIDDLE), Affine.none(image.ndim), known.maps[index]))


def unit_blocks(known: Placed, image: np.ndarray, index: int) -> np.ndarray:
    blocks = cut(own(known, image, index))
    return blocks / norms_of(blocks[:, None])


class FullDisk(Indexes):
    """Nothing can be kept."""

    def put(self, key: str, name: str, arrays: Sequence[np.ndarray]) -> Arrays:
        raise StoreFailed("full")


def answers(placed: Placed, image: np.ndarray) -> list[np.ndarray]:
    """All that a query learns from the blocks of real images."""
    asked, found = Blocks.of(strong(structure_of(image, MIDDLE))), []
    for known in (placed.blocks, placed.unmoved):
        found += asked.scores(known)
        found += [part for i in range(known.count) for part in asked.agreeing(known, i, 1, 1)]
    return found


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_depends_on_where_it_is_kept(shape: tuple[int, ...], tmp_path: Path) -> None:
    images = images_of(shape)
    plain, asked = opened(images), images[1]
    shelf, full = Shelf(Indexes(tmp_path), "recipe"), Shelf(FullDisk(tmp_path / "full"), "recipe")
    made, again, without = (opened(images, s) for s in (shelf, shelf, full))
    for other in (made, again, without, opened(images, shelf, hashed=False)):
        assert same(answers(plain, asked), answers(other, asked))
        assert other.usual == plain.usual
        for ours, theirs in zip(plain.maps, other.maps, strict=True):
            np.testing.assert_array_equal(ours.matrix, theirs.matrix)
            np.testing.assert_array_equal(ours.offset, theirs.offset)
    assert len(list(tmp_path.glob("indexes/*/placed-*/*.npys"))) == 1


def test_neither_order_nor_company_changes_a_bit() -> None:
    images = images_of((60, 52), 70)
    asked = Blocks.of(strong(structure_of(images[1], MIDDLE)))
    order = np.random.default_rng(0).permutation(70)
    one, other = opened(images), opened([images[i] for i in order])
    for ours, theirs in ((one.blocks, other.blocks), (one.unmoved, other.unmoved)):
        for first, second in zip(asked.scores(ours), asked.scores(theirs), strict=True):
            np.testing.assert_array_equal(second, first[order])


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_is_known_by_its_own_blocks(shape: tuple[int, ...]) -> None:
    images = images_of(shape)
    placed = opened(images)
    known, asked = placed.unmoved, Blocks.of(own(placed, -images[1], 1))
    score, way, sign = asked.scores(known)
    still = int(np.flatnonzero((asked.ways == 0).all(axis=1))[0])
    assert (score.argmax(), way[1], sign[1]) == (1, still, -1)
    alike, ways = asked.agreeing(known, 1, still, -1)
    truth, unmoved = np.square(unit_blocks(placed, images[1], 1).astype(float)).sum(axis=1), ~ways.any(axis=1)
    np.testing.assert_allclose(alike[unmoved], truth[unmoved], atol=0.004)
    assert (alike >= truth - 0.004).all()
    assert unmoved.mean() > 0.2


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_numbers_stand_for_the_blocks(shape: tuple[int, ...]) -> None:
    images = images_of(shape)
    placed = opened(images)
    known = placed.unmoved
    for index, image in enumerate(images):
        truth = unit_blocks(placed, image, index)
        kept = known.one(index) * known.scales[:, index, None]
        np.testing.assert_allclose(kept, truth, atol=np.abs(truth).max() / LEVELS)


def test_images_of_one_id_and_no_hash_are_told_apart(tmp_path: Path) -> None:
    shelf = Shelf(Indexes(tmp_path), "recipe")
    for images in (images_of((60, 52)), images_of((60, 52))[::-1], images_of((60, 52), 7)[2:]):
        kept, plain = (opened(images, s, hashed=False) for s in (shelf, None))
        assert same(answers(kept, images[3]), answers(plain, images[3]))


def test_whole_numbers_are_near_and_their_products_exact() -> None:
    blocks = np.random.default_rng(0).standard_normal((7, 4, 512)).astype(np.float32)
    blocks[3] = 0
    whole, scales = quantised(blocks)
    assert np.abs(whole * scales[..., None] - blocks).max() <= scales.max() / 2 + 1e-6
    assert not whole[3].any()
    assert max(BLOCK[2] ** 2, BLOCK[3] ** 3) * LEVELS**2 < 2**24
    exact = np.einsum("bwc,bvc->bwv", whole.astype(np.int64), whole.astype(np.int64))
    floats = whole.astype(np.float32)
    np.testing.assert_array_equal(floats @ floats.transpose(0, 2, 1), exact)


def test_what_all_share_is_taken_out_before_blocks_are_compared() -> None:
    """Images of one anatomy with details of their own: blocks of two of them agree no more than by chance."""
    common = 3 * blobs((120, 104), 99)
    images = [common + blobs((120, 104), seed) for seed in range(8)]
    placed = opened(images)
    asked = Blocks.of(
        strong(placed.frame.own(structure_of(images[1], MIDDLE), Affine.none(2), placed.maps[1]))
    )
    alike = [unit_blocks(placed, image, index) for index, image in enumerate(images)]
    raw = [cut(strong(structure_of(i, MIDDLE))) for i in images]
    shared = [float((raw[1] * r).sum() / np.sqrt((raw[1] ** 2).sum() * (r**2).sum())) for r in raw]
    left = [float((alike[1] * a).sum() / np.sqrt((alike[1] ** 2).sum() * (a**2).sum())) for a in alike]
    assert min(shared[:1] + shared[2:]) > 0.6
    assert max(left[:1] + left[2:]) < 0.4
    assert asked.scores(placed.unmoved)[0].argmax() == 1
