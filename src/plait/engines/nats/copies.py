"""Copies of states: chunks in one stream of a namespace, and a register that says which are whole.

A chunk is a subject of its own, so it can be read by itself and sent twice. A copy exists once the
register names it, which happens by compare-and-set after every chunk was stored; then chunks that
no named copy has are removed. Of two who put copies of one name at once, the register decides; the
chunks of the other may be gone, so it begins again.

Invariant: a copy that the register names is whole, and at most two of a name are named.
"""

import asyncio
from base64 import b64decode
from typing import Any

import msgspec

from plait.base.codec import checksum, decode, encode
from plait.base.errors import Conflict, Corrupt, HistoryTrimmed, Unavailable
from plait.base.ports import Snapshot
from plait.engines.nats.connection import ApiError, Connection
from plait.engines.nats.naming import Names
from plait.engines.nats.registers import NO_MESSAGE, Registers
from plait.engines.nats.settings import stream_config
from plait.engines.nats.streams import ensure_stream
from plait.engines.shared import SharedCopy

CHUNK_BYTES_MAX = 256 << 10
IN_FLIGHT_MAX = 4
KEPT_MAX = 2
ATTEMPTS_MAX = 3
CHECKSUM_BYTES = 4


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One whole copy, as the register has it."""

    copy: str  # the part of its subjects that is its own
    position: int
    size: int
    checksum: int
    meta: bytes
    chunk_bytes: int

    @property
    def shared(self) -> SharedCopy:
        """As callers know it."""
        return SharedCopy(self.position, self.size, self.checksum, self.meta)


class Copies:
    """The copies of one namespace."""

    def __init__(self, connection: Connection, names: Names, registers: Registers) -> None:
        self._connection = connection
        self._names = names
        self._registers = registers
        self._made = False

    def config(self) -> dict[str, Any]:
        """How the stream of copies is set up."""
        wanted = stream_config(self._names.copies, self._names.all_subjects("copies"))
        return wanted | {"max_msgs_per_subject": 1}

    async def put(self, name: str, copy: SharedCopy, data: Snapshot, payload_max: int) -> None:
        """Keep a copy, unless there is one that is as far already."""
        await self._open()
        register = self._register(name)
        chunk_bytes = min(CHUNK_BYTES_MAX, payload_max // 2)
        for _ in range(ATTEMPTS_MAX):
            version, kept = await self._kept(register)
            if kept and kept[0].position >= copy.position:
                return
            own = f"{self._connection.random.getrandbits(64):016x}"
            await self._send(name, own, data, copy.size, chunk_bytes)
            first = Kept(own, copy.position, copy.size, copy.checksum, copy.meta, chunk_bytes)
            now = [first, *kept][:KEPT_MAX]
            try:
                await self._registers.compare_and_set(register, version, encode(now))
            except Conflict:
                await self._purge(self._names.copy_subject(name, own) + ".>")
                continue
            await self._sweep(name, {each.copy for each in now})
            return
        raise Conflict(f"others put copies of {name!r} all the time")

    async def latest(self, name: str) -> SharedCopy | None:
        """The newest whole copy."""
        await self._open()
        _, kept = await self._kept(self._register(name))
        return kept[0].shared if kept else None

    async def read(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy; `HistoryTrimmed` if it went meanwhile."""
        await self._open()
        kept = await self._find(name, copy)
        stop = min(offset + count, copy.size)
        parts: list[bytes] = []
        for number in range(offset // kept.chunk_bytes, -(-stop // kept.chunk_bytes)):
            chunk = await self._chunk(name, kept.copy, number)
            if chunk is None:
                await self._find(name, copy)  # if it is named no more, that is why
                raise Corrupt(f"chunk {number} of a copy of {name!r} is missing or damaged")
            begin = number * kept.chunk_bytes
            parts.append(chunk[max(0, offset - begin) : stop - begin])
        return b"".join(parts)

    async def drop(self, name: str) -> None:
        """Remove every copy of a name."""
        await self._open()
        await self._registers.erase(self._register(name))
        await self._purge(self._names.copy_subject(name) + ".>")

    # ------------------------------------------------------------------ helpers

    async def _open(self) -> None:
        if not self._made:
            await self._registers.open()
            await ensure_stream(self._connection, self.config())
            self._made = True

    def _register(self, name: str) -> str:
        return self._names.register_subject("copies", name)

    async def _kept(self, register: str) -> tuple[int, list[Kept]]:
        version, data = await self._registers.get(register)
        return version, decode(data, type=list[Kept]) if data else []

    async def _find(self, name: str, copy: SharedCopy) -> Kept:
        _, kept = await self._kept(self._register(name))
        for each in kept:
            if each.shared == copy:
                return each
        raise HistoryTrimmed(f"the copy of {name!r} at {copy.position} is gone")

    async def _send(self, name: str, own: str, data: Snapshot, size: int, chunk_bytes: int) -> None:
        starts = list(enumerate(range(0, size, chunk_bytes)))
        for first in range(0, len(starts), IN_FLIGHT_MAX):
            window = [
                (self._names.copy_subject(name, own, str(number)), data.read(start, chunk_bytes))
                for number, start in starts[first : first + IN_FLIGHT_MAX]
            ]
            await asyncio.gather(*(self._store(subject, chunk) for subject, chunk in window))

    async def _store(self, subject: str, chunk: bytes) -> None:
        headers = {"Nats-Expected-Stream": self._names.copies}
        body = checksum(chunk).to_bytes(CHECKSUM_BYTES, "big") + chunk
        try:
            await self._connection.ask(subject, body, headers)
        except ApiError as error:
            raise error.refusal("keep a copy") from None

    async def _chunk(self, name: str, own: str, number: int) -> bytes | None:
        subject = self._names.copy_subject(name, own, str(number))
        request = f"STREAM.MSG.GET.{self._names.copies}"
        try:
            answer = await self._connection.api(request, {"last_by_subj": subject})
        except ApiError as error:
            if error.err_code == NO_MESSAGE:
                return None
            raise error.refusal("read a copy") from None
        body = b64decode(answer["message"].get("data", ""))
        chunk = body[CHECKSUM_BYTES:]
        return chunk if checksum(chunk).to_bytes(CHECKSUM_BYTES, "big") == body[:4] else None

    async def _sweep(self, name: str, kept: set[str]) -> None:
        """Remove the chunks of copies that are named no more, or never were."""
        subject = self._names.copy_subject(name)
        try:
            info = await self._connection.api(
                f"STREAM.INFO.{self._names.copies}", {"subjects_filter": f"{subject}.>"}
            )
            found = info["state"].get("subjects") or {}
            depth = len(subject.split("."))
            for copy in sorted({each.split(".")[depth] for each in found} - kept):
                await self._purge(f"{subject}.{copy}.>")
        except (ApiError, Unavailable):
            pass  # the next copy sweeps again

    async def _purge(self, subjects: str) -> None:
        try:
            await self._connection.api(f"STREAM.PURGE.{self._names.copies}", {"filter": subjects})
        except ApiError as error:
            raise error.refusal("remove copies") from None
