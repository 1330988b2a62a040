"""One folder that holds all of a user's work.

::

    workspace.sqlite    records (WAL: workspace.sqlite-wal and -shm while it is open)
    arrays/ab/<sha256>.npy
    bundles/<sha256>/   models
    indexes/            derived from the arrays, to find the nearest fast; safe to delete
    recognisers/        networks trained on a cohort that recognise its patients
    studies/            reader studies, sealed
    unfinished/         what is being written; leftovers of killed processes are swept on opening

An array or a bundle reaches its final place before the record that names it, so a record never names
something half-written.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from types import TracebackType

from sqlalchemy import insert, select

from medsynth_desktop.core.errors import MedSynthError, StoreFailed
from medsynth_desktop.store import schema
from medsynth_desktop.store.arrays import Arrays
from medsynth_desktop.store.batches import Batches, Samples
from medsynth_desktop.store.bundles import Bundles
from medsynth_desktop.store.cohorts import Cohorts
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.decisions import Decisions
from medsynth_desktop.store.failures import NO_FOLDER, told_plainly
from medsynth_desktop.store.folders import sweep
from medsynth_desktop.store.indexes import Indexes
from medsynth_desktop.store.policies import Policies
from medsynth_desktop.store.recognisers import Recognisers
from medsynth_desktop.store.releases import Releases
from medsynth_desktop.store.settings import Settings
from medsynth_desktop.store.studies import Studies
from medsynth_desktop.store.verdicts import Verdicts

DATABASE = "workspace.sqlite"


class Workspace:
    """An open workspace; use `open`. Safe for threads, and for several processes at once.

    Attributes
    ----------
    path
        The folder.
    arrays, indexes, cohorts, bundles, batches, samples, verdicts, policies, decisions, releases, settings, recognisers,
    studies
        Shelves of records.
    """

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self._database = database
        self.arrays = Arrays(path)
        self.cohorts = Cohorts(database)
        self.indexes = Indexes(path)
        self.bundles = Bundles(database, path)
        self.batches = Batches(database)
        self.samples = Samples(database)
        self.verdicts = Verdicts(database)
        self.policies = Policies(database)
        self.decisions = Decisions(database)
        self.releases = Releases(database)
        self.settings = Settings(database)
        self.recognisers = Recognisers(path, self.settings)
        self.studies = Studies(path)

    @classmethod
    def open(cls, path: Path, *, to_look: bool = False) -> Workspace:
        """Open the workspace in the folder ``path``; created if absent.

        Parameters
        ----------
        path
            The folder.
        to_look
            Open it also where the folder cannot be written, for a short look: a write fails, and another
            machine that changes the workspace meanwhile would not be noticed.

        Raises
        ------
        StoreFailed
            No folder, read-only, full disk, damaged database, or written by a newer program.
        """
        path = Path(path).absolute()
        with told_plainly():
            if path.exists() and not path.is_dir():
                raise StoreFailed(NO_FOLDER)
            path.mkdir(parents=True, exist_ok=True)
            read_only = to_look and not os.access(path, os.W_OK)
            database = Database(path / DATABASE, read_only=read_only)
            if not read_only:
                sweep(path)
        return cls(path, database)

    def close(self) -> None:
        """Close the database; mapped arrays stay readable."""
        self._database.close()

    def secret(self) -> bytes:
        """32 random bytes, made once for this workspace, with which patient identifiers are hashed."""
        table = schema.secrets
        chosen = select(table.c.value).where(table.c.name == "patients")
        with self._database.read() as connection:
            value = connection.execute(chosen).scalar()
        if value is None:
            with self._database.write() as connection:
                value = connection.execute(chosen).scalar()
                if value is None:
                    value = secrets.token_bytes(32)
                    connection.execute(insert(table).values(name="patients", value=value))
        return bytes(value)

    def problems(self) -> list[str]:
        """Check the database, and that every array named by a record is there and intact; slow, reads all."""
        found = self._database.problems()
        with self._database.read() as connection:
            images = connection.execute(select(schema.images.c.id, schema.images.c.array_hash)).all()
        named = [(i, h) for i, h in images]
        named += [(s.id, s.array_hash) for n in self.batches.names() for s in self.batches.get(n).samples]
        for record, array in named:
            try:
                self.arrays.get(array, verify=True)
            except MedSynthError as error:
                found.append(f"{record}: {error}")
        return found

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
