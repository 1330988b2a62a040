"""A disguise in a sentence: what was done to the real image, as far as the map between both tells."""

from __future__ import annotations

import numpy as np

from medsynth_desktop.core.records import Disguise
from medsynth_desktop.similarity.disguised.affine import Affine

LEAST_TURN, LEAST_SCALE, LEAST_SHIFT = 1.5, 0.02, 1.0
"""Degrees, share and voxels below which a change is not worth a word: maps are as exact as that."""
FIRM_WHOLE, FIRM_PART = 0.55, 0.7
"""Likeness from where on an image is called a copy: other patients hardly reach it (`guard.cautions.DISGUISED`)."""
FAINT_WHOLE, FAINT_PART = 0.4, 0.6
"""Likeness below which nothing is called a copy: that of different people, though it may be more than others' is."""


FAINT = "faint, as between different people rather than of a copy"


def what_was_done(to_real: Affine, negative: bool, shape: tuple[int, ...]) -> tuple[str, ...]:
    """What a query's maker would have done to the real image, as ``("mirrored", "turned by 7°")``; () for nothing.

    ``to_real`` maps the query's voxels to the real image's; ``shape`` is their grid: a shift is measured at its centre.
    """
    matrix, said = to_real.matrix.copy(), []
    if np.linalg.det(matrix) < 0:
        said.append("mirrored")
        matrix[:, 0] *= -1
    left, sizes, right = np.linalg.svd(matrix)
    dims = len(shape)
    cosine = (np.trace(left @ right) - (dims - 2)) / 2
    angle = float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))
    if angle >= LEAST_TURN:
        said.append(f"turned by {angle:.0f}°")
    scale = 1 / float(np.prod(sizes) ** (1 / dims))
    if abs(scale - 1) >= LEAST_SCALE:
        said.append(f"{'enlarged' if scale > 1 else 'shrunken'} to {100 * scale:.0f}%")
    centre = (np.array(shape) - 1) / 2
    away = float(np.linalg.norm(to_real(centre) - centre))
    if away >= LEAST_SHIFT:
        said.append(f"shifted by {away:.0f} voxels")
    if negative:
        said.append("inverted")
    return tuple(said)


def is_faint(disguise: Disguise, whole: bool) -> bool:
    """Whether the likeness, of the whole or of a part, is that of different people rather than that of a copy."""
    return disguise.whole < FAINT_WHOLE if whole else disguise.part < FAINT_PART


def is_firm(disguise: Disguise, whole: bool) -> bool:
    """Whether the likeness is such as copies have: below it may be another patient's who looks like them."""
    return disguise.whole >= FIRM_WHOLE if whole else disguise.part >= FIRM_PART


def copy_words(disguise: Disguise, whole: bool) -> tuple[str, str]:
    """What a query is a copy of, and how: ``("A mirrored copy of P-0042-1, turned by 7°", "once that is undone")``.

    A faint likeness (`is_faint`) is none of a copy: ``("Most like P-0042-1, mirrored, turned by 7°", ...)``.
    """
    undone = "once that is undone" if disguise.done else "in its place"
    if is_faint(disguise, whole):
        what = f"Most like {'' if whole else 'a part of '}{disguise.image}"
        return ", ".join([what, *disguise.done]), undone
    mirrored = "A mirrored copy of " if "mirrored" in disguise.done else "A copy of "
    others = "".join(f", {word}" for word in disguise.done if word != "mirrored")
    what = f"{mirrored}{'' if whole else 'a part of '}{disguise.image}{others}"
    return what, undone


def explain(disguise: Disguise | None, whole: bool) -> str:
    """The sentence for an officer, "It is like a mirrored copy of P-0042-1, turned by 7°, once that is undone", ended.

    ``whole`` says whether the whole image or only a part of it is meant; None gives no words. What it is worth, and
    what unseen patients reach, `medsynth_desktop.workbench.overlay.explain_words` says.
    """
    if disguise is None:
        return ""
    what, undone = copy_words(disguise, whole)
    said = f"{what[0].lower()}{what[1:]}, {undone}"
    if not is_faint(disguise, whole):
        return (
            f"It is like {said}."
            if is_firm(disguise, whole)
            else f"It may be {said}: the likeness leaves doubt."
        )
    part = whole and is_firm(disguise, False)
    return (
        f"It is {said}: faint as a whole, but a part of it is alike." if part else f"It is {said}: {FAINT}."
    )
