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
from medsynth_desktop.store.missing import not_found
from medsynth_desktop.store.patients import next_image, number, pseudonym_of, unite

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
        Keyed hash of the content of its file or files: an import that was interrupted passes over these.
    attributes
        Facts that carry no identity (age, sex, label).
    """

    patient_key: str
    array_hash: str
    source: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """What a cohort holds of one source."""

    id: str
    patient: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an image went; ``identical`` when the cohort holds the same array from another source as ``id``."""

    id: str
    patient: str
    identical: bool


class Cohorts:
    """Cohorts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> list[str]:
        """Names of the cohorts whose first import has finished, oldest first."""
        with self._database.read() as connection:
            return _names(connection)

    def get(self, name: str) -> CohortRecord:
        """Return a cohort with the images that have a split, in id order.

        Raises
        ------
        NotFound
            When there is none of that name, or its first import has not finished.
        """
        with self._database.read() as connection:
            row = _row(connection, name)
            if row is not None and row.hash is None:
                raise NotFound(f"The import of the cohort {name!r} was interrupted; run it again.")
            if row is None:
                raise not_found("cohort", name, _names(connection), "medsynth cohort import makes one")
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

    def held(self, name: str) -> dict[str, Held]:
        """Return what is stored so far by its source, with and without a split."""
        table = schema.images
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.cohort == name))
            return {r.source: Held(r.id, r.patient, decode(dict, r.attributes)) for r in rows}

    def add_image(self, name: str, image: NewImage) -> Placed:
        """Store one image in a transaction of its own; safe to repeat.

        An image whose array the cohort holds already is not stored again; if it was another patient's, both
        patients are taken as one person.
        """
        table = schema.images
        with self._database.write() as connection:
            here = select(table.c.id, table.c.patient).where(table.c.cohort == name)
            known = connection.execute(here.where(table.c.source == image.source)).one_or_none()
            if known is not None:
                return Placed(known.id, known.patient, identical=False)
            twin = connection.execute(here.where(table.c.array_hash == image.array_hash)).first()
            if twin is not None:
                _note(connection, name, unite(connection, name, image.patient_key, twin.patient))
                return Placed(twin.id, twin.patient, identical=True)
            patient = pseudonym_of(connection, name, image.patient_key)
            new = next_image(connection, name, patient)
            connection.execute(
                insert(table).values(
                    cohort=name,
                    id=new,
                    patient=patient,
                    array_hash=image.array_hash,
                    attributes=encode(image.attributes),
                    source=image.source,
                )
            )
        return Placed(new, patient, identical=False)

    def unite(self, name: str, source: str, patient_key: str) -> None:
        """Take a patient and the one of a stored image as one person: the very same file lies under both."""
        table = schema.images
        with self._database.write() as connection:
            chosen = select(table.c.patient).where(table.c.cohort == name, table.c.source == source)
            patient = connection.execute(chosen).scalar_one()
            _note(connection, name, unite(connection, name, patient_key, patient))

    def describe(self, name: str, source: str, patient_key: str, attributes: dict[str, Any]) -> None:
        """Renew what a later import says of a stored image: attributes, and a new identifier of its patient."""
        table = schema.images
        this = (table.c.cohort == name) & (table.c.source == source)
        with self._database.write() as connection:
            patient = connection.execute(select(table.c.patient).where(this)).scalar_one()
            pseudonym_of(connection, name, patient_key, like=patient)
            if attributes:
                connection.execute(update(table).where(this).values(attributes=encode(attributes)))

    def patients(self, name: str) -> dict[str, str]:
        """Return the pseudonyms of all patients met so far by their keyed hashes."""
        table = schema.patients
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.key, table.c.pseudonym).where(table.c.cohort == name))
            return {key: pseudonym for key, pseudonym in rows}

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
                raise not_found("cohort", name, _names(connection), "medsynth cohort import makes one")
            chosen = select(images.c.patient, images.c.split).where(images.c.cohort == name)
            known: dict[str, Split | None] = {}
            for patient, split in connection.execute(chosen):
                known[patient] = known.get(patient) or split
            for patient, split in assign(known).items():
                theirs = (images.c.cohort == name) & (images.c.patient == patient)
                connection.execute(update(images).where(theirs).values(split=split))
            this = update(cohorts).where(cohorts.c.name == name)
            connection.execute(this.values(skipped=encode(list(skipped))))
            _rehash(connection, name)
        return self.get(name)


def cohort_hash(recipe: Recipe, images: Sequence[ImageRecord]) -> str:
    """SHA-256 over the recipe and, image by image, id, patient, split and array."""
    rows = [[i.id, i.patient, i.split, i.array_hash] for i in sorted(images, key=lambda i: i.id)]
    return hash_json({"recipe": asdict(recipe), "images": rows})


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(schema.cohorts).where(schema.cohorts.c.name == name)).one_or_none()


def _names(connection: Connection) -> list[str]:
    chosen = "SELECT name FROM cohorts WHERE hash IS NOT NULL ORDER BY rowid"
    return list(connection.exec_driver_sql(chosen).scalars())


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
    return tuple(sorted(records, key=lambda i: number(i.id)))


def _note(connection: Connection, name: str, note: str) -> None:
    """Keep a note on merged patients; readers may have seen them, so the cohort's hash follows."""
    table = schema.cohorts
    row = _row(connection, name)
    if not note or row is None:
        return
    notes = encode([*decode(list, row.notes), note])
    connection.execute(update(table).where(table.c.name == name).values(notes=notes))
    if row.hash is not None:
        _rehash(connection, name)


def _rehash(connection: Connection, name: str) -> None:
    table = schema.cohorts
    this = table.c.name == name
    recipe = decode(Recipe, connection.execute(select(table.c.recipe).where(this)).scalar_one())
    content = cohort_hash(recipe, _images(connection, name))
    connection.execute(update(table).where(this).values(hash=content))
