"""How alike two pictures are to a network that learnt to see: a perceptual loss from weights that somebody has.

Distances of unit feature vectors after each of VGG16's five blocks (Zhang et al. 2018, arXiv:1801.03924, without their
learned weights of channels, which no file here holds). Nothing is downloaded: where there are no weights, there is no
such loss, and whoever trains says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class Eye:
    """Convolutions of 3 x 3 that see pictures of three channels, and how a picture is prepared for them.

    Attributes
    ----------
    name, hash
        What a person reads, and which weights exactly.
    weights, biases
        (out, in, 3, 3) and (out,) float32 of each convolution.
    ends
        Indices of the convolutions that end a block; behind each but the last the picture is halved.
    scale, means, deviations
        A picture in [0, 1] times the first, less the second, over the third, by channel.
    """

    name: str
    hash: str
    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    ends: tuple[int, ...]
    scale: float
    means: tuple[float, float, float]
    deviations: tuple[float, float, float]


class PerceptualLoss(torch.nn.Module):
    """Mean distance of pictures in what an `Eye` sees of them; the eye itself learns nothing."""

    means: torch.Tensor
    deviations: torch.Tensor

    def __init__(self, eye: Eye) -> None:
        super().__init__()
        self.eye = eye
        self.layers = torch.nn.ModuleList(
            _convolution(w, b) for w, b in zip(eye.weights, eye.biases, strict=True)
        )
        self.register_buffer("means", torch.tensor(eye.means).view(1, 3, 1, 1))
        self.register_buffer("deviations", torch.tensor(eye.deviations).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Distance of pictures (n, 1, h, w) in [-1, 1], averaged over pictures, positions and blocks.

        It has a gradient for ``fake`` alone.
        """
        with torch.no_grad():
            seen = self._blocks(real)
        pairs = zip(seen, self._blocks(fake), strict=True)
        return torch.stack([(one - other).square().sum(1).mean() for one, other in pairs]).mean()

    def _blocks(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Unit feature vectors after each block, as far as the picture is wide enough to be halved."""
        x = (self.eye.scale * (pictures + 1) / 2 - self.means) / self.deviations
        found = []
        for index, layer in enumerate(self.layers):
            x = layer(x).relu()
            if index in self.eye.ends:
                found.append(functional.normalize(x, dim=1, eps=1e-6))
                if min(x.shape[2:]) < 2:
                    break
                x = functional.max_pool2d(x, 2)
        return found


def _convolution(weight: np.ndarray, bias: np.ndarray) -> torch.nn.Conv2d:
    layer = torch.nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
    layer.weight.data = torch.from_numpy(np.array(weight, np.float32))
    layer.bias = torch.nn.Parameter(torch.from_numpy(np.array(bias, np.float32)))
    return layer
