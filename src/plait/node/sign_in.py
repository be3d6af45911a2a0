"""Signing in with a token: what a guess costs, and whom.

::

    token ─ known by SHA-256 ───────────────────────────────────────► in, at once
          ─ else ─ too many are looked at, or of this id ───────────► Busy
                 ─ no such id: one question a time to the leader ─┐
                 ─ wrong secret: scrypt, in a queue that is full ─┴─► NotSignedIn, REFUSED_S after

Invariant: of an id that there is and one that there is not, a guess is answered alike and after the
same time (as long as the queue is not behind it), so that guessing tells no ids. What a node does
for a guess is bounded; a guesser waits. Who was right before is not kept waiting by guessers.

Absent: shutting out an address. The number of connections is limited elsewhere.
"""

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

from plait.base.errors import Busy, NotSignedIn, PlaitError
from plait.host.secrets import Verifier, split_token
from plait.types.control_rights import TokenRecord

REFUSED_S = 1.25  # after which a guess is answered; more than two questions take
EACH_MAX = 2  # secrets that are tried of one id, at a time


class SignIns:
    """Everybody who signs in at one node."""

    def __init__(
        self,
        verifier: Verifier,
        find: Callable[[str], TokenRecord | None],
        ask: Callable[[], Awaitable[None]],
    ) -> None:
        """find: a token by its id, as known here. ask: return once all that is known elsewhere is
        known here, or raise."""
        self._verifier = verifier
        self._find = find
        self._ask = ask
        self._asking: asyncio.Task[None] | None = None
        self._trying: dict[str, Counter[bytes]] = {}  # digests of secrets, by id

    async def by_token(self, token: str) -> TokenRecord:
        """Whose token it is; `NotSignedIn` if it is nobody's, `Busy` if too many others ask."""
        id_, secret = split_token(token)
        record = self._find(id_)
        if record is not None and self._verifier.knows(secret, record.salt, record.hash):
            return record
        loop = asyncio.get_running_loop()
        refused_at = loop.time() + REFUSED_S
        with self._place(id_, secret):
            if record is None:  # it may be news
                with contextlib.suppress(PlaitError):
                    await self._learn()
                record = self._find(id_)
            if record is not None and await self._verifier.right(secret, record.salt, record.hash):
                return record
            await asyncio.sleep(max(0.0, refused_at - loop.time()))
        raise NotSignedIn("this token is unknown, or was revoked")

    @contextlib.contextmanager
    def _place(self, id_: str, secret: str) -> Iterator[None]:
        digest = hashlib.sha256(secret.encode("utf-8", "replace")).digest()
        tried = self._trying.setdefault(id_, Counter())
        try:
            if self._verifier.full or (digest not in tried and len(tried) >= EACH_MAX):
                raise Busy("too many tokens are being looked at")
            tried[digest] += 1
            try:
                yield
            finally:
                tried[digest] -= 1
                if not tried[digest]:
                    del tried[digest]
        finally:
            if not tried and self._trying.get(id_) is tried:
                del self._trying[id_]

    async def _learn(self) -> None:
        """Ask what is known elsewhere, together with everybody who waits to ask."""
        if self._asking is not None:  # that was asked before this token came
            await asyncio.wait([self._asking])
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_once())
        await asyncio.shield(self._asking)

    async def _ask_once(self) -> None:
        try:
            with contextlib.suppress(PlaitError):
                await self._ask()
        finally:
            self._asking = None
