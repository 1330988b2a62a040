"""VGG16's convolutions as an extractor of features: channel means of its five blocks, brought to 1000 numbers.

Shi et al. compare images by vectors of length 1000 of a VGG network. The 1000 outputs of its dense layers name kinds of
objects of photographs, and files that hold the convolutions alone are common; an untrained dense layer in their place
would only mix what the convolutions see. So the vector is defined by these:

1. An image is a grey picture with three equal channels; a volume is `SLICES` slices of each of its three planes. What
   is wider than `WIDEST` is shrunk to it, what is narrower than `NARROWEST` enlarged.
2. After each of the five blocks (before its pooling) the mean of every channel over all positions but those in the
   outer eighth (`MARGIN`): 64 + 128 + 256 + 512 + 512 = 1472 numbers, each block brought to length 1. A mean does not
   tell where something was seen, so a shift or a flip changes it little; the strip of air that a shift brings in
   would, for VGG16 sees its edge before all else. Of a volume these are averaged over the slices of a plane;
   the three planes stand one behind the other: 4416 numbers.
3. A fixed orthonormal map to 1000 (`projection`), which keeps distances but for a few per cent (Johnson and
   Lindenstrauss 1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_array, hash_json
from medsynth_desktop.similarity.features.weights import CHANNELS, POOLED, Kernels

if TYPE_CHECKING:
    import torch

LENGTH = 1000
SLICES = 8
"""Slices of each plane of a volume, evenly spread over its middle three quarters."""
WIDEST, NARROWEST = 224, 32
"""Pixels of a picture's longer side at most (what VGG16 was trained on), and of its shorter side at least (so that the
last block sees two positions a side)."""
MARGIN = 0.125
"""Share of each side that is left out of the means. On chest X-rays a copy shifted by two pixels, with air coming in,
lay as far as the nearest other patient without it (0.36 and 0.37), and nearer with it (0.27 and 0.39)."""
SEED = 0
FORMAT = 1
"""Counts changes of the code that change the numbers."""

PREPARATIONS: dict[str, tuple[float, tuple[float, float, float], tuple[float, float, float]]] = {
    "caffe": (255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "torch": (1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""How a picture in [0, 1] is prepared: times the first, less the second, over the third, by channel. ``caffe`` (blue
first) for weights that came from Caffe or Keras, ``torch`` (red first) for those trained in PyTorch."""
BLOCKS = [CHANNELS[index] for index in POOLED]


