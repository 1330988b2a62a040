"""What is asked of a model, as vectors that a UNet attends to: one token for each condition.

Packhaeuser et al. (classes by a lookup table, given through cross-attention) and models of attributes such as age are
cases of it. Whatever is not asked for has a token of its own, learnt by leaving conditions out now and then, so that
one network draws with and without (Ho and Salimans 2022, arXiv:2207.12598).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

MISSING = float("nan")
"""In place of a condition that is not asked for."""


class ConditionEmbedding(nn.Module):
    """(n, k) of what is asked to (n, k, width) of tokens.

    Parameters
    ----------
    classes
        For each of the k conditions its number of classes, 0 for a number.
    width
        Of a token.
    """

    def __init__(self, classes: Sequence[int], width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(
            nn.Embedding(count, width) if count else _scalar(width) for count in classes
        )
        self.missing = nn.Parameter(torch.randn(len(classes), width))
        self.classes = tuple(classes)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Embed ``given``: the index of a class, a number of about -1 to 1, or NaN where nothing is asked."""
        tokens = []
        for column, (count, table) in enumerate(zip(self.classes, self.tables, strict=True)):
            value = given[:, column]
            absent = value.isnan()
            known = value.masked_fill(absent, 0)
            token = table(known.long()) if count else table(known[:, None])
            tokens.append(torch.where(absent[:, None], self.missing[column], token))
        return torch.stack(tokens, 1)


def _scalar(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
