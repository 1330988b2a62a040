"""Verbs of the Sample panel: import models, draw batches."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medsynth_desktop.cohorts.conform import recipe_volume
from medsynth_desktop.core.errors import InputRefused, NotFound, OutOfMemory
from medsynth_desktop.core.hashing import canonical_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import (
    BatchRecord,
    BundleRecord,
    SampleRecord,
    SampleSettings,
)
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.drawing import Drawing
from medsynth_desktop.workbench.foreign import own_bundle
from medsynth_desktop.workbench.keeping_away import open_drawer, with_cohort

if TYPE_CHECKING:
    from medsynth_desktop.bundles import Bundle
    from medsynth_desktop.bundles.foreign import Asked

MAX_SEED = 2**63 - 1
LONGEST_NAME = 60
"""Characters of a batch name; it also names a release's folder."""


def import_bundle(workspace: Workspace, path: Path, asked: Asked | None = None) -> Steps[BundleRecord]:
    """Check the bundle folder ``path``, executing nothing of it, and copy it into the workspace.

    A MONAI bundle is converted; ``asked`` is what the user says of it.

    Raises
    ------
    BundleRefused
        When anything of it is damaged, dangerous or does not fit.
    InputRefused
        When something is ``asked`` of a bundle of ours.
    """
    from medsynth_desktop.bundles import read_bundle

    yield Progress(0, 2, "Checking the model")
    with own_bundle(path, asked, workspace.path) as folder:
        record = read_bundle(folder).record
        yield Progress(1, 2, "Copying the model into the workspace")
        return workspace.bundles.add(record, folder)


def resolve_bundle(workspace: Workspace, bundle: str) -> BundleRecord:
    """Find a bundle by name, hash prefix or folder; a folder is imported first."""
    try:
        return workspace.bundles.get(bundle)
    except NotFound:
        if not Path(bundle).exists():
            raise
    from medsynth_desktop.bundles import read_bundle

    with own_bundle(Path(bundle), room=workspace.path) as folder:
        return workspace.bundles.add(read_bundle(folder).record, folder)


