"""The verdict table of the Guard panel as arrays: 10,000 samples are sorted and judged while a threshold is dragged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from medsynth_desktop.core.records import Decision, Nearest, Threshold
from medsynth_desktop.guard.order import nearness_order, risk_order
from medsynth_desktop.similarity.base import Metric, most_correlated
from medsynth_desktop.workbench.captions import limit_passed, other_image
from medsynth_desktop.workbench.presenting import VERDICTS, verdict_words

DECISION_WORDS = {
    "approved": "Approved",
    "rejected": "Rejected",
    "reopened": "Re-opened",
}
UNDECIDED = "Undecided"
DECISION_MARKS = {"approved": "✓", "rejected": "×", "reopened": "!"}
"""The same where little room is; nothing is marked where nobody decided."""
UNMARKED = "–"
CHANCE = "p"
"""Key and title of the column of p-values."""
LEAST_LETTERS = 6
"""Of a sample's id in the table; more where these would not tell two samples apart. The tool tip has all."""
OTHER_IMAGE = "That may be another image than the nearest one: the tip of a number says which."


class Judged(Protocol):
    """What the table reads of the workbench's guard state."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Sample ids."""

    @property
    def codes(self) -> np.ndarray:
        """(n,) 0 pass, 1 review, 2 block, in the order of ``ids``."""

    @property
    def metrics(self) -> Mapping[str, np.ndarray]:
        """(n,) values by metric key, in the order of ``ids``."""

    @property
    def nearest(self) -> Mapping[str, Nearest]:
        """Nearest real images by sample id."""

    @property
    def thresholds(self) -> Mapping[str, Threshold]:
        """Thresholds now shown, by metric key."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, the sentence of its tool tip, and whether numbers stand in it."""

    key: str
    title: str
    tip: str
    numeric: bool = False


def columns(metrics: Sequence[Metric], chances: bool = False) -> tuple[Column, ...]:
    """All columns: what is decided first, then the metrics as they are registered; ``chances``: p-values too."""
    tip = "How often an unseen patient lies as near or nearer, by all metrics together: small speaks for a copy."
    return (
        Column("verdict", "Verdict", "What the guard says under the thresholds now shown."),
        Column("decision", "Decision", "What a person decided in the Release panel."),
        *([Column(CHANCE, CHANCE, tip, numeric=True)] if chances else []),
        *(Column(m.key, m.title, _tip(m), numeric=True) for m in metrics),
        Column("sample", "Sample", "The synthetic image; the tip of a cell has its whole name."),
        Column("nearest", "Nearest", "Pseudonym of the most similar real image, by correlation."),
    )


def _tip(metric: Metric) -> str:
    words = f"{metric.label}. {metric.description}"
    return words if metric.neighbour is most_correlated else f"{words} {OTHER_IMAGE}"


