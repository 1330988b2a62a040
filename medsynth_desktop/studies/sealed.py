"""Files that only the holder of a password reads: scrypt for the key, AES-256-GCM for every member.

A file is a magic line, one line of JSON (salt, number of members, what is public), then each member as its length
(8 bytes, big-endian), a nonce of 12 bytes and the ciphertext. Each member is bound to the header and to its place, so
that members cannot be changed, swapped, left out or taken from another file. A wrong password and a changed file
look alike, on purpose.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import canonical_json

MAGIC = b"MEDSYNTH-SEALED-1\n"
SHORTEST_PASSWORD = 8
_COST = 2**15
"""scrypt's n with r = 8, p = 1: 32 MiB and about a tenth of a second for each guess."""


def derive_key(password: str, salt: bytes) -> bytes:
    """32 bytes from a password and 16 random bytes, by scrypt (RFC 7914)."""
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(password.encode())


def encrypt(key: bytes, plain: bytes, place: bytes) -> bytes:
    """Nonce and AES-256-GCM ciphertext of ``plain``, bound to ``place``."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, place)


def decrypt(key: bytes, sealed: bytes, place: bytes) -> bytes:
    """Undo `encrypt`.

    Raises
    ------
    InputRefused
        When the key is another, or anything was changed.
    """
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], place)
    except (InvalidTag, ValueError):
        raise InputRefused(
            "This does not open: the password is wrong or the file was changed. Check the password; if it is "
            "right, ask for the file again."
        ) from None


def seal(path: Path, password: str, members: Sequence[bytes], public: dict[str, str] | None = None) -> None:
    """Write ``members`` to a new file, whole or not at all; ``public`` can be read without the password.

    Raises
    ------
    InputRefused
        When the password is too short or the file exists.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InputRefused(
            f"A password has at least {SHORTEST_PASSWORD} characters; this has {len(password)}. Choose a longer one."
        )
    if path.exists():
        raise InputRefused(f"{path.name} exists already and is not written over. Choose another name.")
    salt = os.urandom(16)
    facts = {"salt": salt.hex(), "members": len(members), "public": public or {}}
    header = MAGIC + canonical_json(facts).encode() + b"\n"
    key = derive_key(password, salt)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as stream:
        stream.write(header)
        for number, member in enumerate(members):
            sealed = encrypt(key, member, header + str(number).encode())
            stream.write(len(sealed).to_bytes(8, "big") + sealed)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, path)


def unseal(path: Path, password: str) -> list[bytes]:
    """Members of a sealed file.

    Raises
    ------
    InputRefused
        When it is no sealed file, the password is wrong or anything was changed.
    """
    data = path.read_bytes()
    end = data.find(b"\n", len(MAGIC)) + 1
    broken = f"{path.name} is no whole sealed file of a reader study. Ask for it again."
    if not data.startswith(MAGIC) or not end:
        raise InputRefused(broken)
    header = data[:end]
    try:
        facts = json.loads(header[len(MAGIC) :])
        key, count = derive_key(password, bytes.fromhex(facts["salt"])), int(facts["members"])
    except (ValueError, KeyError, TypeError):
        raise InputRefused(broken) from None
    members, at = [], end
    for number in range(count):
        size = int.from_bytes(data[at : at + 8], "big")
        members.append(decrypt(key, data[at + 8 : at + 8 + size], header + str(number).encode()))
        at += 8 + size
    if at != len(data):
        raise InputRefused(broken)
    return members
