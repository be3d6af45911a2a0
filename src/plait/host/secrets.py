"""Tokens: ``plait_ID_SECRET``, where the cluster keeps the id and what the secret comes to.

A secret has 256 random bits and is made where it is to be used; what the cluster keeps of it is
scrypt's, so that neither a copy of the control line nor a backup lets anybody in. scrypt takes long
on purpose, so it runs on a thread, one at a time, and what was right once is remembered by SHA-256.

Source: RFC 7914. Absent: passwords that people choose.
"""

import asyncio
import hashlib
import hmac
import secrets
from typing import NamedTuple

from plait.base.errors import NotSignedIn

_MARK = "plait"
SALT_BYTES = 16
_ID_BYTES = 8
_SECRET_BYTES = 32
REMEMBERED_MAX = 4096


class NewToken(NamedTuple):
    """A token that was made just now."""

    id: str
    text: str  # what its holder keeps; shown once
    salt: bytes
    hash: bytes


def new_token() -> NewToken:
    """A fresh token and what the cluster is to keep of it."""
    id_, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    salt = secrets.token_bytes(SALT_BYTES)
    return NewToken(id_, f"{_MARK}_{id_}_{secret}", salt, hash_secret(secret, salt))


def split_token(text: str) -> tuple[str, str]:
    """Id and secret; `NotSignedIn` for what is no token. The text is never repeated."""
    parts = text.strip().split("_")
    if len(parts) != 3 or parts[0] != _MARK or not all(parts):
        raise NotSignedIn("what was shown is no token; plait tokens add makes one")
    return parts[1], parts[2]


def hash_secret(secret: str, salt: bytes) -> bytes:
    """What a secret comes to."""
    return hashlib.scrypt(secret.encode(), salt=salt, n=1 << 13, r=8, p=1, dklen=32)


class Verifier:
    """Compares secrets with what is kept of them."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._right: dict[bytes, bytes] = {}  # SHA-256 of secrets that were right, to their hash

    async def right(self, secret: str, salt: bytes, expected: bytes) -> bool:
        """Whether the secret comes to `expected`."""
        known = hashlib.sha256(salt + secret.encode("utf-8", "replace")).digest()
        if hmac.compare_digest(self._right.get(known, b""), expected):
            return True
        async with self._turn:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(None, hash_secret, secret, salt)
        if not hmac.compare_digest(found, expected):
            return False
        while len(self._right) >= REMEMBERED_MAX:
            del self._right[next(iter(self._right))]
        self._right[known] = expected
        return True
