"""Small values by key: what the workspace remembers between sessions."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from medsynth_desktop.store import schema
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import encode


class Settings:
    """Key to any JSON value."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, default: Any = None) -> Any:
        """Value of ``key``, or ``default``."""
        table = schema.settings
        with self._database.read() as connection:
            text = connection.execute(select(table.c.value).where(table.c.key == key)).scalar()
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        """Store ``value`` (anything that JSON can hold) under ``key``, in place of what was there."""
        row = insert(schema.settings).values(key=key, value=encode(value))
        with self._database.write() as connection:
            connection.execute(row.on_conflict_do_update(["key"], set_={"value": row.excluded.value}))
