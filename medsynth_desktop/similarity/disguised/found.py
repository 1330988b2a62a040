"""What the search says of an overlay: whose image was found, what undoes its disguise, how alike both are then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medsynth_desktop.core.records import Disguise, ImageRecord
from medsynth_desktop.similarity.disguised.affine import Affine
from medsynth_desktop.similarity.disguised.overlay import Overlay
from medsynth_desktop.similarity.disguised.words import what_was_done


def measures(disguises: Sequence[Disguise]) -> dict[str, float]:
    """Values by metric."""
    return {"aligned": max(d.whole for d in disguises), "part": max(d.part for d in disguises)}


def disguise_of(record: ImageRecord, seen: Overlay, side: int, shape: tuple[int, ...]) -> Disguise:
    """What ``seen``, an overlay of a query of ``shape`` from ``side``, says of the real image of ``record``."""
    seen = _unmirrored(seen, shape, side)
    matrix = tuple(tuple(float(x) for x in row) for row in seen.map.matrix)
    offset = tuple(float(x) for x in seen.map.offset)
    done = what_was_done(seen.map, seen.sign < 0, shape)
    inverted, box = seen.sign < 0, (seen.low, seen.high)
    return Disguise(record.id, record.patient, matrix, offset, inverted, seen.whole, seen.part, *box, done)


def _unmirrored(seen: Overlay, shape: tuple[int, ...], side: int) -> Overlay:
    """The overlay of a mirrored image, told of the image itself."""
    if side > 0:
        return seen
    mirror = np.eye(len(shape))
    mirror[0, 0] = -1
    low = (shape[0] - seen.high[0], *seen.low[1:])
    high = (shape[0] - seen.low[0], *seen.high[1:])
    return replace(seen, map=Affine.about(mirror, shape).then(seen.map), low=low, high=high)
