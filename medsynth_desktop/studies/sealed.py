"""Files that only the holder of a password reads: scrypt for the key, AES-256-GCM for every member.

A file is a magic line, one line of JSON (salt, number of members, what is public), then each member as its length
(8 bytes, big-endian), a nonce of 12 bytes and the ciphertext. Each member is bound to the header and to its place, so
that members cannot be changed, swapped, left out or taken from another file. A wrong password and a changed file
look alike, on purpose.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import canonical_json

MAGIC = b"MEDSYNTH-SEALED-1\n"
SHORTEST_PASSWORD = 8
LONGEST_HEADER = 1 << 16
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
    """Write ``members`` to a new file at once; raises as `seal_steps`."""
    for _ in seal_steps(path, password, members, len(members), public):
        pass


def seal_steps(
    path: Path, password: str, members: Iterable[bytes], count: int, public: dict[str, str] | None = None
) -> Iterator[int]:
    """Write ``count`` members to a new file, whole or not at all; ``public`` can be read without the password.

    Each is sealed and written before the next is asked for, so that only one is in memory. Yields how many are.

    Raises
    ------
    InputRefused
        When the password is too short, the file exists, or there are not ``count`` members.
    """
    check_password(password)
    if path.exists():
        raise InputRefused(f"{path.name} exists already and is not written over. Choose another name.")
    salt = os.urandom(16)
    facts = {"salt": salt.hex(), "members": count, "public": public or {}}
    header = MAGIC + canonical_json(facts).encode() + b"\n"
    key = derive_key(password, salt)
    unfinished = path.with_name(path.name + ".part")
    written = 0
    try:
        with unfinished.open("wb") as stream:
            stream.write(header)
            for member in members:
                sealed = encrypt(key, member, header + str(written).encode())
                stream.write(len(sealed).to_bytes(8, "big") + sealed)
                written += 1
                yield written
            if written != count:
                raise InputRefused(f"Expected {count} members of {path.name}; got {written}. Seal it again.")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def check_password(password: str) -> None:
    """Refuse a password that is too short.

    Raises
    ------
    InputRefused
        When it has fewer than `SHORTEST_PASSWORD` characters.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InputRefused(
            f"A password has at least {SHORTEST_PASSWORD} characters; this has {len(password)}. Choose a longer one."
        )


class SealedFile:
    """A sealed file, opened: members are read and decrypted one at a time, when they are asked for.

    Attributes
    ----------
    sizes
        Bytes of each sealed member, as they lie in the file.
    public
        What anybody can read.
    """

    def __init__(self, path: Path, password: str) -> None:
        """Open it.

        Raises
        ------
        InputRefused
            When it is no sealed file, not whole, the password is wrong or its first member was changed.
        """
        self.path = path
        broken = f"{path.name} is no whole sealed file of a reader study. Ask for it again."
        try:
            with path.open("rb") as stream:
                self._header = stream.readline(len(MAGIC)) + stream.readline(LONGEST_HEADER)
        except OSError as error:
            raise InputRefused(f"{path.name} cannot be opened ({error.strerror}). Check its name.") from None
        if not self._header.startswith(MAGIC) or not self._header.endswith(b"\n"):
            raise InputRefused(broken)
        try:
            facts = json.loads(self._header[len(MAGIC) :])
            self._key = derive_key(password, bytes.fromhex(facts["salt"]))
            count, self.public = int(facts["members"]), dict(facts["public"])
        except (ValueError, KeyError, TypeError):
            raise InputRefused(broken) from None
        self.sizes, self._starts = self._measure(count, broken)
        if count:
            self.member(0)

    def __len__(self) -> int:
        """How many members."""
        return len(self.sizes)

    def member(self, number: int) -> bytes:
        """Decrypt one member, counted from 0.

        Raises
        ------
        InputRefused
            When the password is wrong or the member was changed.
        """
        with self.path.open("rb") as stream:
            stream.seek(self._starts[number])
            sealed = stream.read(self.sizes[number])
        return decrypt(self._key, sealed, self._header + str(number).encode())

    def _measure(self, count: int, broken: str) -> tuple[list[int], list[int]]:
        """Sizes and places of the members, from their lengths alone."""
        sizes, starts, at = [], [], len(self._header)
        whole = self.path.stat().st_size
        with self.path.open("rb") as stream:
            for _ in range(count):
                stream.seek(at)
                size = int.from_bytes(stream.read(8), "big")
                starts.append(at + 8)
                sizes.append(size)
                at += 8 + size
                if at > whole:
                    raise InputRefused(broken)
        if at != whole:
            raise InputRefused(broken)
        return sizes, starts


def unseal(path: Path, password: str) -> list[bytes]:
    """All members of a sealed file; raises as `SealedFile`."""
    opened = SealedFile(path, password)
    return [opened.member(number) for number in range(len(opened))]
