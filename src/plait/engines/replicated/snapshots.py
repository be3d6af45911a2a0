"""Bootstrap: a copy of the leader's state for a follower whose next entry is gone.

The copy is an immutable file; it is streamed in chunks with a bounded number on the way, checked
as a whole, and resumable: a follower that comes back (or an offer that is repeated) goes on from
the bytes that are on its disk. The leader keeps its log from the copy's position meanwhile.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from plait.base.errors import PlaitError
from plait.base.ports import IncomingSnapshot, Snapshot
from plait.line.entry import Epoch
from plait.line.replication.messages import SnapshotAck, SnapshotChunk, SnapshotOffer

CHUNK_BYTES = 256 << 10
WINDOW_BYTES = 2 << 20
OFFER_S = 0.25
SILENCE_S = 5.0  # without an answer for so long a transfer is broken off (and resumed later)


class Copy(NamedTuple):
    """A copy of a state, and the log position that it stands for."""

    snapshot: Snapshot
    position: int
    last: Epoch
    records: int
    membership: bytes = b""  # of the line at `position`, where the line has one of its own


class StateCopies(Protocol):
    """Whoever owns the state."""

    async def take(self) -> Copy:
        """Copy the state as it is on disk now."""
        ...

    def incoming(self, snapshot_id: str) -> IncomingSnapshot:
        """Begin or resume receiving."""
        ...

    async def install(self, incoming: IncomingSnapshot, offer: SnapshotOffer) -> None:
        """Replace the state and the log's beginning by the received copy."""
        ...


class SnapshotSender:
    """Streams one copy to one follower."""

    def __init__(
        self,
        line: str,
        epoch: Epoch,
        peer: str,
        send: Callable[[str, Any], None],
        pace: Callable[[str, int], float] = lambda peer, size: 0.0,
    ) -> None:
        self._line, self._epoch, self.peer = line, epoch, peer
        self._send = send
        self._pace = pace  # how long so many bytes have to wait
        self._ack: SnapshotAck | None = None
        self._heard = asyncio.Event()
        self.sent_bytes = 0

    def acked(self, ack: SnapshotAck) -> None:
        """The follower answered."""
        self._ack = ack
        self._heard.set()

    async def run(self, copy: Copy) -> bool:
        """Stream; True once the follower installed the copy, False if it broke off."""
        snapshot = copy.snapshot
        offer = SnapshotOffer(
            self._line, self._epoch, snapshot.snapshot_id, snapshot.size, snapshot.checksum,
            copy.position, copy.last, copy.records, copy.membership,
        )  # fmt: skip
        ack = await self._introduce(offer)
        offset: int | None = None
        while True:
            if offset is not None:
                ack = await self._answer(snapshot.snapshot_id, _patience(offset, snapshot.size))
            if ack is None or ack.error:
                return False
            if ack.installed:
                return True
            offset = ack.received if offset is None else offset
            while offset < snapshot.size and offset - ack.received < WINDOW_BYTES:
                data = snapshot.read(offset, CHUNK_BYTES)
                if (wait_s := self._pace(self.peer, len(data))) > 0:
                    await asyncio.sleep(wait_s)
                self._send(
                    self.peer,
                    SnapshotChunk(self._line, self._epoch, snapshot.snapshot_id, offset, data),
                )
                offset += len(data)
                self.sent_bytes += len(data)

    async def _introduce(self, offer: SnapshotOffer) -> SnapshotAck | None:
        """Offer until there is an answer: a follower that just started may not know the line."""
        for _ in range(int(SILENCE_S / OFFER_S)):
            self._send(self.peer, offer)
            ack = await self._answer(offer.snapshot, OFFER_S)
            if ack is not None:
                return ack
        return None

    async def _answer(self, snapshot_id: str, patience_s: float) -> SnapshotAck | None:
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    await self._heard.wait()
            except TimeoutError:
                return None
            self._heard.clear()
            if self._ack is not None and self._ack.snapshot == snapshot_id:
                return self._ack


def _patience(offset: int, size: int) -> float:
    """Installing a large state takes the follower a while after the last byte."""
    return SILENCE_S * (12 if offset == size else 1)


class SnapshotReceiver:
    """Receives the copies that a line's leader offers, one at a time."""

    def __init__(self, me: str, copies: StateCopies, send: Callable[[str, Any], None]) -> None:
        self._me = me
        self._copies = copies
        self._send = send
        self._offer: SnapshotOffer | None = None
        self._incoming: IncomingSnapshot | None = None
        self._installing: asyncio.Task[None] | None = None
        self.installed = 0

    @property
    def busy(self) -> bool:
        """Whether the state is being replaced right now."""
        return self._installing is not None and not self._installing.done()

    def offered(self, peer: str, offer: SnapshotOffer) -> None:
        """A leader offers a copy."""
        if self.busy:
            return
        self._offer = offer
        self._incoming = self._copies.incoming(offer.snapshot)
        self._progress(peer)

    def chunk(self, peer: str, chunk: SnapshotChunk) -> None:
        """The next bytes came; out of order ones are answered with what we have."""
        offer, incoming = self._offer, self._incoming
        if offer is None or incoming is None or chunk.snapshot != offer.snapshot or self.busy:
            return
        if chunk.offset == incoming.received and chunk.offset + len(chunk.data) <= offer.size:
            incoming.write(chunk.data)
        self._progress(peer)

    def _progress(self, peer: str) -> None:
        offer, incoming = self._offer, self._incoming
        assert offer is not None
        assert incoming is not None
        self._answer(peer, offer, incoming.received)
        if incoming.received >= offer.size and not self.busy:
            task = self._install(peer, offer, incoming)
            self._installing = asyncio.get_running_loop().create_task(task)

    async def _install(self, peer: str, offer: SnapshotOffer, incoming: IncomingSnapshot) -> None:
        try:
            await self._copies.install(incoming, offer)
        except PlaitError as error:
            incoming.discard()
            self._offer = self._incoming = None
            self._answer(peer, offer, 0, error=error.message)
        else:
            self.installed += 1
            self._offer = self._incoming = None
            self._answer(peer, offer, offer.size, installed=True)

    def _answer(
        self,
        peer: str,
        offer: SnapshotOffer,
        received: int,
        installed: bool = False,
        error: str = "",
    ) -> None:
        ack = SnapshotAck(offer.line, offer.epoch, offer.snapshot, received, installed, error)
        self._send(peer, ack)

    async def close(self) -> None:
        """Wait for an installation that is under way."""
        if self._installing is not None:
            await asyncio.gather(self._installing, return_exceptions=True)
