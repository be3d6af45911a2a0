"""A member of a PySyncObj cluster, and the load on it: ``python -m plait.bench.pysyncobj_node``.

PySyncObj is a library inside the program that uses it, so the load runs in the leader's own
process and a command's callback proposes the next one: no client, no hop, which is the best that
PySyncObj can be used. What to do is asked for as lines of JSON on a loopback port.
"""

import asyncio
import sys
from array import array
from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec
import pysyncobj.journal  # type: ignore[import-untyped]
from pysyncobj.batteries import ReplDict  # type: ignore[import-untyped]

from plait.bench.load import VALUE, WARM_UP_S, fresh_keys
from plait.bench.measure import Sample, sample
from plait.bench.pysyncobj_control import (
    LINE_BYTES_MAX,
    Answer,
    Ask,
    Failed,
    Load,
    Measured,
    Request,
    Setup,
    State,
)


class Loop:
    """A closed loop of callbacks: each writer's next command is proposed when one is applied.

    PySyncObj calls back in a thread of its own, which does nothing but that and ticking.
    """

    def __init__(self, put: Callable[[str, Callable[[Any, int], None]], None], load: Load) -> None:
        self._put = put
        self._load = load
        self._keys = fresh_keys()
        self._begin = perf_counter() + WARM_UP_S
        self._end = self._begin + load.seconds
        self._latencies_s = array("d")
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._failure: int | None = None

    async def run(self) -> Sample:
        """Until the time is over. `RuntimeError` if a command failed or none was applied."""
        for _ in range(self._load.in_flight):
            self._propose()
        async with asyncio.timeout(WARM_UP_S + self._load.seconds + 10.0):
            await self._over.wait()
        if self._failure is not None:
            raise RuntimeError(f"PySyncObj refused a command with reason {self._failure}")
        return sample(self._latencies_s, self._load.seconds)

    def _propose(self) -> None:
        sent = perf_counter()

        def applied(_: Any, reason: int) -> None:
            now = perf_counter()
            if reason != pysyncobj.FAIL_REASON.SUCCESS:
                self._failure = reason
            if reason != pysyncobj.FAIL_REASON.SUCCESS or now >= self._end:
                self._loop.call_soon_threadsafe(self._over.set)
                return
            if now >= self._begin:
                self._latencies_s.append(now - sent)
            self._propose()

        self._put(next(self._keys), applied)


def sync_every_entry() -> None:
    """Make journals call their own `flush`, which the library has and never calls."""
    journal = pysyncobj.journal.FileJournal
    add = journal.add

    def add_and_flush(self: Any, *entry: Any) -> None:
        add(self, *entry)
        self.flush()

    journal.add = add_and_flush


class Member:
    """A replicated dictionary in this process, and what is asked of it."""

    def __init__(self, setup: Setup) -> None:
        if setup.synced:
            sync_every_entry()
        self._rows = ReplDict()
        self._object = pysyncobj.SyncObj(
            setup.address,
            setup.partners,
            pysyncobj.SyncObjConf(journalFile=setup.journal, **setup.settings),
            consumers=[self._rows],
        )

    async def answer(self, request: Request) -> Answer:
        """Do what is asked."""
        match request:
            case Ask():
                leader = self._object._getLeader()
                return State(self._object.isReady(), str(leader) if leader else None)
            case Load():
                try:
                    return Measured(await Loop(self._propose, request).run())
                except (RuntimeError, TimeoutError) as error:
                    return Failed(str(error) or "no command was applied in time")

    def _propose(self, key: str, applied: Callable[[Any, int], None]) -> None:
        self._rows.set(key, VALUE, callback=applied)


async def serve(setup: Setup) -> None:
    """Answer what is asked, until the process is ended."""
    member = Member(setup)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request: Request = msgspec.json.decode(line, type=Request)
            answer = await member.answer(request)
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", setup.control_port, limit=LINE_BYTES_MAX)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=Setup)))
