"""What scripts rely on (docs/cli.md): one JSON document, exit codes, one sentence, pseudonyms only."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsynth_desktop import __version__
from medsynth_desktop.releases.export import FORMATS
from medsynth_desktop.samplers import SAMPLERS
from medsynth_desktop.training.presets import PRESETS
from tests.cli.conftest import GRID, Cli, phantom, save


def test_help_imports_neither_torch_nor_qt() -> None:
    code = (
        "import sys, medsynth_desktop.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'monai', 'napari', 'qtpy', 'PyQt5', 'PyQt6', 'vtk'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cohort" in done.stdout


def test_import_reports_every_file(home: Path, cli: Cli) -> None:
    words = ("cohort", "import", "phantoms", home / "images", "--workspace", home / "workspace", "--json")
    shown = cli(*words).json
    assert (shown["images"], shown["patients"]) == (20, 20)
    assert shown["patients_told"].startswith("Took 20 images as 20 patients, told apart by the names of")
    assert shown["splits"]["train"]["patients"] + shown["splits"]["calibration"]["patients"] == 20
    assert shown["splits"]["calibration"]["patients"] == 6
    assert [Path(s["path"]).name for s in shown["skipped"]] == ["notes.txt"]
    assert shown["skipped"][0]["reason"]


def test_an_import_names_the_files_it_did_not_read_and_the_workspace_does_not(home: Path, cli: Cli) -> None:
    for number in range(12):
        (home / "images" / f"letter{number:02}.txt").write_text("no image")
    workspace = ("--workspace", home / "workspace")
    told = cli("cohort", "import", "phantoms", home / "images", *workspace).err
    assert "13 files not read:" in told
    assert f"  {home / 'images' / 'letter00.txt'}: Not an image format that is read." in told
    assert "letter11" not in told
    assert "and 3 more; --json lists all" in told
    assert "Nothing new: the cohort phantoms" in told
    shown = cli("cohort", "show", "phantoms", *workspace).out
    assert "letter" not in shown
    assert "kept without their names" in shown


def test_a_wrong_path_is_named_as_it_was_typed(home: Path, cli: Cli) -> None:
    told = cli("cohort", "import", "new", "/nowhere/at/all", "--workspace", home / "workspace").err
    assert "/nowhere/at/all could not be imported: Cannot be opened (No such file or directory)" in told


def test_shared_options_stand_anywhere(home: Path, cli: Cli) -> None:
    a = cli("--json", "--workspace", home / "workspace", "cohort", "list").json
    b = cli("cohort", "list", f"--workspace={home / 'workspace'}", "--json").json
    assert a == b
    assert [c["name"] for c in a["cohorts"]] == ["phantoms"]


def test_arrays_match_rows_and_nearest_matches_brute_force(home: Path, cli: Cli, tmp_path: Path) -> None:
    workspace = ("--workspace", home / "workspace", "--json")
    cli("cohort", "show", "phantoms", "--arrays", tmp_path / "a", *workspace)
    arrays = np.load(tmp_path / "a" / "arrays.npy").astype(np.float64)
    rows = list(csv.DictReader((tmp_path / "a" / "rows.csv").open()))
    assert arrays.shape == (20, *GRID)
    assert [int(r["row"]) for r in rows] == list(range(20))
    assert not any("doe" in json.dumps(r) for r in rows)
    train = [i for i, r in enumerate(rows) if r["split"] == "train"]
    query = np.clip(arrays[train[2]] + np.random.default_rng(0).normal(scale=0.3, size=GRID), -1, 1)
    np.save(tmp_path / "q.npy", query.astype(np.float32))
    found = cli("nearest", "--cohort", "phantoms", tmp_path / "q.npy", "-k", 14, *workspace).json["queries"][
        0
    ]
    query = query.astype(np.float32).astype(np.float64)
    truth = {
        rows[i]["image"]: (
            float(np.sqrt(((arrays[i] - query) ** 2).mean())),
            float(np.corrcoef(arrays[i].ravel(), query.ravel())[0, 1]),
        )
        for i in train
    }
    assert {n["image"] for n in found["neighbours"]} == set(truth)
    for neighbour in found["neighbours"]:
        rmse, correlation = truth[neighbour["image"]]
        assert neighbour["rmse"] == pytest.approx(rmse, abs=1e-6)
        assert neighbour["correlation"] == pytest.approx(correlation, abs=1e-6)
    best = sorted((c for _, c in truth.values()), reverse=True)
    assert found["lowe_ratio"] == pytest.approx(best[1] / best[0], abs=1e-6)
    assert found["neighbours"][0]["image"] == rows[train[2]]["image"]


def test_a_training_image_is_blocked_and_named_and_a_new_one_is_not(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace", "--json")
    train = _training_file(home, cli)
    fresh = [save(phantom(900 + n), home / f"fresh{n}.nii.gz") for n in range(6)]
    report = ("--report", home / "report.html")
    done = cli("audit", "--cohort", "phantoms", *fresh, train[0], *report, *workspace)
    assert done.code == 3
    page = (home / "report.html").read_text()
    assert 'alt="Image given"' in page
    assert "Synthetic" not in page
    assert "this model" not in page
    verdicts = {v["id"]: v for v in done.json["verdicts"]}
    copy = verdicts[str(train[0])]
    assert copy["verdict"] == "block"
    assert train[1] in " ".join(copy["reasons"])
    assert copy["nearest"]["image"] == train[1]
    # Six unseen patients set the limits: by chance one innocent image in seven lies beyond each of them.
    innocent = [verdicts[str(f)]["verdict"] for f in fresh]
    assert innocent.count("block") <= 3
    assert done.json["counts"]["block"] == 1 + innocent.count("block")
    assert 0 <= done.json["js_hcc"] <= 1
    assert "doe" not in done.err


def _training_file(home: Path, cli: Cli) -> tuple[Path, str]:
    """A file of the training split and its image's pseudonym, found by searching for each file."""
    files = sorted((home / "images").glob("*.nii.gz"))
    found = cli(
        "nearest", "--cohort", "phantoms", *files, "-k", 1, "--workspace", home / "workspace", "--json"
    ).json
    for path, query in zip(files, found["queries"], strict=True):
        if query["neighbours"][0]["rmse"] == 0:
            return path, query["neighbours"][0]["image"]
    raise AssertionError("no file of the cohort lies at distance 0 from the training split")


