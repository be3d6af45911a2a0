"""Issuing: appends to whichever loglet of a chain is the last, in the order in which they came.

Invariant: an append that met a seal did not happen; it is issued again to what follows, before
every append that came after it.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from plait.base.errors import Closed, PlaitError, Sealed
from plait.engines.register import Register
from plait.engines.turnstile import Turnstile
from plait.line.entry import Entry


class Issuing:
    """Appends of one chain handle. `start_switch` stops the turnstile until it is known what
    follows a loglet that was found sealed."""

    def __init__(
        self, register: Register, turnstile: Turnstile, start_switch: Callable[[], object]
    ) -> None:
        self._register = register
        self._turnstile = turnstile
        self._start_switch = start_switch

    async def append(self, entry: Entry) -> int:
        """The position of `entry`."""
        self._register.check_open()
        return await self._append(entry, self._turnstile.ticket())

    def append_nowait(self, entry: Entry) -> "asyncio.Future[int]":
        """Order an entry in this very turn where the loglet can; the future of its position."""
        self._register.check_open()
        ticket = self._turnstile.ticket()
        begin = getattr(self._register.last[1], "append_nowait", None)
        ended = self._register.configuration.end is not None
        if begin is None or ended or not self._turnstile.enter_now():
            return asyncio.ensure_future(self._append(entry, ticket))
        try:
            appending = begin(entry)
        except (Sealed, Closed):
            self._turnstile.leave()
            return asyncio.ensure_future(self._append(entry, ticket))
        except PlaitError:
            self._turnstile.leave()
            raise
        placed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        appending.add_done_callback(partial(self._appended, entry, ticket, placed))
        return placed

    def _appended(
        self,
        entry: Entry,
        ticket: int,
        placed: "asyncio.Future[int]",
        appending: "asyncio.Future[int]",
    ) -> None:
        """Pass on what came of an append, unless it met a seal."""
        self._turnstile.leave()
        error = None if appending.cancelled() else appending.exception()
        if isinstance(error, Sealed | Closed) and not self._register.closed:
            self._start_switch()
            again = asyncio.ensure_future(self._append(entry, ticket))
            again.add_done_callback(partial(_pass_on, placed))
        else:
            _pass_on(placed, appending)

    async def _append(self, entry: Entry, ticket: int) -> int:
        while True:
            await self._turnstile.enter(ticket)
            try:
                self._register.check_open()
                if self._register.configuration.end is not None:
                    raise self._register.sealed()
                return await self._register.last[1].append(entry)
            except (Sealed, Closed):
                if self._register.closed:
                    raise
                if self._register.configuration.end is not None:
                    raise self._register.sealed() from None
                self._start_switch()
            finally:
                self._turnstile.leave()


def _pass_on(to: "asyncio.Future[int]", done: "asyncio.Future[int]") -> None:
    error = None if done.cancelled() else done.exception()
    if to.done():
        return  # whoever waited gave up
    if done.cancelled():
        to.cancel()
    elif error is not None:
        to.set_exception(error)
    else:
        to.set_result(done.result())
