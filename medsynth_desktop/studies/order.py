"""In which order a reader sees the cases: training, balanced blocks, repeats."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.studies.design import Case, Design


@dataclass(frozen=True, slots=True)
class Showing:
    """One case shown once; ``repeat`` where the same reader has seen it before."""

    case: str
    training: bool = False
    repeat: bool = False


def reading_order(design: Design, reader: str) -> tuple[Showing, ...]:
    """Order of one reader: it depends on the design's seed and the reader's name alone.

    Each block holds real and synthetic cases of every group in nearly the proportions of the whole, shuffled within.
    Repeats follow the first showings; where there are more blocks than one, none is of the last block.

    Raises
    ------
    InputRefused
        When the design has no such reader.
    """
    if reader not in design.readers:
        raise InputRefused(f"The study {design.name!r} has no reader {reader!r}. Give one of its readers.")
    digest = hashlib.sha256(f"{design.seed}/{reader}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    training = [c for c in design.cases if c.training]
    first = _blocks([c for c in design.cases if not c.training], design.block, generator)
    earlier = [c for block in (first[:-1] or first) for c in block]
    wanted = min(len(earlier), round(design.repeats * sum(map(len, first))))
    again = _blocks(_interleaved(earlier, generator)[:wanted], design.block, generator)
    return (
        *(Showing(training[i].id, training=True) for i in generator.permutation(len(training))),
        *(Showing(c.id) for block in first for c in block),
        *(Showing(c.id, repeat=True) for block in again for c in block),
    )


def _blocks(cases: list[Case], size: int, generator: np.random.Generator) -> list[list[Case]]:
    dealt = _interleaved(cases, generator)
    blocks = [dealt[i : i + size] for i in range(0, len(dealt), size)]
    return [[block[i] for i in generator.permutation(len(block))] for block in blocks]


def _interleaved(cases: list[Case], generator: np.random.Generator) -> list[Case]:
    """Deal the strata evenly: the i-th of n stands near (i + 1/2) / n of the way, ties at random."""
    strata: dict[tuple[bool, str], list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda c: c.id):
        strata[case.synthetic, case.group].append(case)
    placed: list[tuple[float, float, Case]] = []
    for key in sorted(strata):
        held = strata[key]
        for i, which in enumerate(generator.permutation(len(held))):
            placed.append(((i + 0.5) / len(held), float(generator.random()), held[which]))
    return [case for _, _, case in sorted(placed, key=lambda p: p[:2])]
