"""Presence: who is here now, and what they look at. It is told to everybody linked, never stored.

``docs.presence.set({"cursor": 4})`` says something of this process, which is repeated as long as
the store is open; whoever has not heard of it for `ttl_s` seconds forgets it. So nobody has to say
goodbye, though a store that is closed does.

Names are those of authors, else of the replicas' nodes; where several have the same name, all but
one carry their replica's id too: ``"ann"``, ``"ann (5b1f)"``.

Absent: anything to rely on. It reaches whoever is linked, at once if the links are good.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from plait.api.documents.access import Access
from plait.api.documents.checking import shown
from plait.api.watching import Watching
from plait.base.codec import decode, encode_value
from plait.base.errors import BadValue, ReadOnly

TTL_S: Final = 30.0
TTL_MAX_S: Final = 3600.0
STATE_BYTES_MAX: Final = 16 << 10


class Here(NamedTuple):
    """What somebody says now; made by `Presence.watch`."""

    who: str
    state: Any  # None: not here any more
    own: bool  # said by this process


class Presence:
    """Who is here in a collection; read as `Documents.presence`."""

    __slots__ = ("_access",)

    def __init__(self, access: Access) -> None:
        self._access = access

    def set(self, state: Any, *, ttl_s: float = TTL_S) -> None:
        """Say `state` to everybody from now on, until the next `set`, `clear` or the store's close.

        state: any value that a document may hold, of at most 16 KiB; not None.
        ttl_s: how long others go on believing it when they hear no more, at most an hour.
        """
        access = self._access
        access.check()
        if access.is_past:
            raise ReadOnly(f"nobody is present in the past of {access.name!r}")
        if state is None:
            raise BadValue("a presence of None says nothing; clear() leaves")
        is_number = isinstance(ttl_s, int | float) and not isinstance(ttl_s, bool)
        if not is_number or not 0 < ttl_s <= TTL_MAX_S:
            raise BadValue(f"ttl_s={ttl_s!r} is not a number of seconds up to {TTL_MAX_S:.0f}")
        try:
            data = encode_value(state)
        except BadValue as error:
            raise BadValue(f"a presence of {shown(state)}: {error.message}") from None
        if len(data) > STATE_BYTES_MAX:
            raise BadValue(f"a presence of {len(data)} bytes is over {STATE_BYTES_MAX}")
        access.replica.present([access.replica.author, decode(data)], float(ttl_s))

    def clear(self) -> None:
        """Leave: others forget at once what was set."""
        self._access.check()
        self._access.replica.present(None, TTL_S)

    def everybody(self) -> dict[str, Any]:
        """What each one says now, by name; this process's own state too."""
        return self._named(None)

    def others(self) -> dict[str, Any]:
        """`everybody` but this process."""
        return self._named(self._access.replica.replica)

    def watch(self) -> "PresenceWatch":
        """``async for here in docs.presence.watch()``: what somebody says, from now on."""
        return PresenceWatch(self._access, self._read)

    def _named(self, without: int | None) -> dict[str, Any]:
        self._access.check()
        found: dict[str, Any] = {}
        for replica, value in self._access.replica.everybody().items():
            name, state = self._read(replica, value)
            if replica != without:
                found[f"{name} ({replica:x})" if name in found else name] = state
        return found

    def _read(self, replica: int, value: Any) -> tuple[str, Any]:
        match value:
            case [str(author), state]:
                return author, state
            case [None, state]:
                return self._access.replica.who(replica), state
        return self._access.replica.who(replica), value

    def __repr__(self) -> str:
        return f"<Presence in {self._access.name!r}: {self.everybody()!r}>"


class PresenceWatch(Watching):
    """An async iterator of `Here`. A slow reader gets the latest of each, not all.

    It begins when it is made. End it with `aclose` or ``async with``.
    """

    def __init__(self, access: Access, read: Callable[[int, Any], tuple[str, Any]]) -> None:
        access.check()
        self._access = access
        self._read = read
        self._names = {r: read(r, value)[0] for r, value in access.replica.everybody().items()}
        self._ready: dict[int, Here] = {}  # by replica: at most one each
        self._more = asyncio.Event()
        self._stop: Callable[[], None] | None = access.replica.on_presence(self._tell)

    def __aiter__(self) -> "PresenceWatch":
        return self

    async def __anext__(self) -> Here:
        """The next one, however long that takes."""
        while not self._ready:
            self._access.check()
            if self._stop is None:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        return self._ready.pop(next(iter(self._ready)))

    async def aclose(self) -> None:
        """End it."""
        self._ready.clear()
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
        self._more.set()

    def _tell(self, replica: int, value: Any) -> None:
        own = replica == self._access.replica.replica
        if value is None:
            name = self._names.pop(replica, None) or self._access.replica.who(replica)
            self._ready[replica] = Here(name, None, own)
        else:
            name, state = self._read(replica, value)
            self._names[replica] = name
            self._ready[replica] = Here(name, state, own)
        self._more.set()

    def __repr__(self) -> str:
        return f"<PresenceWatch on {self._access.name!r}>"
