"""The verb that trains a cohort's recognition networks, and the way to those that were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.similarity.identity import KEYS
from medsynth_desktop.store.failures import told_plainly
from medsynth_desktop.store.workspace import Workspace

FORMAT = 1
CHOSEN = "settings.json"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a training was begun with: it goes on with the same."""

    seed: int
    steps: int


def train_recognition(
    workspace: Workspace,
    cohort_name: str,
    *,
    max_steps: int | None = None,
    resume: bool | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Steps[dict[str, Any]]:
    """Train retrieval and verification on the training split, measure both on the calibration split, and keep them.

    From then on the guard asks them too, and its limits are calibrated anew at the next check.

    Parameters
    ----------
    resume
        Where a training of this cohort stopped before: True goes on, False starts anew, None refuses.
    device
        Of torch, None for the best there is.

    Raises
    ------
    InputRefused
        Too few patients, an unfinished training without ``resume``, or one begun with other settings.
    NotFound
        When there is nothing to resume.
    """
    from medsynth_desktop.networks.recogniser import Recogniser
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.training.identity import settings_for, train_identity
    from medsynth_desktop.training.recognition import recognise

    cohort = workspace.cohorts.get(cohort_name)
    chosen = _chosen(workspace, cohort, max_steps, resume, seed)
    settings = settings_for(len(cohort.recipe.grid), chosen.seed, chosen.steps)
    folder, (used, _) = workspace.recognisers.training_folder(cohort.hash), pick_device(device)
    images, records = map_arrays(workspace, cohort, "train")
    trained = yield from train_identity(images, records, settings, folder, cohort.hash, used)
    recogniser = Recogniser(trained.network, cohort.recipe.grid, settings.side, "", used)
    unseen = map_arrays(workspace, cohort, "calibration")
    measured = yield from recognise(recogniser, *unseen, settings.how, settings.seed)
    facts = {
        "format": FORMAT,
        "shape": asdict(settings.shape),
        "side": settings.side,
        "grid": list(cohort.recipe.grid),
        "settings": asdict(settings),
        "training": asdict(trained.summary),
        "patients": len({r.patient for r in records}),
        "unlearnt": len(trained.unlearnt),
        "measured": [_plain(asdict(m)) for m in measured],
    }
    name = workspace.recognisers.put(cohort.hash, facts, _to_bytes(trained.network))
    workspace.recognisers.forget_training(cohort.hash)
    return describe(cohort, name, facts)


def recognition_of(workspace: Workspace, cohort: CohortRecord) -> dict[str, Any] | None:
    """What is known of the cohort's networks, as `train_recognition` returns it; None where none were trained."""
    stored = workspace.recognisers.get(cohort.hash)
    return describe(cohort, stored.hash, stored.facts) if stored is not None else None


def better_than_chance(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of a cohort's networks the guard asks: one no better than chance would hold back innocent images only.

    Those whose 95% interval on unseen patients lies above chance, among the pairs that are hardest to tell: the first
    measured. Both where nothing could be measured.
    """
    if not facts.get("measured"):
        return KEYS
    first = facts["measured"][0]
    lowest = {"retrieval": first["precision_interval"][0], "verification": first["auc_interval"][0]}
    chance = {"retrieval": 1 / first["patients"], "verification": 0.5}
    return tuple(key for key in KEYS if lowest[key] > chance[key])


def unfinished(workspace: Workspace, cohort: CohortRecord) -> bool:
    """Whether a training of this cohort stopped before its end."""
    return (workspace.recognisers.training_folder(cohort.hash) / CHOSEN).is_file()


def describe(cohort: CohortRecord, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A document for programs, with the sentences for a person in ``told``."""
    training = facts["training"]
    return {
        "stage": "identity",
        "cohort": cohort.name,
        "hash": name,
        "steps": training["steps"],
        "losses": list(training["curve"]),
        "loss": training["loss"],
        "seconds": training["seconds"],
        "patients": facts["patients"],
        "unlearnt_patients": facts["unlearnt"],
        "recognition": list(facts["measured"]),
        "asked": list(better_than_chance(facts)),
        "told": [*([_sentence(m) for m in facts["measured"]] or [NOT_MEASURED]), *_unasked(facts)],
    }


NOT_MEASURED = "Fewer than two unseen patients: how well unseen patients are recognised is not known."


def _unasked(facts: Mapping[str, Any]) -> list[str]:
    left = [key for key in KEYS if key not in better_than_chance(facts)]
    if not left:
        return []
    return [
        f"{' and '.join(left).capitalize()}: no better than chance, as far as these patients tell, so the guard does "
        "not ask; train on more patients or for more steps."
    ]


def _sentence(measured: Mapping[str, Any]) -> str:
    low, high = measured["auc_interval"]
    least, most = measured["precision_interval"]
    return (
        f"On unseen patients, {measured['pairs']} ({measured['asked']} of {measured['patients']} patients): "
        f"AUC {measured['auc']:.3f} (95% {low:.3f} to {high:.3f}), "
        f"precision@1 {measured['precision']:.3f} ({least:.3f} to {most:.3f})."
    )


def _chosen(
    workspace: Workspace, cohort: CohortRecord, max_steps: int | None, resume: bool | None, seed: int | None
) -> Chosen:
    """Settle what to train with, and write it down."""
    from medsynth_desktop.training.identity import settings_for

    path = workspace.recognisers.training_folder(cohort.hash) / CHOSEN
    if path.is_file() and resume is None:
        raise InputRefused(
            f"A training of the recognition of {cohort.name} stopped before; add --resume to go on or --anew to "
            "start over."
        )
    if resume and not path.is_file():
        raise NotFound(f"There is no training of the recognition of {cohort.name} to resume; start one.")
    if resume:
        before = Chosen(**json.loads(path.read_text(encoding="utf-8")))
        for what, given, had in (("seed", seed, before.seed), ("max-steps", max_steps, before.steps)):
            if given is not None and given != had:
                raise InputRefused(f"The training to resume was begun with --{what} {had}; got {given}.")
        return before
    workspace.recognisers.forget_training(cohort.hash)
    settings = settings_for(len(cohort.recipe.grid), seed or 0, max_steps)
    made = Chosen(settings.seed, settings.steps)
    with told_plainly():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(made)), encoding="utf-8")
        part.replace(path)
    return made


def _to_bytes(network: Any) -> bytes:
    from safetensors.torch import save

    state = {key: value.detach().to("cpu").contiguous() for key, value in network.state_dict().items()}
    return bytes(save(state))


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without NaN, which JSON does not know."""
    return {key: None if value != value else value for key, value in facts.items()}
