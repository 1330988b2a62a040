"""Run a network's blocks in tiles: memory that a tile sets, and the very numbers of the whole.

Two things make a tile's result differ from the whole's. Convolutions see beyond its border: so each tile is computed
with a rim as wide as they see, which is thrown away. Group normalisation takes mean and variance over the whole
volume: so these are gathered first, over all tiles, one norm after the other, and every tile is normalised by the same
numbers. What is left is rounding.

Where a block's whole output is small enough it is kept, and the next tiles begin there; where it is not, blocks run on
within a tile. So coarse layers are computed once, and only the finest again for every norm behind them: those passes,
and the rims, are the price.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import torch
from torch import nn

from medsynth_desktop.networks.operations import Add, Apply, Keep, Norm, Operation, operations, reach, sizes

FLOAT = 4
Statistics: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Mean and variance (n, groups) of the whole volume."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes of the largest array that is held: within a tile, and whole between two rows of tiles.

    Some six arrays of a tile exist at a time, and two whole ones.
    """

    tile: int = 128 << 20
    kept: int = 512 << 20


DEFAULT = Budget()


@dataclass(frozen=True, slots=True)
class _Tile:
    """What a tile reads, with its rim, and what of that is its own: (first, last + 1) of each axis in input cells."""

    read: tuple[tuple[int, int], ...]
    own: tuple[tuple[int, int], ...]

    def window(self) -> tuple[slice, ...]:
        """Where it reads."""
        return (slice(None), slice(None), *(slice(a, b) for a, b in self.read))

    def inner(self, scale: Fraction) -> tuple[slice, ...]:
        """Its own part of what it read, where one cell has become ``scale``."""
        pairs = zip(self.read, self.own, strict=True)
        spans = (slice(int((a - r) * scale), int((b - r) * scale)) for (r, _), (a, b) in pairs)
        return (slice(None), slice(None), *spans)

    def outer(self, scale: Fraction) -> tuple[slice, ...]:
        """Its own part of the whole."""
        return (slice(None), slice(None), *(slice(int(a * scale), int(b * scale)) for a, b in self.own))


def largest(blocks: Iterable[nn.Module], shape: Sequence[int]) -> int:
    """Bytes of the largest float32 array inside ``blocks`` when they run whole on ``shape`` (n, channels, *space)."""
    row = list(itertools.chain(*map(operations, blocks)))
    return int(FLOAT * shape[0] * math.prod(shape[2:]) * _widest(row, shape))


def run_in_tiles(blocks: Iterable[nn.Module], x: torch.Tensor, budget: Budget = DEFAULT) -> torch.Tensor:
    """Return what ``blocks``, one after the other, make of ``x`` (n, channels, *space), within ``budget``.

    Parameters
    ----------
    blocks
        As encoders and decoders of MONAI's AutoencoderKL (without attention) and VQVAE hold them.
    x
        Its axes divide by the product of the blocks' strides.

    Raises
    ------
    TypeError
        A block that `medsynth_desktop.networks.operations` does not know.
    """
    rows = [operations(block) for block in blocks]
    with torch.inference_mode():
        while rows:
            end = _next_kept(rows, x.shape, budget)
            x = _run(list(itertools.chain(*rows[:end])), x, budget)
            rows = rows[end:]
    return x


def _next_kept(rows: list[list[Operation]], shape: Sequence[int], budget: Budget) -> int:
    """Behind how many blocks to keep a whole array: the first whose output is small enough, else all."""
    for end in range(1, len(rows)):
        *_, (channels, scale) = sizes(list(itertools.chain(*rows[:end])), shape[1])
        cells = math.prod(n * scale for n in shape[2:])
        if FLOAT * shape[0] * channels * cells <= budget.kept:
            return end
    return len(rows)


