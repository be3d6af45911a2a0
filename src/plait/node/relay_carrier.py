"""A relay: a log on a shared engine that carries the files of a shared folder, and tells at once.

::

    scan     fold what was appended since                 read    a file's entries, or the memory
    write, remove     gathered ─► commit: one entry       tend    move live files up, then trim

What one round leaves goes into one entry, unless it is too long for the engine. Nobody owns the
log: whoever finds that too much of it is dead appends what lives in its older half once more and
trims that half. Two who do so at once do it twice, which harms nothing.

Invariant: nothing is trimmed that this handle knows to be of use. Absent: what files mean
(`folder_sync`), and when to look (`relay_handle`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

from plait.base.errors import BadFrame, Corrupt, HistoryTrimmed
from plait.base.ports import Random
from plait.engines.shared import SharedEngine
from plait.host.shared_folder import Bad, Found, Label, Scan, compose, file_name, parse
from plait.line.entry import Entry, Kind
from plait.line.loglet import Loglet
from plait.node.relay_records import (
    Gone,
    Key,
    Leaving,
    Left,
    Put,
    RelayIndex,
    decode_leaving,
    encode_leaving,
    key_of,
)

LOG = "documents-relay"
CHUNK_BYTES = 256 * 1024
SPARE_BYTES = 4096  # of an entry, for what is not data
CACHE_BYTES_MAX = 16 << 20
DEAD_BYTES_MAX = 4 << 20  # beyond as much again as is of use
DEAD_ENTRIES_MAX = 2048  # beyond four for each file

Connect = Callable[[], Awaitable[SharedEngine]]


class RelayCarrier:
    """Implements `Carrier` on a log; one for each store that uses it."""

    heads_kept = 1  # entries come in order
    heads_apart = True  # an edit is not to cost more for every other collection
    additions_max = 1024

    def __init__(self, connect: Connect, random: Random) -> None:
        self._connect = connect
        self._random = random
        self._name = f"{random.getrandbits(64):016x}"
        self._loglet: Loglet | None = None
        self._entry_bytes = CHUNK_BYTES
        self._index = RelayIndex(0)
        self._bodies: OrderedDict[Key, bytes] = OrderedDict()  # whole files, lately folded
        self._bodies_bytes = 0
        self._open: list[Put | Gone] = []
        self._open_bytes = 0
        self._folding = asyncio.Lock()

    # ------------------------------------------------------------------ the log

    async def _opened(self) -> Loglet:
        if self._loglet is None:
            engine = await self._connect()
            loglet = await engine.open(LOG)
            await loglet.check_tail()  # who has not seen all would leave it all once more
            self._entry_bytes = min(CHUNK_BYTES, engine.entry_bytes_max - SPARE_BYTES)
            self._index = RelayIndex(loglet.head)
            self._loglet = loglet
        return self._loglet

    async def reopen(self) -> None:
        """The log is not what it was: begin again with it."""
        loglet, self._loglet = self._loglet, None
        if loglet is not None:
            await loglet.close()

    async def close(self) -> None:
        """Read no more."""
        await self.reopen()

    async def wait(self, timeout_s: float) -> bool:
        """Return when something was appended, or in time; whether another says it is urgent."""
        async with self._folding:
            loglet = await self._opened()
        try:
            await asyncio.wait_for(loglet.wait(self._index.next), timeout_s)
        except TimeoutError:
            return False
        return await self._advance()

    async def _advance(self) -> bool:
        """Fold what is known to be there; whether another says that something is urgent."""
        urgent = False
        async with self._folding:
            loglet = await self._opened()
            index, alone = self._index, False
            while index.next < loglet.committed:
                stop = index.next + 1 if alone else loglet.committed
                try:
                    entries = await loglet.read(index.next, stop)
                except HistoryTrimmed as error:
                    head = max(loglet.head, int(error.details.get("head", 0)), index.next + 1)
                    index = self._index = RelayIndex(head)
                    continue
                except Corrupt as error:
                    if alone:  # it is this one, not one behind it
                        index.skip(error.message)
                    alone = not alone
                    continue
                alone = False
                for entry in entries:
                    if entry.kind is not Kind.DATA:
                        index.pass_over()
                        continue
                    leaving = index.fold(entry.payload)
                    if leaving is not None:
                        self._remember(leaving)
                        urgent |= leaving.urgent and leaving.by != self._name
            index.trimmed(loglet.head)
        return urgent

    def _remember(self, leaving: Leaving) -> None:
        for operation in leaving.operations:
            if isinstance(operation, Put) and operation.chunks == 1:
                key = key_of(operation.label)
                if key not in self._bodies:
                    self._bodies[key] = operation.data
                    self._bodies_bytes += len(operation.data)
            elif isinstance(operation, Gone):
                self._forget((operation.writer, operation.number, operation.token))
        while self._bodies_bytes > CACHE_BYTES_MAX:
            self._forget(next(iter(self._bodies)))

    def _forget(self, key: Key) -> None:
        self._bodies_bytes -= len(self._bodies.pop(key, b""))

    # ------------------------------------------------------------------ reading

    async def scan(self) -> Scan:
        """Everything that is known to be there."""
        self._open, self._open_bytes = [], 0  # of a round that failed
        await self._advance()
        bad = [Bad(f"position {at}", why) for at, why in sorted(self._index.bad.items())]
        return Scan([_found(left) for left in self._index.files()], bad)

    async def read(self, found: Found) -> bytes:
        """The body of a file."""
        label, body = parse(await self._data(key_of(found.label)))
        if label != found.label:
            raise BadFrame("it is another file")
        return body

    async def _data(self, key: Key) -> bytes:
        known = self._bodies.get(key)
        if known is not None:
            return known
        left = self._index.get(key)
        if left is None:
            raise BadFrame("it is gone")
        return b"".join([await self._chunk(left, number) for number in range(left.chunks)])

    async def _chunk(self, left: Left, number: int) -> bytes:
        loglet = await self._opened()
        position = left.places[number]
        try:
            entries = await loglet.read(position, position + 1)
        except (HistoryTrimmed, Corrupt) as error:
            raise BadFrame(f"position {position}: {error.message}") from None
        for operation in decode_leaving(entries[0].payload).operations if entries else ():
            if not isinstance(operation, Put) or operation.label != left.label:
                continue
            if operation.chunk == number:
                return operation.data
        raise BadFrame(f"position {position} holds something else")

    # ------------------------------------------------------------------ leaving

    async def write(self, label: Label, body: bytes) -> Found:
        """Add a file with the next entry."""
        data = compose(label, body)
        await self._put(label, data, again=False)
        return Found(_path(label, self._index.next), len(data), label)

    async def _put(self, label: Label, data: bytes, again: bool) -> None:
        size = self._entry_bytes
        cuts = range(0, len(data), size)
        for number, start in enumerate(cuts):
            chunk = data[start : start + size]
            if self._open and self._open_bytes + len(chunk) > size:
                await self._append(urgent=False)
            self._open.append(Put(label, number, len(cuts), len(data), again, chunk))
            self._open_bytes += len(chunk) + len(label.about) + 64

    async def remove(self, found: Found) -> None:
        """Remove a file with the next entry."""
        self._open.append(Gone(*key_of(found.label)))
        self._open_bytes += 40

    async def tidy(self, writer: str) -> None:
        """Nothing: what a crash cut short is given up by everybody."""

    async def commit(self, urgent: bool) -> None:
        """Append what was gathered."""
        await self._append(urgent)

    async def _append(self, urgent: bool) -> None:
        operations, self._open, self._open_bytes = tuple(self._open), [], 0
        if operations:
            loglet = await self._opened()
            payload = encode_leaving(Leaving(self._name, urgent, operations))
            await loglet.append(Entry(payload))

    # ------------------------------------------------------------------ upkeep

    async def tend(self) -> None:
        """Keep the log short."""
        loglet = await self._opened()
        await self._advance()
        kept = self._index.kept()
        worn = kept.entries > 4 * kept.files + DEAD_ENTRIES_MAX
        worn = worn or kept.bytes > 2 * kept.live_bytes + DEAD_BYTES_MAX
        if worn:
            half = loglet.head + kept.entries // 2
            for left in self._index.files():
                if left.first < half:
                    await self._move_up(left)
            await self._append(urgent=False)
            await self._advance()
        needed = self._index.needed_from()
        if worn or needed - loglet.head > DEAD_ENTRIES_MAX // 16:
            await loglet.trim(needed)
            self._index.trimmed(loglet.head)

    async def _move_up(self, left: Left) -> None:
        try:
            await self._put(left.label, await self._data(key_of(left.label)), again=True)
        except BadFrame:  # nobody can read it, so nobody misses it
            async with self._folding:
                self._index.drop(key_of(left.label))


def _found(left: Left) -> Found:
    return Found(_path(left.label, left.first), left.size, left.label)


def _path(label: Label, position: int) -> Path:
    """For messages, and to tell files apart: it leads nowhere."""
    return Path(f"position {position}") / file_name(label)
