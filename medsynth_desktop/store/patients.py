"""Pseudonyms of a cohort's patients, and the merging of patients who are one person.

Two identifiers with an identical image belong to one person (or to one file copied under two names): on two
sides of the split that image would leak from training into calibration.
"""

from __future__ import annotations

from sqlalchemy import Connection, Integer, cast, func, insert, select, update

from medsynth_desktop.store import schema


def pseudonym_of(connection: Connection, cohort: str, key: str, like: str | None = None) -> str:
    """Find the pseudonym of the patient ``key``; a new patient becomes ``like``, or gets the next number."""
    patients = schema.patients
    chosen = select(patients.c.pseudonym).where(patients.c.cohort == cohort, patients.c.key == key)
    own: str | None = connection.execute(chosen).scalar()
    if own is None:
        own = like or _next_pseudonym(connection, cohort)
        connection.execute(insert(patients).values(cohort=cohort, key=key, pseudonym=own))
    return own


def unite(connection: Connection, cohort: str, key: str, patient: str) -> str:
    """Take the patient ``key`` and ``patient`` as one person; return a note if that changed anything."""
    known = schema.patients
    count = select(func.count()).select_from(known).where(known.c.cohort == cohort, known.c.key == key)
    new = connection.execute(count).scalar_one() == 0
    own = pseudonym_of(connection, cohort, key, like=patient)
    if own == patient:
        return (
            f"A second patient identifier was taken as {patient}: an image of both is identical."
            if new
            else ""
        )
    kept, gone = sorted((own, patient), key=number)
    _merge(connection, cohort, gone, kept)
    return f"{gone} was merged into {kept}: an image of both is identical."


def next_image(connection: Connection, cohort: str, pseudonym: str) -> str:
    """Id for the patient's next image: ``P-0042-2`` after ``P-0042-1``."""
    images = schema.images
    # A range that the primary key's index serves: "." follows "-" in ASCII.
    named = select(images.c.id).where(
        images.c.cohort == cohort, images.c.id > f"{pseudonym}-", images.c.id < f"{pseudonym}."
    )
    last = max((number(i)[1] for i in connection.execute(named).scalars()), default=0)
    return f"{pseudonym}-{last + 1}"


def number(name: str) -> tuple[int, ...]:
    """Sort key of a pseudonym or an image id: P-10000 comes after P-9999."""
    return tuple(int(part) for part in name.split("-")[1:])


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
    for image, split in sorted(connection.execute(moved).all(), key=lambda row: number(row.id)):
        # Verdicts may name an image that readers have seen: it keeps its id.
        name = image if split else next_image(connection, cohort, kept)
        this = (images.c.cohort == cohort) & (images.c.id == image)
        connection.execute(update(images).where(this).values(id=name, patient=kept))


def _next_pseudonym(connection: Connection, cohort: str) -> str:
    """Sequential; a merged patient's number is not given again while an image or key carries it."""
    patients, images = schema.patients, schema.images
    # SQLite reads the leading digits of "0042-1".
    of_patients = select(func.max(cast(func.substr(patients.c.pseudonym, 3), Integer)))
    of_images = select(func.max(cast(func.substr(images.c.id, 3), Integer)))
    last = max(
        connection.execute(of_patients.where(patients.c.cohort == cohort)).scalar() or 0,
        connection.execute(of_images.where(images.c.cohort == cohort)).scalar() or 0,
    )
    return f"P-{last + 1:04d}"
