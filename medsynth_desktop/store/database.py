"""The SQLite database: connections, transactions, migrations.

``synchronous=FULL``: WAL with NORMAL survives a killed process but may forget the last commits when the
power goes, and a decision of a person must not be forgotten. One fsync a commit is nothing beside the
seconds that a sample takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from medsynth_desktop.core.errors import StoreFailed
from medsynth_desktop.store import schema
from medsynth_desktop.store.failures import DAMAGED, UNCLOSED, told_plainly

APPLICATION_ID = 0x4D534457  # "MSDW", in the header of the SQLite file
BUSY_SECONDS = 30


class Database:
    """Connections to one workspace database; safe for threads and for several processes at once.

    Parameters
    ----------
    path
        Of the SQLite file; created and migrated when absent or old.
    read_only
        Open what lies in a folder that cannot be written, to be looked at; every `write` then fails.

    Raises
    ------
    StoreFailed
        Damaged, of a newer program, on a full disk or in a read-only folder.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._engine = _engine(_looked_at(path) if read_only else URL.create("sqlite", database=str(path)))
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all idle connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one consistent state and never waits for a writer."""
        with told_plainly(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start, committed as a whole or not at all."""
        with told_plainly(), self._engine.connect() as connection:
            with connection.execution_options(write=True).begin():
                yield connection

    def problems(self) -> list[str]:
        """List what SQLite's own checks find; empty when sound."""
        with self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            found = [f"database: {row}" for row in rows if row != "ok"]
            for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                found.append(f"database: row {row} of {table} names a missing row of {parent}")
        return found

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            if _version(connection) == schema.VERSION:
                return
        with self.write() as connection:
            if _version(connection) == schema.VERSION:  # another process was faster
                return
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            _upgrade(connection)


def _looked_at(path: Path) -> URL:
    """Address of a database that is only read.

    SQLite opens a WAL database in a read-only folder in two cases only. Where a living process (or a killed
    one, on the same machine) left its log and the index to it, these are read too. Where there is no log, the
    file is whole and "immutable": nothing beside it is looked for. A log without index cannot be read, and to
    leave it out would show what is no longer true.
    """
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    logged = log.is_file() and log.stat().st_size > 0
    if logged and not index.is_file():
        raise StoreFailed(UNCLOSED)
    query = {"mode": "ro", "uri": "true"} | ({} if logged else {"immutable": "1"})
    return URL.create("sqlite", database=path.as_uri(), query=query)


def _engine(address: URL) -> Engine:
    # check_same_thread: the pool hands a connection to one thread at a time.
    engine = create_engine(
        address,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # INSERT OR REPLACE must not slip past the append-only triggers
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _version(connection: Connection) -> str | None:
    """Migration that the file stands at, None when new; refuses what is not ours or from the future."""
    names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    if not names:
        return None
    application = connection.exec_driver_sql("PRAGMA application_id").scalar()
    if application != APPLICATION_ID or "alembic_version" not in names:
        raise StoreFailed(DAMAGED)
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if version is None or not str(version).isdigit():
        raise StoreFailed(DAMAGED)
    if int(version) > int(schema.VERSION):
        raise StoreFailed(
            f"This workspace was written by a newer MedSynth Desktop (schema {version}, this program knows "
            f"{schema.VERSION}); update the program or choose another workspace."
        )
    return str(version)


def _upgrade(connection: Connection) -> None:
    # Imported only here: Alembic costs more to import than an up-to-date workspace costs to open.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, schema.VERSION)
