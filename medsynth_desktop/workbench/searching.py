"""The searches over a cohort's training split, wherever a verb needs one."""

from __future__ import annotations

from dataclasses import asdict

from medsynth_desktop.cohorts.access import map_arrays
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.records import CohortRecord, Split
from medsynth_desktop.guard.of_unseen import WithUnseen
from medsynth_desktop.similarity.base import Witness
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.similarity.features.own import open_recogniser
from medsynth_desktop.similarity.identity import IdentitySearch
from medsynth_desktop.similarity.index import Shelf
from medsynth_desktop.similarity.search import NearestSearch
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.featuring import features_in_use
from medsynth_desktop.workbench.recognition import better_than_chance


def training_search(workspace: Workspace, cohort: CohortRecord, split: Split = "train") -> NearestSearch:
    """The exact search over the cohort's training split; its first query opens or makes the index of a large one."""
    return NearestSearch(*map_arrays(workspace, cohort, split), shelf=shelf_of(workspace, cohort))


def training_evidence(workspace: Workspace, cohort: CohortRecord) -> Evidence:
    """What the guard judges by: the exact search and every witness that this cohort has, over its training split."""
    return Evidence(training_search(workspace, cohort), witnesses(workspace, cohort))


def evidence_with_unseen(workspace: Workspace, cohort: CohortRecord, training: Evidence) -> WithUnseen:
    """``training``, and the same searches over the unseen patients: for images that may be anybody's."""
    search = training_search(workspace, cohort, "calibration")
    return WithUnseen(training, Evidence(search, witnesses(workspace, cohort, "calibration")))


def witnesses(workspace: Workspace, cohort: CohortRecord, split: Split = "train") -> list[Witness]:
    """The cohort's witnesses: the search for disguises; feature dictionary and recognition where it has them.

    Raises
    ------
    InputRefused
        Where a chosen feature network cannot be opened.
    """
    # These read scipy: not before they are needed.
    from medsynth_desktop.similarity.disguised.search import DisguisedSearch
    from medsynth_desktop.similarity.features.dictionary import FeatureDictionary

    images, records = map_arrays(workspace, cohort, split)
    shelf = shelf_of(workspace, cohort)
    found: list[Witness] = [DisguisedSearch(images, records, shelf=shelf)]
    extractor = features_in_use(workspace, cohort)
    if extractor is not None:
        found.append(FeatureDictionary(extractor, images, records, shelf=shelf))
    networks = workspace.recognisers.get(cohort.hash)
    keys = better_than_chance(networks.facts) if networks is not None else ()
    if networks is not None and keys:
        recogniser = open_recogniser(networks, cohort)
        found.append(IdentitySearch(recogniser, images, records, shelf=shelf, keys=keys))
    return found


def shelf_of(workspace: Workspace, cohort: CohortRecord) -> Shelf:
    """Where what is derived from images of the cohort's recipe is kept."""
    return Shelf(workspace.indexes, hash_json(asdict(cohort.recipe)))
