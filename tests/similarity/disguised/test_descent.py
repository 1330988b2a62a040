"""Steps of a map find the map that was made, in volumes and in pictures, of the image and of its negative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.alignment import refine
from medsynth_desktop.similarity.disguised.descent import draw, look
from medsynth_desktop.similarity.disguised.interpolation import as_volume, lifted, pulled
from medsynth_desktop.similarity.disguised.structure import MIDDLE, Structure, structure_of

SHAPES = [(96, 80), (40, 36, 44)]


def structured(shape: tuple[int, ...], seed: int = 0) -> Structure:
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return structure_of(ndimage.gaussian_filter(noise, 2.0), MIDDLE)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_turned_scaled_and_shifted_image_is_laid_back(shape: tuple[int, ...], sign: int) -> None:
    other = structured(shape)
    matrix = 1.02 * np.eye(len(shape))
    matrix[-1, -2], matrix[-2, -1] = 0.05, -0.05
    made = Affine.about(matrix, shape)
    made = Affine(made.matrix, made.offset + 0.8)
    image = Structure(sign * pulled(made, other.band, shape), other.weight, 1)
    found, alike = refine(image, other, Affine.none(len(shape)))
    ends = np.array([np.zeros(len(shape)), np.array(shape) - 1.0])
    assert np.abs(found(ends) - made(ends)).max() < 0.3
    assert sign * alike > 0.97


@pytest.mark.parametrize("shape", [*SHAPES, (1, 30), (3, 5, 4)])
def test_what_is_seen_at_places_is_what_scipy_reads_there_and_of_the_gradient(shape: tuple[int, ...]) -> None:
    image = structured(tuple(max(n, 16) for n in shape)).band[tuple(slice(n) for n in shape)].copy()
    places = np.random.default_rng(1).uniform(-1, 1, (50, len(shape))) * 0.1 + 0.5 * (np.array(shape) - 1)
    places[:, np.array(shape) == 1] = 0
    lifted_places = np.zeros((50, 3))
    lifted_places[:, 3 - len(shape) :] = places
    values = np.random.default_rng(2).normal(size=50)
    seen = np.empty((50, 4))
    alike, gain = look(as_volume(image), lifted_places, values, *lifted(Affine.none(len(shape))), seen)
    read = [ndimage.map_coordinates(image, places.T, order=1)]
    for axis, n in enumerate(shape):
        slope = np.gradient(image, axis=axis) if n > 1 else np.zeros_like(image)
        read.append(ndimage.map_coordinates(slope, places.T, order=1))
    np.testing.assert_allclose(seen[:, [0, *range(4 - len(shape), 4)]].T, read, atol=1e-5)
    assert alike == pytest.approx(np.corrcoef(values, read[0])[0, 1], abs=1e-5)
    assert gain == pytest.approx(np.linalg.norm(values) / np.linalg.norm(read[0]), rel=1e-4)


def test_outside_nothing_is_seen() -> None:
    image = structured((8, 9, 10)).band
    places, seen = np.array([[-0.5, 3, 3], [3, 8.5, 3], [3, 3, 9.5]]), np.ones((3, 4))
    look(image, places, np.ones(3), np.eye(3), np.zeros(3), seen)
    assert not seen.any()


def test_places_are_drawn_as_often_as_their_weight_says() -> None:
    generator = np.random.default_rng(3)
    weight, near = (generator.random((6, 7)).astype(np.float32) for _ in range(2))
    draws = np.sort(generator.random(400))
    chosen = np.empty(400, np.int64)
    assert draw(weight, near, draws, chosen)
    odds = np.cumsum((weight.astype(float) * near).ravel())
    np.testing.assert_array_equal(chosen, odds.searchsorted(draws * odds[-1], side="right"))
    assert not draw(weight, 0 * near, draws, chosen)
