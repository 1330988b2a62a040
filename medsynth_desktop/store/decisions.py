"""What persons decided: append-only, kept so by triggers of the database itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from medsynth_desktop.core.errors import NotFound
from medsynth_desktop.core.records import Decision
from medsynth_desktop.store import schema
from medsynth_desktop.store.database import Database
from medsynth_desktop.store.encoding import decode, encode


class Decisions:
    """Decisions in the order they were made; the last one of a sample counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, decision: Decision) -> None:
        """Store one decision.

        Raises
        ------
        NotFound
            When the workspace does not hold the sample.
        """
        self.append_all([decision])

    def append_all(self, decisions: Sequence[Decision]) -> None:
        """Store several decisions, all or none (approving a batch is one act); raises as `append`."""
        rows = [{"sample": d.sample, "record": encode(d)} for d in decisions]
        if not rows:
            return
        try:
            with self._database.write() as connection:
                connection.execute(insert(schema.decisions), rows)
        except IntegrityError as error:
            raise NotFound(
                "A decision names a sample that the workspace does not hold; choose it anew."
            ) from error

    def current(self, sample: str) -> Decision | None:
        """Last decision of the sample, None where nobody has decided."""
        history = self.history(sample)
        return history[-1] if history else None

    def history(self, sample: str) -> list[Decision]:
        """All decisions of the sample, oldest first."""
        table = schema.decisions
        chosen = select(table.c.record).where(table.c.sample == sample).order_by(table.c.number)
        with self._database.read() as connection:
            return [decode(Decision, text) for text in connection.execute(chosen).scalars()]

    def of(self, batch: str) -> dict[str, Decision]:
        """Last decision of each decided sample of a batch, in the batch's order."""
        decisions, samples = schema.decisions, schema.samples
        last = select(func.max(decisions.c.number)).group_by(decisions.c.sample)
        chosen = (
            select(decisions.c.record)
            .join(samples, samples.c.id == decisions.c.sample)
            .where(samples.c.batch == batch, decisions.c.number.in_(last))
            .order_by(samples.c.ordinal)
        )
        with self._database.read() as connection:
            found = [decode(Decision, text) for text in connection.execute(chosen).scalars()]
        return {d.sample: d for d in found}