def test_calibration_gives_threshold_interval_n_and_quantile(home: Path, cli: Cli) -> None:
    document = cli(
        "calibrate", "--cohort", "phantoms", "--quantile", 0.9, "--workspace", home / "workspace", "--json"
    )
    for key in ("correlation", "rmse", "lowe_ratio"):
        metric = document.json["metrics"][key]
        assert metric["interval"][0] <= metric["threshold"] <= metric["interval"][1]
        assert (metric["n"], metric["quantile"]) == (6, 0.9)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nonsense",), 2),
        (("cohort", "import"), 2),
        (("sample",), 2),
        (("cohort", "show", "absent"), 1),
        (("nearest", "--cohort", "phantoms"), 2),
        (("audit", "--cohort", "phantoms", "/nowhere/at/all.nii"), 1),
        (("sample", "--bundle", "absent"), 1),
        (("cohort", "import", "new", "/nowhere/at/all"), 1),
        (("cohort", "import", "new", ".", "--grid", "a,b"), 1),
        (("verify", "/nowhere/at/all"), 1),
        (("verify", "."), 3),
        (("approve", "S-absent"), 1),
        (("approve",), 2),
        (("mesh",), 2),
        (("audit", "--batch", "b", "image.npy"), 2),
        (("bundle", "import", "."), 1),
        (("export", "--out", "/nowhere/x"), 1),
    ],
)
def test_exit_codes(words: tuple[str, ...], code: int, home: Path, cli: Cli) -> None:
    done = cli(*words, "--workspace", home / "workspace")
    assert done.code == code, done.err
    if code == 1:
        assert done.out == ""


def test_help_names_every_preset_sampler_and_format_and_the_shared_options(cli: Cli) -> None:
    for words, names in (
        (("train", "diffusion"), PRESETS),
        (("sample",), SAMPLERS.keys()),
        (("export",), FORMATS),
    ):
        shown = cli(*words, "-h")
        assert shown.code == 0
        assert not [n for n in names if n not in shown.out]
        assert "--workspace DIR" in shown.out
        assert "--json" in shown.out
    assert "..." not in cli("--help").out.replace("[ARGS]...", "")
    assert cli("--version").out == f"medsynth {__version__}\n"


