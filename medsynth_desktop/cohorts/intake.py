"""One image after another into a cohort: stored, recognised, or passed over with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from medsynth_desktop.cohorts.conform import conform
from medsynth_desktop.cohorts.names import GUESSES
from medsynth_desktop.cohorts.patients import Owner
from medsynth_desktop.cohorts.pseudonyms import Keyed
from medsynth_desktop.cohorts.skipping import SkippedFiles
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_file
from medsynth_desktop.core.records import Recipe
from medsynth_desktop.formats.base import refusing
from medsynth_desktop.formats.read import Found
from medsynth_desktop.store.cohorts import NewImage
from medsynth_desktop.store.workspace import Workspace


class Intake:
    """Takes the images of one import into the cohort, one by one.

    Attributes
    ----------
    met
        Keyed hash of the patient by that of the source, for every image stored or recognised.
    """

    def __init__(self, workspace: Workspace, name: str, recipe: Recipe, skipped: SkippedFiles) -> None:
        self._workspace, self._name, self._skipped = workspace, name, skipped
        self._recipe = workspace.cohorts.begin(name, recipe)
        self._keyed = Keyed(workspace.secret())
        self._held = workspace.cohorts.held(name)
        self._patients = workspace.cohorts.patients(name)
        self._parts: dict[tuple[Path, ...], int] = {}
        self._told_by: dict[str, str] = {}
        self.met: dict[str, str] = {}

    def take(self, image: Found, owner: Owner) -> None:
        """Store ``image``, recognise it, or note why not."""
        try:
            source = self._source(image)
            if source in self.met:
                for key in {self.met[source], self._keyed.patient(owner.identifier)}:
                    self._workspace.cohorts.unite(self._name, source, key)
                self._skipped.add(image.paths[0], "The same bytes as another file of this import.")
                return
            if source in self._held:
                self._recognise(source, owner)
            elif not self._store(image, source, owner):
                return
        except InputRefused as refusal:
            self._skipped.add(image.paths[0], str(refusal))
            return
        self.met[source] = self._keyed.patient(owner.identifier)
        self._told_by[source] = owner.told_by
        self._skipped.resolve(image.paths[0])

    def _source(self, image: Found) -> str:
        """Name the content; images that lie in the same files (an object with two stacks) are numbered."""
        part = self._parts[image.paths] = self._parts.get(image.paths, -1) + 1
        with refusing(image.paths[0].name):
            return self._keyed.source([hash_file(p) for p in image.paths], part)

    def _recognise(self, source: str, owner: Owner) -> None:
        """Pass over an image that an earlier import stored; what is newly said of it is kept.

        A patient whom an earlier import knew as another person than the image's is the same person. One who
        is new only gets a further identifier: a mistaken pattern must not melt all patients into one.
        """
        key, held = self._keyed.patient(owner.identifier), self._held[source]
        if self._patients.get(key, held.patient) != held.patient:
            self._workspace.cohorts.unite(self._name, source, key)
        elif key not in self._patients or owner.attributes not in ({}, held.attributes):
            self._workspace.cohorts.describe(self._name, source, key, owner.attributes)

    def _store(self, image: Found, source: str, owner: Owner) -> bool:
        with refusing(image.paths[0].name):
            array = conform(image.load(), self._recipe)
        key = self._keyed.patient(owner.identifier)
        new = NewImage(key, self._workspace.arrays.put(array), source, owner.attributes)
        placed = self._workspace.cohorts.add_image(self._name, new)
        if placed.identical:
            self._skipped.add(
                image.paths[0], f"The same image as {placed.id}, which the cohort holds already."
            )
        return not placed.identical

    def sentence(self) -> str:
        """How many patients the images of this import belong to, and by what they were told apart."""
        known = self._workspace.cohorts.patients(self._name)
        people = len({known.get(key, key) for key in self.met.values()})
        ways = Counter(self._told_by[source] for source in self.met)
        shares = [way if len(ways) == 1 else f"{way} ({n} images)" for way, n in ways.most_common()]
        taken = (
            f"Took {_counted(len(self.met), 'image')} as {_counted(people, 'patient')}, told apart by "
            f"{' and '.join(shares)}"
        )
        if not GUESSES & ways.keys():
            return taken + "."
        return taken + "; if that is not how many people there are, give a list of participants or a pattern."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