def _run(row: list[Operation], x: torch.Tensor, budget: Budget) -> torch.Tensor:
    tiles = list(_tiles(row, x.shape, budget))
    known: dict[int, Statistics] = {}
    if len(tiles) == 1:
        return _through(row, x, known)
    for place, operation in enumerate(row):
        if isinstance(operation, Norm):
            known[place] = _gather(row[:place], operation, x, tiles, known)
    *_, (channels, scale) = sizes(row, x.shape[1])
    out = x.new_empty((x.shape[0], channels, *(int(n * scale) for n in x.shape[2:])))
    for tile in tiles:
        out[tile.outer(scale)] = _through(row, x[tile.window()], known)[tile.inner(scale)]
    return out


def _through(row: list[Operation], x: torch.Tensor, known: dict[int, Statistics]) -> torch.Tensor:
    """``x`` after ``row``; norms whose statistics are not known take their own."""
    kept: list[torch.Tensor] = []
    for place, operation in enumerate(row):
        match operation:
            case Keep():
                kept.append(x)
            case Add(layer):
                x = layer(kept.pop()) + x
            case Norm(layer):
                x = _normalised(layer, x, known[place]) if place in known else layer(x)
            case Apply(layer):
                x = layer(x)
    return x


def _gather(
    before: list[Operation], norm: Norm, x: torch.Tensor, tiles: list[_Tile], known: dict[int, Statistics]
) -> Statistics:
    """Mean and variance of the whole volume in front of ``norm``, from the tiles' own parts (Chan et al. 1983)."""
    groups = norm.layer.num_groups
    *_, (_, scale) = sizes(before, x.shape[1])
    count = 0
    mean = torch.zeros(x.shape[0], groups, dtype=torch.float64, device=x.device)
    spread = torch.zeros_like(mean)
    for tile in tiles:
        part = _through(before, x[tile.window()], known)[tile.inner(scale)]
        part = part.reshape(x.shape[0], groups, -1)
        variance, middle = (v.double() for v in torch.var_mean(part, dim=2, correction=0))
        new = part.shape[2]
        gap = middle - mean
        spread += variance * new + gap**2 * (count * new / (count + new))
        mean += gap * (new / (count + new))
        count += new
    return mean, spread / count


def _normalised(layer: nn.GroupNorm, x: torch.Tensor, known: Statistics) -> torch.Tensor:
    """Group normalisation by statistics that are given, as one factor and one shift a channel."""
    mean, variance = known
    each = x.shape[1] // layer.num_groups
    inverse = (variance + layer.eps).rsqrt().repeat_interleave(each, 1)
    factor = inverse * layer.weight.double()
    shift = layer.bias.double() - mean.repeat_interleave(each, 1) * factor
    ones = (1,) * (x.ndim - 2)
    return torch.addcmul(shift.to(x).view(*shift.shape, *ones), x, factor.to(x).view(*factor.shape, *ones))


def _widest(row: list[Operation], shape: Sequence[int]) -> Fraction:
    """Numbers of the widest array inside ``row`` for each input cell."""
    return max(channels * scale ** (len(shape) - 2) for channels, scale in sizes(row, shape[1]))


def _tiles(row: list[Operation], shape: Sequence[int], budget: Budget) -> Iterator[_Tile]:
    """Tiles that cover the input, as few as the budget lets be, each with a rim as wide as ``row`` sees."""
    dims = len(shape) - 2
    unit = max(scale.denominator for _, scale in sizes(row, shape[1]))
    rim = math.ceil(reach(row) / unit) * unit
    room = float(budget.tile / (FLOAT * shape[0] * _widest(row, shape)))
    if math.prod(shape[2:]) <= room:
        edges = list(shape[2:])
    else:
        edge = max(int(room ** (1 / dims)) - 2 * rim, rim, 1)
        edges = [min(n, math.ceil(edge / unit) * unit) for n in shape[2:]]
    axes = [
        [(a, min(a + edge, n), n) for a in range(0, n, edge)]
        for n, edge in zip(shape[2:], edges, strict=True)
    ]
    for spans in itertools.product(*axes):
        own = tuple((a, b) for a, b, _ in spans)
        yield _Tile(tuple((max(0, a - rim), min(n, b + rim)) for a, b, n in spans), own)
