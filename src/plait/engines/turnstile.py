"""Turnstile: lets the appends of one chain handle through in the order in which they came.

Pipelined writers must stop at the first *sealed*: were append 3 issued to the next loglet before
append 2, which met the seal of the old one, they would change places. So everybody takes a
ticket; while the turnstile is stopped they queue, those who come back from a sealed loglet with
their old tickets; and it goes on only when nobody is left inside.

Invariant: whoever is inside entered in ticket order, and nobody enters while it is stopped.
"""

import asyncio
import heapq
import itertools

from plait.base.errors import PlaitError


class Turnstile:
    """Tickets, a gate, and a count of who is inside."""

    def __init__(self) -> None:
        self._tickets = itertools.count()
        self._queue: list[tuple[int, asyncio.Future[None]]] = []
        self._stopped = False
        self._called = False  # one was let through, and its task has not run yet
        self._inside = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def ticket(self) -> int:
        """A place in the order."""
        return next(self._tickets)

    async def enter(self, ticket: int) -> None:
        """Return when it is the ticket's turn; whoever returns must `leave`."""
        while self._stopped or self._called or self._queue:
            await self._be_called(ticket)
            if not self._stopped and not self._is_overtaking(ticket):
                break
        self._inside += 1
        self._idle.clear()
        # The next one runs only after this one has gone on to its loglet, without a pause.
        self._call()

    def enter_now(self) -> bool:
        """Go in with the newest ticket if nobody stands before it; whoever went in must `leave`."""
        if self._stopped or self._called or self._queue:
            return False
        self._inside += 1
        self._idle.clear()
        return True

    def leave(self) -> None:
        """Done, or coming back with the same ticket."""
        self._inside -= 1
        if not self._inside:
            self._idle.set()

    @property
    def empty(self) -> bool:
        """Nobody is inside."""
        return not self._inside

    async def idle(self) -> None:
        """Return when nobody is inside."""
        await self._idle.wait()

    def stop(self) -> None:
        """Let nobody in."""
        self._stopped = True

    def go(self) -> None:
        """Let everybody in again, in order."""
        self._stopped = False
        self._call()

    def fail(self, error: PlaitError) -> None:
        """Refuse those who queue, and let later ones in."""
        queue, self._queue = self._queue, []
        for _, future in sorted(queue, key=lambda each: each[0]):
            if not future.done():
                future.set_exception(error)
        self._stopped = False

    async def _be_called(self, ticket: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (ticket, future))
        self._call()
        try:
            await future
        except BaseException:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._called = False  # called and cancelled at once: the next one instead
                self._call()
            raise
        self._called = False

    def _is_overtaking(self, ticket: int) -> bool:
        """Whether an older ticket came back after this one was called."""
        while self._queue and self._queue[0][1].done():
            heapq.heappop(self._queue)
        return bool(self._queue) and self._queue[0][0] < ticket

    def _call(self) -> None:
        while self._queue and not self._stopped and not self._called:
            _, future = heapq.heappop(self._queue)
            if not future.done():
                self._called = True
                future.set_result(None)
