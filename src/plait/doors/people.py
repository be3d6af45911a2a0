"""Who a request acts for: the store of a token.

::

    door ── acting(token) ─┬─ nobody is asked ──► the one store
                           └─ people are asked ─► a store of that token, opened when it first comes

Invariant: where people are asked, nothing is done through a store that its token did not open; so
the nodes decide what is allowed, by the same rights as for every other client. A store that is in
use is not closed; one that nobody used for a while, or that is the least recently used of too many,
is.

Absent: a list of who is known. A token that the nodes refuse is refused here, each time.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from plait.api.store import Store
from plait.base.errors import Busy, Closed, NotSignedIn, PlaitError

logger = logging.getLogger("plait.doors")

STORES_MAX = 128  # of tokens, open at once
IDLE_S = 300.0
LOOK_S = 15.0

Connect = Callable[[str], AbstractAsyncContextManager[Store]]


class Acting:
    """A store for as long as it is lent, and whether that may go on."""

    __slots__ = ("_void", "store", "token")

    def __init__(self, store: Store, token: str, void: Callable[[], PlaitError | None]) -> None:
        self.store = store
        self.token = token  # "": nobody was asked
        self._void = void

    def check(self) -> None:
        """Raise if whoever this is for must be asked again: for what goes on for long."""
        if (error := self._void()) is not None:
            raise error


class People(Protocol):
    """What a door needs to know of people."""

    @property
    def asked(self) -> bool:
        """Whether people are asked who they are."""
        ...

    def acting(self, token: str) -> AbstractAsyncContextManager[Acting]:
        """The store of a token (""; none was shown), lent until exit.

        `NotSignedIn` if people are asked and it is nobody's, `Busy` if too many are here,
        `Unavailable` if no node answers.
        """
        ...


class Everybody:
    """One store for everybody: nobody is asked."""

    asked = False

    def __init__(self, store: Store) -> None:
        self._acting = Acting(store, "", lambda: None)

    @contextlib.asynccontextmanager
    async def acting(self, token: str) -> AsyncIterator[Acting]:
        """The store; tokens mean nothing."""
        yield self._acting


class Known:
    """A store for each token while people are asked, else the one store; `async with` it."""

    def __init__(
        self,
        own: Store,
        asks: Callable[[], bool],
        connect: Connect,
        *,
        stores_max: int = STORES_MAX,
        idle_s: float = IDLE_S,
    ) -> None:
        self._asks = asks
        self._connect = connect
        self._stores_max = stores_max
        self._idle_s = idle_s
        self._own = Acting(own, "", self._void)
        self._stores: OrderedDict[str, _Open] = OrderedDict()  # the least recently used first
        self._closing: dict[asyncio.Task[None], None] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def asked(self) -> bool:
        """Whether people are asked now."""
        return self._asks()

    @property
    def count(self) -> int:
        """How many tokens have a store open."""
        return len(self._stores)

    @contextlib.asynccontextmanager
    async def acting(self, token: str) -> AsyncIterator[Acting]:
        """See `People`."""
        if not self._asks():
            yield self._own
            return
        if not token:
            raise NotSignedIn("who is this? Rights are on: show a token")
        entry = self._entry(token)
        entry.users += 1
        try:
            yield await entry.acting()
        finally:
            entry.users -= 1
            entry.left_at = asyncio.get_running_loop().time()
            if entry.failed and self._stores.get(token) is entry:
                del self._stores[token]

    def _void(self) -> PlaitError | None:
        if self._asks():
            return NotSignedIn("rights were switched on meanwhile: show a token")
        return None

    def _entry(self, token: str) -> "_Open":
        entry = self._stores.get(token)
        if entry is None:
            self._make_room()
            entry = self._stores[token] = _Open(self._connect(token), token)
        self._stores.move_to_end(token)
        return entry

    def _make_room(self) -> None:
        if len(self._stores) < self._stores_max:
            return
        for token, entry in self._stores.items():
            if not entry.users:
                self._close(token)
                return
        raise Busy(f"{self._stores_max} people are here at once: as many as there may be")

    def _close(self, token: str) -> None:
        task = asyncio.get_running_loop().create_task(self._stores.pop(token).close())
        self._closing[task] = None
        task.add_done_callback(self._closing.pop)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(LOOK_S, self._idle_s))
            before = asyncio.get_running_loop().time() - self._idle_s
            for token, entry in list(self._stores.items()):
                if not entry.users and entry.left_at < before:
                    self._close(token)

    async def __aenter__(self) -> "Known":
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for token in list(self._stores):
            self._close(token)
        await asyncio.gather(*self._closing, return_exceptions=True)


class _Open:
    """The store of one token, opened by whoever comes first and waited for by the others."""

    def __init__(self, opening: AbstractAsyncContextManager[Store], token: str) -> None:
        self.users = 0
        self.left_at = 0.0
        self._token = token
        self._stack = AsyncExitStack()
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._open(opening))

    async def _open(self, opening: AbstractAsyncContextManager[Store]) -> Acting:
        store = await self._stack.enter_async_context(opening)
        return Acting(store, self._token, self._void)

    def _void(self) -> PlaitError | None:
        return Closed("this door is closing") if self._closed else None

    @property
    def failed(self) -> bool:
        """Whether there is no store, and will be none."""
        return self._task.done() and (self._task.cancelled() or self._task.exception() is not None)

    async def acting(self) -> Acting:
        """The store; raises why there is none."""
        # shielded: whoever leaves must not end it for the others
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Close the store."""
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._stack.aclose()
        except PlaitError as error:
            logger.warning("a store of a door did not close: %s", error)
