"""Verbs of the feature dictionary: which network it sees by, chosen by a person for each cohort."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.similarity.features import SOURCES
from medsynth_desktop.similarity.features.base import Choice, Extractor, Source
from medsynth_desktop.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of feature network, as a person chooses among them.

    ``lacking`` says what is missing and what to do, "" where it can be used; ``in_use`` whether the cohort's guard uses
    it now.
    """

    key: str
    label: str
    description: str
    lacking: str
    in_use: bool
    takes_file: bool


def offers(workspace: Workspace, cohort: CohortRecord) -> list[Offer]:
    """Every kind of feature network, and why one cannot be used."""
    chosen = choice_of(workspace, cohort)
    return [_offer(workspace, cohort, source, chosen) for source in SOURCES]


def choice_of(workspace: Workspace, cohort: CohortRecord) -> Choice | None:
    """What was chosen for the cohort; None: its guard keeps no feature dictionary."""
    kept = _kept(workspace, cohort)
    return Choice(**kept["choice"]) if kept else None


def use_features(
    workspace: Workspace,
    cohort_name: str,
    key: str,
    *,
    who: str,
    weights: Path | None = None,
    preparation: str = "",
) -> Extractor:
    """Let the cohort's guard keep a feature dictionary by the network ``key``; limits are calibrated anew for it.

    Parameters
    ----------
    weights
        File of weights, where the network takes one; None: those that are installed.
    preparation
        How images are prepared for ``weights``, where that is not known of them.

    Raises
    ------
    InputRefused
        Unknown network, or one that lacks something; nothing is changed then.
    """
    cohort = workspace.cohorts.get(cohort_name)
    choice = choice_for(key, weights, preparation)
    extractor = open_choice(workspace, cohort, choice)
    facts = {
        "choice": asdict(choice),
        "fingerprint": extractor.fingerprint,
        "name": extractor.name,
        "who": who,
    }
    workspace.settings.set(_key(cohort), facts)
    return extractor


def choice_for(key: str, weights: Path | None = None, preparation: str = "") -> Choice:
    """The choice of the network ``key`` with a file of weights, if it takes one; see `use_features`.

    Raises
    ------
    InputRefused
        Unknown network, or one that takes no file.
    """
    if key not in SOURCES:
        raise InputRefused(f"A feature network is one of {', '.join(SOURCES.keys())}; got {key!r}.")
    source = SOURCES[key]
    if weights is not None and not source.takes_file:
        raise InputRefused(f"{source.label} takes no file of weights; leave --weights out.")
    path = str(Path(weights).expanduser().absolute()) if weights is not None else ""
    return Choice(key, path, preparation)


def choose(
    workspace: Workspace,
    cohort_name: str,
    key: str,
    who: str,
    weights: Path | None = None,
    preparation: str = "",
) -> Steps[str]:
    """As `use_features`, as a job; ``key`` "" for none. Return a sentence for a person."""
    if not key:
        no_features(workspace, cohort_name)
        return f"The guard of {cohort_name} compares no features from its next check on."
    yield Progress(0, 1, "Reading the weights of the feature network")
    extractor = use_features(workspace, cohort_name, key, who=who, weights=weights, preparation=preparation)
    yield Progress(1, 1, "Read the weights of the feature network")
    return f"The guard of {cohort_name} compares features by {extractor.name} from its next check on."


def no_features(workspace: Workspace, cohort_name: str) -> None:
    """Let the cohort's guard judge without a feature dictionary."""
    workspace.settings.set(_key(workspace.cohorts.get(cohort_name)), None)


def features_in_use(workspace: Workspace, cohort: CohortRecord) -> Extractor | None:
    """The network of the cohort's dictionary, or None where none was chosen.

    Raises
    ------
    InputRefused
        Where one was chosen that cannot be opened any more, or that became another: the guard never judges by less
        than a person asked for in silence.
    """
    kept = _kept(workspace, cohort)
    if kept is None:
        return None
    way_out = f"or judge without it: medsynth features off --cohort {cohort.name}"
    try:
        extractor = open_choice(workspace, cohort, Choice(**kept["choice"]))
    except InputRefused as refusal:
        raise InputRefused(
            f"The guard of {cohort.name} uses the feature network {kept['name']}, which cannot be opened. {refusal} "
            f"Put that right, {way_out}"
        ) from refusal
    if extractor.fingerprint != kept["fingerprint"]:
        raise InputRefused(
            f"The feature network {kept['name']} is not the one any more that was chosen for {cohort.name}; choose it "
            f"again (medsynth features use {kept['choice']['source']} --cohort {cohort.name}), {way_out}"
        )
    return extractor


def open_choice(workspace: Workspace, cohort: CohortRecord, choice: Choice) -> Extractor:
    """The network of ``choice``.

    Raises
    ------
    InputRefused
        Unknown, or it lacks something, which the sentence names.
    """
    if choice.source not in SOURCES:
        raise InputRefused(f"This version has no feature network {choice.source!r}; choose another one.")
    source = SOURCES[choice.source]
    lacking = source.lacking(workspace, cohort, choice)
    if lacking:
        raise InputRefused(lacking)
    return source.open(workspace, cohort, choice)


def _offer(workspace: Workspace, cohort: CohortRecord, source: Source, chosen: Choice | None) -> Offer:
    in_use = chosen is not None and chosen.source == source.key
    choice = chosen if chosen is not None and in_use else Choice(source.key)
    lacking = source.lacking(workspace, cohort, choice)
    return Offer(source.key, source.label, source.description, lacking, in_use, source.takes_file)


def _kept(workspace: Workspace, cohort: CohortRecord) -> dict[str, Any] | None:
    kept = workspace.settings.get(_key(cohort))
    return kept if isinstance(kept, dict) else None


def _key(cohort: CohortRecord) -> str:
    """By the name, not the hash: a cohort that grows keeps its network."""
    return f"features:{cohort.name}"
