"""One-place extension: a file in a room's folder registers itself by being there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, found by importing the modules of a package.

    Parameters
    ----------
    package
        Dotted name of the folder that holds one file per thing.
    attribute
        The module-level name that such a file defines (for instance ``METRIC``); files without it are passed over.
    """

    def __init__(self, package: str, attribute: str) -> None:
        self._package = package
        self._attribute = attribute
        self._found: dict[str, T] | None = None

    def _load(self) -> dict[str, T]:
        if self._found is None:
            found: dict[str, T] = {}
            folder = importlib.import_module(self._package)
            for info in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
                module = importlib.import_module(f"{self._package}.{info.name}")
                thing = getattr(module, self._attribute, None)
                if thing is None:
                    continue
                if thing.key in found:
                    raise ValueError(f"{self._package}: two files register the key {thing.key!r}")
                found[thing.key] = thing
            self._found = found
        return self._found

    def register(self, thing: T) -> None:
        """Add ``thing`` (which has a ``key``), for instance from a plugin; an equal key is an error."""
        found = self._load()
        key = thing.key  # type: ignore[attr-defined]
        if key in found:
            raise ValueError(f"{self._package}: the key {key!r} is taken")
        found[key] = thing

    def __getitem__(self, key: str) -> T:
        return self._load()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._load()

    def __iter__(self) -> Iterator[T]:
        return iter(self._load().values())

    def __len__(self) -> int:
        return len(self._load())

    def keys(self) -> list[str]:
        """Keys in file order."""
        return list(self._load())
