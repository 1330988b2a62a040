"""The mean image bent onto an image: ways that are known are found, and what is one's own is not drawn."""

import numpy as np
import pytest
from scipy import ndimage

from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.flow import bent, finer, flow
from medsynth_desktop.similarity.disguised.structure import MIDDLE, Structure, structure_of


def structured(shape: tuple[int, ...], seed: int) -> Structure:
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return structure_of(ndimage.gaussian_filter(noise, 1.0), MIDDLE)


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    inside = tuple(slice(6, -6) for _ in a.shape)
    return float(np.corrcoef(a[inside].ravel(), b[inside].ravel())[0, 1])


@pytest.mark.parametrize("shape", [(96, 80), (40, 36, 44)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bend_that_no_affine_map_makes_is_found_in_an_image_and_in_its_negative(
    shape: tuple[int, ...], sign: int
) -> None:
    mean = structured(shape, 1)
    along = np.linspace(-1, 1, shape[-1], dtype=np.float32)
    way = np.zeros((len(shape), *shape), np.float32)
    way[0] = 4 * along**2  # a bow
    image = Structure(sign * bent(mean.band, way, Affine.none(len(shape))), mean.weight, 1)
    found = flow(image, mean.band, Affine.none(len(shape)))
    before, after = (
        agreement(sign * image.band, mean.band),
        agreement(sign * image.band, bent(mean.band, found, Affine.none(len(shape)))),
    )
    assert before < 0.9
    assert after > 0.98
    inside = (slice(None), *(slice(8, -8) for _ in shape))
    assert np.sqrt(np.mean((found - way)[inside] ** 2)) < 0.4


def test_no_image_is_drawn_from_another() -> None:
    """Bent onto an image that shares nothing with it, the mean stays about as unlike: ways are smooth."""
    mean, other = structured((96, 80), 1), structured((96, 80), 2)
    still = Affine.none(2)
    assert agreement(other.band, bent(mean.band, flow(other, mean.band, still), still)) < 0.3


def test_where_nothing_is_nothing_moves() -> None:
    mean = structured((64, 64), 1)
    empty = Structure(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32), 1)
    assert not flow(empty, mean.band, Affine.none(2)).any()


def test_on_a_finer_grid_the_same_places_are_meant() -> None:
    """A cell of half the size lies at half its distance from the corner; a way of 1 cell is a way of 2."""
    way = np.stack([np.tile(np.arange(6, dtype=np.float32)[:, None], (1, 8)), np.ones((6, 8), np.float32)])
    fine = finer(way, 0.5, (12, 16))
    assert fine.shape == (2, 12, 16)
    np.testing.assert_allclose(fine[1], 2)
    np.testing.assert_allclose(fine[0][1:-1, 0], 2 * (0.5 * np.arange(1, 11) - 0.25))
