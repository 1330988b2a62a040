"""The cohort's own recognition networks: for recognition, and as what the feature dictionary sees by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsynth_desktop.core.errors import BundleRefused, InputRefused, StoreFailed
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.similarity.features.base import Choice, Extractor, Source
from medsynth_desktop.store.recognisers import Stored
from medsynth_desktop.store.workspace import Workspace

if TYPE_CHECKING:  # these import torch, which is not to be imported before it is needed
    from medsynth_desktop.networks.recogniser import Recogniser


def load_recogniser(workspace: Workspace, cohort: CohortRecord, device: str = "cpu") -> Recogniser | None:
    """The networks trained on exactly this cohort, ready for use; None where none were.

    Raises
    ------
    StoreFailed
        When they are damaged.
    """
    stored = workspace.recognisers.get(cohort.hash)
    return open_recogniser(stored, cohort, device) if stored is not None else None


def open_recogniser(stored: Stored, cohort: CohortRecord, device: str = "cpu") -> Recogniser:
    """The ``stored`` networks of ``cohort``, ready for use.

    Raises
    ------
    StoreFailed
        When they are damaged.
    """
    from medsynth_desktop.bundles.weights import empty_network, fill_network
    from medsynth_desktop.networks.identity import IdentityShape
    from medsynth_desktop.networks.recogniser import Recogniser

    try:
        numbers = dict(stored.facts["shape"])
        shape = IdentityShape(**{**numbers, "channels": tuple(numbers["channels"])})
        network = fill_network(
            "The recognition", empty_network("The recognition", shape.build), stored.weights
        )
        return Recogniser(
            network, tuple(stored.facts["grid"]), int(stored.facts["side"]), stored.hash, device
        )
    except (BundleRefused, KeyError, TypeError, ValueError):
        raise StoreFailed(
            f"The recognition networks of {cohort.name} were written by another version of this program; train them "
            "anew with medsynth train identity."
        ) from None


def lacking(workspace: Workspace, cohort: CohortRecord, choice: Choice) -> str:
    """Say that the networks were not trained yet; "" where they were."""
    if workspace.recognisers.name(cohort.hash) is not None:
        return ""
    return (
        f"No recognition networks were trained on {cohort.name} as it is now; train them: "
        f"medsynth train identity --cohort {cohort.name}."
    )


def open_own(workspace: Workspace, cohort: CohortRecord, choice: Choice) -> Extractor:
    """The cohort's own encoder.

    Raises
    ------
    InputRefused
        Where none was trained.
    StoreFailed
        Where it is damaged.
    """
    recogniser = load_recogniser(workspace, cohort)
    if recogniser is None:
        raise InputRefused(lacking(workspace, cohort, choice))
    return recogniser


SOURCE = Source(
    key="own",
    label="The cohort's own encoder",
    description="The retrieval network trained on this cohort's own images, disguised and not.",
    lacking=lacking,
    open=open_own,
)
