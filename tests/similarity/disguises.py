"""Disguises for tests and benchmarks: what somebody, or a network, may have done to a real image before it turns up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

Disguise = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
"""From a generator, a copied image and an innocent one, both in [-1, 1], to the disguised copy."""


def about_centre(image: np.ndarray, matrix: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """``image`` after ``matrix`` about its centre and ``shift`` voxels; outside is air."""
    centre = (np.array(image.shape) - 1) / 2
    inverse = np.linalg.inv(matrix)
    offset = centre - inverse @ (centre + shift)
    return ndimage.affine_transform(image, inverse, offset, order=1, mode="constant", cval=-1.0)


def turn(generator: np.random.Generator, dims: int, low: float, high: float) -> np.ndarray:
    """A rotation by ``low`` to ``high`` degrees, about any axis in three dimensions."""
    angle = np.deg2rad(generator.uniform(low, high)) * generator.choice([-1, 1])
    if dims == 2:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    axis = generator.normal(size=3)
    return Rotation.from_rotvec(axis / np.linalg.norm(axis) * angle).as_matrix()


def way(generator: np.random.Generator, dims: int, low: int, high: int) -> np.ndarray:
    """Whole voxels of ``low`` to ``high`` along each axis."""
    return generator.integers(low, high + 1, dims) * generator.choice([-1, 1], dims)


def box(image: np.ndarray, share: float, generator: np.random.Generator | None = None) -> tuple[slice, ...]:
    """A box of ``share`` of the volume: in the middle, or within a quarter of the free room around it."""
    slices = []
    for n in image.shape:
        size = round(n * share ** (1 / image.ndim))
        free = n - size
        start = free // 2 + (0 if generator is None else int(generator.integers(-(free // 4), free // 4 + 1)))
        slices.append(slice(start, start + size))
    return tuple(slices)


def flip(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return image[::-1].copy()


def shifted(low: int, high: int) -> Disguise:
    """Whole voxels, air coming in."""
    return lambda g, image, other: about_centre(image, np.eye(image.ndim), way(g, image.ndim, low, high))


def turned(low: float, high: float) -> Disguise:
    """Degrees."""
    return lambda g, image, other: about_centre(image, turn(g, image.ndim, low, high))


def scaled(share: float) -> Disguise:
    """Larger or smaller by ``share``."""
    return lambda g, image, other: about_centre(image, np.eye(image.ndim) * (1 + g.choice([-share, share])))


def blurred(sigma: float) -> Disguise:
    """Gaussian of ``sigma`` hundredths of the longest axis."""
    return lambda g, image, other: ndimage.gaussian_filter(image, sigma * max(image.shape) / 100)


def noisy(level: float) -> Disguise:
    """Gaussian noise of ``level`` of the range's half."""
    return lambda g, image, other: np.clip(image + g.normal(0, level, image.shape), -1, 1)


def gained(low: float, high: float) -> Disguise:
    """Darker by ``low`` or brighter (and clipped) by ``high``."""
    return lambda g, image, other: np.clip((image + 1) * g.choice([low, high]) - 1, -1, 1)


def gamma(low: float, high: float) -> Disguise:
    """The power of the grey value."""
    return lambda g, image, other: 2 * ((image + 1) / 2) ** g.choice([low, high]) - 1


def inverted(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The negative."""
    return -image


def cropped(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The middle three quarters of every axis, air around them."""
    made = np.full_like(image, -1.0)
    inside = box(image, 0.75**image.ndim)
    made[inside] = image[inside]
    return made


def enlarged(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The middle three quarters of every axis, enlarged to the whole grid."""
    return about_centre(image, np.eye(image.ndim) / 0.75)


def half(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One half (a hemisphere, a lung) in another image."""
    made, middle = other.copy(), image.shape[0] // 2
    side = slice(None, middle) if generator.random() < 0.5 else slice(middle, None)
    made[side] = image[side]
    return made


def quarter(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A box of a quarter of the volume in another image."""
    made = other.copy()
    inside = box(image, 0.25, generator)
    made[inside] = image[inside]
    return made


def together(*disguises: Disguise) -> Disguise:
    """One after the other."""

    def made(generator: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
        for disguise in disguises:
            image = disguise(generator, image, other)
        return image

    return made


WHOLE: dict[str, Disguise] = {
    "flip": flip,
    "shift 1 to 3": shifted(1, 3),
    "shift 4 to 8": shifted(4, 8),
    "turn 2 to 5": turned(2, 5),
    "turn 6 to 10": turned(6, 10),
    "scale 5 %": scaled(0.05),
    "blur 1": blurred(1.0),
    "blur 2": blurred(2.0),
    "noise 0.1": noisy(0.1),
    "noise 0.2": noisy(0.2),
    "gain": gained(0.5, 1.4),
    "gamma": gamma(0.5, 2.0),
    "inverted": inverted,
    "cropped to 75 %": cropped,
    "cropped and enlarged": enlarged,
    "flip, turn, shift": together(flip, turned(2, 6), shifted(1, 4)),
    "turn, gamma, noise": together(turned(6, 10), gamma(0.7, 1.4), noisy(0.1)),
}
PARTS: dict[str, Disguise] = {
    "half": half,
    "quarter": quarter,
    "half of a turned one": lambda g, image, other: half(g, turned(3, 6)(g, image, other), other),
    "quarter of a flipped one": lambda g, image, other: quarter(g, image[::-1], other),
}


def disguised(name: str, seed: int, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``image`` in the disguise called ``name``, float32; ``other`` is what a part is pasted into."""
    generator = np.random.default_rng([seed, *name.encode()])
    return np.asarray((WHOLE | PARTS)[name](generator, image, other), np.float32)
