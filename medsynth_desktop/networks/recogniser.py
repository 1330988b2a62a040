"""A trained `IdentityNetwork` ready for use: images to embeddings, embeddings to probabilities, always the same ones.

Everything runs in float64, one image at a time, and is rounded far above float64's error: neither the size of a batch
nor the number of threads nor the device changes an embedding, and so no verdict.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from medsynth_desktop.networks.identity import IdentityNetwork

DIGITS = 6
"""Digits after the point of an embedding's numbers: their float64 errors are a million times smaller."""
PAIRS = 1 << 14
"""Pairs that the head sees at a time."""


def work_size(grid: tuple[int, ...], side: int) -> tuple[int, ...]:
    """The size at which the network sees images of ``grid``: no axis longer than ``side``, shape kept, at least 8."""
    factor = min(1.0, side / max(grid))
    return tuple(max(8, round(n * factor)) if factor < 1 else n for n in grid)


def shrink(image: np.ndarray, side: int) -> torch.Tensor:
    """(1, 1, *work) float64 of one image on the cohort's grid, by means over areas."""
    array = torch.from_numpy(np.ascontiguousarray(image, np.float64))[None, None]
    size = work_size(tuple(image.shape), side)
    return functional.interpolate(array, size=size, mode="area") if size != tuple(image.shape) else array


class Recogniser:
    """Embeds images of one grid, and says how likely two embeddings show one patient.

    Parameters
    ----------
    network
        As trained; a float64 copy is kept.
    grid
        Of the cohort's images.
    side
        Longest axis at which the network sees them.
    fingerprint
        Content hash of weights and facts.
    device
        Of torch. No result depends on it.

    Attributes
    ----------
    name
        What a person reads, where it serves as a `medsynth_desktop.similarity.features.base.Extractor`.
    """

    name = "the cohort's own recognition network"

    def __init__(
        self,
        network: IdentityNetwork,
        grid: tuple[int, ...],
        side: int,
        fingerprint: str,
        device: str = "cpu",
    ) -> None:
        device = "cpu" if device.startswith("mps") else device  # which knows no float64
        self._network = copy.deepcopy(network).double().eval().requires_grad_(False).to(device)
        self.grid, self.side, self.fingerprint = tuple(grid), side, fingerprint
        self._device = device

    @property
    def features(self) -> int:
        """Numbers in an embedding."""
        return self._network.shape.features

    def embed(self, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """(n, features) float32 embeddings of images of the cohort's grid in [-1, 1]."""
        rows = np.empty((len(images), self.features), np.float32)
        with torch.inference_mode():
            for row, image in zip(rows, images, strict=True):
                seen = shrink(np.asarray(image), self.side).to(self._device)
                row[:] = self._network(seen)[0].cpu().numpy().round(DIGITS)
        return rows

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """As `embed`."""
        return self.embed(images)

    def same(self, query: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(n,) probabilities that embedding ``query`` (features,) and each of ``others`` (n, features) are one patient.

        Where a pair of one patient and one of two were as likely before they were compared.
        """
        one = torch.from_numpy(np.asarray(query, np.float64)).to(self._device)
        odds = []
        with torch.inference_mode():
            for start in range(0, len(others), PAIRS):
                some = torch.from_numpy(np.asarray(others[start : start + PAIRS], np.float64)).to(
                    self._device
                )
                odds.append(torch.sigmoid(self._network.same(one.expand_as(some), some)).cpu().numpy())
        return np.concatenate(odds).round(2 * DIGITS) if odds else np.zeros(0)
