"""`medsynth doctor` and `bench`."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from medsynth_desktop.cli.console import answer, workspace_path
from medsynth_desktop.core.errors import InputRefused

LIBRARIES = (
    "torch", "monai", "napari", "qtpy", "PyQt5", "PyQt6", "numpy", "scipy", "pydicom", "nibabel", "vtk",
    "SQLAlchemy", "safetensors", "pyqtgraph", "superqt", "magicgui",
)  # fmt: skip
DECODERS = ("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle")
PLUGINS = (
    "medsynth-volumes",
    "medsynth-sampler",
    "medsynth-guard",
    "medsynth-meshes",
    "medsynth-study",
    "medsynth-release",
)

ONLY_BY_NAME = {"memorised", "disguises", "steps", "private"}
"""Benchmarks that take a quarter of an hour or more: run only when they are named."""


def add_to(root: typer.Typer) -> None:
    """Mount the commands."""
    root.command()(doctor)
    root.command()(bench)


def doctor() -> None:
    """Say what is installed, which devices there are, and what is missing."""
    document = examine()
    lines = [f"{key}: {told}" for key, told in _told(document).items()]
    lines += [f"MISSING: {m}" for m in document["missing"]] or ["Nothing is missing."]
    answer(document, "\n".join(lines))
    if document["missing"]:
        raise typer.Exit(1)


def examine() -> dict[str, Any]:
    """Collect what a stranger needs to know about this installation."""
    versions = {name: _version(name) for name in ("medsynth-desktop", *LIBRARIES)}
    decoders = {name: _version(name) for name in DECODERS}
    plugins = {name: _version(name) for name in PLUGINS}
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or ""
    resources = Path(__file__).resolve().parents[2] / "resources"
    demos = [resources / name / "bundle" for name in ("demo", "demo-chest")]
    missing = [
        f"Python package {n}"
        for n, v in {**versions, **decoders, **plugins}.items()
        if not v and n[:4] != "PyQt"
    ]
    if not (versions["PyQt5"] or versions["PyQt6"]):
        missing.append("a Qt binding: pip install PyQt5")
    if not display and shutil.which("xvfb-run") is None:
        missing.append("a display, or the system package xvfb")
    gl = _opengl()
    if gl == "not found":
        missing.append("OpenGL: the system packages libgl1 and libgl1-mesa-dri")
    missing += [
        f"the demo in resources/{d.parent.name}: clone the repository again" for d in demos if not d.is_dir()
    ]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": versions,
        "devices": _devices() if importlib.util.find_spec("torch") else [],
        "qt_binding": "PyQt5" if versions["PyQt5"] else "PyQt6" if versions["PyQt6"] else "",
        "opengl": gl,
        "display": bool(display),
        "virtual_display": shutil.which("Xvfb") is not None,
        "dicom_decoders": decoders,
        "plugins": plugins,
        "weights": [*(str(d) for d in demos if d.is_dir()), *_feature_weights()],
        "workspace": str(workspace_path()),
        "free_disk_gb": round(_free_disk(workspace_path()) / 1e9, 1),
        "missing": missing,
    }


def bench(
    name: Annotated[
        str, typer.Argument(help="nearest, sampling, guarded_sampling, window, surface, or all.")
    ],
) -> None:
    """Run a benchmark: ours and the naive or peer way side by side in one run."""
    folder = Path(__file__).resolve().parents[2] / "tests" / "benchmarks"
    known = sorted(p.stem.removeprefix("bench_") for p in folder.glob("bench_*.py"))
    if not known:
        raise InputRefused(
            "The benchmarks are part of the source checkout and are not installed here; clone the repository."
        )
    if name not in (*known, "all"):
        raise InputRefused(f"A benchmark is one of {', '.join(known)} or all; got {name!r}.")
    results = {}
    for one in [n for n in known if n not in ONLY_BY_NAME] if name == "all" else [name]:
        spec = importlib.util.spec_from_file_location(f"bench_{one}", folder / f"bench_{one}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        results[one] = module.run()
    document = results if name == "all" else results[name]
    answer(document, "\n".join(f"{k}: {_line(v)}" for k, v in document.items()))


def _told(document: dict[str, Any]) -> dict[str, str]:
    """The findings for a person, by their names."""
    virtual = "screenshots use a virtual one" if document["virtual_display"] else "no virtual one installed"
    told = {key.replace("_", " "): _line(value) for key, value in document.items()}
    told["devices"] = "; ".join(_device(device) for device in document["devices"]) or "none"
    told["display"] = "found" if document["display"] else f"none, {virtual}"
    told["free disk"] = f"{document['free_disk_gb']:g} GB"
    return {key: told[key] for key in told if key not in ("missing", "virtual display", "free disk gb")}


def _device(device: dict[str, Any]) -> str:
    free = f", {device['free'] / 1e9:.1f} GB free" if device["free"] is not None else ""
    return f"{device['device']} ({device['name']}), {device['memory'] / 1e9:.1f} GB memory{free}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _feature_weights() -> list[str]:
    from medsynth_desktop.similarity.features.vgg16_weights import installed_weights

    found = installed_weights()
    readable = importlib.util.find_spec("onnx") is not None
    return [f"{found}{'' if readable else ' (not readable without the package onnx)'}"] if found else []


def _devices() -> list[dict[str, Any]]:
    from medsynth_desktop.samplers.devices import describe_devices

    return describe_devices()


def _opengl() -> str:
    import ctypes.util

    return ctypes.util.find_library("GL") or "not found"


def _free_disk(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {'not installed' if v == '' else v}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(_line(v) for v in value) or "none"
    return str(value)
