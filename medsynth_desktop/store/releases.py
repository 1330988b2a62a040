"""Packages that left the workspace; append-only."""

from __future__ import annotations

import builtins

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from medsynth_desktop.core.errors import NotFound, StoreFailed
from medsynth_desktop.core.records import ReleaseRecord
from medsynth_desktop.store import schema
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode


class Releases:
    """Releases in the order they were made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: ReleaseRecord) -> None:
        """Remember a release.

        Raises
        ------
        StoreFailed
            When another release has the same id.
        """
        try:
            with self._database.write() as connection:
                connection.execute(insert(schema.releases).values(id=record.id, record=encode(record)))
        except IntegrityError as error:
            raise StoreFailed(f"A release {record.id!r} exists already; export under another id.") from error

    def list(self) -> builtins.list[ReleaseRecord]:
        """All releases, oldest first."""
        table = schema.releases
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.record).order_by(table.c.number)).scalars()
            return [decode(ReleaseRecord, text) for text in rows]

    def get(self, release: str) -> ReleaseRecord:
        """Return the release of that id.

        Raises
        ------
        NotFound
            When there is none.
        """
        for record in self.list():
            if record.id == release:
                return record
        raise NotFound(f"The workspace holds no release {release!r}; export one first.")
