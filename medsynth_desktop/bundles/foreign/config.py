"""A MONAI configuration as a table to look literals up in; MONAI would run parts of it, this never does.

In MONAI a text that begins with ``$`` is Python to be evaluated, one that begins with ``@`` refers to another key and
one with ``%`` to another place or file. Here ``@`` is a plain lookup in the same file, and the others are refused where
their value is needed. What is not needed is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from medsynth_desktop.bundles.plain import strict_json
from medsynth_desktop.core.errors import BundleRefused

MOST_DEPTH = 32
MOST_REFERENCES = 16
LONGEST_LIST = 64
REFERENCE = re.compile(r"@[A-Za-z_]\w*(?:(?:::|#)\w+)*")
Scalar = str | int | float | bool | None


class Config:
    """One checked JSON file."""

    def __init__(self, file: str, document: dict[str, Any]) -> None:
        self.file = file
        self.document = document

    @classmethod
    def parse(cls, file: str, data: bytes) -> Config:
        """Read ``data``.

        Raises
        ------
        BundleRefused
            When it is no JSON object, says a key twice, holds NaN, or is nested too deep.
        """
        try:
            document = strict_json(data)
        except (ValueError, RecursionError) as error:
            raise BundleRefused(f"{file} cannot be read as JSON ({_short(str(error))}).") from None
        if not isinstance(document, dict):
            raise BundleRefused(f"{file} must be a JSON object; get the model anew.")
        _check_depth(file, document)
        return cls(file, document)

    def literal(self, key: str, value: Any, names: Sequence[str] = ()) -> Scalar | list[Scalar]:
        """Return the number, text, truth value or flat list of them that stands under ``key``.

        Raises
        ------
        BundleRefused
            An expression, a reference to another file or in a circle, or anything nested.
        """
        if isinstance(value, list):
            if len(value) > LONGEST_LIST:
                raise self.refusal(key, f"is a list of over {LONGEST_LIST} entries")
            return [self._scalar(key, item, names) for item in value]
        if isinstance(value, str) and value[:1] in ("$", "%", "@"):
            found: Scalar | list[Scalar] = self._followed(key, value, names, self.literal)
            return found
        return self._scalar(key, value, names)

    def _scalar(self, key: str, value: Any, names: Sequence[str]) -> Scalar:
        if isinstance(value, str) and value[:1] in ("$", "%", "@"):
            found: Scalar = self._followed(key, value, names, self._scalar)
            return found
        if isinstance(value, list | dict):
            raise self.refusal(key, "must be a number, a text or a flat list of them")
        plain: Scalar = value
        return plain

    def _followed(
        self, key: str, text: str, names: Sequence[str], then: Callable[[str, Any, Sequence[str]], Any]
    ) -> Any:
        if text.startswith("$"):
            raise self.refusal(
                key, f"is an expression ({_short(text)}), which would have to be run; nothing is"
            )
        if not REFERENCE.fullmatch(text):
            raise self.refusal(key, f"refers to {_short(text)}, which is no plain key of this file")
        if text in names or len(names) >= MOST_REFERENCES:
            raise self.refusal(key, f"refers to {_short(text)} in a circle or too often in a row")
        node: Any = self.document
        for part in re.split(r"::|#", text[1:]):
            try:
                node = node[int(part)] if isinstance(node, list) else node[part]
            except (KeyError, IndexError, TypeError, ValueError):
                raise self.refusal(key, f"refers to {_short(text)}, which is not there") from None
        return then(key, node, [*names, text])

    def number(self, key: str, value: Any) -> float:
        """Return the literal number under ``key``. Raises as `literal`, and for what is no number."""
        found = self.literal(key, value)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self.refusal(key, f"must be a number; got {_short(repr(found))}")
        return found

    def refusal(self, key: str, why: str) -> BundleRefused:
        """Return the sentence that ``key`` of this file ``why``, to be raised."""
        return BundleRefused(f"{self.file}: {_printable(key)} {why}.")


def _short(text: str) -> str:
    return _printable(text[:60])


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:80])


def _check_depth(file: str, document: Any) -> None:
    level = [document]
    for _ in range(MOST_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise BundleRefused(f"{file} is nested deeper than {MOST_DEPTH} levels; get the model anew.")


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []
