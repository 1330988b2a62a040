"""Whether anything but the look of the images tells real from synthetic: in a reader's file, and in an order.

`tells_of_images` asks each of a few simple measures of the prepared images, none of which is their look, whether it
separates the two kinds; `tells_of_order` asks it of the places in a reader's order; `leaks_of_file` opens a file that
a reader gets and looks for anything in it that differs from case to case, or says more than a reader may know.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from medsynth_desktop.studies.giving import IMAGE_KNOWS, READER_KNOWS
from medsynth_desktop.studies.order import Showing
from medsynth_desktop.studies.preparing import uniform_borders
from medsynth_desktop.studies.sealed import SealedFile
from medsynth_desktop.studies.study import Study

TELLING = 0.001
"""A measure tells when chance would separate the kinds as well as this less often."""
FEWEST = 7
"""Cases of each kind with which the exact test can reach `TELLING`."""


def measures(image: np.ndarray) -> dict[str, float]:
    """What a prepared image betrays beside its look, by name.

    Of int16 levels on 2 or 3 axes: the darkest and brightest level, the shares of voxels at either, the usual
    step between its levels, and how many outermost rows or slices are of one value.
    """
    values = np.asarray(image, np.int64)
    first, last = int(values.min()), int(values.max())
    levels = np.unique(values)
    return {
        "darkest level": first,
        "brightest level": last,
        "share of voxels at the darkest level": float((values == first).mean()),
        "share of voxels at the brightest level": float((values == last).mean()),
        "step between levels": float(np.median(np.diff(levels))) if len(levels) > 1 else 0.0,
        "uniform border": float(sum(map(sum, uniform_borders(values)))),
    }


def tells_of_images(found: Sequence[Mapping[str, float]], synthetic: Sequence[bool]) -> list[str]:
    """Say which `measures` separate real from synthetic cases, a sentence each.

    ``found`` holds those of each case and ``synthetic`` the truth.
    """
    from medsynth_desktop.studies.statistics.comparison import mann_whitney  # reads scipy

    truth = np.asarray(synthetic, bool)
    said = []
    for name in found[0] if found else ():
        values = np.array([one[name] for one in found])
        test = mann_whitney(values[truth], values[~truth])
        area = test.superiority.value
        if math.isfinite(test.p_value) and test.p_value < TELLING:
            said.append(
                f"The {name} tells real from synthetic in {max(area, 1 - area):.0%} of pairs: "
                f"median {np.median(values[~truth]):.4g} of real, {np.median(values[truth]):.4g} of synthetic cases."
            )
    return said


def least_telling(values: np.ndarray, synthetic: Sequence[bool]) -> int:
    """Number of the first column of ``values`` (cases, columns) that does not tell the kinds.

    Where all do, that which does least; with too few cases of a kind (`too_few`) nothing is known to: the first.
    """
    from medsynth_desktop.studies.statistics.comparison import mann_whitney  # reads scipy

    truth = np.asarray(synthetic, bool)
    if too_few(truth.tolist()):
        return 0
    apart = []
    for number, column in enumerate(np.asarray(values, float).T):
        test = mann_whitney(column[truth], column[~truth])
        if not math.isfinite(test.p_value) or test.p_value >= TELLING:
            return number
        gap = abs(float(np.median(column[truth]) - np.median(column[~truth])))
        apart.append((abs(test.superiority.value - 0.5), gap))
    return apart.index(min(apart))


def too_few(synthetic: Sequence[bool]) -> bool:
    """Whether there are too few cases of a kind for `tells_of_images` to see anything."""
    truth = np.asarray(synthetic, bool)
    return min(int(truth.sum()), int((~truth).sum())) < FEWEST


def tells_of_order(order: Sequence[Showing], truth: Mapping[str, bool]) -> list[str]:
    """Say whether places in an order, or what came before, tell the kind; training and repeats left out.

    Notes
    -----
    Mann and Whitney's test of the places, and the runs test of Wald and Wolfowitz 1940 (Annals of Mathematical
    Statistics 11:147), normal approximation.
    """
    from scipy import stats  # slow to read: not when the window starts

    from medsynth_desktop.studies.statistics.comparison import mann_whitney

    kinds = np.array([truth[s.case] for s in order if not s.training and not s.repeat], bool)
    n, m = int(kinds.sum()), int((~kinds).sum())
    if min(n, m) < 2:
        return []
    said = []
    places = np.arange(len(kinds), dtype=float)
    if mann_whitney(places[kinds], places[~kinds]).p_value < TELLING:
        said.append("The place in the order tells real from synthetic.")
    runs = 1 + int((kinds[1:] != kinds[:-1]).sum())
    expected = 1 + 2 * n * m / (n + m)
    spread = math.sqrt((expected - 1) * (expected - 2) / (n + m - 1)) or math.inf
    if 2 * stats.norm.sf(abs(runs - expected) / spread) < TELLING:
        said.append(
            "Which kind a case is can be told from the case before: too even or too uneven a mixture."
        )
    return said


def leaks_of_file(path: Path, password: str, study: Study, reader: str) -> list[str]:
    """Open the file that a reader gets and say what in it tells more than it should, a sentence each."""
    truth = {case.id: case.synthetic for case in study.design.cases}
    opened = SealedFile(path, password)
    facts = json.loads(opened.member(0))
    said = list(_leaks_of_facts(path, opened, facts, [case.id for case in study.design.cases]))
    if len(set(opened.sizes[1:])) > 1:
        said.append("The sealed cases differ in size, so in the time that they take to open.")
    heads: set[bytes] = set()
    found = []
    for number, showing in enumerate(study.orders[reader], 1):
        member = opened.member(number)
        image = np.load(io.BytesIO(member), allow_pickle=False)
        heads.add(member[: len(member) - image.nbytes])
        if not showing.repeat:  # a case counts once
            found.append(measures(image))
    if len(heads) > 1:
        said.append("The cases differ in type, shape or layout of their numbers.")
    kinds = [truth[s.case] for s in study.orders[reader] if not s.repeat]
    return [*said, *tells_of_images(found, kinds), *tells_of_order(study.orders[reader], truth)]


def _leaks_of_facts(
    path: Path, opened: SealedFile, facts: dict[str, object], ids: Iterable[str]
) -> Iterator[str]:
    image = facts.get("image")
    more = set(facts) - READER_KNOWS | (set(image) - IMAGE_KNOWS if isinstance(image, dict) else {"image"})
    if more or opened.public:
        yield f"The file says more than a reader may know: {', '.join(sorted(more | set(opened.public)))}."
    text = json.dumps([path.name, facts, opened.public])
    if named := [i for i in ids if i in text]:
        yield f"The file names {len(named)} cases."
