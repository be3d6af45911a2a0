"""Registers: values that change by compare-and-set only, all of a namespace in one small stream.

A register is a subject of which the stream keeps the last message: a version of our own, a nonce,
the value. The server stores a message only if the subject's last one has the sequence that the
writer saw, so writers take turns. A read from one server may be stale; a linearizable one writes
what it read once more, under the same version.

Invariant: versions grow by one with each change of the value. Source: the MetaStore of Delos, on
`Nats-Expected-Last-Subject-Sequence` as in NATS's own key-value stores.
"""

import asyncio
from base64 import b64decode
from contextlib import suppress
from typing import Any

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Conflict, Corrupt, Indefinite, Unavailable
from plait.engines.nats.connection import ApiError, Connection
from plait.engines.nats.naming import Names
from plait.engines.nats.settings import stream_config
from plait.engines.nats.streams import ensure_stream

WRONG_LAST_SEQUENCE = {10071, 10164}
NO_MESSAGE = 10037
RETRIES_MAX = 100
AGAIN_S_MAX = 0.02


class Value(msgspec.Struct, frozen=True, array_like=True):
    """What a subject's last message says."""

    version: int = 0
    nonce: int = 0
    data: bytes = b""


class Registers:
    """The registers of one namespace, by subject."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._random = connection.random
        self._made = False

    def config(self) -> dict[str, Any]:
        """How the stream of registers is set up."""
        wanted = stream_config(self._names.registers, self._names.all_subjects("registers"))
        return wanted | {"max_msgs_per_subject": 1}

    async def open(self) -> None:
        """Make the stream, or see that the one that is there is as it should be."""
        if not self._made:
            await ensure_stream(self._connection, self.config())
            self._made = True

    async def peek(self, subject: str) -> tuple[int, bytes]:
        """Version and value as some server has them; they may have changed."""
        _, value = await self._last(subject)
        return value.version, value.data

    async def get(self, subject: str) -> tuple[int, bytes]:
        """Version and value, linearizable."""
        for _ in range(RETRIES_MAX):
            sequence, value = await self._last(subject)
            confirmed = Value(value.version, self._random.getrandbits(63), value.data)
            try:
                if await self._store(subject, sequence, confirmed):
                    return value.version, value.data
            except Indefinite:
                pass  # whether it was stored or not: it says nothing new
            await self._pause()
        raise Unavailable(f"the register {subject} changes all the time")

    async def compare_and_set(self, subject: str, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version."""
        wanted = Value(version + 1, self._random.getrandbits(63), data)
        unsure = False
        for _ in range(RETRIES_MAX):
            sequence, value = await self._last(subject)
            if value.nonce == wanted.nonce:
                return wanted.version
            if value.version < version:
                await self.get(subject)  # the server that was asked is behind, or the caller lies
                _, value = await self._last(subject)
            if value.version != version:
                if unsure:
                    raise Unavailable(f"the register {subject} changed while its writer waited")
                raise Conflict(f"the register is at version {value.version}, not {version}")
            try:
                if await self._store(subject, sequence, wanted):
                    return wanted.version
            except Indefinite:
                unsure = True
            await self._pause()
        raise Unavailable(f"the register {subject} changes all the time")

    async def settle(self, subject: str, data: bytes) -> bytes:
        """Set a register that changes only once, unless somebody has; what it holds for good."""
        first = Value(1, self._random.getrandbits(63), data)
        storing, held = await asyncio.gather(
            self._store(subject, 0, first), self.peek(subject), return_exceptions=True
        )
        if storing is True:
            return data
        if isinstance(held, tuple) and held[0]:
            return held[1]
        if isinstance(storing, BaseException) and not isinstance(storing, Indefinite):
            raise storing
        with suppress(Conflict):
            await self.compare_and_set(subject, 0, data)
        return (await self.get(subject))[1]

    async def erase(self, subject: str) -> None:
        """Forget a register, or all below a subject with a wildcard."""
        try:
            await self._connection.api(f"STREAM.PURGE.{self._names.registers}", {"filter": subject})
        except ApiError as error:
            raise error.refusal("erase a register") from None

    async def _last(self, subject: str) -> tuple[int, Value]:
        """Sequence and value of a subject's last message; zeros if there is none."""
        request = f"STREAM.MSG.GET.{self._names.registers}"
        try:
            answer = await self._connection.api(request, {"last_by_subj": subject})
        except ApiError as error:
            if error.err_code == NO_MESSAGE:
                return 0, Value()
            raise error.refusal("read a register") from None
        message = answer["message"]
        try:
            return message["seq"], decode(b64decode(message.get("data", "")), type=Value)
        except (msgspec.DecodeError, ValueError):
            raise Corrupt(
                f"message {message['seq']} of stream {self._names.registers} is no register",
                sequence=message["seq"],
            ) from None

    async def _store(self, subject: str, sequence: int, value: Value) -> bool:
        """Store a value if the subject's last message is still the one at `sequence`."""
        headers = {
            "Nats-Expected-Stream": self._names.registers,
            "Nats-Expected-Last-Subject-Sequence": str(sequence),
        }
        try:
            await self._connection.ask(subject, encode(value), headers, again=False)
        except ApiError as error:
            if error.err_code in WRONG_LAST_SEQUENCE:
                return False
            if error.passing:
                raise Unavailable(f"the register could not be written: {error}") from None
            raise error.refusal("write a register") from None
        return True

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.uniform(0, AGAIN_S_MAX))


class NatsRegister:
    """One register, as a `Metastore`."""

    def __init__(self, registers: Registers, subject: str) -> None:
        self._registers = registers
        self._subject = subject

    async def get(self) -> tuple[int, bytes]:
        """Version and value; (0, b"") before the first set."""
        return await self._registers.get(self._subject)

    async def compare_and_set(self, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version. `Conflict` if not."""
        return await self._registers.compare_and_set(self._subject, version, data)
