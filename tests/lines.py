"""Short words for tests about lines: groups, entries, replicas and what they answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from plait.base.codec import encode
from plait.engines.replica import Answered, Replica
from plait.line.entry import Entry
from plait.types.commands import Command, Put, encode_group, encode_payload
from plait.types.machine import Machine
from plait.types.queries import Get
from plait.types.table import TableMachine
from tests.fakes import FakeClock, FakeLoglet, FakeState


def put(key: str, value: object, table: int = 1, if_version: int | None = None) -> Put:
    return Put(table, key, msgspec.Raw(encode(value)), if_version)


def group(*commands: Command, session: int = 0, first: int = 0, answered: int = 0) -> bytes:
    return encode_group(session, first, answered, [encode(command) for command in commands])


def entry(*commands: Command, time_ms: int = 0) -> Entry:
    return Entry(encode_payload([group(*commands)]), len(commands), time_ms=time_ms)


def decoded(answered: Answered) -> list[Any]:
    return [msgspec.msgpack.decode(answer) for answer in answered.answers]


async def get(replica: Replica, key: str, after: int = 0) -> Any:
    await replica.wait_applied(after, 5)
    (found,) = decoded(await replica.read([Get(1, key)], timeout=5))
    return found


@asynccontextmanager
async def running(
    loglet: FakeLoglet | None = None,
    state: FakeState | None = None,
    machine: Machine | None = None,
    clock: FakeClock | None = None,
) -> AsyncIterator[Replica]:
    replica = Replica(
        "line",
        loglet or FakeLoglet(),
        machine or TableMachine(),
        state or FakeState(),  # type: ignore[arg-type]
        clock or FakeClock(),
    )
    await replica.start()
    try:
        yield replica
    finally:
        await asyncio.wait_for(replica.close(), 5)