def sample_batch(
    workspace: Workspace,
    bundle_hash: str,
    count: int,
    settings: SampleSettings,
    seed: int,
    device: str | None = None,
    batch_name: str | None = None,
    batch_size: int = 1,
) -> Steps[BatchRecord]:
    """Draw ``count`` samples with seeds ``seed, seed + 1, ...``; those drawn together are stored before the next begin.

    A batch of that name that exists is continued: seeds already drawn with the same bundle and settings are kept.
    ``batch_size`` 0 takes as many at a time as the device's memory holds, and fewer when it turns out not to.
    For candidates and attempts ``settings`` come from `keeping_away.with_cohort`.

    Raises
    ------
    InputRefused
        For counts, seeds, steps or samplers that make no sense, or a batch name that belongs to another model.
    OutOfMemory
        When the device's memory does not suffice; finished samples are kept.
    """
    from medsynth_desktop.bundles import read_bundle
    from medsynth_desktop.samplers.sampling import pick_device

    _check(count, seed, batch_size)
    record = workspace.bundles.get(bundle_hash)
    settings = with_cohort(workspace, bundle_hash, settings)
    yield Progress(0, count, "Loading the model")
    device_name, note = pick_device(device)
    name = batch_name or free_batch_name(workspace)
    settings = _precise(workspace, name, settings, device_name)
    bundle = read_bundle(Path(record.path)).to(device_name)
    batch = _open_batch(workspace, name, record)
    done = {s.seed: s for s in batch.samples if s.settings == settings}
    wanted = [seed + i for i in range(count) if seed + i not in done]
    drawer = yield from open_drawer(workspace, bundle, settings, device_name, batch, wanted)
    finished = count - len(wanted)
    size = _at_once(bundle, settings, device_name, len(wanted), batch_size)
    beside = device_name != "cpu"  # there network and check wait for each other's threads (decision 0007)
    while wanted:
        seeds, ahead = wanted[:size], wanted[size : 2 * size] if beside else []
        began = time.perf_counter()
        try:
            drawings = yield from _scaled(drawer.draw(seeds, ahead), finished, len(seeds), count, note)
        except OutOfMemory as error:
            if batch_size or size == 1:
                raise
            size = max(1, min(error.suggested_batch_size or size, size // 2))
            continue
        seconds = (time.perf_counter() - began) / len(seeds)
        for drawing in drawings:
            stored = _store(workspace, name, record, settings, drawing, device_name, seconds)
            finished += 1
            yield Progress(finished, count, f"Sample {finished} of {count} stored", item=stored)
        wanted = wanted[size:]
    return workspace.batches.get(name)


def sample_id(bundle_hash: str, settings: SampleSettings, seed: int, batch: str) -> str:
    """Name of a sample: what determines it, and the batch it stands in."""
    facts = [bundle_hash, settings.sampler, settings.steps, settings.conditions, seed, batch]
    if settings.guidance != 1:
        facts.append(settings.guidance)
    if settings.precision != "32":
        facts.append(settings.precision)
    if settings.cohort:  # without candidates and attempts names are what they were before there were any
        facts += [settings.candidates, settings.attempts, settings.cohort]
    return "S-" + hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:12]


def sample_volume(workspace: Workspace, sample: str) -> Volume:
    """The sample as a volume in patient millimetres, in the unit of its recipe where it has one."""
    record = workspace.samples.get(sample)
    recipe = workspace.bundles.get(record.bundle_hash).recipe
    return recipe_volume(workspace.arrays.get(record.array_hash), recipe)


def free_batch_name(workspace: Workspace) -> str:
    """The first of ``batch-1``, ``batch-2``, ... that is not taken."""
    taken = set(workspace.batches.names())
    number = len(taken) + 1
    while f"batch-{number}" in taken:
        number += 1
    return f"batch-{number}"


def _at_once(bundle: Bundle, settings: SampleSettings, device: str, wanted: int, batch_size: int) -> int:
    """How many of ``wanted`` samples are drawn together: ``batch_size``, or for 0 as many as fit.

    Then in four parts or more, for a batch that is cancelled or killed keeps what is finished.
    """
    from medsynth_desktop.samplers.sampling import fitting_batch

    if device == "cpu" or wanted < 2:  # on a CPU one at a time: same bits whatever the batch
        return 1
    return batch_size or min(fitting_batch(bundle, settings, device), -(-wanted // 4))


def _precise(workspace: Workspace, name: str, settings: SampleSettings, device: str) -> SampleSettings:
    """``settings`` with a precision: where it is left open that of a batch that goes on, else the device's own."""
    if settings.precision == "auto" and name in workspace.batches.names():
        drawn = {s.settings.precision for s in workspace.batches.get(name).samples
                 if replace(s.settings, precision="auto") == settings}  # fmt: skip
        settings = replace(settings, precision=min(drawn, default="auto"))
    from medsynth_desktop.networks.precision import check_precision
    from medsynth_desktop.samplers.sampling import in_own_precision

    settings = in_own_precision(settings, device)
    check_precision(settings.precision, device)
    return settings


def _check(count: int, seed: int, batch_size: int) -> None:
    if not 1 <= count <= 100_000:
        raise InputRefused(f"The number of samples must lie between 1 and 100,000; got {count}.")
    if not 0 <= seed <= MAX_SEED - count:
        raise InputRefused(f"A seed must lie between 0 and 2^63; got {seed}.")
    if batch_size < 0:
        raise InputRefused(f"The batch size must be at least 1, or 0 for what fits; got {batch_size}.")


def check_batch_name(workspace: Workspace, name: str, bundle_hash: str) -> None:
    """Refuse a batch name that cannot be drawn into, before anything is loaded.

    Raises
    ------
    InputRefused
        When it is empty, too long, not printable, or belongs to another model.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputRefused(
            f"A batch name is one line of 1 to {LONGEST_NAME} characters; choose another batch name."
        )
    if name in workspace.batches.names() and workspace.batches.get(name).bundle_hash != bundle_hash:
        raise InputRefused(f"The batch {name} was drawn from another model; choose another batch name.")


def _open_batch(workspace: Workspace, name: str, record: BundleRecord) -> BatchRecord:
    """The batch as it is; a new one is only made with its first sample, so that a refusal leaves none behind."""
    check_batch_name(workspace, name, record.hash)
    if name not in workspace.batches.names():
        return BatchRecord(name, record.hash, (), "")
    return workspace.batches.get(name)


def _scaled(
    steps: Steps[list[Drawing]], finished: int, drawing: int, count: int, note: str
) -> Steps[list[Drawing]]:
    """Turn the progress within a draw into thousandths of the whole batch, so that time left can be told."""
    suffix = f" ({note})" if note else ""
    try:
        while True:
            inner = next(steps)
            share = finished + drawing * (inner.fraction or 0.0)
            message = f"Sample {finished + 1} of {count}: {inner.message}{suffix}"
            yield Progress(int(1000 * share), 1000 * count, message, inner.preview)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _store(
    workspace: Workspace,
    batch: str,
    bundle: BundleRecord,
    settings: SampleSettings,
    drawing: Drawing,
    device: str,
    seconds: float,
) -> SampleRecord:
    stored = SampleRecord(
        id=sample_id(bundle.hash, settings, drawing.seed, batch),
        batch=batch,
        ordinal=workspace.batches.count(batch),
        seed=drawing.seed,
        bundle_hash=bundle.hash,
        settings=settings,
        device=device,
        seconds=round(seconds, 3),
        array_hash=workspace.arrays.put(drawing.array),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        noise_seed=drawing.noise_seed if settings.cohort else None,
        refused=drawing.refused,
        blocked=drawing.blocked,
    )
    if batch not in workspace.batches.names():
        workspace.batches.create(batch, bundle.hash)
    workspace.batches.add_sample(stored)
    if drawing.verdict is not None:
        nearest = replace(drawing.verdict.nearest, id=stored.id)
        workspace.verdicts.put(batch, [replace(drawing.verdict, id=stored.id, nearest=nearest)])
    return stored
