"""What the recognition network is blind to by its making, and that an embedding depends on its image alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsynth_desktop.networks.identity import IdentityShape
from medsynth_desktop.networks.recogniser import Recogniser, shrink, work_size

TINY = {2: IdentityShape(2, (8, 16), 8, 2, 4, 4), 3: IdentityShape(3, (8, 16), 8, 2, 4, 4)}


def images(dims: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(dims).uniform(-1, 1, (count, *(12, 16, 14)[:dims])).astype(np.float32)


def recogniser(dims: int, side: int = 99) -> Recogniser:
    torch.manual_seed(1)
    return Recogniser(TINY[dims].build(), images(dims).shape[1:], side, "f")


@pytest.mark.parametrize("dims", [2, 3])
def test_an_embedding_has_unit_norm_and_is_the_negatives_too(dims: int) -> None:
    rows = recogniser(dims).embed(images(dims))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(recogniser(dims).embed(-images(dims)), rows)
    np.testing.assert_allclose(recogniser(dims).embed(0.5 * images(dims) + 0.2), rows, atol=0.02)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3


@pytest.mark.parametrize("dims", [2, 3])
def test_neither_neighbours_nor_order_nor_threads_change_an_embedding(dims: int) -> None:
    some = images(dims)
    rows = recogniser(dims).embed(some)
    before = torch.get_num_threads()
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            np.testing.assert_array_equal(recogniser(dims).embed(some[::-1])[::-1], rows)
            np.testing.assert_array_equal(recogniser(dims).embed(some[2:3])[0], rows[2])
    finally:
        torch.set_num_threads(before)


def test_a_pair_is_the_same_pair_when_exchanged() -> None:
    one = recogniser(2)
    rows = one.embed(images(2))
    table = np.stack([one.same(row, rows) for row in rows])
    assert table.shape == (5, 5)
    assert ((table > 0) & (table < 1)).all()
    np.testing.assert_allclose(table, table.T, atol=1e-12)
    assert one.same(rows[0], rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("grid", "side", "size"),
    [
        ((128, 128), 64, (64, 64)),
        ((64, 80, 64), 40, (32, 40, 32)),
        ((20, 30), 64, (20, 30)),
        ((64, 4), 32, (32, 8)),
    ],
)
def test_images_are_seen_no_longer_than_a_side(
    grid: tuple[int, ...], side: int, size: tuple[int, ...]
) -> None:
    assert work_size(grid, side) == size
    assert tuple(shrink(np.zeros(grid, np.float32), side).shape[2:]) == size


def test_shrinking_takes_means() -> None:
    array = np.arange(256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_allclose(shrink(array, 8)[0, 0], array.reshape(8, 2, 8, 2).mean((1, 3)))


@pytest.mark.parametrize(
    "numbers", [{"spatial_dims": 4}, {"channels": ()}, {"channels": (12,)}, {"pooled": 0}, {"features": True}]
)
def test_numbers_that_make_no_network_are_refused(numbers: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|divide"):
        IdentityShape(**numbers)  # type: ignore[arg-type]