def test_a_name_that_is_not_there_is_told_with_those_that_are(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace")
    told = cli("calibrate", "--cohort", "heads", *workspace).err
    assert told == "medsynth: There is no cohort 'heads'; this workspace has: phantoms.\n"
    for words in (("audit", "--batch", "first"), ("export", "--batch", "first", "--out", home / "out")):
        assert "no batch 'first', nor any other" in cli(*words, *workspace).err
    assert "No batch yet: medsynth sample" in cli("batch", "list", *workspace).out


@pytest.mark.parametrize(
    ("shape", "kind", "got"),
    [((10, 24, 16), "f4", "10 x 24 x 16 numbers (float32)"), (GRID, "i2", "16 x 24 x 16 numbers (int16)")],
)
def test_an_array_off_the_grid_is_told_what_it_is_and_what_was_expected(
    shape: tuple[int, ...], kind: str, got: str, home: Path, cli: Cli
) -> None:
    np.save(home / "wrong.npy", np.arange(np.prod(shape)).reshape(shape).astype(kind))
    told = cli("audit", "--cohort", "phantoms", home / "wrong.npy", "--workspace", home / "workspace").err
    assert f"wrong.npy holds {got}; expected were floats on the cohort's grid, 16 x 24 x 16" in told


def test_answers_for_a_person_are_no_python(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace")
    told = cli("calibrate", "--cohort", "phantoms", *workspace).out
    assert "correlation: review 0." in told
    judged = cli("audit", "--cohort", "phantoms", save(phantom(997), home / "fresh.nii.gz"), *workspace).out
    assert re.search(r"^\d pass, \d to review, \d blocked$", judged, re.MULTILINE)
    found = cli("doctor").out
    assert re.search(r"cpu \(.*\), [\d.]+ GB memory", found)
    assert not re.search(r"[{}]|True|False|None", told + judged + found)


def test_a_surface_of_an_unknown_kind_is_refused_before_anything_is_read(cli: Cli, tmp_path: Path) -> None:
    done = cli("mesh", tmp_path / "absent.nii", "--out", tmp_path / "surface.vtk")
    assert done.code == 1
    assert ".glb; got '.vtk'" in done.err


def test_typed_threshold_needs_a_reason_and_names_its_author(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace", "--json")
    cli("calibrate", "--cohort", "phantoms", *workspace)
    words = ("threshold", "correlation", "--review", 0.5, "--block", 0.6, "--who", "Dr Test")
    assert cli(*words, "--why", " ", *workspace).code == 1
    assert cli(*words, "--why", "pilot", *workspace).code == 0
    fresh = save(phantom(998), home / "fresh.nii.gz")
    shown = cli("audit", "--cohort", "phantoms", fresh, *workspace).json["thresholds"]
    kept = {t["metric"]: t for t in shown}["correlation"] if isinstance(shown, list) else shown["correlation"]
    assert (kept["block"], kept["origin"], kept["who"], kept["why"]) == (0.6, "typed", "Dr Test", "pilot")
    lifted = cli("calibrate", "--cohort", "phantoms", "--why", "pilot over", *workspace).err
    assert "The limit of correlation that Dr Test set (pilot) is no longer in force." in lifted
    assert "no longer" not in cli("calibrate", "--cohort", "phantoms", *workspace).err
    after = cli("audit", "--cohort", "phantoms", fresh, *workspace).json["thresholds"]
    told = {t["metric"]: (t["origin"], t["why"]) for t in after}
    assert told["correlation"] == ("calibrated", "pilot over")
    assert {why for _, why in told.values()} == {"", "pilot over"}


def test_a_typed_limit_that_blocks_nothing_is_told(home: Path, cli: Cli) -> None:
    workspace = ("--workspace", home / "workspace")
    cli("calibrate", "--cohort", "phantoms", *workspace)
    words = ("threshold", "correlation", "--review", 0.5, "--block", 3, "--who", "Dr Test", "--why", "a slip")
    done = cli(*words, *workspace)
    assert (
        "The block limit of Correlation, 3, lies beyond 1, where exact copies lie: it blocks nothing."
        in done.out
    )
    fresh = save(phantom(998), home / "fresh.nii.gz")
    assert "lies beyond 1" in cli("audit", "--cohort", "phantoms", fresh, *workspace).err
    cli("calibrate", "--cohort", "phantoms", *workspace)


def test_the_answer_of_a_surface_says_how_many_specks_it_leaves_out(cli: Cli, tmp_path: Path) -> None:
    array = np.zeros((30, 30, 30), np.float32)
    array[4:22, 4:22, 4:22] = array[26:28, 26:28, 26:28] = 1
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "two.nii.gz")
    asked = ("mesh", tmp_path / "two.nii.gz", "--level", "0.5")
    assert "1 speck left out" in cli(*asked, "--no-specks").out
    assert "left out" not in cli(*asked).out
    assert cli(*asked, "--no-specks", "--json").json["specks_left_out"] == 1
