from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import drain
from medsynth_desktop.studies.design import Case, Design
from medsynth_desktop.studies.giving import give
from medsynth_desktop.studies.merging import merge, open_log, whose
from medsynth_desktop.studies.preparing import Preparation
from medsynth_desktop.studies.questions import COMMENT, PUBLISHED
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.studies.sealed import SealedFile, unseal
from medsynth_desktop.studies.statistics.agreement import measure_agreement, measure_repeats
from medsynth_desktop.studies.study import Study, draw_up, open_study, seal_study
from medsynth_desktop.studies.table import case_seconds, rating_table, texts

CASES = tuple(Case(f"{'drawn' if i % 2 else 'P-00'}-{i}", synthetic=i % 2 == 1) for i in range(6))
DESIGN = Design(
    "lungs",
    (*CASES, Case("warm-up", False, training=True)),
    ("anna", "ben"),
    block=2,
    repeats=0.34,
    preparation=Preparation(
        grid=(3, 4, 2), affine=tuple(map(tuple, np.eye(4).tolist())), unit="HU", values=(-1000.0, 1000.0)
    ),
)
IMAGES = {c.id: np.full((3, 4, 2), i / 10, "f4" if i % 2 else "f8") for i, c in enumerate(DESIGN.cases)}
PASSWORDS = {"anna": "anna's words", "ben": "ben's words"}


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, Study]:
    made = draw_up(DESIGN)
    seal_study(tmp_path / "study.sealed", made, "chief's words")
    for number, reader in enumerate(DESIGN.readers, 1):
        path = tmp_path / f"reader-{number}.sealed"
        drain(give(path, made, reader, PASSWORDS[reader], lambda case: IMAGES[case.id]))
    return tmp_path, made


def sign_in(folder: Path, number: int, reader: str, answers: str = "mine.log") -> Reading:
    return Reading(folder / f"reader-{number}.sealed", PASSWORDS[reader], folder / answers)


def test_a_comment_is_given_or_not_and_holds_no_case_open(tmp_path: Path) -> None:
    made = draw_up(dataclasses.replace(DESIGN, questions=(*PUBLISHED, COMMENT)))
    drain(give(tmp_path / "reader-1.sealed", made, "anna", PASSWORDS["anna"], lambda case: IMAGES[case.id]))
    reading = sign_in(tmp_path, 1, "anna")
    assert reading.comment == COMMENT
    reading.answer(0, "comment", "odd ribs", "2026-01-01T00:00:00Z", 1.0)
    assert (reading.current, reading.done, reading.said(0)) == (0, 0, "odd ribs")
    for question in PUBLISHED:
        reading.answer(0, question.id, 1, "2026-01-01T00:00:00Z", 2.0)
    assert (reading.current, reading.done) == (1, 1)
    reading.answer(0, "comment", "odd ribs, left", "2026-01-01T00:00:00Z", 30.0)  # the case is not left yet
    again = sign_in(tmp_path, 1, "anna")
    assert (again.current, again.done, again.said(0), again.said(1)) == (1, 1, "odd ribs, left", "")
    log = open_log(tmp_path / "mine.log", made, "anna")
    shown = made.orders["anna"][0].case
    counted = [case.id for case in made.design.cases if not case.training]
    found = texts(made, {"anna": log}, "comment")
    assert [(reader, case.id, words) for reader, case, words in found] == (
        [("anna", shown, "odd ribs, left")] if shown in counted else []
    )
    assert np.nanmax(case_seconds(made, {"anna": log}), initial=0) <= 2.0, (
        "a comment later takes no reading time"
    )


def rate(reading: Reading, most: int) -> None:
    for _ in range(most):
        showing = reading.current
        assert showing is not None
        for number, question in enumerate(reading.questions):
            reading.answer(showing, question.id, 1 + (showing + number) % 4, "2026-01-01T00:00:00Z", 2.0)


def test_a_sealed_study_comes_back_with_its_orders(study: tuple[Path, Study]) -> None:
    folder, made = study
    assert open_study(folder / "study.sealed", "chief's words") == made
    other = dataclasses.replace(made, orders={**made.orders, "anna": made.orders["anna"][::-1]})
    assert other.hash != made.hash
    assert draw_up(DESIGN).hash != made.hash  # salted: nobody can try designs out against it


def test_whole_numbers_for_fractions_seal_too(tmp_path: Path) -> None:
    prepared = Preparation(grid=(3, 4, 2), affine=((1, 0, 0, 0),) * 4, low=-1, values=(0, 4095))
    made = draw_up(dataclasses.replace(DESIGN, repeats=0, preparation=prepared))
    seal_study(tmp_path / "s", made, "chief's words")
    assert open_study(tmp_path / "s", "chief's words").hash == made.hash


def test_one_case_is_read_at_a_time(study: tuple[Path, Study]) -> None:
    folder, made = study
    path = folder / "reader-1.sealed"
    sealed = SealedFile(path, PASSWORDS["anna"])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # in the last case
    path.write_bytes(bytes(data))
    reading = sign_in(folder, 1, "anna")
    assert reading.image(0).shape == (3, 4, 2)
    assert reading.volume(0).array.min() >= -1000
    assert reading.volume(0).unit == "HU"
    with pytest.raises(InputRefused, match="was changed"):
        reading.image(len(reading) - 1)
    assert len(sealed) == len(made.orders["anna"]) + 1


