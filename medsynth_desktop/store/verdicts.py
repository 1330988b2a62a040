"""What the guard says of the samples: the latest verdict of each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import IntegrityError

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.core.records import Verdict
from medsynth_desktop.store import schema
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode


class Verdicts:
    """Verdicts by sample."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, batch: str, verdicts: Sequence[Verdict]) -> None:
        """Store the verdicts of samples of ``batch``, all or none; each replaces the sample's former one.

        Raises
        ------
        NotFound
            When one names a sample that the batch does not hold.
        """
        rows = [{"sample": v.id, "policy_hash": v.policy_hash, "record": encode(v)} for v in verdicts]
        if not rows:
            return
        row = insert(schema.verdicts)
        new = {"policy_hash": row.excluded.policy_hash, "record": row.excluded.record}
        samples = schema.samples
        try:
            with self._database.write() as connection:
                held = set(connection.execute(select(samples.c.id).where(samples.c.batch == batch)).scalars())
                strangers = [v.id for v in verdicts if v.id not in held]
                if strangers:
                    raise NotFound(
                        f"Batch {batch!r} holds no sample {strangers[0]!r}; audit the batch again."
                    )
                connection.execute(row.on_conflict_do_update(["sample"], set_=new), rows)
        except IntegrityError as error:
            raise NotFound(
                f"A verdict names a sample that batch {batch!r} does not hold; audit it again."
            ) from error

    def get(self, batch: str) -> dict[str, Verdict]:
        """Verdicts of a batch by sample id, in the batch's order; samples without one are left out."""
        verdicts, samples = schema.verdicts, schema.samples
        chosen = (
            select(verdicts.c.record)
            .join(samples, samples.c.id == verdicts.c.sample)
            .where(samples.c.batch == batch)
            .order_by(samples.c.ordinal)
        )
        with self._database.read() as connection:
            found = [decode(Verdict, text) for text in connection.execute(chosen).scalars()]
        return {v.id: v for v in found}
