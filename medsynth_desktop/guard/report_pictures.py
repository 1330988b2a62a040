"""Pictures of a report: a sample, its nearest real image and their difference, inside the page itself."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

MOST_PAIRS = 8
"""Worst pairs that a report shows."""
BRIGHTER, DARKER = np.array([217, 95, 2]), np.array([33, 102, 172])
"""Orange and blue, told apart by those who see no red or green (ColorBrewer); no difference is white, for paper."""
SYNTHETIC, GIVEN = "Synthetic", "Image given"
"""What is shown first: what a model drew, or an image given by path, which may be anything."""
NEAREST, UNDONE = "Nearest real", "Real, disguise undone"
"""What is shown of a real image: as it is, or laid over the sample as the search for copies in disguise found it."""
DIFFERENCE_LIMIT = 1.0
"""Difference of full colour: half the range of [-1, 1] intensities, the same for every pair."""


@dataclass(frozen=True, slots=True)
class PairPictures:
    """One pair as slices (rows, columns), as viewed, intensities in [-1, 1], and its words.

    ``words`` say which image is which, by pseudonyms only; ``plane`` which slice it is, "" for a picture; ``beside``
    what is shown of the real image; ``shown`` what it is compared with.
    """

    sample: np.ndarray
    real: np.ndarray
    words: str
    plane: str = ""
    beside: str = NEAREST
    shown: str = SYNTHETIC


def slices_of(
    sample: np.ndarray, real: np.ndarray, place: int | None = None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Slices (rows, columns) to show of two conformed arrays of one shape, as a radiologist views them.

    A picture (x to the left, y down) is shown itself. Of a volume (x, y, z in RAS axes) it is axial slice ``place``;
    without one that which differs most within the middle half, the very middle where none differs.
    """
    if sample.ndim == 2:
        return sample.T, real.T, ""
    count = sample.shape[2]
    if place is None:
        first = count // 4
        apart = np.abs(sample - real).mean(axis=(0, 1))[first : count - first]
        place = first + int(apart.argmax()) if apart.max() > apart.min() else count // 2
    where = f"axial slice {place + 1} of {count}"
    return sample[::-1, ::-1, place].T, real[::-1, ::-1, place].T, where


def draw_pairs(pairs: Sequence[PairPictures]) -> str:
    """HTML of the worst pairs; empty without any."""
    if not pairs:
        return ""
    given = "" if all(pair.shown == SYNTHETIC for pair in pairs) else ", and those given may be"
    warning = (
        f"The pictures in the middle are real patients' images{given}. Keep and hand on this page as you would keep "
        "and hand on those images; medsynth audit --no-pictures writes it without them."
    )
    return (
        f'<h2>Riskiest pairs</h2><p class="warning">{escape(warning)}</p>'
        f"{''.join(_figure(pair) for pair in pairs)}"
    )


def _figure(pair: PairPictures) -> str:
    difference = _colours(np.asarray(pair.sample, float) - pair.real)
    shown = (
        (pair.shown, _grey(pair.sample)),
        (pair.beside, _grey(pair.real)),
        ("Difference", difference),
    )
    cells = "".join(
        f'<div><img alt="{name}" src="data:image/png;base64,{base64.b64encode(png(picture)).decode()}">{name}</div>'
        for name, picture in shown
    )
    first = "synthetic one" if pair.shown == SYNTHETIC else pair.shown.lower()
    scale = f"Difference: orange where the {first} is brighter, blue where it is darker"
    words = ". ".join(filter(None, [pair.words, pair.plane.capitalize(), scale]))
    return f'<figure><div class="pair">{cells}</div><figcaption>{escape(words)}.</figcaption></figure>'


def png(picture: np.ndarray) -> bytes:
    """Encode (rows, columns) or (rows, columns, 3) uint8 as PNG (ISO/IEC 15948), without any text or time in it."""
    rows, columns = picture.shape[:2]
    colour = 2 if picture.ndim == 3 else 0
    lines = np.ascontiguousarray(picture, np.uint8).reshape(rows, -1)
    data = np.hstack([np.zeros((rows, 1), np.uint8), lines]).tobytes()
    head = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def _grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip((np.nan_to_num(picture) + 1) * 127.5, 0, 255).round(), np.uint8)


def _colours(difference: np.ndarray) -> np.ndarray:
    share = np.clip(np.nan_to_num(difference) / DIFFERENCE_LIMIT, -1, 1)[..., None]
    end = np.where(share > 0, BRIGHTER, DARKER)
    return np.asarray((255 + (end - 255) * np.abs(share)).round(), np.uint8)
