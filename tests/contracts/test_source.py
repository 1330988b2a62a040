"""House rules that no linter knows: sizes, names, refused constructs, what is in the repository."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.contracts.tracked import ROOT, name_of, source_files, tracked_files

MAX_LINES = 300
MAX_RESOURCES = 60_000_000
MAX_STATEMENT_LINES = 60
EARNED = {"build_demo": "a recipe, read from top to bottom"}
REFUSED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
REFUSED_CALLS = {"eval", "exec"}
SOURCES = source_files()


def test_there_is_source_to_judge() -> None:
    assert len(SOURCES) > 50


def test_no_file_is_longer_than_the_house_allows() -> None:
    long = {
        name_of(p): n
        for p in tracked_files(".py")
        if (n := len(p.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert not long


def test_no_function_is_a_wall() -> None:
    walls = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name not in EARNED
        and statement_lines(node) > MAX_STATEMENT_LINES
    ]
    assert not walls


def statement_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body below the docstring: documenting well must not count as length."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_names_say_what_lives_there() -> None:
    vague = [name_of(p) for p in SOURCES if {*p.parts, p.stem} & REFUSED_NAMES]
    assert not vague


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_dangerous_construct(path: Path) -> None:
    found = list(dangers(ast.parse(path.read_text("utf-8"))))
    assert not found


def dangers(tree: ast.AST) -> Iterator[str]:
    """What must never be in shipped code, as 'line: what'."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            options = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if name in REFUSED_CALLS:
                yield f"{node.lineno}: {name}"
            if name in {"pickle.load", "pickle.loads", "os.system"} or options.get("shell") == "True":
                yield f"{node.lineno}: {name}"
            if name == "torch.load" and options.get("weights_only") != "True":
                yield f"{node.lineno}: torch.load without weights_only=True"
            if options.get("allow_pickle") == "True":
                yield f"{node.lineno}: allow_pickle=True"
        if isinstance(node, ast.ExceptHandler) and swallows(node):
            yield f"{node.lineno}: swallows every exception"


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does nothing."""
    everything = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    return everything and all(isinstance(statement, ast.Pass) for statement in handler.body)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("eval('1')", 1),
        ("import pickle\npickle.load(f)", 1),
        ("torch.load(p)", 1),
        ("torch.load(p, weights_only=True)", 0),
        ("try:\n    f()\nexcept Exception:\n    pass", 1),
        ("try:\n    f()\nexcept OSError:\n    pass", 0),
        ("np.load(p, allow_pickle=True)", 1),
    ],
)
def test_the_search_for_dangers_finds_them(code: str, count: int) -> None:
    assert len(list(dangers(ast.parse(code)))) == count


def test_resources_stay_small() -> None:
    size = sum(p.stat().st_size for p in tracked_files() if p.relative_to(ROOT).parts[0] == "resources")
    assert size < MAX_RESOURCES


def test_no_folder_of_a_machine_is_named() -> None:
    home = re.compile(rb"(?<![\w.$}-])/(?:home|Users|root|work)/[\w.-]+/")
    text = [
        p for p in tracked_files() if p.suffix in {".py", ".sh", ".md", ".toml", ".yaml", ".json", ".txt"}
    ]
    shipped = [p for p in text if p.relative_to(ROOT).parts[0] != "tests"]
    assert not [name_of(p) for p in shipped if home.search(p.read_bytes())]


@pytest.mark.realdata
def test_no_real_image_is_in_the_repository(shared_data: Path) -> None:
    tables = {".csv", ".txt", ".md"}
    ours: dict[int, list[Path]] = {}
    for path in tracked_files():
        if size := path.stat().st_size:
            ours.setdefault(size, []).append(path)
    real = [p for p in shared_data.rglob("*") if p.is_file() and p.suffix not in tables]
    assert real
    same_size = [p for p in real if p.stat().st_size in ours]
    hashes = {sha256(p.read_bytes()).digest() for p in same_size}
    suspects = {c for p in same_size for c in ours[p.stat().st_size]}
    assert not [name_of(p) for p in suspects if sha256(p.read_bytes()).digest() in hashes]


def test_every_room_is_kept_from_qt() -> None:
    """A new room must be added to the contract, or it could reach Qt unseen."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(c for c in settings["contracts"] if c["name"].startswith("Qt and napari"))
    kept = {m.removeprefix("medsynth_desktop.") for m in contract["source_modules"]}
    rooms = {p.relative_to(ROOT / "medsynth_desktop").parts[0].removesuffix(".py") for p in SOURCES if
             p.is_relative_to(ROOT / "medsynth_desktop")}  # fmt: skip
    assert rooms - kept == {"qt", "app", "__init__"}
