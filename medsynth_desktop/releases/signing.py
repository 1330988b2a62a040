"""Ed25519 signatures (RFC 8032): who holds the key made the package, and nobody changed it since."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsynth_desktop.core.hashing import hash_bytes

PURPOSE = b"medsynth-release-manifest-v1\n"
"""Signed before the manifest's bytes, so that the key's signatures elsewhere mean nothing here."""
KEY_BYTES, SIGNATURE_BYTES = 32, 64


def new_key() -> bytes:
    """32 bytes of a fresh private key; keep them where only the releasing person reads."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(key: bytes) -> bytes:
    """32 bytes of the public half of a private ``key``."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """First 128 bits of the public key's SHA-256 in groups of four digits, to be read over a telephone."""
    digits = hash_bytes(public)[:32]
    return "-".join(digits[i : i + 4] for i in range(0, 32, 4))


def sign(key: bytes, manifest: bytes) -> bytes:
    """Sign a manifest's bytes: 64 bytes."""
    return Ed25519PrivateKey.from_private_bytes(key).sign(PURPOSE + manifest)


def is_signed(public: bytes, signature: bytes, manifest: bytes) -> bool:
    """Whether ``signature`` was made over ``manifest`` with the private half of ``public``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, PURPOSE + manifest)
    except (InvalidSignature, ValueError):
        return False
    return True