def test_a_readers_file_holds_no_truth_and_no_names(study: tuple[Path, Study]) -> None:
    folder, _ = study
    members = unseal(folder / "reader-1.sealed", PASSWORDS["anna"])
    assert len({len(m) for m in members[1:]}) == 1
    assert len({m[:128] for m in members[1:]}) == 1  # the header: one dtype, shape and order
    text = b"".join(members)
    for secret in (
        b"drawn",
        b"P-00",
        b"warm-up",
        b"synthetic",
        b"repeat",
        b"seed",
        b"-1.0",
    ):
        assert secret not in text
    for path in folder.iterdir():
        assert b"drawn" not in path.read_bytes()


def test_only_the_right_password_and_an_unchanged_file_open(study: tuple[Path, Study]) -> None:
    folder, _ = study
    path = folder / "reader-1.sealed"
    for wrong in ("ben's words", "chief's words"):
        with pytest.raises(InputRefused, match="password is wrong or the file was changed"):
            unseal(path, wrong)
    whole = path.read_bytes()
    for at in (60, 300, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputRefused):
            unseal(path, PASSWORDS["anna"])
    path.write_bytes(whole[:-40])
    with pytest.raises(InputRefused):
        unseal(path, PASSWORDS["anna"])


def test_a_killed_reading_goes_on_at_the_same_case(study: tuple[Path, Study]) -> None:
    folder, _ = study
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from medsynth_desktop.studies.reading import Reading\n"
        "r = Reading(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))\n"
        "for s, q in ((0, 0), (0, 1), (0, 2), (1, 0)): r.answer(s, r.questions[q].id, 2, 't', 1.0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [folder / "reader-1.sealed", PASSWORDS["anna"], folder / "mine.log"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    with (folder / "mine.log").open("ab") as stream:
        stream.write(b"torn")
    reading = sign_in(folder, 1, "anna")
    assert (reading.current, len(reading._log.answers)) == (1, 4)
    rate(reading, 1)
    assert sign_in(folder, 1, "anna").current == 2
    with pytest.raises(InputRefused, match="not to be answered now"):
        reading.answer(0, "anatomy", 1, "t", 1.0)
    with pytest.raises(InputRefused, match="not to be answered now"):
        reading.answer(5, "anatomy", 1, "t", 1.0)
    with pytest.raises(InputRefused, match="was changed"):
        sign_in(folder, 2, "ben")  # another reader's log


def test_two_hands_at_one_log_do_not_spoil_it(study: tuple[Path, Study]) -> None:
    folder, _ = study
    one, two = sign_in(folder, 1, "anna"), sign_in(folder, 1, "anna")
    rate(one, 1)
    with pytest.raises(InputRefused, match="sign in again"):
        rate(two, 1)
    assert sign_in(folder, 1, "anna").done == 1


def test_looking_at_answers_changes_no_byte(study: tuple[Path, Study]) -> None:
    folder, made = study
    rate(sign_in(folder, 1, "anna"), 1)
    torn = (folder / "mine.log").read_bytes() + b"torn"
    (folder / "mine.log").write_bytes(torn)
    assert whose(folder / "mine.log", made) == "anna"
    merge(folder / "1.held", made, "anna", folder / "mine.log")
    assert (folder / "mine.log").read_bytes() == torn


def test_a_case_is_left_when_the_next_is_answered(study: tuple[Path, Study]) -> None:
    folder, _ = study
    reading = sign_in(folder, 1, "anna")
    rate(reading, 1)
    reading.answer(0, "anatomy", 1, "t", 1.0)  # undone in time
    reading.answer(1, "anatomy", 1, "t", 1.0)
    with pytest.raises(InputRefused, match="Case 1 is not to be answered now; expected case 2"):
        reading.answer(0, "anatomy", 2, "t", 1.0)
    assert (reading.done, reading.last) == (1, 1)


def test_answers_merge_once_and_contradictions_are_refused(study: tuple[Path, Study]) -> None:
    folder, made = study
    rate(sign_in(folder, 1, "anna"), 2)
    early = (folder / "mine.log").read_bytes()
    (folder / "early.log").write_bytes(early)
    (folder / "other.log").write_bytes(early)
    rate(sign_in(folder, 1, "anna"), 7)
    for came, expected in (("early.log", 6), ("mine.log", 27), ("mine.log", 27), ("early.log", 27)):
        assert len(merge(folder / "1.held", made, "anna", folder / came).answers) == expected
    other = sign_in(folder, 1, "anna", "other.log")
    other.answer(2, "anatomy", 1, "elsewhere", 1.0)
    kept = (folder / "1.held").read_bytes()
    with pytest.raises(InputRefused, match="agree up to answer 6"):
        merge(folder / "1.held", made, "anna", folder / "other.log")
    with pytest.raises(InputRefused, match="was changed"):
        merge(folder / "2.held", made, "ben", folder / "mine.log")
    assert (folder / "1.held").read_bytes() == kept
    assert whose(folder / "mine.log", made) == "anna"
    with pytest.raises(InputRefused, match="no answers to this study"):
        whose(folder / "mine.log", draw_up(DESIGN))


def test_the_table_feeds_the_statistics(study: tuple[Path, Study]) -> None:
    folder, made = study
    logs = {}
    for number, reader in enumerate(DESIGN.readers, 1):
        rate(sign_in(folder, number, reader, f"{reader}.log"), 9 if reader == "anna" else 6)
        logs[reader] = merge(folder / f"{number}.held", made, reader, folder / f"{reader}.log")
    table = rating_table(made, logs, "appearance")
    assert np.isfinite(table.ratings).sum(axis=1).tolist() == [6, 5]
    assert np.isfinite(table.repeats).sum(axis=1).tolist() == [2, 0]
    for number, showing in enumerate(made.orders["anna"][1:7], 1):
        assert table.ratings[0, table.cases.index(showing.case)] == 1 + number % 4
    measure_agreement(table.ratings, 4)
    measure_repeats(table.ratings, table.repeats, 4)
