"""Latent filtering: of several latents drawn for one sample, keep the one that is farthest from every training latent.

Source: Melacini, memorization in 3D LDMs of head CT: for each class draw M = 5 latents, keep the one whose nearest
training latent (Euclidean, same class) is farthest, then decode. Here an image and its left-right mirror are both
training latents, since the diffusion model is trained on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.similarity.table import Table

BLOCK = 1 << 26
"""Bytes of training latents that are compared at a time."""


class LatentFilter:
    """Training latents that samples shall keep away from.

    Parameters
    ----------
    table
        Rows of one or more latents of ``width`` float32 numbers each, one behind the other.
    names
        The rows that count, by name.
    width
        Numbers of one latent.
    """

    def __init__(self, table: Table, names: Sequence[bytes], width: int) -> None:
        self._table, self._places, self._width = table, table.places(names), width

    def distances(self, latents: np.ndarray) -> np.ndarray:
        """(n,) float64 Euclidean distances of ``latents`` (n, ...) to the nearest training latent of each."""
        flat = np.asarray(latents, np.float32).reshape(len(latents), -1)
        if flat.shape[1] != self._width:
            raise ValueError(f"latents of {flat.shape[1]} numbers, training latents of {self._width}")
        nearest = np.full(len(flat), np.inf)
        step = max(1, BLOCK // (4 * self._table.width))
        room = np.empty((step, self._table.width), np.float32)
        for start in range(0, len(self._places), step):
            rows = self._table.take(2, self._places[start : start + step], room).reshape(-1, self._width)
            for index, latent in enumerate(flat):
                apart = np.square(rows - latent).sum(axis=1, dtype=np.float64)
                nearest[index] = min(nearest[index], float(apart.min()))
        return np.asarray(np.sqrt(nearest))

    def farthest(self, latents: np.ndarray) -> int:
        """Index of the latent whose nearest training latent is farthest; the first of equals."""
        return int(self.distances(latents).argmax())


def same_class(records: Sequence[ImageRecord], conditions: Mapping[str, float | str]) -> list[ImageRecord]:
    """The images whose attributes equal every condition asked for; all of them where none does.

    All are the safe choice: a latent far from every image is far from those of its class. So it is with a condition
    that is no class, an age for instance, which no image may have to the digit.
    """
    chosen = [r for r in records if all(_equal(r.attributes.get(k), v) for k, v in conditions.items())]
    return chosen or list(records)


def _equal(attribute: object, value: float | str) -> bool:
    if isinstance(value, str):
        return str(attribute) == value
    try:
        return float(attribute) == value  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
