"""The Network port between simulated machines: connections over paths that delay and break.

A *path* leads from one machine to another, one way. What TCP makes of a bad network is what its
users see: a lost packet is a later arrival (of everything behind it too), a cut path holds what is
sent until it is mended or the system gives the connection up, which only the sender notices: the
other end is half open until it sends something itself. A process that dies resets its connections,
a machine that loses power does not.

Invariant: what arrives on a connection arrives in order, once, or not at all, unless its path is
`unruly`; after `closed` nothing arrives. What an `abandoned` end had sent arrives after frames of
the connection that came next. Absent: packets, names other than ``machine:port``.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import Connection, Listener, Receiver
from plait.host.tcp import TcpLimits
from plait.sim.paths import Path
from plait.sim.process import Process

if TYPE_CHECKING:
    from plait.sim.fabric import Fabric
    from plait.sim.machine import Machine

Accept = Callable[[Connection], Receiver]

_FRAME_BYTES = 4  # the length before each frame
_HANDSHAKE_BYTES_MAX = 64 * 1024
_FIRST_FRAME_S = TcpLimits().first_frame_s
_WINDOW_BYTES = 256 * 1024  # what a receiver that does not read lets into its buffers


class SimConnection:
    """One end of a connection."""

    def __init__(self, fabric: "Fabric", process: Process, here: str, there: str) -> None:
        self.peer = there
        self.frame_bytes_max = _HANDSHAKE_BYTES_MAX
        self.certified: str | None = None
        self.refusal: PlaitError | None = None
        self.here = here
        self.there = there
        self.process = process
        self.other: SimConnection
        self.receiver: Receiver | None = None
        self._fabric = fabric
        self._way = f"{there} {here}\n".encode()  # of what arrives here, in the hash
        self._path = fabric.path(here, there)  # of what is sent from here
        self.first = b""  # frame that was sent from here: it says who speaks
        self._pending: list[bytes] = []
        self._held: list[tuple[list[bytes], int]] = []  # on a cut path
        self._under_way = 0  # bytes sent that have not been read
        self._unread: list[tuple[list[bytes], int]] = []  # arrived while paused
        self._last_arrival = 0.0  # of what was sent from here
        self._paused = False
        self._open = True
        self._finished = False  # `closed` was told, or will be
        self._heard = False  # anything at all
        self._fabric.opened(self)
        process.at(fabric.loop.time() + _FIRST_FRAME_S, self._give_up_unheard)

    # ------------------------------------------------------------------ the owner's side

    @property
    def unsent(self) -> int:
        """Bytes queued that the network has not taken."""
        beyond = self._under_way - _WINDOW_BYTES
        queued = sum(map(len, self._pending)) if self._pending else 0
        return queued + beyond if beyond > 0 else queued

    def send(self, frame: bytes) -> None:
        """Queue a frame for the end of this turn."""
        if not self._open:
            return
        if not self._pending:
            self._fabric.loop.call_soon(self._flush)
        self._pending.append(frame)

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if self._unread:
            self._fabric.loop.call_soon(self._read)

    def close(self, reason: str = "") -> None:
        """Send what is queued, then end."""
        if not self._open:
            return
        self._flush()
        self._open = False
        arrives = self._when(0)
        if arrives is not None:
            self.other.process.at(arrives, self.other.hung_up, "closed by the peer")
        self._finish(reason or "closed here")

    # ------------------------------------------------------------------ the network's side

    def hung_up(self, reason: str) -> None:
        """The other end closed, and everything before that has been read."""
        if self._unread:
            self._read(all_of_it=True)
        self._open = False
        self._finish(reason)

    def broken(self, reason: str) -> None:
        """The connection is no more, for both ends."""
        for end in (self, self.other):
            if end._open:
                end._open = False
                end._finish(reason)

    def lost_process(self, silently: bool) -> None:
        """The process at this end is gone; a machine that is gone too tells nobody."""
        self._open = False
        self._finished = True
        self._pending.clear()
        self._fabric.ended(self)
        if not silently:
            arrives = self._when(0)
            if arrives is not None:
                self.other.process.at(arrives, self.other.hung_up, "reset by the peer")

    def abandoned(self, late_s: float) -> int:
        """This end is told that it was reset; what is on the way and the news reach the other late.

        How many frames will. Until then the other end is open, for a connection that is no more.
        """
        held, self._held = self._held, []
        self._last_arrival = max(self._last_arrival, self._fabric.loop.time() + late_s)
        for frames, size in held:
            self.other.process.at(self._last_arrival, self.other._arrive, frames, size)
        self.other.process.at(self._last_arrival, self.other.hung_up, "reset by the peer")
        self._open = False
        self._finish("reset by the network")
        return sum(len(frames) for frames, _ in held)

    def comes(self, frame: bytes, when: float) -> None:
        """A frame that was sent from here arrives whenever an unruly path likes."""
        self.other.process.at(when, self.other._arrive, [frame], 0)

    def sent_again(self, path: Path) -> None:
        """The path was mended."""
        held, self._held = self._held, []
        loop = self._fabric.loop
        for frames, size in held:
            when = path.arrival(loop.time() + path.rules.resend_s, size)
            self._deliver(path, frames, size, when)

    def _flush(self) -> None:
        if not self._pending or not self._open:
            return
        frames, self._pending = self._pending, []
        self.first = self.first or frames[0]
        size = sum(map(len, frames)) + _FRAME_BYTES * len(frames)
        self._under_way += size
        fabric = self._fabric
        fabric.bytes_sent += size
        fabric.frames_sent += len(frames)
        path = self._path
        if not self.other._open:
            # A half-open connection: whoever is there now knows nothing of it.
            back = self._when(0)
            if back is not None:
                back = max(back, self.other._last_arrival)  # that is no news faster than its frames
                self.process.at(back, self.broken, "reset by the peer")
            return
        if path.cut or self._held:
            if not self._held:
                self._await_acknowledgement(path)
            self._held.append((frames, size))
            return
        self._deliver(path, frames, size, path.arrival(fabric.loop.time(), size))

    def _await_acknowledgement(self, path: Path) -> None:
        """Give up if what is held now is still held after a while."""
        loop = self._fabric.loop

        def give_up() -> None:
            if self._held and self._open:
                self._open = False
                self._finish("the network does not answer")

        self.process.at(loop.time() + path.rules.give_up_s, give_up)

    def _give_up_unheard(self) -> None:
        """The peer never said anything: perhaps it is no more, and never told."""
        if not self._heard:
            self.close(f"no first frame within {_FIRST_FRAME_S} s")

    def _when(self, size: int) -> float | None:
        """When something sent now arrives; None if the path is cut."""
        path = self._path
        if path.cut or self._held:
            return None
        self._last_arrival = max(self._last_arrival, path.arrival(self._fabric.loop.time(), size))
        return self._last_arrival

    def _deliver(self, path: Path, frames: list[bytes], size: int, when: float) -> None:
        self._last_arrival = when = max(when, self._last_arrival)
        if path.unruly is not None:
            frames = path.unruly.take(self, frames, when)
        self.other.process.at(when, self.other._arrive, frames, size)

    def _arrive(self, frames: list[bytes], size: int) -> None:
        if not self._open:
            return
        if self._paused or self._unread:
            self._unread.append((frames, size))
            return
        self._take(frames, size)

    def _read(self, all_of_it: bool = False) -> None:
        while self._unread and self._open and (all_of_it or not self._paused):
            self._take(*self._unread.pop(0))

    def _take(self, frames: list[bytes], size: int) -> None:
        self.other._under_way -= size
        self._heard = True
        if self.receiver is None:
            return
        self._fabric.trace.frames(self._way, frames)
        if max(map(len, frames), default=0) > self.frame_bytes_max:
            self.broken("a frame is too long")
            return
        try:
            self.receiver.frames(frames)
        except Exception as error:
            self._fabric.trace.note("refused", self.here, f"{type(error).__name__}: {error}")
            self.broken(f"the receiver failed: {error!r}")

    def _finish(self, reason: str) -> None:
        if self._finished:
            return
        self._finished = True
        self._pending.clear()
        self._held.clear()
        self._fabric.ended(self)
        if self.receiver is not None:
            self.process.soon(self.receiver.closed, reason)


class SimListener:
    """A bound address."""

    def __init__(self, network: "SimNetwork", address: str, accept: Accept) -> None:
        self.address = address
        self.accept = accept
        self.process = network.process
        self.connections: dict[SimConnection, None] = {}
        self._network = network

    async def close(self) -> None:
        """Take no more connections and close those that came."""
        self._network.machine.listeners.pop(self.address, None)
        for connection in list(self.connections):
            connection.close("the listener was closed")


class SimNetwork:
    """The Network port of one process."""

    def __init__(self, fabric: "Fabric", machine: "Machine", process: Process) -> None:
        self.machine = machine
        self.process = process
        self._fabric = fabric

    async def listen(self, address: str, accept: Accept) -> Listener:
        """Bind an address of this machine."""
        host, _, port = address.rpartition(":")
        if host != self.machine.name:
            raise Unavailable(f"cannot listen on {address}: it is not of {self.machine.name}")
        if port == "0":
            address = f"{host}:{40_000 + len(self.machine.listeners)}"
        if address in self.machine.listeners:
            raise Unavailable(f"cannot listen on {address}: in use")
        listener = SimListener(self, address, accept)
        self.machine.listeners[address] = listener
        return listener

    async def connect(self, address: str, accept: Accept, timeout: float) -> Connection:
        """Connect within `timeout`, or raise `Unavailable`."""
        loop, fabric = self._fabric.loop, self._fabric
        here, there = self.machine.name, address.rpartition(":")[0]
        answer: asyncio.Future[SimConnection] = loop.create_future()
        out, back = fabric.path(here, there), fabric.path(there, here)
        target = fabric.machines.get(there)
        give_up = loop.call_later(timeout, _fail, answer, f"{address} did not answer in time")

        def arrived() -> None:
            assert target is not None
            listener = target.listeners.get(address)
            if not target.powered or back.cut:
                return
            when = back.arrival(loop.time(), 0)
            if listener is None:
                self.process.at(when, _fail, answer, f"cannot reach {address}: refused")
                return
            listener.process.soon(accepted, listener, when)

        def accepted(listener: SimListener, when: float) -> None:
            mine = SimConnection(fabric, self.process, here, there)
            theirs = SimConnection(fabric, listener.process, there, here)
            mine.other, theirs.other = theirs, mine
            theirs._last_arrival = when
            listener.connections[theirs] = None
            try:
                theirs.receiver = listener.accept(theirs)
            except Exception as error:
                mine.broken(f"refused: {error}")
            self.process.at(when, established, mine)

        def established(mine: SimConnection) -> None:
            if answer.done():
                mine.close("too late")
                return
            if not mine._open:
                _fail(answer, f"{address} closed the connection")
                return
            mine.receiver = accept(mine)
            answer.set_result(mine)

        if target is not None and not out.cut:
            # the world carries it: whether the caller lives then is seen when it is answered
            fabric.world_at(out.arrival(loop.time(), 0), arrived)
        try:
            connection: Connection = await answer
            return connection
        finally:
            give_up.cancel()


def _fail(answer: "asyncio.Future[SimConnection]", message: str) -> None:
    if not answer.done():
        answer.set_exception(Unavailable(message))
