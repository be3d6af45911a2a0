"""Tokens: ``plait_ID_SECRET``, where the cluster keeps the id and what the secret comes to.

A secret has 256 random bits and is made where it is to be used; what the cluster keeps of it is
scrypt's, so that neither a copy of the control line nor a backup lets anybody in. scrypt takes long
on purpose, so it runs on a thread, one at a time, and what was right once is remembered by SHA-256.

Invariant: at most `WAITING_MAX` secrets wait for that thread; who comes then is told to come again.

Source: RFC 7914. Absent: passwords that people choose.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from plait.base.errors import Busy, NotSignedIn

TokenBytes: TypeAlias = Callable[[int], bytes]  # so many, that nobody can guess

_MARK = "plait"
SALT_BYTES = 16
_ID_BYTES = 8
_SECRET_BYTES = 32
REMEMBERED_MAX = 4096
WAITING_MAX = 32  # about a second


class NewToken(NamedTuple):
    """A token that was made just now."""

    id: str
    text: str  # what its holder keeps; shown once
    salt: bytes
    hash: bytes


def new_token(token_bytes: TokenBytes = secrets.token_bytes) -> NewToken:
    """A fresh token and what the cluster is to keep of it."""
    id_, secret = token_bytes(_ID_BYTES).hex(), token_bytes(_SECRET_BYTES).hex()
    salt = token_bytes(SALT_BYTES)
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
        self.hashing = hash_secret
        self._turn = asyncio.Lock()
        self._right: dict[bytes, bytes] = {}  # SHA-256 of secrets that were right, to their hash
        self._hashes: dict[bytes, asyncio.Task[bytes]] = {}  # under way; the same one is done once

    @property
    def full(self) -> bool:
        """Whether nobody else can be looked at now."""
        return len(self._hashes) >= WAITING_MAX

    def knows(self, secret: str, salt: bytes, expected: bytes) -> bool:
        """Whether the secret was right before."""
        return hmac.compare_digest(self._right.get(_known(secret, salt), b""), expected)

    async def right(self, secret: str, salt: bytes, expected: bytes) -> bool:
        """Whether the secret comes to `expected`; `Busy` if too many others wait to know."""
        if self.knows(secret, salt, expected):
            return True
        known = _known(secret, salt)
        found = await asyncio.shield(self._hashes.get(known) or self._hash(known, secret, salt))
        if not hmac.compare_digest(found, expected):
            return False
        while len(self._right) >= REMEMBERED_MAX:
            del self._right[next(iter(self._right))]
        self._right[known] = expected
        return True

    def _hash(self, known: bytes, secret: str, salt: bytes) -> "asyncio.Task[bytes]":
        if self.full:
            raise Busy("too many tokens are being looked at")

        async def work() -> bytes:
            try:
                async with self._turn:
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(None, self.hashing, secret, salt)
            finally:
                del self._hashes[known]

        self._hashes[known] = asyncio.get_running_loop().create_task(work())
        return self._hashes[known]


def _known(secret: str, salt: bytes) -> bytes:
    return hashlib.sha256(salt + secret.encode("utf-8", "replace")).digest()