class VGG16:
    """VGG16's convolutions; a `medsynth_desktop.similarity.features.base.Extractor`.

    Parameters
    ----------
    kernels
        Trained weights (`medsynth_desktop.similarity.features.weights.read_kernels`).
    preparation
        One of `PREPARATIONS`: what the weights were trained with.
    """

    name = "VGG16 (ImageNet)"

    def __init__(self, kernels: Kernels, preparation: str = "caffe") -> None:
        if preparation not in PREPARATIONS:
            raise InputRefused(
                f"Images are prepared for VGG16 as {' or '.join(PREPARATIONS)}; got {preparation!r}."
            )
        self.kernels, self._preparation = kernels, preparation
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []

    @property
    def prepared_by(self) -> tuple[float, tuple[float, float, float], tuple[float, float, float]]:
        """How a picture in [0, 1] is prepared: one of `PREPARATIONS`."""
        return PREPARATIONS[self._preparation]

    @property
    def fingerprint(self) -> str:
        """Hash of weights, preparation and map."""
        scale, means, deviations = self.prepared_by
        drawn = hash_array(np.random.default_rng(SEED).standard_normal(sum(BLOCKS)))  # may change with NumPy
        own = [FORMAT, LENGTH, SLICES, WIDEST, NARROWEST, MARGIN, SEED, drawn, scale, means, deviations]
        return hash_json(["vgg16", self.kernels.hash, *own])

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (n, 1000) float32 rows of n ``images`` in [-1, 1], 2D or 3D; each is worked on by itself."""
        return np.stack([self._row(np.asarray(image, np.float32)) for image in images])

    def _row(self, image: np.ndarray) -> np.ndarray:
        if image.ndim not in (2, 3):
            raise InputRefused(f"VGG16 sees pictures and volumes; got an image of {image.ndim} dimensions.")
        seen = np.concatenate([self.blocks(pictures) for pictures in pictures_of(image)])
        return np.asarray(projection(len(seen)) @ seen, np.float32)

    def blocks(self, pictures: np.ndarray) -> np.ndarray:
        """(1472,) float64: channel means of the five blocks, each of length 1, averaged over (n, h, w) ``pictures``."""
        means = [each.astype(np.float64) for each in self.channel_means(pictures)]
        unit = [each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in means]
        return np.concatenate([each.mean(axis=0) for each in unit])

    def channel_means(self, pictures: np.ndarray) -> list[np.ndarray]:
        """(n, channels) float32 means over the inner positions of each block's last layer, of (n, h, w) pictures."""
        import torch
        from torch.nn import functional

        found = []
        with torch.inference_mode():
            seen = self._prepared(pictures)
            for index, (weight, bias) in enumerate(self._tensors()):
                seen = functional.relu_(functional.conv2d(seen, weight, bias, padding=1))
                if index in POOLED:
                    found.append(_inner(seen).mean((2, 3)).numpy())
                    seen = functional.max_pool2d(seen, 2) if index != POOLED[-1] else seen
        return found

    def _prepared(self, pictures: np.ndarray) -> torch.Tensor:
        """(n, 3, h, w) as the weights want them."""
        import torch
        from torch.nn import functional

        grey = (torch.from_numpy(np.array(pictures, np.float32))[:, None] + 1) / 2
        sides = grey.shape[2:]
        factor = min(max(1.0, NARROWEST / min(sides)), WIDEST / max(sides))
        if factor != 1:
            size = [max(round(side * factor), NARROWEST // 2) for side in sides]
            grey = functional.interpolate(grey, size, mode="bilinear", antialias=True)
        scale, means, deviations = self.prepared_by
        mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (means, deviations))
        ready = (scale * grey - mean) / deviation
        return ready.contiguous(memory_format=torch.channels_last)

    def _tensors(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        if not self._layers:
            import torch

            self._layers = [
                (
                    torch.from_numpy(weight.copy()).contiguous(memory_format=torch.channels_last),
                    torch.from_numpy(bias.copy()),
                )
                for weight, bias in zip(self.kernels.weights, self.kernels.biases, strict=True)
            ]
        return self._layers


def _inner(seen: torch.Tensor) -> torch.Tensor:
    """``seen`` (n, channels, h, w) without `MARGIN` on each side."""
    off = [round(size * MARGIN) for size in seen.shape[2:]]
    return seen[:, :, off[0] : seen.shape[2] - off[0], off[1] : seen.shape[3] - off[1]]


def pictures_of(image: np.ndarray) -> list[np.ndarray]:
    """(n, h, w) pictures of each plane: a 2D image itself, or `SLICES` slices across each axis of a volume."""
    if image.ndim == 2:
        return [image[None]]
    return [np.moveaxis(image, axis, 0)[_spread(size)] for axis, size in enumerate(image.shape)]


def _spread(size: int) -> np.ndarray:
    """(SLICES,) slices of ``size``, evenly over the middle three quarters."""
    return np.asarray(((np.arange(SLICES) + 0.5) / SLICES * 0.75 + 0.125) * size, np.int64)


@cache
def projection(length: int) -> np.ndarray:
    """(1000, length) orthonormal rows, the same everywhere; the identity where ``length`` is less."""
    if length <= LENGTH:
        return np.eye(length)
    drawn = np.random.default_rng(SEED).standard_normal((length, LENGTH))
    return np.ascontiguousarray(np.linalg.qr(drawn)[0].T)
