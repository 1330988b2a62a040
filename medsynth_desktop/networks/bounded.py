"""Encode and decode by any autoencoder: whole where that fits, in tiles where it does not.

The rule looks at sizes alone, never at the memory that happens to be free: the same image is made of the same bits each
time. A network that attends runs whole whatever its size, one image at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from medsynth_desktop.networks.architecture import Autoencoder
from medsynth_desktop.networks.tiling import DEFAULT, Budget, largest

WHOLE = 512 << 20
"""Bytes of the largest array inside a network that may run whole; it needs some four times as much."""


def encode(
    autoencoder: Autoencoder, x: torch.Tensor, whole: int = WHOLE, budget: Budget = DEFAULT
) -> torch.Tensor:
    """Latents (n, channels, *space) of images (n, 1, *space): means of a KL autoencoder, else not quantised."""
    folded = (1, autoencoder.folding.cells, *(n // autoencoder.folding.size for n in x.shape[2:]))
    return _one_by_one(
        x, whole, whole if autoencoder.attends else largest(autoencoder.ways[0], folded),
        lambda some: autoencoder.encode(some)[0], lambda one: autoencoder.encode_in_tiles(one, budget),
    )  # fmt: skip


def decode(
    autoencoder: Autoencoder, z: torch.Tensor, whole: int = WHOLE, budget: Budget = DEFAULT
) -> torch.Tensor:
    """Images (n, 1, *space) of latents (n, channels, *space)."""
    return _one_by_one(
        z, whole, whole if autoencoder.attends else largest(autoencoder.ways[1], (1, *z.shape[1:])),
        autoencoder.decode, lambda one: autoencoder.decode_in_tiles(one, budget),
    )  # fmt: skip


def _one_by_one(
    x: torch.Tensor,
    whole: int,
    bytes_each: int,
    all_at_once: Callable[[torch.Tensor], torch.Tensor],
    in_tiles: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    if len(x) * bytes_each <= whole:
        return all_at_once(x)
    run = all_at_once if bytes_each <= whole else in_tiles
    return torch.cat([run(one) for one in x.split(1)])  # type: ignore[no-untyped-call]
