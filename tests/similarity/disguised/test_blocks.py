"""Blocks that are cut, multiplied and summed in compiled loops, beside the same in plain numpy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from medsynth_desktop.similarity.disguised.blocks import FLAT, Blocks, cut
from medsynth_desktop.similarity.disguised.shelved import Known, quantised
from medsynth_desktop.similarity.disguised.structure import BLOCK
from medsynth_desktop.similarity.table import Table

SHAPES = [(40, 29), (56, 56), (19, 16, 25), (24, 24, 16)]
COUNT = 70
"""More real images than are multiplied at a time."""


def bands(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def known_of(real: np.ndarray) -> tuple[Known, np.ndarray]:
    """What the search keeps of the blocks of real images, and these as plain numbers (N, b, cells)."""
    blocks = np.stack([cut(band) for band in real])
    rows, scales = quantised(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-9))
    table = Table(None, "", 0, rows[0].size, np.int8)
    names = [n.to_bytes(32, "big") for n in range(len(rows))]
    table.hold(names, np.empty((len(rows), 0)), rows.reshape(len(rows), -1))
    known = Known(scales.T.copy(), table, table.places(names), 0, rows.shape[-1])
    return known, rows.astype(float) * scales[..., None]


def moved(band: np.ndarray, way: np.ndarray) -> np.ndarray:
    """``band`` moved by whole cells, zeros where nothing came from."""
    out = np.zeros_like(band)
    to = tuple(slice(max(0, w), min(n, n + w)) for w, n in zip(way, band.shape, strict=True))
    of = tuple(slice(max(0, -w), min(n, n - w)) for w, n in zip(way, band.shape, strict=True))
    out[to] = band[of]
    return out


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_of_a_query_are_cut_from_it_moved_in_every_way(shape: tuple[int, ...]) -> None:
    (band,) = bands(shape, 1, 0)
    band[: shape[0] // 2] *= 0.01
    blocks = Blocks.of(band)
    for number, way in enumerate(blocks.ways):
        there = cut(moved(band, way)).astype(float)
        norms = np.sqrt((there**2).sum(axis=1))
        expected = there / (norms + FLAT * norms.max())[:, None]
        seen = blocks.cells[:, number].astype(float) * blocks.scales[:, number, None]
        assert np.abs(seen - expected).max() <= 0.51 * blocks.scales[:, number].max()  # to a whole number
    assert np.abs(blocks.cells).max() == 127


@pytest.mark.parametrize("shape", SHAPES)
def test_the_strongest_window_is_the_one_that_all_windows_looked_at_in_turn_show(
    shape: tuple[int, ...],
) -> None:
    real = bands(shape, COUNT, 1)
    real[3] = -bands(shape, 1, 2)[0]  # the query's negative
    (query,) = bands(shape, 1, 2)
    blocks, (known, numbers) = Blocks.of(query), known_of(real)
    score, way, sign = blocks.scores(known)
    own = blocks.cells.astype(float) * blocks.scales[..., None]
    alike = np.einsum("bwc,nbc->nwb", own, numbers)
    best, which = np.full(COUNT, -1.0), np.zeros((COUNT, 2), int)
    for side in (1, -1):
        strength = np.maximum(side * alike, 0) ** 1.5
        for corner in product(*(range(g - w + 1) for g, w in zip(blocks.grid, blocks.window, strict=True))):
            inside = np.zeros(blocks.grid, bool)
            inside[tuple(slice(c, c + w) for c, w in zip(corner, blocks.window, strict=True))] = True
            mean = strength[..., inside.ravel()].mean(axis=2)  # (n, w)
            better = mean.max(axis=1) > best + 1e-9
            best[better], which[better] = mean.max(axis=1)[better], side
            which[better, 0] = mean.argmax(axis=1)[better]
    np.testing.assert_allclose(score, best, atol=1e-5)
    np.testing.assert_array_equal(way, which[:, 0])
    np.testing.assert_array_equal(sign, which[:, 1])
    assert sign[3] == -1
    assert (blocks.ways[way[3]] == 0).all()
    assert score.argmax() == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_agreeing_blocks_look_around_the_way_of_the_window(shape: tuple[int, ...]) -> None:
    real = bands(shape, 3, 4)
    blocks, (known, numbers) = Blocks.of(real[1]), known_of(real)
    still = int(np.flatnonzero((blocks.ways == 0).all(axis=1))[0])
    alike, ways = blocks.agreeing(known, 1, still, 1)
    own = blocks.cells.astype(float) * blocks.scales[..., None]
    step = np.unique(blocks.ways)[1] - np.unique(blocks.ways)[0]
    near = np.abs(blocks.ways).max(axis=1) <= step
    expected = np.einsum("bwc,bc->bw", own, numbers[1])[:, near]
    np.testing.assert_allclose(alike, expected.max(axis=1), atol=1e-5)
    np.testing.assert_array_equal(ways, blocks.ways[near][expected.argmax(axis=1)])
    whole = np.prod([n // BLOCK[len(shape)] for n in shape])
    assert (np.abs(ways).max(axis=1) == 0).sum() >= whole / 2
