"""NATS JetStream as a `SharedEngine`: one connection, and a stream for each loglet.

Invariant: a loglet is opened only on a stream that keeps what it acknowledged, with the origin
that it was made with. Source: `plait.engines.shared`.
"""

from contextlib import suppress
from typing import Any

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Unavailable
from plait.base.ports import Clock, Random, Snapshot
from plait.engines.nats.address import Address, parse_address
from plait.engines.nats.connection import ApiError, Connection
from plait.engines.nats.copies import Copies
from plait.engines.nats.examining import examine
from plait.engines.nats.loglet import LogStream, NatsLoglet
from plait.engines.nats.message import HEADERS_BYTES_MAX, OVERHEAD_BYTES
from plait.engines.nats.naming import Names
from plait.engines.nats.prefix import Mark
from plait.engines.nats.registers import NatsRegister, Registers
from plait.engines.nats.settings import metadata, origin_of, stream_config
from plait.engines.nats.streams import NOT_FOUND, ensure_stream, stream_info
from plait.engines.shared import Finding, Known, SharedCopy
from plait.line.loglet import BEGINNING, Origin

VERSION_MIN = (2, 11)  # reads of older entries come in batches from there on


async def connect(url: str, namespace: str, clock: Clock, random: Random) -> "NatsEngine":
    """The engine at `url`: nats://[user:password@]host:port,host:port, or nats+tls://."""
    address = parse_address(url)
    names = Names(namespace)
    names.registers  # noqa: B018  raises what is wrong with the namespace
    connection = Connection(address, clock, random)
    await connection.open()
    try:
        session = await connection.up()
        version = session.client.connected_server_version
        if (version.major, version.minor) < VERSION_MIN:
            raise BadSettings(
                f"the NATS server is {version.major}.{version.minor}; Plait needs "
                f"{'.'.join(map(str, VERSION_MIN))} or later"
            )
        try:
            await connection.api("INFO")
        except ApiError as error:
            raise error.refusal("use JetStream") from None
    except BaseException:
        await connection.close()
        raise
    return NatsEngine(address, names, connection, session.client.max_payload)


class NatsEngine:
    """A NATS cluster, as one node uses it. Use `connect`."""

    def __init__(
        self, address: Address, names: Names, connection: Connection, payload_max: int
    ) -> None:
        self._address = address
        self._names = names
        self._connection = connection
        self._payload_max = payload_max
        self._registers = Registers(connection, names)
        self._copies = Copies(connection, names, self._registers)
        self._prepared: dict[str, dict[str, Any]] = {}  # STREAM.INFO without an origin, by loglet
        self._open: dict[NatsLoglet, None] = {}

    def __repr__(self) -> str:
        return f"NatsEngine({self.url!r}, {self._names.namespace!r})"

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self._address.public

    @property
    def entry_bytes_max(self) -> int:
        """The largest payload of an entry: what the server takes as one message, less ours."""
        return self._payload_max - OVERHEAD_BYTES - HEADERS_BYTES_MAX

    async def prepare(self, name: str) -> None:
        """Make the stream, with everything but its origin; see `SharedEngine.prepare`."""
        await self._registers.open()
        info = await self._stream(name, None)
        if origin_of(info)[0] is None:
            self._prepared[name] = info

    async def open(
        self, name: str, origin: Origin = BEGINNING, known: Known | None = None
    ) -> NatsLoglet:
        """The loglet called `name`, made if there is none."""
        await self._registers.open()
        prepared = self._prepared.pop(name, None)
        info = prepared or await self._stream(name, origin)
        began, incarnation = origin_of(info)
        if began not in (None, origin):
            raise _elsewhere(name, began, origin)
        stream = LogStream(
            self._names.log(name),
            info["config"]["subjects"][0],
            origin,
            incarnation,
            self._names.register_subject("head", name, incarnation),
        )
        head = Mark(origin.position, origin.records)
        if prepared is None:  # else others may have trimmed just now, as at any time later
            head = await self._head(stream)
        start = max(head, Mark(*known)) if known is not None else head
        loglet = NatsLoglet(
            self._connection, self._registers, stream, head, start, self.entry_bytes_max
        )
        self._open[loglet] = None
        loglet.on_close = lambda: self._open.pop(loglet, None) and None
        if began is None:
            try:
                await self._begin(name, incarnation, origin)  # while the loglet begins to read
            except BaseException:
                await loglet.close()
                raise
        return loglet

    async def _stream(self, name: str, origin: Origin | None) -> dict[str, Any]:
        """STREAM.INFO of the loglet's stream, made with that origin if there is none."""
        incarnation = f"{self._connection.random.getrandbits(64):016x}"
        wanted = stream_config(self._names.log(name), self._names.log_subject(name, incarnation))
        wanted["metadata"] = metadata(origin, incarnation)
        return await ensure_stream(self._connection, wanted)

    async def _begin(self, name: str, incarnation: str, origin: Origin) -> None:
        """Let a loglet that was prepared begin there; `BadSettings` if it began elsewhere."""
        subject = self._names.register_subject("origin", name, incarnation)
        data = await self._registers.settle(subject, encode(tuple(origin)))
        began = Origin(*decode(data, type=tuple[int, int, int]))
        if began != origin:
            raise _elsewhere(name, began, origin)

    async def _head(self, stream: LogStream) -> Mark:
        _, data = await self._registers.get(stream.head_register)
        if not data:
            return Mark(stream.origin.position, stream.origin.records)
        return Mark(*decode(data, type=tuple[int, int]))

    async def register(self, name: str) -> NatsRegister:
        """A register that changes by compare-and-set only."""
        await self._registers.open()
        return NatsRegister(self._registers, self._names.register_subject("own", name))

    async def examine(self) -> list[Finding]:
        """What is wrong with how the servers are set up, as far as a client can see."""
        return await examine(
            self._connection,
            self._names,
            [self._registers.config(), self._copies.config()],
            self._payload_max,
        )

    async def put_copy(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep a copy of a line's state; older ones of that name go, but for the last."""
        await self._copies.put(name, copy, data, self._payload_max)

    async def latest_copy(self, name: str) -> SharedCopy | None:
        """The newest whole copy of that name."""
        return await self._copies.latest(name)

    async def read_copy(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy; `HistoryTrimmed` if it went meanwhile."""
        return await self._copies.read(name, copy, offset, count)

    async def drop(self, name: str) -> None:
        """Remove a loglet and its copies, which nobody needs any more; for good."""
        await self._registers.open()
        stream = self._names.log(name)
        info = await stream_info(self._connection, stream)
        if info is not None:
            origin_of(info)  # never remove what is not ours
        await self._copies.drop(name)
        if info is not None:
            try:
                await self._connection.api(f"STREAM.DELETE.{stream}")
            except ApiError as error:
                if error.err_code != NOT_FOUND:
                    raise error.refusal(f"remove stream {stream}") from None
        for kind in ("head", "origin"):
            await self._registers.erase(self._names.register_subject(kind, name) + ".>")

    async def close(self) -> None:
        """Hang up; every loglet of it is closed."""
        for loglet in list(self._open):
            with suppress(Unavailable):
                await loglet.close()
        await self._connection.close()


def _elsewhere(name: str, began: Origin | None, origin: Origin) -> BadSettings:
    return BadSettings(f"the loglet {name!r} began at {began}, not at {origin}")
