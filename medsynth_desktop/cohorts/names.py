"""What names of files and folders say of whose images they are, where nothing better tells.

Where names leave a doubt, images are given to one patient rather than to two: too few patients weaken a
calibration, but one person on both sides of the split makes it wrong. What plainly belongs to the image (the
sequence, a session, a slice number) is not part of the person's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BIDS, FOLDER, FILE = "BIDS names", "the names of their folders", "the names of their files"
GUESSES = {FOLDER, FILE}
"""What may be wrong: BIDS says what its names mean."""
_BIDS = re.compile(r"sub-[A-Za-z0-9]+")
_STUDY_NUMBER = re.compile(r"(.*IM-\d+)-\d+", re.IGNORECASE)
_UID = re.compile(r"\d+(?:\.\d+){3,}")
"""A DICOM UID as file name: its first number says nothing, and no part of it is known to be a patient."""
_SEQUENCE = re.compile(
    r"(?:t1|t2|t1w|t2w|t1c|t1ce|t1gd|flair|pd|pdw|dwi|dti|adc|swi|bold|mra|mr|mri|ct|pet|xr|cxr|"
    r"brain|mask|seg|image|img)",
    re.IGNORECASE,
)
"""Name parts that say what an image shows, not whose it is."""
_OCCASION = re.compile(r"(?:ses|session|visit|scan|run|slice|frame|echo|part)(\d*)", re.IGNORECASE)
"""Name parts that say which of a person's images it is, with their number or before it."""


def guess_patient(names: Sequence[str], dicom: bool = False) -> tuple[str, str]:
    """Guess the patient, and say by what.

    ``sub-01`` anywhere in the path (BIDS); the folder of a DICOM series; else the file's name up to the first
    part with a number, where ``_`` parts: IXI013-HH-1212_T1 gives IXI013-HH-1212, person12_bacteria_34 gives
    person12, IM-0003-0001 gives IM-0003, hippocampus_001 stays whole. Within that part, ``-`` and blanks only
    part what plainly is no person (`_without_image`): IXI013-HH-1212-T1 gives IXI013-HH-1212, ``P001 slice 3``
    gives P001, but site2-0042 stays whole. What follows the first dot does not count. A name that only says
    what is shown (T1.nii.gz) leaves it to the folder.

    Parameters
    ----------
    names
        Of the file and of its folders, nearest first.
    dicom
        Whether it is a DICOM series, whose files are numbered slices.

    Returns
    -------
    tuple
        The identifier, and `BIDS`, `FOLDER` or `FILE`.
    """
    for name in names:
        if match := _BIDS.match(name):
            return match.group(), BIDS
    folder = names[min(1, len(names) - 1)]
    if dicom:
        return folder, FOLDER
    if match := _UID.match(names[0]):
        return match.group(), FILE
    stem = names[0].split(".")[0] or names[0]
    if match := _STUDY_NUMBER.fullmatch(stem):
        return match.group(1), FILE
    taken: list[str] = []
    for part in stem.split("_"):
        if _is_sequence(part):
            continue
        taken.append(_without_image(part))
        if _has_number(part):
            break
    if not taken:
        return (folder, FOLDER) if len(names) > 1 else (stem, FILE)
    return "_".join(taken), FILE


def _is_sequence(part: str) -> bool:
    return all(_SEQUENCE.fullmatch(piece) for piece in re.split(r"[- ]+", part))


def _without_image(part: str) -> str:
    """Cut from both ends of ``part`` what says which image it is, as long as a number stays."""
    pieces = re.split(r"([- ]+)", part)  # words at even places, what parts them at odd ones
    while _SEQUENCE.fullmatch(pieces[0]) and _has_number(pieces[2:]):
        pieces = pieces[2:]
    while len(pieces) > 1:
        cut = 2
        if len(pieces) > 3 and pieces[-1].isdigit() and _OCCASION.fullmatch(pieces[-3]):
            cut = 4
        elif not _SEQUENCE.fullmatch(pieces[-1]) and not _numbered_occasion(pieces[-1]):
            break
        if not _has_number(pieces[:-cut]):
            break
        pieces = pieces[:-cut]
    return "".join(pieces)


def _has_number(parts: Sequence[str]) -> bool:
    return any(c.isdigit() for part in parts for c in part)


def _numbered_occasion(piece: str) -> bool:
    match = _OCCASION.fullmatch(piece)
    return match is not None and bool(match.group(1))
