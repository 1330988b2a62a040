"""What the recognition learns by: contrast of views, pairs of one patient against pairs of two, honest log-odds."""

from __future__ import annotations

import torch
from torch.nn import functional


def shown_too(pasted: torch.Tensor) -> torch.Tensor:
    """(B, B) bool: where patient i shows in the second view of j, wholly or as what a part was pasted into."""
    count = len(pasted)
    same = torch.eye(count, dtype=torch.bool, device=pasted.device)
    return same | (same.roll(1, 1) & pasted)  # the second view of j was pasted into patient j - 1


def contrast_loss(
    first: torch.Tensor, second: torch.Tensor, pasted: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """NT-Xent of two views (B, features) each of B patients, and (B,) the patient hardest to tell from each one.

    Pairs that a pasted part makes neither alike nor different take no part.
    """
    count = len(first)
    known = shown_too(pasted)
    both = torch.cat([first, second])
    alike = both @ both.T / temperature
    same = torch.eye(count, dtype=torch.bool, device=first.device)
    mute = same | (same.roll(1, 1) & pasted) | (same.roll(1, 1) & pasted).T
    left_out = torch.cat([torch.cat([same, known & ~same], 1), torch.cat([known.T & ~same, mute], 1)])
    target = torch.arange(2 * count, device=first.device).roll(count)
    loss = functional.cross_entropy(alike.masked_fill(left_out, -torch.inf), target)
    hardest = alike[:count, count:].masked_fill(known, -torch.inf).argmax(1)
    return loss, hardest


def pair_loss(right: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of log-odds of pairs of one patient and of two, both kinds weighing the same."""
    return 0.5 * (functional.softplus(-right).mean() + functional.softplus(wrong).mean())


def platt(right: torch.Tensor, wrong: torch.Tensor, rounds: int = 50) -> tuple[float, float]:
    """Slope (positive) and offset that make log-odds fit best, both kinds weighing the same; Newton's method.

    Targets lie off 0 and 1 by Platt's amount, so that few pairs without an error promise no certainty.
    """
    odds = torch.cat([right, wrong]).double()
    few = 1 / (len(right) + 2)
    target = torch.cat([torch.full_like(right, 1 - few), torch.full_like(wrong, few)]).double()
    weight = torch.cat(
        [torch.full_like(right, 1 / len(right)), torch.full_like(wrong, 1 / len(wrong))]
    ).double()
    middle, size = odds.mean(), odds.std() + 1e-9
    design = torch.stack([(odds - middle) / size, torch.ones_like(odds)], dim=1)
    found = torch.zeros(2, dtype=torch.float64)
    for _ in range(rounds):
        p = torch.sigmoid(design @ found)
        slope = design.T @ (weight * (p - target)) + 1e-6 * found
        bend = design.T @ (design * (weight * p * (1 - p))[:, None]) + 1e-6 * torch.eye(
            2, dtype=torch.float64
        )
        found = found - torch.linalg.solve(bend, slope).clamp(-2, 2)
    by = max(float(found[0] / size), 1e-3)
    return by, float(found[1] - by * middle)
