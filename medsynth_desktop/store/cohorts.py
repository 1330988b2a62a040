"""Cohorts of real images, under pseudonyms.

An import stores image after image without a split; its last transaction assigns the splits and names the
content by a new hash. Readers see only images with a split, so a cohort's hash and its images agree whenever
they look, also while an import runs or after it was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, insert, select, update

from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.records import CohortRecord, ImageRecord, Recipe, Split
from medsynth_desktop.store import schema
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.store.patients import admit

Assign = Callable[[Mapping[str, Split | None]], Mapping[str, Split]]


@dataclass(frozen=True, slots=True)
class NewImage:
    """A conformed image on its way into a cohort.

    Attributes
    ----------
    patient_key
        Keyed hash of the patient's identifier (`Workspace.secret`), never the identifier.
    array_hash
        Of the conformed array, which was put before.
    source
        Keyed hash of the file or files it was read from: an import that was interrupted passes over these.
    attributes
        Facts that carry no identity (age, sex, label).
    """

    patient_key: str
    array_hash: str
    source: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Cohorts:
    """Cohorts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> list[str]:
        """Names of the cohorts whose first import has finished, oldest first."""
        with self._database.read() as connection:
            chosen = "SELECT name FROM cohorts WHERE hash IS NOT NULL ORDER BY rowid"
            return list(connection.exec_driver_sql(chosen).scalars())

    def get(self, name: str) -> CohortRecord:
        """Return a cohort with the images that have a split, in id order.

        Raises
        ------
        NotFound
            When there is none of that name, or its first import has not finished.
        """
        with self._database.read() as connection:
            row = _row(connection, name)
            if row is None or row.hash is None:
                begun = " (its import was interrupted: run it again)" if row is not None else ""
                raise NotFound(f"The workspace holds no cohort called {name!r}{begun}; import it first.")
            images = _images(connection, name)
        return CohortRecord(name, decode(Recipe, row.recipe), row.hash, images, _skipped(row))

    def notes(self, name: str) -> list[str]:
        """Return what the imports noted, for instance patients taken as one; empty without such a cohort."""
        with self._database.read() as connection:
            row = _row(connection, name)
        return [] if row is None else decode(list, row.notes)

    def skipped(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return label and reason of files that gave no image; empty when there is no such cohort."""
        with self._database.read() as connection:
            row = _row(connection, name)
        return () if row is None else _skipped(row)

    def recipe(self, name: str) -> Recipe | None:
        """Recipe of a cohort, also while its first import is unfinished; None where it has no image yet."""
        with self._database.read() as connection:
            row = _row(connection, name)
            return None if row is None or not _has_images(connection, name) else decode(Recipe, row.recipe)

    def begin(self, name: str, recipe: Recipe) -> Recipe:
        """Create the cohort unless it exists; return the recipe in force: the first, once it has images.

        Raises
        ------
        InputRefused
            When the name is empty.
        """
        if not name.strip():
            raise InputRefused("A cohort needs a name; got an empty one.")
        table = schema.cohorts
        with self._database.write() as connection:
            row = _row(connection, name)
            if row is None:
                new = {
                    "name": name,
                    "recipe": encode(recipe),
                    "skipped": "[]",
                    "notes": "[]",
                    "created": now(),
                }
                connection.execute(insert(table).values(new))
            elif _has_images(connection, name):
                return decode(Recipe, row.recipe)
            else:
                connection.execute(update(table).where(table.c.name == name).values(recipe=encode(recipe)))
        return recipe

    def sources(self, name: str) -> set[str]:
        """Return the sources of all images stored so far, with and without a split."""
        table = schema.images
        with self._database.read() as connection:
            return set(connection.execute(select(table.c.source).where(table.c.cohort == name)).scalars())

    def add_image(self, name: str, image: NewImage) -> str:
        """Store one image in a transaction of its own and return its id (``P-0042-1``); safe to repeat.

        A patient who shares an identical array with another patient is taken as the same person.
        """
        table = schema.images
        with self._database.write() as connection:
            known = select(table.c.id).where(table.c.cohort == name, table.c.source == image.source)
            found = connection.execute(known).scalar()
            if found is not None:
                return str(found)
            admission = admit(connection, name, image.patient_key, image.array_hash)
            connection.execute(
                insert(table).values(
                    cohort=name,
                    id=admission.image,
                    patient=admission.pseudonym,
                    array_hash=image.array_hash,
                    attributes=encode(image.attributes),
                    source=image.source,
                )
            )
            if admission.note:
                _note(connection, name, admission.note)
        return admission.image

    def finish(self, name: str, assign: Assign, skipped: Sequence[tuple[str, str]]) -> CohortRecord:
        """Give every image the split of its patient, and the cohort its hash, in one transaction.

        Parameters
        ----------
        name
            Of the cohort.
        assign
            Maps pseudonyms with their split so far (None: new) to their split from now on.
        skipped
            Label and reason of files that are no image of the cohort; replaces the list of before.
        """
        cohorts, images = schema.cohorts, schema.images
        with self._database.write() as connection:
            row = _row(connection, name)
            if row is None:
                raise NotFound(f"The workspace holds no cohort called {name!r}; import it first.")
            chosen = select(images.c.patient, images.c.split).where(images.c.cohort == name)
            known: dict[str, Split | None] = {}
            for patient, split in connection.execute(chosen):
                known[patient] = known.get(patient) or split
            for patient, split in assign(known).items():
                theirs = (images.c.cohort == name) & (images.c.patient == patient)
                connection.execute(update(images).where(theirs).values(split=split))
            content = cohort_hash(decode(Recipe, row.recipe), _images(connection, name))
            values = {"hash": content, "skipped": encode(list(skipped))}
            connection.execute(update(cohorts).where(cohorts.c.name == name).values(values))
        return self.get(name)


def cohort_hash(recipe: Recipe, images: Sequence[ImageRecord]) -> str:
    """SHA-256 over the recipe and, image by image, id, patient, split and array."""
    rows = [[i.id, i.patient, i.split, i.array_hash] for i in sorted(images, key=lambda i: i.id)]
    return hash_json({"recipe": asdict(recipe), "images": rows})


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(schema.cohorts).where(schema.cohorts.c.name == name)).one_or_none()


def _skipped(row: Row[Any]) -> tuple[tuple[str, str], ...]:
    return decode(tuple[tuple[str, str], ...], row.skipped)


def _has_images(connection: Connection, name: str) -> bool:
    chosen = select(schema.images.c.id).where(schema.images.c.cohort == name).limit(1)
    return connection.execute(chosen).scalar() is not None


def _images(connection: Connection, name: str) -> tuple[ImageRecord, ...]:
    table = schema.images
    chosen = select(table).where(table.c.cohort == name, table.c.split.is_not(None))
    records = [
        ImageRecord(
            r.id,
            r.patient,
            cast(Literal["train", "calibration"], r.split),
            r.array_hash,
            decode(dict, r.attributes),
        )
        for r in connection.execute(chosen)
    ]
    return tuple(sorted(records, key=lambda i: _natural(i.id)))


def _natural(image: str) -> tuple[int, ...]:
    """Sort key: P-0042-10 after P-0042-9."""
    return tuple(int(part) for part in image.split("-")[1:])


def _note(connection: Connection, name: str, note: str) -> None:
    table = schema.cohorts
    notes = decode(list, connection.execute(select(table.c.notes).where(table.c.name == name)).scalar_one())
    connection.execute(update(table).where(table.c.name == name).values(notes=encode([*notes, note])))
