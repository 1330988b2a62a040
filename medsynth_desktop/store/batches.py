"""Batches of synthetic images and their samples."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.records import BatchRecord, SampleRecord
from medsynth_desktop.store import schema
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.store.missing import not_found


class Batches:
    """Batches by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, bundle_hash: str) -> BatchRecord:
        """Begin a batch; one of that name and model that exists is returned as it is.

        Raises
        ------
        InputRefused
            When the name is empty or belongs to a batch of another model.
        """
        if not name.strip():
            raise InputRefused("A batch needs a name; got an empty one.")
        table = schema.batches
        with self._database.write() as connection:
            owner = connection.execute(select(table.c.bundle_hash).where(table.c.name == name)).scalar()
            if owner is None:
                connection.execute(insert(table).values(name=name, bundle_hash=bundle_hash, created=now()))
            elif owner != bundle_hash:
                raise InputRefused(f"The batch {name!r} belongs to another model; choose another name.")
        return self.get(name)

    def names(self) -> list[str]:
        """Names, oldest first."""
        with self._database.read() as connection:
            # rowid: the order of creation, also within one second
            return list(connection.exec_driver_sql("SELECT name FROM batches ORDER BY rowid").scalars())

    def get(self, name: str) -> BatchRecord:
        """Return the batch with its samples in order.

        Raises
        ------
        NotFound
            When there is none of that name.
        """
        batches, samples = schema.batches, schema.samples
        with self._database.read() as connection:
            row = connection.execute(select(batches).where(batches.c.name == name)).one_or_none()
            if row is None:
                names = connection.execute(
                    select(batches.c.name).order_by(batches.c.created.desc())
                ).scalars()
                raise not_found("batch", name, names, "medsynth sample draws one")
            chosen = select(samples.c.record).where(samples.c.batch == name).order_by(samples.c.ordinal)
            found = tuple(decode(SampleRecord, text) for text in connection.execute(chosen).scalars())
        return BatchRecord(name, row.bundle_hash, found, row.created)

    def count(self, name: str) -> int:
        """Count the samples stored in the batch, 0 when there is no such batch."""
        table = schema.samples
        with self._database.read() as connection:
            chosen = select(func.count()).select_from(table).where(table.c.batch == name)
            return int(connection.execute(chosen).scalar_one())

    def add_sample(self, record: SampleRecord) -> None:
        """Store one finished sample; its array was put before. Safe to repeat with the very same record.

        Raises
        ------
        StoreFailed
            When its batch is missing, or its id or place in the batch is taken by another sample.
        """
        try:
            with self._database.write() as connection:
                if _stored(connection, record.id) != record:
                    connection.execute(
                        insert(schema.samples).values(
                            id=record.id, batch=record.batch, ordinal=record.ordinal, record=encode(record)
                        )
                    )
        except IntegrityError as error:
            raise StoreFailed(
                f"Sample {record.id} cannot be stored as number {record.ordinal} of batch {record.batch!r}: "
                "the batch is missing or the place is taken; choose another batch name."
            ) from error


class Samples:
    """Samples by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, sample: str) -> SampleRecord:
        """Return the sample of that id.

        Raises
        ------
        NotFound
            When there is none.
        """
        with self._database.read() as connection:
            record = _stored(connection, sample)
            if record is None:
                ids = connection.execute(select(schema.samples.c.id)).scalars()
                raise not_found("sample", sample, ids, "medsynth sample draws some")
        return record


def _stored(connection: Connection, sample: str) -> SampleRecord | None:
    table = schema.samples
    text = connection.execute(select(table.c.record).where(table.c.id == sample)).scalar()
    return None if text is None else decode(SampleRecord, text)
