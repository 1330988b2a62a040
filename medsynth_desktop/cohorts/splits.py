"""Which patients train and which stay unseen for calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.records import Split

SEED = "medsynth-split-1"
"""Patients are drawn in the order of SHA-256(seed, pseudonym): the same import, the same split anywhere."""
VALIDATION_SEED = "medsynth-validation-1"


def check_share(calibration: float) -> None:
    """Refuse a share of calibration patients outside [0, 1).

    Raises
    ------
    InputRefused
        Outside, or not a number.
    """
    if not 0 <= calibration < 1:
        raise InputRefused(
            f"The share of calibration patients lies from 0 to below 1, for instance 0.3; got {calibration:g}."
        )


def assign_splits(known: Mapping[str, Split | None], calibration: float) -> dict[str, Split]:
    """Split by patient; who has a split keeps it.

    Parameters
    ----------
    known
        Pseudonyms with their split so far, None for new patients.
    calibration
        Wanted share of calibration patients in [0, 1). Of two or more patients at least one is for
        calibration (unless the share is 0) and at least one for training.

    Returns
    -------
    dict
        The split of every pseudonym.
    """
    check_share(calibration)
    wanted = round(calibration * len(known))
    if calibration > 0 and len(known) > 1:
        wanted = min(max(wanted, 1), len(known) - 1)
    new = sorted((p for p, split in known.items() if split is None), key=_rank)
    missing = max(0, wanted - sum(split == "calibration" for split in known.values()))
    drawn = set(new[:missing])
    return {p: split or ("calibration" if p in drawn else "train") for p, split in known.items()}


def held_out(patients: Iterable[str], share: float) -> frozenset[str]:
    """Those of the training patients that a training does not learn from but is validated on: at least one.

    Raises
    ------
    InputRefused
        Of fewer than two patients, for one must be learnt from; or a share outside (0, 1).
    """
    known = sorted(set(patients), key=lambda p: _rank(p, VALIDATION_SEED))
    if not 0 < share < 1:
        raise InputRefused(f"The share of validation patients lies between 0 and 1; got {share:g}.")
    if len(known) < 2:
        raise InputRefused(
            f"To stop early, a training is validated on patients that it does not learn from; of {len(known)} patient "
            "none can be spared. Import more, or train without an early stop."
        )
    return frozenset(known[: min(max(1, round(share * len(known))), len(known) - 1)])


def _rank(pseudonym: str, seed: str = SEED) -> str:
    return hash_bytes(f"{seed}:{pseudonym}".encode())
