"""Records to JSON text and back, by the types that their fields declare."""

from __future__ import annotations

import dataclasses
import json
import types
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> str:
    """JSON of a record, list or plain value; NaN and infinities as Python's json writes them."""
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"))


def decode(kind: type[T], text: str) -> T:
    """Rebuild a record of class ``kind`` from `encode`'s text; unknown fields are left out."""
    return cast(T, _build(kind, json.loads(text)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "item"):  # NumPy scalars
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored in a record")


@cache
def _fields(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if dataclasses.is_dataclass(kind):
        hints = _fields(cast(type, kind))
        return cast(type, kind)(**{k: _build(hints[k], v) for k, v in value.items() if k in hints})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        kinds = [a for a in arguments if a is not type(None)]
        if len(kinds) > 1 and isinstance(
            value, dict
        ):  # of several records that with these fields and fewest others
            able = [
                k for k in kinds if dataclasses.is_dataclass(k) and set(value) <= set(_fields(cast(type, k)))
            ]
            kinds = sorted(able, key=lambda k: len(_fields(cast(type, k))))[:1]
        return _build(kinds[0], value) if len(kinds) == 1 else value
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(_build(arguments[0], v) for v in value)
        return tuple(_build(a, v) for a, v in zip(arguments, value, strict=True))
    if origin is dict:
        return {k: _build(arguments[1], v) for k, v in value.items()}
    if kind is float:
        return float(value)
    return value
