"""A query seen from one side, with what is needed of it for every real image that is laid over it: worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from medsynth_desktop.similarity.disguised.flow import bent, finer, flow
from medsynth_desktop.similarity.disguised.frame import Frame
from medsynth_desktop.similarity.disguised.structure import (
    MIDDLE,
    REST,
    Structure,
    cholesky,
    local,
    step_of,
    structure_of,
    within,
)
from medsynth_desktop.similarity.disguised.windows import slopes

T = TypeVar("T")


@dataclass(frozen=True)
class Common:
    """What a query shares with every image, at one resolution.

    Attributes
    ----------
    bands
        (*grid) each: the mean image's, where it lies in the query, and that band's slopes, as every image's outlines
        lie a little beside the mean's.
    factor
        (i, j), i >= j: (*thinned grid) the Cholesky factor of the local products of ``bands``.
    """

    bands: list[np.ndarray]
    factor: dict[tuple[int, int], np.ndarray]

    @classmethod
    def of(cls, mean: np.ndarray) -> Common:
        """Work it out; ``mean`` is the band of the mean image."""
        bands: list[np.ndarray] = [mean, *slopes(mean)]
        corners = [(i, j) for i in range(len(bands)) for j in range(i + 1)]
        products = local([(bands[i], bands[j]) for i, j in corners])
        return cls(bands, cholesky(dict(zip(corners, products, strict=True)), len(bands), REST))

    def explained_of(self, products: Iterable[np.ndarray]) -> list[np.ndarray]:
        """(*thinned grid) for each of ``bands``, made orthogonal: what it explains of a band.

        ``products`` are that band's local ones with each of ``bands``.
        """
        parts: list[np.ndarray] = []
        for i, product in enumerate(products):
            rest = product - sum(self.factor[i, k] * parts[k] for k in range(i))
            parts.append(rest / self.factor[i, i])
        return parts


@dataclass(frozen=True)
class Rest:
    """What is left of a query without what it shares with every image, at one resolution.

    Attributes
    ----------
    explained
        (*thinned grid) for each band of what it shares, made orthogonal: what that explains of the query.
    energy
        (*thinned grid) local energy of what they leave of it.
    """

    explained: list[np.ndarray]
    energy: np.ndarray

    @classmethod
    def of(cls, structure: Structure, common: Common) -> Rest:
        """Work it out."""
        band = structure.band
        *products, energy = local([(one, band) for one in [*common.bands, band]])
        explained = common.explained_of(products)
        return cls(explained, np.maximum(energy - sum(p**2 for p in explained), 0))


@dataclass(frozen=True)
class Seen:
    """A query at one resolution: its borders, what it shares with every image, and what is left (perhaps soon)."""

    structure: Structure
    common: Common
    rest: Callable[[], Rest]

    @classmethod
    def of(cls, structure: Structure, common: Common, pool: Executor | None = None) -> Seen:
        """As it is; what is left is worked out in ``pool`` meanwhile, if there is one."""
        if pool is not None:
            return cls(structure, common, pool.submit(Rest.of, structure, common).result)
        rest = Rest.of(structure, common)
        return cls(structure, common, lambda: rest)


class Sight:
    """A query from one side: as it is (1), or mirrored (-1).

    What is asked for is worked out once; one thread may ask for what is `common` in fine cells while another asks for
    the rest.

    Attributes
    ----------
    image
        Its voxels, from that side.
    middle
        Its structure in `MIDDLE` cells.
    placed
        The map from voxels of the frame to its own.
    cut
        Whether it may have been cut and enlarged: it is less alike to the frame than is usual.
    """

    def __init__(self, image: np.ndarray, side: int, frame: Frame, usual: float) -> None:
        self.image = image if side > 0 else image[::-1]
        self.middle = structure_of(self.image, MIDDLE)
        self.placed, self.cut = frame.place_any(self.image, self.middle, usual)
        self._frame = frame
        self._known: dict[tuple[str, int], Any] = {}

    def structure(self, cells: dict[int, int]) -> Structure:
        """Its structure with ``cells`` along its longest axis, at most."""
        return self._once("structure", cells, self._structure)

    def common(self, cells: dict[int, int]) -> Common:
        """What it shares with every image: the mean image where it lies in the query, bent onto it."""
        return self._once("common", cells, lambda cells: Common.of(self._mean(cells)))

    def at(self, cells: dict[int, int], pool: Executor | None = None) -> Seen:
        """All of it."""
        return self._once(
            "seen", cells, lambda cells: Seen.of(self.structure(cells), self.common(cells), pool)
        )

    def _once(self, what: str, cells: dict[int, int], make: Callable[[dict[int, int]], T]) -> T:
        """What was made before."""
        key = what, cells[self.image.ndim]
        if key not in self._known:
            self._known[key] = make(cells)
        made: T = self._known[key]
        return made

    def _structure(self, cells: dict[int, int]) -> Structure:
        return within(self.middle if cells is MIDDLE else structure_of(self.image, cells))

    def _mean(self, cells: dict[int, int]) -> np.ndarray:
        """The band of the mean image where it lies in the query, bent onto it."""
        step, frame = step_of(self.image.shape, cells), self._frame
        shape = tuple(n // step for n in self.image.shape)
        if frame.few:
            return np.zeros(shape, np.float32)
        way = finer(self._once("way", MIDDLE, self._way), step / self.middle.step, shape)
        return bent(frame.band(step), way, self.placed.inverse().in_cells(step))

    def _way(self, cells: dict[int, int]) -> np.ndarray:
        step = self.middle.step
        return flow(self.structure(cells), self._frame.band(step), self.placed.inverse().in_cells(step))
