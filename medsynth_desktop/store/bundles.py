"""Models of the workspace: a record each, and a private copy of their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.records import BundleRecord
from medsynth_desktop.store import schema
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.folders import copy_folder
from medsynth_desktop.store.missing import LONGEST, not_found

SHORTEST_PREFIX = 6


class Bundles:
    """Bundles by hash."""

    def __init__(self, database: Database, workspace: Path) -> None:
        self._database = database
        self._workspace = workspace

    def add(self, record: BundleRecord, source: Path) -> BundleRecord:
        """Copy the bundle folder ``source`` into the workspace and remember it; safe to repeat.

        Returns
        -------
        BundleRecord
            With ``path`` the workspace's own copy.

        Raises
        ------
        StoreFailed
            Disk full or folder read-only.
        """
        target = self._folder(record.hash)
        if not Path(source).is_dir():
            raise InputRefused("A model is a folder; what was given is none.")
        with told_plainly():
            copy_folder(self._workspace, Path(source), target)
        # The path is not stored: a workspace may be moved.
        row = insert(schema.bundles).values(
            hash=record.hash, name=record.name, record=encode(replace(record, path="")), created=now()
        )
        with self._database.write() as connection:
            connection.execute(row.on_conflict_do_nothing())
        return self.get(record.hash)

    def get(self, key: str | Path) -> BundleRecord:
        """Find a bundle by hash, by its first characters (6 or more), by name (newest first) or by folder.

        Raises
        ------
        NotFound
            When none fits, or several do.
        """
        known = self.list()
        text = str(key)
        fitting = [b for b in known if b.hash == text] or [b for b in known if b.name == text][-1:]
        if not fitting and len(text) >= SHORTEST_PREFIX:
            fitting = [b for b in known if b.hash.startswith(text)]
        if not fitting:
            fitting = [b for b in known if Path(b.path) == Path(text).absolute()]
        asked = Path(text).name  # of a folder its name: where it lies is nobody else's business
        if not fitting:
            raise not_found("bundle", asked, (b.name for b in known), "medsynth bundle import adds one")
        if len(fitting) > 1:
            told = ", ".join(f"{b.name} ({b.hash[:12]})" for b in fitting)
            raise NotFound(f"Several bundles begin with {asked[:LONGEST]!r}: {told}; give more of the hash.")
        return fitting[0]

    def list(self) -> list[BundleRecord]:
        """All bundles, oldest first."""
        table = schema.bundles
        with self._database.read() as connection:
            rows = (
                connection.execute(select(table.c.record).order_by(table.c.created, table.c.hash))
                .scalars()
                .all()
            )
        records = [decode(BundleRecord, text) for text in rows]
        return [replace(r, path=str(self._folder(r.hash))) for r in records]

    def _folder(self, name: str) -> Path:
        if not (name.isalnum() and name.isascii()):  # a hash becomes a folder's name: nothing else may
            raise InputRefused("The bundle's hash is no hexadecimal number; import the bundle anew.")
        return self._workspace / "bundles" / name
