"""Drawing up a reader study: what the investigator decides becomes a design, sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.store.clock import now
from medsynth_desktop.store.studies import StudyRecord
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.studies.blinding import tells_of_order
from medsynth_desktop.studies.design import Case, Design
from medsynth_desktop.studies.preparing import Preparation
from medsynth_desktop.studies.questions import PUBLISHED, Question
from medsynth_desktop.studies.sample_size import expected_width
from medsynth_desktop.studies.sealed import check_password
from medsynth_desktop.studies.study import Study, draw_up, seal_study
from medsynth_desktop.workbench.study_cases import Wish, choose, pool_of, prepare_for, what_tells

MAY = ("back", "change", "window")
"""What readers may be allowed: to go back to earlier cases, to change an answer, to change the window."""
LIKELY, ALIKE = 0.9, 0.5
"""Share of good answers, and correlation of two readers' answers to one case, that the expected width supposes."""


@dataclass(frozen=True)
class Plan:
    """All that an investigator decides before a study begins.

    Attributes
    ----------
    cohort, batches
        Where real and synthetic cases come from; ``approved_only``: of samples only those approved for release.
    wish
        How many, or which.
    repeats, block
        Share of cases shown twice, and cases in a balanced block.
    may
        Of `MAY`.
    window
        Centre and width that every case begins with; None: all that there is.
    floor
        Share of the range of intensity up to which what surrounds the body is air; None: found (`prepare_for`).
    """

    name: str
    readers: tuple[str, ...]
    cohort: str | None = None
    batches: tuple[str, ...] = ()
    approved_only: bool = False
    wish: Wish = field(default_factory=Wish)
    questions: tuple[Question, ...] = PUBLISHED
    repeats: float = 0.1
    block: int = 10
    seed: int = 0
    may: tuple[str, ...] = ("change", "window")
    window: tuple[float, float] | None = None
    floor: float | None = None


@dataclass(frozen=True)
class Created:
    """A study drawn up.

    Attributes
    ----------
    widths
        Of the 95% interval of a share of `LIKELY` that it will give, by kind.
    preparation
        What is done to every image.
    tells
        What beside their look tells real from synthetic cases, a sentence each.
    """

    record: StudyRecord
    real: int
    synthetic: int
    widths: dict[str, float]
    preparation: Preparation
    tells: tuple[str, ...]


def create(workspace: Workspace, plan: Plan, password: str, *, replace: bool = False) -> Steps[Created]:
    """Draw cases and orders and seal them under the investigator's password.

    ``replace`` draws up anew a study of that name which no reader has started; files given to its readers are
    worthless then.

    Raises
    ------
    InputRefused
        When a study of that name exists (and, with ``replace``, is frozen), or the plan cannot be read or evaluated.
    """
    check_password(password)
    _check_name_free(workspace, plan.name, replace)
    if unknown := set(plan.may) - set(MAY):
        raise InputRefused(f"Readers may be allowed {', '.join(MAY)}; got {', '.join(sorted(unknown))}.")
    pool = pool_of(workspace, plan.cohort, plan.batches, plan.approved_only)
    cases = choose(pool, plan.wish, np.random.default_rng(plan.seed))
    preparation = yield from prepare_for(workspace, cases, pool.recipe, plan.window, plan.floor)
    design = Design(
        plan.name,
        cases,
        plan.readers,
        plan.questions,
        plan.seed,
        plan.block,
        plan.repeats,
        "back" in plan.may,
        "change" in plan.may,
        "window" in plan.may,
        preparation,
    )
    tells = yield from what_tells(workspace, cases, preparation)
    study = draw_up(design)
    truth = {case.id: case.synthetic for case in cases}
    tells += [
        f"{reader}: {t}" for reader, order in study.orders.items() for t in tells_of_order(order, truth)
    ]
    if plan.name in workspace.studies.names():
        workspace.studies.clear(plan.name)
    record = _record(study)
    workspace.studies.folder(plan.name).mkdir(parents=True, exist_ok=True)
    # The record comes last: what it names is whole. A sealed file without one is what a killed program left.
    workspace.studies.sealed(plan.name).unlink(missing_ok=True)
    seal_study(workspace.studies.sealed(plan.name), study, password)
    workspace.studies.put(record)
    counted = [case for case in cases if not case.training]
    synthetic = sum(case.synthetic for case in counted)
    return Created(
        record,
        len(counted) - synthetic,
        synthetic,
        _widths(len(plan.readers), counted),
        preparation,
        tuple(tells),
    )


def _check_name_free(workspace: Workspace, name: str, replace: bool) -> None:
    if name not in workspace.studies.names():
        return
    held = workspace.studies.get(name)
    if held.frozen:
        raise InputRefused(
            f"The study {name!r} is frozen since its first reader started ({held.frozen}); choose another name."
        )
    if not replace:
        given = f" and files given to {', '.join(held.given)}" if held.given else ""
        raise InputRefused(
            f"There is a study {name!r} already; choose another name, or give --replace to draw it up anew, which "
            f"makes the old one{given} worthless."
        )


def _record(study: Study) -> StudyRecord:
    design = study.design
    training = sum(case.training for case in design.cases)
    return StudyRecord(
        design.name,
        study.id,
        now(),
        design.readers,
        len(design.cases) - training,
        training,
        max(len(order) for order in study.orders.values()),
        tuple(question.id for question in design.questions),
        study.hash,
    )


def _widths(readers: int, cases: Sequence[Case]) -> dict[str, float]:
    synthetic = sum(case.synthetic for case in cases)
    counts = {"all": len(cases), "synthetic": synthetic, "real": len(cases) - synthetic}
    return {kind: expected_width(readers, n, LIKELY, ALIKE) for kind, n in counts.items() if n}
