"""A codebook: which of many codes a latent cell is nearest to, and latents normalised by the codes' range.

van den Oord et al. 2017 (arXiv:1711.00937). All codes are compared with a few cells at a time, so that 16,384 codes and
the 32^3 cells of a volume need some tens of MiB where one table of all distances would need 2 GiB.
"""

from __future__ import annotations

import torch

TABLE = 1 << 20
"""Distances that are held at once: 4 MiB of float32, which a cache holds; 32 MiB took three times as long."""
LEAST_RANGE = 1e-6
"""Codes that are all alike have no range to normalise by."""


class Codebook(torch.nn.Module):
    """``codes`` (n, width). They are moved by `medsynth_desktop.training.codes`, never by a gradient."""

    codes: torch.Tensor

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(count, width))

    def nearest(self, cells: torch.Tensor) -> torch.Tensor:
        """Index (m,) of the nearest code (Euclidean) of each of ``cells`` (m, width).

        Distances are ``|c|^2 - 2 z c`` about the codes' mean: the nearer both lie to zero, the fewer digits cancel.
        """
        middle = self.codes.mean(0)
        codes = self.codes - middle
        sizes = codes.square().sum(1)
        rows = max(1, TABLE // len(codes))
        # One table for all parts: tables of their own, freed one by one, were seen to add up to 2 GiB of holes.
        table = torch.empty(min(rows, len(cells)), len(codes), dtype=codes.dtype, device=codes.device)
        found = torch.empty(len(cells), dtype=torch.long, device=cells.device)
        for first in range(0, len(cells), rows):
            part = cells[first : first + rows].detach() - middle
            torch.addmm(sizes, part, codes.T, alpha=-2, out=table[: len(part)])
            torch.argmin(table[: len(part)], 1, out=found[first : first + rows])
        return found

    def quantise(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace each cell of ``latents`` (n, width, *space) by its nearest code.

        Returns
        -------
        tuple of torch.Tensor
            The codes in the latents' shape, and their indices (n, *space).
        """
        cells = latents.movedim(1, -1)
        index = self.nearest(cells.reshape(-1, latents.shape[1])).view(cells.shape[:-1])
        return self.codes[index].movedim(-1, 1).contiguous(), index

    def normalise(self, latents: torch.Tensor) -> torch.Tensor:
        """Bring the codes' range to [-1, 1] (Khader et al. 2023); what lies beyond the codes goes beyond.

        Smallest and largest value are taken over all codes and channels at once, as published.
        """
        low, extent = self._range()
        return (latents - low) * (2 / extent) - 1

    def restore(self, normal: torch.Tensor) -> torch.Tensor:
        """The inverse of `normalise`."""
        low, extent = self._range()
        return (normal + 1) * (extent / 2) + low

    def _range(self) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = self.codes.amin(), self.codes.amax()
        return low, (high - low).clamp(min=LEAST_RANGE)
