"""Blocking during sampling: what the guard blocks is drawn again, counted, and in the end kept and marked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.bundles import read_bundle
from medsynth_desktop.core.errors import GuardRefused, InputRefused
from medsynth_desktop.core.progress import Progress, Steps, drain
from medsynth_desktop.core.records import BundleRecord, CohortRecord, SampleSettings, Verdict
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.samplers.sampling import draw_sample
from medsynth_desktop.samplers.seeds import noise_seed
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, limits, releasing
from medsynth_desktop.workbench.drawing import Drawer
from medsynth_desktop.workbench.keeping_away import with_cohort
from medsynth_desktop.workbench.sampling import sample_batch
from medsynth_desktop.workbench.scopes import policy_in_force
from medsynth_desktop.workbench.searching import training_evidence
from tests.workbench.small import open_small

PLAIN = SampleSettings("ddim", 3)


class Bright:
    """Blocks images brighter than ``most``."""

    def __init__(self, verdict: Verdict, most: float) -> None:
        self.verdict, self.most, self.seen = verdict, most, 0

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        self.seen += len(images)
        yield Progress()
        names = ["block" if image.mean() > self.most else "pass" for image in images]
        return [replace(self.verdict, verdict=n, reasons=(f"{i}",)) for i, n in enumerate(names)]  # type: ignore[arg-type]


@pytest.fixture
def opened(workspace: Workspace, tmp_path: Path) -> tuple[Workspace, CohortRecord, BundleRecord]:
    return workspace, *open_small(workspace, tmp_path)


def test_a_blocked_seed_is_drawn_again_until_one_passes_or_attempts_end(opened, tmp_path: Path) -> None:
    from tests.store.records import verdict

    _, _, _ = opened
    model = read_bundle(tmp_path / "tiny")
    seeds = list(range(8))
    drawn = {(s, a): drain(draw_sample(model, noise_seed(s, a), PLAIN)) for s in seeds for a in range(3)}
    most = float(np.median([image.mean() for image in drawn.values()]))
    drawer = Drawer(model, SampleSettings("ddim", 3, attempts=3), "cpu")
    drawer.guard = judge_ = Bright(verdict("x"), most)
    ends = []
    for seed in seeds:
        [made] = drain(drawer.draw([seed]))
        bright = [drawn[seed, attempt].mean() > most for attempt in range(3)]
        expected = bright.index(False) if False in bright else 2
        assert made.noise_seed == noise_seed(seed, expected)
        assert np.array_equal(made.array, drawn[seed, expected])
        assert made.blocked == all(bright)
        assert len(made.refused) == (3 if all(bright) else expected)
        ends.append((expected, made.blocked))
    assert {(0, False), (1, False)} <= set(ends), "the limit must block some and let some pass"
    assert judge_.seen == sum(end + 1 for end, _ in ends)
    together = drain(drawer.draw(seeds))
    assert [(len(d.refused) - d.blocked, d.blocked) for d in together] == [
        (end if not blocked else 2, blocked) for end, blocked in ends
    ]


class Patient:
    """Judges only when the next sample was drawn; refuses where that never happens."""

    def __init__(self, verdict: Verdict, drawn: Callable[[], bool]) -> None:
        self.verdict, self.drawn = verdict, drawn

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        for _ in range(200):
            if self.drawn():
                return [self.verdict] * len(images)
            time.sleep(0.05)
            yield Progress()
        raise InputRefused("The next sample was not drawn meanwhile.")


def test_the_next_sample_is_drawn_while_one_is_judged(opened, tmp_path: Path) -> None:
    from tests.store.records import verdict

    model = read_bundle(tmp_path / "tiny")
    drawer = Drawer(model, SampleSettings("ddim", 3, attempts=3), "cpu")
    passed, seen = replace(verdict("x"), verdict="pass"), []
    drawer.guard = Patient(passed, lambda: 1 in drawer._early)
    [first] = drain(drawer.draw([0], [1]), seen.append)
    assert any("while the next one is drawn" in progress.message for progress in seen)
    drawer.guard = Bright(passed, 9.0)
    [second] = drain(drawer.draw([1]))
    for seed, made in enumerate((first, second)):
        assert np.array_equal(made.array, drain(draw_sample(model, noise_seed(seed, 0), PLAIN)))
    drawer.guard = Patient(passed, lambda: False)
    drawer._early.clear()
    drawer.guard.judge = refusing  # type: ignore[method-assign]
    with pytest.raises(InputRefused, match="no reason"):
        drain(drawer.draw([2], [3]))


def refusing(images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
    raise InputRefused("no reason")
    yield Progress()


def test_the_guard_in_the_loop_says_what_the_audit_says(opened) -> None:
    workspace, cohort, bundle = opened
    first = drain(sample_batch(workspace, bundle.hash, 6, PLAIN, 50, "cpu", "first"))
    drain(guarding.audit_batch(workspace, "first", "real"))
    values = [v.metrics["correlation"] for v in workspace.verdicts.get("first").values()]
    middle = float(np.median(values))
    limits.set_threshold(workspace, "real", "correlation", middle, middle, who="A", why="test", batch="first")

    settings = with_cohort(workspace, bundle.hash, SampleSettings("ddim", 3, attempts=2), "real")
    batch = drain(sample_batch(workspace, bundle.hash, 6, settings, 50, "cpu", "second"))
    stored = workspace.verdicts.get("second")
    evidence, policy = training_evidence(workspace, cohort), policy_in_force(workspace, cohort, batch)
    model = read_bundle(Path(bundle.path))
    for sample, plain in zip(batch.samples, first.samples, strict=True):
        attempts = [drain(draw_sample(model, noise_seed(sample.seed, a), PLAIN)) for a in range(2)]
        found = drain(evidence.query([(str(i), image) for i, image in enumerate(attempts)]))
        blocked = [judge(nearest, policy).verdict == "block" for nearest in found]
        taken = 0 if not blocked[0] else 1
        assert sample.noise_seed == noise_seed(sample.seed, taken)
        assert (sample.blocked, len(sample.refused)) == (all(blocked), sum(blocked[: taken + 1]))
        assert (sample.array_hash == plain.array_hash) == (taken == 0)
    assert any(sample.refused for sample in batch.samples)
    drain(guarding.audit_batch(workspace, "second", "real"))
    audited = workspace.verdicts.get("second")
    assert {i: (v.verdict, v.reasons, v.metrics) for i, v in stored.items()} == {
        i: (v.verdict, v.reasons, v.metrics) for i, v in audited.items()
    }


def test_a_model_that_was_never_checked_is_measured_by_its_first_samples(opened) -> None:
    workspace, _, bundle = opened
    settings = with_cohort(workspace, bundle.hash, SampleSettings("ddim", 3, attempts=2), "real")
    said: list[Progress] = []
    batch = drain(sample_batch(workspace, bundle.hash, 5, settings, 3, "cpu", "b"), said.append)
    assert sum("first sample" in p.message and "step 3 of 3" in p.message for p in said) == 4
    assert sum("Sample " in p.message and "step 3 of 3" in p.message for p in said) >= 1
    assert len(batch.samples) == len(workspace.verdicts.get("b")) == 5
    again = drain(sample_batch(workspace, bundle.hash, 5, settings, 3, "cpu", "b"))
    assert again == batch


def test_what_stays_blocked_is_kept_marked_and_cannot_be_approved(opened) -> None:
    workspace, _, bundle = opened
    drain(sample_batch(workspace, bundle.hash, 2, PLAIN, 50, "cpu", "first"))
    drain(guarding.audit_batch(workspace, "first", "real"))
    limits.set_threshold(workspace, "real", "correlation", -1, -1, who="A", why="test", batch="first")
    settings = with_cohort(
        workspace, bundle.hash, SampleSettings("ddim", 3, candidates=2, attempts=3), "real"
    )
    batch = drain(sample_batch(workspace, bundle.hash, 2, settings, 50, "cpu", "second"))
    assert [(s.blocked, s.attempts, len(s.refused)) for s in batch.samples] == [(True, 3, 3)] * 2
    assert all("orrelation" in reason for s in batch.samples for reason in s.refused)
    with pytest.raises(GuardRefused):
        releasing.approve(workspace, "real", [batch.samples[0].id], "A", "it looks fine")
