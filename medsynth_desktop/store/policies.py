"""Thresholds: every set ever in force, and which one is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.sqlite import insert

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.core.records import Policy
from medsynth_desktop.store import schema
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode


class Policies:
    """Policies by hash; the one put last is in force for its scope: a cohort at large, or one model against it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, policy: Policy) -> None:
        """Store ``policy`` and put it in force; one known before comes into force again."""
        row = insert(schema.policies).values(
            hash=policy.hash, cohort_hash=policy.cohort_hash, record=encode(policy)
        )
        choices = schema.policy_choices
        with self._database.write() as connection:
            connection.execute(row.on_conflict_do_nothing())
            if connection.execute(_current(policy.cohort_hash, policy.bundle_hash)).scalar() != policy.hash:
                connection.execute(
                    insert(choices).values(
                        cohort_hash=policy.cohort_hash,
                        bundle_hash=policy.bundle_hash,
                        policy_hash=policy.hash,
                        chosen=now(),
                    )
                )

    def current(self, cohort_hash: str, bundle_hash: str = "") -> Policy | None:
        """Policy in force for exactly this scope, None before its first calibration."""
        table = schema.policies
        with self._database.read() as connection:
            name = connection.execute(_current(cohort_hash, bundle_hash)).scalar()
            text = connection.execute(select(table.c.record).where(table.c.hash == name)).scalar()
        return None if text is None else decode(Policy, text)

    def get(self, policy_hash: str) -> Policy:
        """Return the policy of that hash.

        Raises
        ------
        NotFound
            When there is none.
        """
        table = schema.policies
        with self._database.read() as connection:
            text = connection.execute(select(table.c.record).where(table.c.hash == policy_hash)).scalar()
        if text is None:
            raise NotFound(f"The workspace holds no policy {policy_hash[:12]!r}; calibrate the cohort first.")
        return decode(Policy, text)

    def of(self, cohort_hash: str, bundle_hash: str = "") -> list[Policy]:
        """All policies ever put for exactly this scope, oldest first."""
        policies, choices = schema.policies, schema.policy_choices
        chosen = (
            select(policies.c.record)
            .join(choices, choices.c.policy_hash == policies.c.hash)
            .where(choices.c.cohort_hash == cohort_hash, choices.c.bundle_hash == bundle_hash)
            .order_by(choices.c.number)
        )
        with self._database.read() as connection:
            found = [decode(Policy, text) for text in connection.execute(chosen).scalars()]
        return list({p.hash: p for p in found}.values())

    def scopes(self, cohort_hash: str) -> list[str]:
        """Bundle hashes with policies of their own against the cohort; "" stands for the cohort at large."""
        table = schema.policy_choices
        found = select(table.c.bundle_hash).where(table.c.cohort_hash == cohort_hash).distinct()
        with self._database.read() as connection:
            return sorted(connection.execute(found).scalars())


def _current(cohort_hash: str, bundle_hash: str) -> Select[Any]:
    table = schema.policy_choices
    return (
        select(table.c.policy_hash)
        .where(table.c.cohort_hash == cohort_hash, table.c.bundle_hash == bundle_hash)
        .order_by(table.c.number.desc())
        .limit(1)
    )
