"""Pseudonyms of a cohort's patients, and the merging of patients who are one person.

Two identifiers whose images are byte-identical once conformed belong to one person (or to one file copied
under two names): on two sides of the split that image would leak from training into calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from medsynth_desktop.store import schema


@dataclass(frozen=True, slots=True)
class Admission:
    """Whose image it is and what it is called; ``note`` where patients were merged for it."""

    pseudonym: str
    image: str
    note: str = ""


def admit(connection: Connection, cohort: str, key: str, array_hash: str) -> Admission:
    """Find or make the pseudonym of the patient ``key`` and the id of the patient's next image."""
    patients = schema.patients
    chosen = select(patients.c.pseudonym).where(patients.c.cohort == cohort, patients.c.key == key)
    own: str | None = connection.execute(chosen).scalar()
    twin = _owner(connection, cohort, array_hash, own)
    note = ""
    if own is None:
        own = twin or _next_pseudonym(connection, cohort)
        connection.execute(insert(patients).values(cohort=cohort, key=key, pseudonym=own))
        if twin:
            note = f"A second patient identifier was taken as {twin}: an image of both is identical."
    elif twin:
        own, gone = sorted((own, twin), key=_number)
        _merge(connection, cohort, gone, own)
        note = f"{gone} was merged into {own}: an image of both is identical."
    return Admission(own, _next_image(connection, cohort, own), note)


def _owner(connection: Connection, cohort: str, array_hash: str, own: str | None) -> str | None:
    """Another patient than ``own`` who has an image with this array."""
    images = schema.images
    chosen = select(images.c.patient).where(images.c.cohort == cohort, images.c.array_hash == array_hash)
    owners: set[str] = set(connection.execute(chosen).scalars())
    return min(owners - {own}, key=_number, default=None)


def _merge(connection: Connection, cohort: str, gone: str, kept: str) -> None:
    patients, images = schema.patients, schema.images
    theirs = (patients.c.cohort == cohort) & (patients.c.pseudonym == gone)
    connection.execute(update(patients).where(theirs).values(pseudonym=kept))
    of_both = (images.c.cohort == cohort) & images.c.patient.in_([gone, kept])
    splits = set(connection.execute(select(images.c.split).where(of_both)).scalars()) - {None}
    if len(splits) > 1:
        # A model may have seen the half in training: as a whole the person is no longer unseen.
        connection.execute(update(images).where(of_both, images.c.split.is_not(None)).values(split="train"))
    moved = select(images.c.id, images.c.split).where(images.c.cohort == cohort, images.c.patient == gone)
    for image, split in sorted(connection.execute(moved).all(), key=lambda row: _number(row.id)):
        # Verdicts may name an image that readers have seen: it keeps its id.
        name = image if split else _next_image(connection, cohort, kept)
        this = (images.c.cohort == cohort) & (images.c.id == image)
        connection.execute(update(images).where(this).values(id=name, patient=kept))


def _next_pseudonym(connection: Connection, cohort: str) -> str:
    """Sequential; a merged patient's number is not given again while an image or key carries it."""
    patients, images = schema.patients, schema.images
    taken = set(connection.execute(select(patients.c.pseudonym).where(patients.c.cohort == cohort)).scalars())
    ids = connection.execute(select(images.c.id).where(images.c.cohort == cohort)).scalars()
    last = max((_number(p)[0] for p in [*taken, *ids]), default=0)
    return f"P-{last + 1:04d}"


def _next_image(connection: Connection, cohort: str, pseudonym: str) -> str:
    images = schema.images
    named = select(images.c.id).where(
        images.c.cohort == cohort, func.substr(images.c.id, 1, len(pseudonym) + 1) == f"{pseudonym}-"
    )
    last = max((_number(i)[1] for i in connection.execute(named).scalars()), default=0)
    return f"{pseudonym}-{last + 1}"


def _number(name: str) -> tuple[int, ...]:
    """Sort key of a pseudonym or an image id: P-10000 comes after P-9999."""
    return tuple(int(part) for part in name.split("-")[1:])
