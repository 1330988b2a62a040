"""Every kind of record goes in and comes out equal; the rules of each shelf hold."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_desktop.core import records as all_records
from medsynth_desktop.core.errors import InputRefused, NotFound, StoreFailed
from medsynth_desktop.core.records import ImageRecord, ReleaseRecord
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.store.workspace import DATABASE, Workspace
from tests.store.records import bundle, decision, policy, sample, verdict

RECORDS = [c for c in vars(all_records).values() if isinstance(c, type) and dataclasses.is_dataclass(c)]


plain = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text()
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(ImageRecord, st.builds(ImageRecord, attributes=st.dictionaries(st.text(), plain)))


@given(data=st.data())
def test_any_record_survives_json(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(RECORDS))
    record = data.draw(st.from_type(kind))
    assert decode(kind, encode(record)) == record


def test_numpy_numbers_nan_and_unknown_fields_are_read() -> None:
    record = dataclasses.replace(verdict("s"), metrics={"rmse": np.float32(0.5), "lowe_ratio": math.nan})  # type: ignore[dict-item]
    text = encode(record).replace('{"id"', '{"later_field":1,"id"')
    back = decode(all_records.Verdict, text)
    assert back.metrics["rmse"] == 0.5
    assert math.isnan(back.metrics["lowe_ratio"])


def test_batches_hold_their_samples_in_order(workspace: Workspace) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    for ordinal in (2, 0, 10, 1):
        workspace.batches.add_sample(sample(ordinal))
    workspace.batches.add_sample(sample(2))
    batch = workspace.batches.get("batch-1")
    assert batch.samples == tuple(sample(n) for n in (0, 1, 2, 10))
    assert batch.bundle_hash == "b" * 64
    assert workspace.batches.count("batch-1") == 4
    assert workspace.samples.get("batch-1-10") == sample(10)
    assert workspace.batches.create("batch-1", "b" * 64) == batch
    assert workspace.batches.names() == ["batch-1"]


def test_batches_refuse_what_does_not_belong(workspace: Workspace) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    workspace.batches.add_sample(sample(0))
    with pytest.raises(InputRefused, match="another model"):
        workspace.batches.create("batch-1", "c" * 64)
    with pytest.raises(InputRefused, match="empty"):
        workspace.batches.create("  ", "c" * 64)
    with pytest.raises(StoreFailed, match="place is taken"):
        workspace.batches.add_sample(dataclasses.replace(sample(0), id="other"))
    with pytest.raises(StoreFailed, match="place is taken"):
        workspace.batches.add_sample(dataclasses.replace(sample(0), seed=5))
    with pytest.raises(StoreFailed, match="batch is missing"):
        workspace.batches.add_sample(sample(0, "nowhere"))
    for missing in (lambda: workspace.batches.get("x"), lambda: workspace.samples.get("x")):
        with pytest.raises(NotFound, match="'x'"):
            missing()


def test_what_is_not_there_is_told_with_what_is(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        NotFound, match="no batch 'x', nor any other in this workspace; medsynth sample draws"
    ):
        workspace.batches.get("x")
    for number in range(10):
        workspace.batches.create(f"batch-{number}", "b" * 64)
        workspace.batches.add_sample(sample(0, f"batch-{number}"))
    with pytest.raises(NotFound) as told:
        workspace.batches.get("batch-77")
    names = str(told.value).removeprefix("There is no batch 'batch-77'; this workspace has: ")
    assert names.endswith(" and 2 more.")
    assert len(names.split(", ")) == 8
    with pytest.raises(NotFound, match=r"has: batch-7-0, batch-0-0, .* and 2 more\."):
        workspace.samples.get("batch-7")  # those that begin so come first
    (tmp_path / "model").mkdir()
    workspace.bundles.add(bundle(), tmp_path / "model")
    workspace.bundles.add(bundle("ababab" + "0" * 58, "chests"), tmp_path / "model")
    with pytest.raises(
        NotFound, match=r"no bundle 'nothing'; this workspace has: chests, heads\.|heads, chests"
    ):
        workspace.bundles.get(tmp_path / "nothing")
    with pytest.raises(NotFound, match=r"Several bundles begin with 'ababab': .*heads \(ababababab"):
        workspace.bundles.get("ababab")


def test_the_latest_verdict_of_each_sample_counts(workspace: Workspace) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    for ordinal in range(3):
        workspace.batches.add_sample(sample(ordinal))
    workspace.verdicts.put("batch-1", [verdict("batch-1-1"), verdict("batch-1-0")])
    workspace.verdicts.put("batch-1", [verdict("batch-1-1", "q" * 64, "block")])
    workspace.verdicts.put("batch-1", [])
    found = workspace.verdicts.get("batch-1")
    assert found == {"batch-1-0": verdict("batch-1-0"), "batch-1-1": verdict("batch-1-1", "q" * 64, "block")}
    assert list(found) == ["batch-1-0", "batch-1-1"]
    with pytest.raises(NotFound, match="stranger"):
        workspace.verdicts.put("batch-1", [verdict("batch-1-2"), verdict("stranger")])
    assert "batch-1-2" not in workspace.verdicts.get("batch-1")


def test_policies_come_into_force_in_turn_and_again(workspace: Workspace) -> None:
    first, second, other = policy("1" * 64), policy("2" * 64), policy("3" * 64, "d" * 64)
    assert workspace.policies.current("c" * 64) is None
    for put in (first, other, second, second):
        workspace.policies.put(put)
    assert workspace.policies.current("c" * 64) == second
    workspace.policies.put(first)
    assert workspace.policies.current("c" * 64) == first
    assert workspace.policies.of("c" * 64) == [first, second]
    assert workspace.policies.get("3" * 64) == other
    own = dataclasses.replace(first, hash="5" * 64, bundle_hash="b" * 64, doubt="too soft to tell")
    assert workspace.policies.current("c" * 64, "b" * 64) is None
    workspace.policies.put(own)
    assert workspace.policies.current("c" * 64, "b" * 64) == own
    assert workspace.policies.current("c" * 64) == first
    assert workspace.policies.of("c" * 64, "b" * 64) == [own]
    assert workspace.policies.scopes("c" * 64) == ["", "b" * 64]
    with pytest.raises(NotFound):
        workspace.policies.get("4" * 64)


def test_decisions_pile_up_and_the_last_counts(workspace: Workspace) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    for ordinal in range(3):
        workspace.batches.add_sample(sample(ordinal))
    told = [decision("batch-1-0"), decision("batch-1-1"), decision("batch-1-0", "rejected", "too alike")]
    workspace.decisions.append(told[0])
    workspace.decisions.append_all(told[1:])
    assert workspace.decisions.history("batch-1-0") == [told[0], told[2]]
    assert workspace.decisions.current("batch-1-0") == told[2]
    assert workspace.decisions.current("batch-1-2") is None
    assert workspace.decisions.of("batch-1") == {"batch-1-0": told[2], "batch-1-1": told[1]}
    with pytest.raises(NotFound):
        workspace.decisions.append_all([decision("batch-1-2"), decision("nobody")])
    assert workspace.decisions.current("batch-1-2") is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET record = '{}'",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions (number, sample, record) VALUES (1, 'batch-1-0', '{}')",
    ],
)
def test_the_database_itself_forbids_changing_a_decision(workspace: Workspace, statement: str) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    workspace.batches.add_sample(sample(0))
    workspace.decisions.append(decision("batch-1-0"))
    raw = sqlite3.connect(workspace.path / DATABASE)
    raw.execute("PRAGMA recursive_triggers = ON")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement)
    raw.close()
    assert workspace.decisions.current("batch-1-0") == decision("batch-1-0")


def test_releases_keep_their_order_and_ids(workspace: Workspace) -> None:
    first, second = (ReleaseRecord(i, "out", "m" * 64, ("s",), "t") for i in ("r2", "r1"))
    workspace.releases.add(first)
    workspace.releases.add(second)
    assert workspace.releases.list() == [first, second]
    assert workspace.releases.get("r1") == second
    with pytest.raises(StoreFailed, match="r1"):
        workspace.releases.add(second)
    with pytest.raises(NotFound):
        workspace.releases.get("r9")


def test_bundles_are_copied_and_found_by_name_prefix_and_folder(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "weights.safetensors").write_bytes(b"w" * 3_000_000)
    stored = workspace.bundles.add(bundle(), source)
    workspace.bundles.add(bundle(), source)
    other = workspace.bundles.add(bundle("ac" * 32, "chests"), source)
    (source / "deep" / "weights.safetensors").write_bytes(b"changed")
    assert (Path(stored.path) / "deep" / "weights.safetensors").read_bytes() == b"w" * 3_000_000
    assert dataclasses.replace(stored, path="") == bundle()
    for key in ("heads", "ab" * 32, "ababab", stored.path):
        assert workspace.bundles.get(key) == stored
    assert workspace.bundles.list() == [stored, other]
    for key in ("ab", "nothing", str(source)):
        with pytest.raises(NotFound, match="bundle"):
            workspace.bundles.get(key)


def test_a_bundle_hash_cannot_lead_out_of_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputRefused):
        workspace.bundles.add(bundle("../../escaped"), tmp_path)
    with pytest.raises(InputRefused):
        workspace.bundles.add(bundle(), tmp_path / "missing")


def test_a_moved_workspace_still_finds_its_bundles(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w").write_text("w")
    with Workspace.open(tmp_path / "here") as workspace:
        workspace.bundles.add(bundle(), tmp_path / "model")
    (tmp_path / "here").rename(tmp_path / "there")
    with Workspace.open(tmp_path / "there") as workspace:
        assert (Path(workspace.bundles.get("heads").path) / "w").read_text() == "w"


def test_threads_write_and_read_at_once(workspace: Workspace) -> None:
    workspace.batches.create("batch-1", "b" * 64)
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for ordinal in range(start, 60, 3):
                workspace.batches.add_sample(sample(ordinal))
                assert sample(ordinal) in workspace.batches.get("batch-1").samples
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [s.ordinal for s in workspace.batches.get("batch-1").samples] == list(range(60))


@dataclasses.dataclass(frozen=True)
class Short:
    """As the shape of one kind of UNet in the settings of a training."""

    width: int = 1


@dataclasses.dataclass(frozen=True)
class Long:
    """Of another kind; ``added`` came later."""

    width: int = 1
    fold: int = 2
    added: int = 3


@dataclasses.dataclass(frozen=True)
class Holder:
    """Either of them."""

    shape: Short | Long


@pytest.mark.parametrize("record", [Short(4), Long(4, 5, 6)])
def test_one_of_several_records_is_told_by_its_fields(record: Short | Long) -> None:
    assert decode(Holder, encode(Holder(record))) == Holder(record)


def test_a_record_from_before_a_field_was_added_is_still_told() -> None:
    assert decode(Holder, '{"shape":{"width":4,"fold":7}}') == Holder(Long(4, 7))
