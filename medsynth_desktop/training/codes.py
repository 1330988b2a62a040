"""How a codebook learns: each code follows the mean of the cells that chose it, and a code that none chooses moves.

The moving average is van den Oord et al. 2017 (arXiv:1711.00937), appendix A.1; restarting dead codes is Dhariwal et
al. 2020 (arXiv:2005.00341), section 3.1.
"""

from __future__ import annotations

import torch

from medsynth_desktop.networks.codebook import Codebook

JITTER = 0.01
"""Noise on a code that begins at a cell, in standard deviations of all cells: codes of one cell must part."""


class MovingCodes:
    """Moving averages behind a codebook: how many cells chose each code (n,), and their sum (n, width).

    Parameters
    ----------
    codebook
        Whose codes are moved, in place.
    decay
        Share of the averages that a step keeps.
    restart
        A code is dead when its count falls below this share of what it would have if all were chosen evenly.
    """

    def __init__(self, codebook: Codebook, decay: float, restart: float) -> None:
        self.codebook, self.decay, self.restart = codebook, decay, restart
        self.counts = torch.zeros(len(codebook.codes), device=codebook.codes.device)
        self.sums = torch.zeros_like(codebook.codes)

    def begin(self, cells: torch.Tensor, generator: torch.Generator) -> None:
        """Let every code begin at one of ``cells`` (m, width), at another one each as long as there are enough."""
        count = len(self.counts)
        order = torch.randperm(max(count, len(cells)), generator=generator)[:count] % len(cells)
        everyone = torch.arange(count, device=self.counts.device)
        self._place(everyone, cells, order, generator)

    def follow(self, cells: torch.Tensor, index: torch.Tensor, generator: torch.Generator) -> int:
        """One step: ``cells`` (m, width) chose the codes ``index`` (m,). Return how many dead codes were restarted."""
        kept, new = self.decay, 1 - self.decay
        chosen = torch.bincount(index, minlength=len(self.counts)).to(self.sums.dtype)
        total = torch.zeros_like(self.sums).index_add_(0, index, cells.to(self.sums.dtype))
        self.counts.mul_(kept).add_(chosen, alpha=new)
        self.sums.mul_(kept).add_(total, alpha=new)
        dead = torch.nonzero(self.counts < self.restart * self._even(cells))[:, 0]
        if len(dead):
            drawn = torch.randint(len(cells), (len(dead),), generator=generator)
            self._place(dead, cells, drawn, generator)
        self.codebook.codes.copy_(self.sums / self.counts[:, None])
        return len(dead)

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint must hold beside the codes."""
        return {"counts": self.counts, "sums": self.sums}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from `state`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])

    def _even(self, cells: torch.Tensor) -> float:
        """How many of ``cells`` a code would have if all were chosen evenly."""
        return len(cells) / len(self.counts)

    def _place(
        self, which: torch.Tensor, cells: torch.Tensor, drawn: torch.Tensor, generator: torch.Generator
    ) -> None:
        """Put codes at the drawn cells, and let each count as if it had been chosen evenly: it has time to be used."""
        noise = torch.randn((len(which), cells.shape[1]), generator=generator).to(cells)
        places = cells[drawn.to(cells.device)] + JITTER * cells.std() * noise
        even = self._even(cells)
        self.codebook.codes[which] = places.to(self.sums)
        self.counts[which] = even
        self.sums[which] = even * places.to(self.sums)
