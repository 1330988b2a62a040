"""The main job from the command line: train, sample, audit with a planted copy, decide, export, verify, be killed."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.cli.guard import _nearest_line
from medsynth_desktop.core.records import Nearest, Neighbour
from medsynth_desktop.store.workspace import Workspace
from tests.cli.conftest import Cli


def test_a_trained_model_is_in_the_workspace_and_told_without_its_curves(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace")
    assert [b["name"] for b in cli("bundle", "list", *workspace, "--json").json["bundles"]] == ["bundle"]
    told = cli("bundle", "inspect", place / "bundle").out
    assert "trained for 3 steps in " in told
    assert "[" not in told
    (place / "bundle").rename(place / "elsewhere")
    for words in (("bundle", "inspect", place / "bundle"), ("sample", "--bundle", place / "bundle.training")):
        refused = cli(*words, *workspace)
        assert refused.code == 1
        assert "its diffusion stage is missing" in refused.err
        assert f"--preset tiny --out {place / 'bundle'} --resume" in refused.err


def draw(place: Path, cli: Cli, count: int = 3, name: str = "b", seed: int = 7) -> list[dict[str, object]]:
    words = [
        "sample",
        "--bundle",
        place / "bundle",
        "-n",
        count,
        "--steps",
        3,
        "--seed",
        seed,
        "--batch-name",
        name,
    ]
    done = cli(*words, "--device", "cpu", "--workspace", place / "workspace", "--json")
    assert done.code == 0, done.err
    return list(done.json["samples"])


def test_a_seed_gives_the_same_bits_whatever_the_batch(place: Path, cli: Cli) -> None:
    first = draw(place, cli, 3, "first", seed=7)
    alone = draw(place, cli, 1, "alone", seed=8)
    assert [s["seed"] for s in first] == [7, 8, 9]
    a, b = (np.load(str(s["path"])) for s in (first[1], alone[0]))
    assert a.dtype == np.float32
    assert a.tobytes() == b.tobytes()


def test_a_batch_continues_where_it_stopped(place: Path, cli: Cli) -> None:
    before = draw(place, cli, 2, "same")
    after = draw(place, cli, 3, "same")
    assert [s["id"] for s in after][:2] == [s["id"] for s in before]


@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_planted_copy_is_blocked_and_named_wherever_it_stands(place: Path, cli: Cli, position: int) -> None:
    model = draw(place, cli, 1, "other")[0]["id"]
    if position:
        draw(place, cli, position)
    with Workspace.open(place / "workspace") as workspace:
        train = workspace.cohorts.get("phantoms").split("train")
        real, like = train[(5 * position) % len(train)], workspace.samples.get(str(model))
        workspace.batches.create("b", like.bundle_hash)
        planted = replace(
            like, id="S-planted", batch="b", ordinal=position, seed=99, array_hash=real.array_hash
        )
        workspace.batches.add_sample(planted)
    draw(place, cli, 4)
    done = cli("audit", "--batch", "b", "--cohort", "phantoms", "--workspace", place / "workspace", "--json")
    assert done.code == 3
    verdict = next(v for v in done.json["verdicts"] if v["id"] == planted.id)
    assert verdict["verdict"] == "block"
    assert real.id in " ".join(verdict["reasons"])
    assert done.json["verdicts"][0]["verdict"] == "block"
    softness = done.json["softness"]
    assert bool(softness["sigma"]) == bool(softness["copies"])
    assert softness["sentence"].startswith("Unseen images were ")
    assert softness["sentence"].endswith("are no softer.") != bool(softness["sigma"])
    again = cli(
        "calibrate", "--batch", "b", "--cohort", "phantoms", "--workspace", place / "workspace", "--json"
    )
    assert again.json["softness"] == softness
    refused = cli("approve", planted.id, "--reason", "looks fine", "--workspace", place / "workspace")
    assert refused.code == 3


def test_a_model_is_asked_whom_it_learnt_from_when_that_is_wanted(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace", "--json")
    draw(place, cli, 2)
    words = ("audit", "--batch", "b", "--cohort", "phantoms", *workspace)
    assert cli(*words).json["membership"] is None
    report = place / "report.html"
    asked = cli(*words, "--membership", "--membership-images", 3, "--report", report, "--no-pictures")
    found = asked.json["membership"]
    assert found["images"] == [3, 3]
    assert [attack["key"] for attack in found["attacks"]] == ["loss", "neighbourhood"]
    assert found["level"] == "unknown"  # three patients are too few for any word
    assert "false-positive rate of 1% cannot be measured" in found["attacks"][0]["rates"][0]["distrust"]
    page = report.read_text("utf-8")
    assert "With 3 training and 3 unseen patients these areas cannot be trusted" in page
    assert "<img " not in page
    assert cli(*words).json["membership"] == found  # kept for the model and the cohort
    loose = cli("audit", "--cohort", "phantoms", report, "--membership", *workspace)
    assert loose.code == 1
    assert "images given by path have no model" in loose.err


def test_approve_export_verify_and_reopen(place: Path, cli: Cli) -> None:
    workspace = ("--workspace", place / "workspace", "--json")
    ids = [s["id"] for s in draw(place, cli, 3)]
    assert cli("approve", ids[0], *workspace).code == 3  # not checked yet
    cli("audit", "--batch", "b", "--cohort", "phantoms", *workspace)
    lenient = {
        "correlation": {"review": 0.999, "block": 0.9995},
        "lowe_ratio": {"review": -5, "block": -6},
        "rmse": {"review": 0.002, "block": 0.001},
    }
    policy = place / "policy.json"
    policy.write_text(json.dumps(lenient))
    assert cli("audit", "--batch", "b", "--cohort", "phantoms", "--policy", policy, *workspace).code == 0
    approved = cli(
        "approve", "--batch", "b", "--all-passing", "--who", "Officer", "--cohort", "phantoms", *workspace
    )
    assert {i["id"] for i in approved.json["items"]} == set(ids)
    again = cli("approve", "--batch", "b", "--all-passing", "--cohort", "phantoms", *workspace)
    assert again.code == 1
    assert "are decided already" in again.err
    nameless = cli("approve", ids[0], *workspace)
    assert nameless.code == 0, nameless.err
    assert "who is signed in to this computer" in nameless.err
    cli("approve", ids[0], "--who", "Officer", *workspace)
    package = place / "package"
    exported = cli("export", "--batch", "b", "--cohort", "phantoms", "--out", package, *workspace)
    assert exported.code == 0, exported.err
    assert exported.json["verified"] is True
    assert "No signer was given" in cli("verify", package).out
    whole = cli("verify", package, "--json").json
    assert (whole["ok"], len(whole["warnings"])) == (True, 1)
    known = cli("verify", package, "--signer", whole["fingerprint"], "--json")
    assert (known.code, known.json["warnings"]) == (0, [])
    victim = next(p for p in sorted(package.rglob("*.nii.gz")))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(bytes(data))
    broken = cli("verify", package, "--json")
    assert broken.code == 3
    assert broken.json["ok"] is False
    assert broken.json["problems"]
    why = ("--why", "stricter", "--who", "Officer", "--cohort", "phantoms")
    reopened = cli("threshold", "rmse", "--review", 10, "--block", 9, *why, *workspace)
    assert set(reopened.json["reopened"]) == set(ids)
    assert reopened.json["scope"]["bundle"] is None
    own = cli("threshold", "rmse", "--review", 9, "--block", 8, *why, "--batch", "b", *workspace[:2])
    assert re.search(r"rmse: review 9, block 8, for the model \S+ \([0-9a-f]{12}\) alone", own.out)
    again = cli("export", "--batch", "b", "--cohort", "phantoms", "--out", place / "second", *workspace)
    assert again.code == 1
    assert not (place / "second").exists()


def test_the_nearest_line_says_whose_rmse_it_is() -> None:
    near, far = Neighbour("P-0001-1", "P-0001", 0.3, 0.9), Neighbour("P-0002-1", "P-0002", 0.2, 0.8)
    line = _nearest_line(Nearest("S-1", (near, far), 0.8, {"rmse": 0.2}))
    assert line.endswith("RMSE 0.3000, Lowe's ratio 0.8000; smallest RMSE 0.2000 with P-0002-1")
    assert "smallest" not in _nearest_line(Nearest("S-1", (near,), 0.8, {"rmse": 0.3}))


def test_mesh_of_a_sample(place: Path, cli: Cli) -> None:
    sample = draw(place, cli, 1)[0]["id"]
    out = place / "surface.stl"
    words = ("mesh", "--sample", sample, "--out", out, "--workspace", place / "workspace")
    assert " cm²" in cli(*words).out
    shown = cli(*words, "--json").json
    assert out.stat().st_size > 84
    assert shown["faces"] > 0
    assert isinstance(shown["watertight"], bool)


def test_killed_at_any_moment_sampling_loses_at_most_the_sample_in_flight(place: Path, cli: Cli) -> None:
    rng = random.Random(0)
    words = [
        "sample",
        "--bundle",
        place / "bundle",
        "-n",
        5000,  # more than a fast machine draws before the last kill
        "--steps",
        3,
        "--batch-name",
        "k",
        "--device",
        "cpu",
    ]
    command = [
        sys.executable,
        "-m",
        "medsynth_desktop",
        *map(str, words),
        "--workspace",
        str(place / "workspace"),
    ]
    kept: list[str] = []
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_a_new_sample(place / "workspace", len(kept), process)
        time.sleep(rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        with Workspace.open(place / "workspace") as workspace:
            assert workspace.problems() == []
            now = [s.id for s in workspace.batches.get("k").samples]
        assert now[: len(kept)] == kept
        assert len(now) > len(kept)
        kept = now
    assert [s["id"] for s in draw_more(place, cli, len(kept) + 1)][: len(kept)] == kept


def draw_more(place: Path, cli: Cli, count: int) -> list[dict[str, object]]:
    return draw(place, cli, count, "k", seed=0)


def _wait_for_a_new_sample(path: Path, known: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with Workspace.open(path) as workspace:
            if "k" in workspace.batches.names() and workspace.batches.count("k") > known:
                return
        assert process.poll() is None, "sampling ended before it could be killed"
        time.sleep(0.05)
    raise AssertionError("no sample within two minutes")
