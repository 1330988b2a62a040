"""A study as the investigator holds it, sealed: design, truth, every reader's order, and the keys to their answers."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.store.encoding import decode, encode
from medsynth_desktop.studies.design import Design, check_design
from medsynth_desktop.studies.order import Showing, reading_order
from medsynth_desktop.studies.sealed import seal, unseal


@dataclass(frozen=True, slots=True)
class Study:
    """A study that can be read; ``keys`` open the readers' answers.

    Attributes
    ----------
    id
        Random; readers' files and answers carry it.
    secret
        Random and never given to a reader: with it nobody who has the hash can try out designs.
    design
        Who sees what and is asked what.
    orders
        By reader, as drawn once: what another version of the program would draw does not matter.
    keys
        By reader, 32 bytes in hexadecimal.
    """

    id: str
    secret: str
    design: Design
    orders: dict[str, tuple[Showing, ...]]
    keys: dict[str, str]

    @property
    def hash(self) -> str:
        """SHA-256 over design and orders: what is frozen when the first reader starts."""
        orders = {reader: [dataclasses.asdict(s) for s in order] for reader, order in self.orders.items()}
        return hash_json([self.id, self.secret, dataclasses.asdict(self.design), orders])


def draw_up(design: Design) -> Study:
    """Draw every reader's order and key.

    Raises
    ------
    InputRefused
        When the design is faulty.
    """
    check_design(design)
    design = decode(Design, encode(design))  # as it will be read back: 0 and 0.0 have not one hash
    orders = {reader: reading_order(design, reader) for reader in design.readers}
    keys = {reader: os.urandom(32).hex() for reader in design.readers}
    return Study(os.urandom(16).hex(), os.urandom(16).hex(), design, orders, keys)


def seal_study(path: Path, study: Study, password: str) -> None:
    """Write a study to a new file under the investigator's password; raises as `sealed.seal`."""
    seal(path, password, [encode(study).encode(), study.hash.encode()])


def open_study(path: Path, password: str) -> Study:
    """Open a study with the investigator's password.

    Raises
    ------
    InputRefused
        When there is none, the password is wrong or the file was changed.
    """
    if not path.is_file():
        raise InputRefused("There is no sealed study here. Create it first, or give another name.")
    text, known = unseal(path, password)
    study = decode(Study, text.decode())
    if study.hash.encode() != known:
        raise InputRefused("The design is not the one that was sealed. Restore the study from a copy.")
    return study
