from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from medsynth_desktop.core.records import Decision, Nearest, Neighbour, Threshold, Verdict
from medsynth_desktop.guard.order import riskiest_first
from medsynth_desktop.guard.report import _verdicts as report_table
from medsynth_desktop.guard.verdicts import VERDICTS
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.verdict_table import VerdictTable

ALL = tuple(m for m in METRICS if not m.optional)


@dataclass
class State:
    """Three samples: one passes, one is blocked, one needs a look and has no correlation."""

    ids: tuple[str, ...] = ("a", "b", "c")
    codes: np.ndarray = field(default_factory=lambda: np.array([0, 2, 1]))
    metrics: dict[str, np.ndarray] = field(
        default_factory=lambda: {
            "correlation": np.array([0.5, 0.99, np.nan]),
            "lowe_ratio": np.array([0.9, 0.4, 0.8]),
            "rmse": np.array([0.3, 0.01, 0.2]),
        }
    )
    nearest: dict[str, Nearest] = field(
        default_factory=lambda: {
            "b": Nearest("b", (Neighbour("P-0007-1", "P-0007", 0.01, 0.99),), 0.4),
            "c": Nearest("c", (), float("nan")),
        }
    )
    thresholds: dict[str, Threshold] = field(default_factory=dict)


def table() -> VerdictTable:
    decision = Decision("a", "reopened", "", "me", "2026-01-01T00:00:00+00:00", "p", "pass")
    return VerdictTable(State(), {"a": decision}, ALL)


def column(made: VerdictTable, key: str) -> int:
    return [c.key for c in made.columns].index(key)


def test_every_registered_metric_has_a_column() -> None:
    assert [c.key for c in table().columns] == [
        "verdict",
        "decision",
        *(m.key for m in ALL if not m.optional),
        "sample",
        "nearest",
    ]
    assert [c.key for c in VerdictTable(everything(), {}, ALL).columns][2:-2] == [m.key for m in ALL]


def everything() -> State:
    """A state that knows every registered metric."""
    state = State()
    for metric in ALL:
        state.metrics.setdefault(metric.key, np.array([0.1, 0.5, 0.9]))
    return state


def test_p_values_stand_before_the_metrics_where_the_guard_knows_them() -> None:
    @dataclass
    class Tested(State):
        p_values: np.ndarray = field(default_factory=lambda: np.array([0.6, 0.0123, np.nan]))

    made = VerdictTable(Tested(), {}, ALL)
    at = column(made, "p")
    assert at == 2
    assert [made.text(r, at) for r in range(3)] == ["0.012", "–", "0.600"]
    made.sort(at)
    assert made.ids() == ["b", "a", "c"]
    assert "p" not in [c.key for c in table().columns]


def test_a_number_beyond_its_limit_is_told_apart() -> None:
    state = State()
    state.thresholds = {"rmse": Threshold("rmse", 0.25, 0.15)}
    made = VerdictTable(state, {}, ALL)
    assert [made.passed(r, column(made, "rmse")) for r in range(3)] == ["block", "review", "pass"]
    assert made.passed(0, column(made, "correlation")) == "pass"
    assert made.passed(0, column(made, "decision")) == "pass"


def test_sample_ids_are_cut_where_they_differ_before_and_the_tip_has_all() -> None:
    ids = ("S-1234567890ab", "S-123456ffffff", "S-ffffffffffff")
    state = State(ids=ids)
    state.nearest = {}
    made = VerdictTable(state, {}, ALL)
    at = column(made, "sample")
    assert sorted(made.text(r, at) for r in range(3)) == ["S-1234567", "S-123456f", "S-fffffff"]
    assert made.tip(0, at) == made.id(0)
    assert table().text(0, column(table(), "sample")) == "b"


def test_what_a_narrow_table_leaves_out_is_told_elsewhere() -> None:
    made = table()
    rows = {made.id(row): row for row in range(3)}
    assert [made.mark(rows[s]) for s in "ab"] == ["!", "–"]
    assert made.tip(rows["a"], column(made, "decision")) == "Re-opened"
    assert made.tip(rows["b"], 0) == "Block ■ b, nearest real image P-0007-1"


def test_the_riskiest_comes_first_and_rows_are_found_by_sample() -> None:
    made = table()
    assert made.ids() == ["b", "c", "a"]
    assert [made.row(s) for s in ("a", "b", "c", "x", None)] == [2, 0, 1, None, None]
    assert [made.verdict(r) for r in range(3)] == ["block", "review", "pass"]


