"""The time as records tell it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """UTC time in ISO 8601, whole seconds: ``2026-01-31T12:00:00+00:00``."""
    return datetime.now(UTC).isoformat(timespec="seconds")
