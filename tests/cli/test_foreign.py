"""A MONAI bundle goes through the command line like our own: inspected, imported, sampled, audited."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest

from tests.bundles.tiny import make
from tests.bundles.zoo import make_zoo
from tests.cli.conftest import Cli


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_zoo(tmp_path_factory.mktemp("zoo") / "zoo", conditioned=True, legacy=True).path


def test_it_is_sampled_and_guarded_and_the_guard_says_that_nobody_knows_whom_it_learnt_from(
    cli: Cli, home: Path, zoo: Path
) -> None:
    workspace = ["--workspace", home / "workspace"]
    inspected = cli("bundle", "inspect", zoo, "--json")
    assert inspected.code == 0
    imported = cli("bundle", "import", zoo, "--json", *workspace)
    assert imported.code == 0, imported.err
    assert imported.json["hash"] == inspected.json["hash"]
    assert imported.json["cohort_hash"] == ""
    assert imported.json["recipe"]["grid"] == [16, 24, 16]
    assert imported.json["licence"] == "Apache-2.0"
    assert cli("bundle", "import", zoo, "--json", *workspace).json["hash"] == imported.json["hash"]
    assert "unknown" in cli("bundle", "inspect", imported.json["path"]).out
    drawn = cli(
        "sample", "--bundle", imported.json["hash"][:12], "-n", 3, "--steps", 3, "--condition", "age=0.5",
        "--batch-name", "theirs", "--json", *workspace,
    )  # fmt: skip
    assert drawn.code == 0, drawn.err
    assert len(drawn.json["samples"]) == 3
    audited = cli("audit", "--batch", "theirs", "--json", *workspace)
    assert audited.code in (0, 3), audited.err
    assert len(audited.json["verdicts"]) == 3
    caution = audited.json["warnings"][0]
    assert caution.startswith(
        "Nobody here knows whose images the model Tiny brains latent diffusion was trained on"
    )
    assert caution in audited.err
    assert caution in audited.json["memorisation"]["sentences"]
    assert audited.json["memorisation"]["level"] != "quiet"
    asked = cli("sample", "--bundle", imported.json["hash"], "--candidates", 2, *workspace)
    assert asked.code == 1
    assert "--cohort" in asked.err
    member = cli("audit", "--batch", "theirs", "--membership", *workspace)
    assert member.code == 1
    assert "nobody here knows" in member.err
    report = home / "report.html"
    cli("audit", "--batch", "theirs", "--report", report, "--no-pictures", *workspace)
    assert caution in unescape(report.read_text())


def test_a_refusal_is_one_line_and_leaves_nothing(cli: Cli, home: Path, tmp_path: Path) -> None:
    zoo = make_zoo(tmp_path / "zoo").path
    (zoo / "configs" / "metadata.json").unlink()
    workspace = ["--workspace", home / "workspace"]
    refused = cli("bundle", "import", zoo, *workspace)
    assert refused.code == 1
    assert "--values" in refused.err
    assert not list((home / "workspace").glob("importing-*"))
    refused = cli("bundle", "inspect", zoo, "--values", "0,1")
    assert "--spacing" in refused.err
    told = cli(
        "bundle",
        "inspect",
        zoo,
        "--values",
        "-1,1",
        "--spacing",
        4,
        "--grid",
        "16,16,16",
        "--latent-scale",
        2,
    )
    assert told.code == 0, told.err
    assert "grid 16x16x16 at 4 mm" in told.out


def test_our_own_says_it_all_itself(cli: Cli, tmp_path: Path) -> None:
    make(tmp_path / "own")
    refused = cli("bundle", "inspect", tmp_path / "own", "--spacing", 4)
    assert refused.code == 1
    assert "MONAI" in refused.err
