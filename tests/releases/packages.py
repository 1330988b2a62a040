"""Small real records and packages for release tests: a bundle, a policy, approved samples of 8 x 10 x 8 voxels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.hashing import canonical_json, hash_array
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import (
    BundleRecord,
    Condition,
    Nearest,
    Neighbour,
    Policy,
    Recipe,
    SampleRecord,
    SampleSettings,
    Threshold,
    Verdict,
)
from medsynth_desktop.releases import manifest, signing
from medsynth_desktop.releases.decisions import approve
from medsynth_desktop.releases.export import ReleaseItem, export_release
from medsynth_desktop.releases.verify import VerifyReport

WHEN = "2026-03-01T12:00:00+00:00"
MR = Recipe((8, 10, 8), 3.0, "percentile", 0.1, 99.9, "MR", "")
CT = Recipe((8, 10, 8), 2.0, "window", -1000.0, 1000.0, "CT", "HU")
FLAT = Recipe((16, 12), 0.0, "percentile", 0.1, 99.9, "DX", "")
POLICY = Policy(
    "c" * 64, (Threshold("correlation", 0.8, 0.9, interval=(0.79, 0.81), n=40, quantile=0.983),), "p" * 64
)


def bundle(recipe: Recipe = MR) -> BundleRecord:
    return BundleRecord(
        "b" * 64,
        "Head T1",
        "/somewhere/private",
        "c" * 64,
        recipe,
        (Condition("age", (), 20.0, 90.0),),
        "CC BY-SA 3.0",
    )


def ball(recipe: Recipe, seed: int = 0) -> np.ndarray:
    """A bright ball in noise, in [-1, 1]."""
    centre = (np.array(recipe.grid) - 1) / 2
    grid = np.indices(recipe.grid).transpose(*range(1, len(recipe.grid) + 1), 0)
    inside = np.linalg.norm(grid - centre, axis=-1) < min(recipe.grid) / 3
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, recipe.grid)
    return np.clip(np.where(inside, 0.8, -0.9) + noise, -1, 1).astype(np.float32)


def verdict(name: str, said: str = "pass", policy: Policy = POLICY) -> Verdict:
    near = Nearest(
        name, (Neighbour("P-0007-1", "P-0007", 0.3, 0.5), Neighbour("P-0002-1", "P-0002", 0.4, 0.4)), 0.8
    )
    reasons = () if said == "pass" else (f"Its correlation with P-0007-1 calls for {said}.",)
    return Verdict(name, said, reasons, {"correlation": 0.5, "lowe_ratio": float("nan")}, near, policy.hash)  # type: ignore[arg-type]


def item(number: int, recipe: Recipe = MR) -> ReleaseItem:
    array = ball(recipe, number)
    name = f"batch1-{number:04d}"
    sample = SampleRecord(
        name, "batch1", number, 1000 + number, "b" * 64, SampleSettings(), "cpu", 1.5, hash_array(array), WHEN
    )
    judged = verdict(name)
    return ReleaseItem(sample, array, judged, approve(judged, who="Dr Example", when=WHEN))


KEY = bytes(range(32))
PRINT = signing.fingerprint(signing.public_key(KEY))


def packed(out: Path, key: bytes | None) -> Path:
    items = [item(0), item(1)]
    drain(
        export_release(items, out, bundle=bundle(), policy=POLICY, formats=("nifti", "stl"), signing_key=key)
    )
    return out


def files_of(package: Path) -> list[Path]:
    return sorted(p for p in package.rglob("*") if p.is_file())


def told(report: VerifyReport) -> str:
    assert not report.ok
    assert report.problems
    text = "\n".join(report.problems)
    assert text.isascii()
    assert all(p.isprintable() and p.endswith(".") for p in report.problems)
    return text


def reseal(package: Path, change: Callable[[dict[str, Any]], Any], key: bytes | None = None) -> None:
    """What a forger does who knows this program: change the manifest and make every hash fit again."""
    found = json.loads((package / manifest.MANIFEST).read_text())
    found = change(found) or found
    if isinstance(found, dict):
        found["self_sha256"] = manifest.self_hash(found)
    data = (canonical_json(found) + "\n").encode()
    (package / manifest.MANIFEST).write_bytes(data)
    files = found.get("files") if isinstance(found, dict) else None
    usable = isinstance(files, list) and all(
        isinstance(f, dict) and isinstance(f.get("path"), str) for f in files
    )
    digests = {f["path"]: str(f.get("sha256")) for f in files} if usable and files else {}
    (package / manifest.CHECKSUM).write_bytes(manifest.checksum(data, digests))
    if key is not None:
        (package / manifest.SIGNATURE).write_bytes(signing.sign(key, data).hex().encode() + b"\n")