def test_cells_say_words_and_numbers() -> None:
    made = table()
    rows = [[made.text(r, c) for c in range(len(made.columns))] for r in range(3)]
    assert rows[0] == ["Block ■", "Undecided", "0.990", "0.400", "0.010", "b", "P-0007-1"]
    assert (rows[1][2], rows[1][-1]) == ("–", "none")
    assert rows[2][1] == "Re-opened"


def test_a_number_with_another_image_than_the_nearest_says_so() -> None:
    state = State()
    near = Neighbour("P-0008-1", "P-0008", 0.01, 0.98)
    state.nearest["b"] = Nearest(
        "b", (Neighbour("P-0007-1", "P-0007", 0.02, 0.99), near), 0.4, {"correlation": 0.99, "rmse": 0.01}
    )
    made = VerdictTable(state, {}, ALL)
    assert made.tip(0, column(made, "rmse")) == "0.010 with P-0008-1, not with the nearest, P-0007-1"
    assert made.tip(0, column(made, "correlation")) == "0.990"
    assert made.tip(0, column(made, "sample")) == "b"
    tips = {c.key: c.tip for c in made.columns}
    assert "another image than the nearest" in tips["rmse"]
    assert "another image than the nearest" not in tips["correlation"]


def test_values_that_are_not_defined_come_last_either_way() -> None:
    made = table()
    made.sort(column(made, "correlation"))
    assert made.ids() == ["a", "b", "c"]
    made.sort(column(made, "correlation"), descending=True)
    assert made.ids() == ["b", "a", "c"]
    made.sort(column(made, "sample"), descending=True)
    assert made.ids() == ["c", "b", "a"]
    made.sort(column(made, "verdict"))
    assert made.ids() == ["a", "c", "b"]
    made.sort(None)
    assert made.ids() == ["b", "c", "a"]


def test_equal_verdicts_are_ordered_by_the_metrics() -> None:
    state = State(codes=np.array([1, 1, 1]))
    assert VerdictTable(state, {}, ALL).ids() == ["c", "b", "a"]  # not defined, then 0.99, then 0.5


def test_the_window_orders_as_the_report_does() -> None:
    """Whatever other metrics say: the one that comes first in the registry looks for copies in disguise."""
    rng = np.random.default_rng(0)
    ids = tuple(f"S-{n:02}" for n in rng.permutation(60))
    names = rng.choice(["pass", "review", "block"], 60)
    values = {m.key: np.where(rng.random(60) < 0.2, np.nan, rng.integers(0, 4, 60) / 4) for m in METRICS}
    verdicts = [
        Verdict(s, names[i], (), {k: float(v[i]) for k, v in values.items()}, Nearest(s, (), 0.0), "p")
        for i, s in enumerate(ids)
    ]
    codes = np.array([VERDICTS.index(n) for n in names])
    window = VerdictTable(State(ids, codes, values, {}), {}, tuple(METRICS)).ids()
    assert window == [ids[i] for i in riskiest_first(verdicts)]
    result = SimpleNamespace(p_values=np.zeros(60), q_values=np.zeros(60), sentence="")
    report = report_table(verdicts, result)  # type: ignore[arg-type]
    assert re.findall(r"<tr><td>(S-\d\d)", report) == window


def test_no_cell_is_made_before_it_is_looked_at() -> None:
    class Counted(VerdictTable):
        made = 0

        def _words(self, key: str, sample: str, index: int) -> str:
            Counted.made += 1
            return super()._words(key, sample, index)

    many = tuple(f"S-{i}" for i in range(10_000))
    values = np.random.default_rng(0).uniform(size=10_000)
    state = State(many, np.zeros(10_000, int), dict.fromkeys((m.key for m in ALL), values), {})
    made = Counted(state, {}, ALL)
    made.sort(column(made, "rmse"))
    assert len(made) == 10_000
    assert Counted.made == 0


def test_a_table_made_like_the_one_before_is_the_same_table() -> None:
    state = State()
    before = VerdictTable(state, {}, ALL)
    state.codes = np.array([2, 0, 0])
    assert VerdictTable(state, {}, ALL, before).ids() == VerdictTable(state, {}, ALL).ids() == ["a", "c", "b"]
    other = State(ids=("x", "y", "z"))
    assert VerdictTable(other, {}, ALL, before).row("y") == 0
