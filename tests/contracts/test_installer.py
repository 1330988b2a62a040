"""The two commands of the README: their words, their lists, and that each leaves nothing to a stale copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.contracts.tracked import ROOT

SCRIPTS = ["installer/run.sh", "installer/test.sh", "installer/install.sh", "installer/desktop.sh", ".ci/run"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PLUGINS = sorted((ROOT / "plugins").glob("*/pyproject.toml"))


def plain(name: str) -> str:
    """Name of a distribution as every installer compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    lines = (ROOT / "installer" / "constraints.txt").read_text("utf-8").splitlines()
    return {plain(n): v for n, _, v in (line.partition("==") for line in lines if line[:1] != "#")}


def shell(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_parses(script: str) -> None:
    assert shell("-n", str(ROOT / script)).returncode == 0


@pytest.mark.parametrize("script", ["installer/run.sh", "installer/test.sh"])
def test_help_answers_from_any_folder(script: str, tmp_path: Path) -> None:
    done = shell(str(ROOT / script), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "bash installer/" in done.stdout
    assert not list(tmp_path.iterdir())


def test_unknown_check_is_wrong_usage() -> None:
    assert shell(str(ROOT / "installer/test.sh"), "everything").returncode == 2


def test_out_without_a_folder_is_wrong_usage() -> None:
    assert shell(str(ROOT / "installer/run.sh"), "--out").returncode == 2


def test_torch_stays_free_within_its_range() -> None:
    assert not [n for n in pinned() if n in {"torch", "triton", "torchvision"} or n.startswith("nvidia")]


def test_every_direct_dependency_is_pinned() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(d for extra in extras.values() for d in extra)]
    names = {plain(re.split(r"[<>=\[;! ]", d)[0]) for d in wanted} - {"torch", "medsynth-desktop"}
    assert names <= pinned().keys()


def test_pins_are_versions_only() -> None:
    assert all(re.fullmatch(r"[\w.+!]+", version) for version in pinned().values())


def test_every_plugin_is_kept_apart() -> None:
    packages = {p.parent.name.replace("-", "_") for p in PLUGINS}
    linter = PROJECT["tool"]["importlinter"]
    kept = next(c for c in linter["contracts"] if c["type"] == "independence")
    assert packages == set(kept["modules"]) == set(linter["root_packages"]) - {"medsynth_desktop"}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: p.parent.name)
def test_manifest_is_named_as_its_distribution(path: Path) -> None:
    from npe2 import PluginManifest

    project = tomllib.loads(path.read_text("utf-8"))["project"]
    package = path.parent / path.parent.name.replace("-", "_")
    manifest = PluginManifest.from_file(package / "napari.yaml")
    assert project["entry-points"]["napari.manifest"] == {path.parent.name: f"{package.name}:napari.yaml"}
    assert manifest.name == project["name"] == path.parent.name


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs the system package xvfb")
def test_the_screen_is_free_and_goes_away() -> None:
    script = f"""
    . {ROOT}/installer/install.sh
    open_screen; first=$SCREEN_PID
    xdpyinfo >/dev/null 2>&1 || [ -S "/tmp/.X11-unix/X${{DISPLAY#:}}" ] || exit 3
    close_screen
    kill -0 "$first" 2>/dev/null && exit 4
    [ -z "$SCREEN_PID$SCREEN_FOLDER" ]
    """
    assert shell("-c", script).returncode == 0