class VerdictTable:
    """Rows of ``state`` in an order; nothing is made per row before it is looked at.

    Parameters
    ----------
    state
        Codes and metrics of the batch.
    decisions
        Current decision of each sample that has one.
    metrics
        The registered metrics.
    like
        The table shown before: while a threshold is dragged only the verdicts change, and what does not depend
        on them is taken over from it.
    """

    def __init__(
        self,
        state: Judged,
        decisions: Mapping[str, Decision],
        metrics: Sequence[Metric],
        like: VerdictTable | None = None,
    ) -> None:
        self._chances = np.asarray(
            getattr(state, "p_values", ()), float
        )  # a state that knows none has no column
        self.columns = columns(_measured(state, metrics), chances=bool(np.isfinite(self._chances).any()))
        self.order = np.arange(len(state.ids))
        self._state = state
        self._decisions = decisions
        self._metrics = {m.key: m for m in metrics}
        same = like is not None and like._state.metrics is state.metrics and like._state.ids is state.ids
        self._nearness: np.ndarray = (
            like._nearness if like and same else nearness_order(state.ids, state.metrics)
        )
        self._index: dict[str, int] = (
            like._index if like and same else {s: i for i, s in enumerate(state.ids)}
        )
        self._letters: int = like._letters if like and same else distinct_letters(state.ids)
        self._risk = risk_order(state.codes, self._nearness)
        self.sort(None)

    def __len__(self) -> int:
        return len(self._state.ids)

    def id(self, row: int) -> str:
        """Sample of ``row``."""
        return self._state.ids[int(self.order[row])]

    def ids(self) -> list[str]:
        """All samples in the order shown."""
        return [self._state.ids[i] for i in self.order.tolist()]

    def row(self, sample: str | None) -> int | None:
        """Row of ``sample``, or None."""
        index = self._index.get(sample) if sample is not None else None
        return None if index is None else int(np.flatnonzero(self.order == index)[0])

    def verdict(self, row: int) -> str:
        """Pass, review or block of ``row``."""
        return VERDICTS[int(self._state.codes[self.order[row]])]

    def text(self, row: int, column: int) -> str:
        """What the cell says."""
        index, key = int(self.order[row]), self.columns[column].key
        if key in self._metrics:
            return self._number(key, index)
        if key == CHANCE:
            chance = float(self._chances[index])
            return f"{chance:.3f}" if math.isfinite(chance) else "–"
        words = self._words(key, self._state.ids[index], index)
        return words[: self._letters] if key == "sample" else words

    def _number(self, key: str, index: int) -> str:
        """The value; a dash where it is not defined, for little room."""
        metric, value = self._metrics[key], float(self._state.metrics[key][index])
        return metric.format(value) if math.isfinite(value) else "–"

    def passed(self, row: int, column: int) -> str:
        """What the limit of one number says: ``pass``, ``review`` or ``block``."""
        key = self.columns[column].key
        if key not in self._metrics:
            return "pass"
        value = float(self._state.metrics[key][self.order[row]])
        return limit_passed(self._metrics[key], value, self._state.thresholds.get(key))

    def tip(self, row: int, column: int) -> str:
        """What the cell says, and with which image where that is not the nearest one."""
        text, key = self.text(row, column), self.columns[column].key
        if key == "sample":
            return self.id(row)
        if key == "verdict":
            return f"{text} {self.id(row)}, nearest real image {self._nearest(self.id(row))}"
        nearest = self._state.nearest.get(self.id(row))
        if key not in self._metrics or nearest is None or not nearest.neighbours:
            return text
        other = other_image(nearest, self._metrics[key])
        return f"{text} with {other}, not with the nearest, {nearest.neighbours[0].image}" if other else text

    def _words(self, key: str, sample: str, index: int) -> str:
        if key == "verdict":
            return verdict_words(VERDICTS[int(self._state.codes[index])])
        if key == "nearest":
            return self._nearest(sample)
        if key == "decision":
            return self._decision(sample)
        return sample

    def _nearest(self, sample: str) -> str:
        nearest = self._state.nearest.get(sample)
        return nearest.neighbours[0].image if nearest and nearest.neighbours else "none"

    def mark(self, row: int) -> str:
        """One letter for the decision, where the words have no room; its tip says them."""
        decision = self._decisions.get(self.id(row))
        return DECISION_MARKS[decision.status] if decision else UNMARKED

    def _decision(self, sample: str) -> str:
        decision = self._decisions.get(sample)
        return DECISION_WORDS[decision.status] if decision else UNDECIDED

    def sort(self, column: int | None, descending: bool = False) -> None:
        """Sort by ``column`` (None or the verdict: by risk); equal rows stay riskiest first.

        Values that are not defined come last either way.
        """
        key = None if column is None else self.columns[column].key
        if key is None:
            self.order = self._risk
            return
        if key == "verdict":
            self.order = self._risk if descending else self._risk[::-1]
            return
        values = self._values(key)[self._risk]
        if values.dtype.kind == "f":
            rank = np.argsort(-values if descending else values, kind="stable")
        else:
            _, codes = np.unique(values, return_inverse=True)
            rank = np.argsort(-codes if descending else codes, kind="stable")
        self.order = self._risk[rank]

    def _values(self, key: str) -> np.ndarray:
        if key in self._metrics:
            return np.asarray(self._state.metrics[key], float)
        if key == CHANCE:
            return self._chances
        return np.array([self._words(key, sample, i) for i, sample in enumerate(self._state.ids)])


def _measured(state: Judged, metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics with a value; those that a search may leave out are left out where it did."""
    nothing = np.zeros(0)
    return [m for m in metrics if not m.optional or np.isfinite(state.metrics.get(m.key, nothing)).any()]


def distinct_letters(ids: Sequence[str]) -> int:
    """How many first letters tell all ``ids`` apart, at least `LEAST_LETTERS`."""
    most = max((len(i) for i in ids), default=LEAST_LETTERS)
    for letters in range(LEAST_LETTERS, most):
        if len({i[:letters] for i in ids}) == len(ids):
            return letters
    return most
