"""etcd: three members, and a gRPC client that puts and reads keys.

A put is acknowledged once a majority has it on disk and it is applied; a read is linearizable
unless it says otherwise. Clients talk to the leader, which saves etcd a hop. The server is
Debian's package `etcd-server`; the client is grpcio with messages encoded by hand (`protobuf`),
asynchronous, with all calls in flight on one channel or one call on each of many.
"""

import itertools
import shutil
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import grpc.aio  # type: ignore[import-untyped]
import msgspec

from plait.bench.failover import first_success
from plait.bench.load import MANY, ONE, ROWS_READ, VALUE, Operation, closed_loop, fresh_keys
from plait.bench.measure import Sample
from plait.bench.processes import PeerUnavailable, Server, free_ports, until
from plait.bench.protobuf import Fields, message, number, parse, text

HOW_TO_GET_IT = (
    "etcd is Debian's package etcd-server: `make peers` puts it into .venv, "
    "`apt-get install etcd-server` (as root) into the system"
)
CALL_S_MAX = 10.0

PUT = "/etcdserverpb.KV/Put"
RANGE = "/etcdserverpb.KV/Range"
STATUS = "/etcdserverpb.Maintenance/Status"

Call = Callable[[bytes], Awaitable[bytes]]


class Timers(msgspec.Struct, frozen=True):
    """How soon a silent leader is replaced; etcd wants at least five heartbeats in a timeout."""

    heartbeat_ms: int = 100  # etcd's defaults
    election_ms: int = 1000


class MemberStatus(msgspec.Struct, frozen=True):
    """What a member says of itself."""

    member: int
    leader: int  # 0: it knows none
    applied: int
    term: int


def binary() -> str:
    """The path of `etcd`, beside this Python or in the system."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("etcd", path=scripts) or shutil.which("etcd")
    if found is None:
        raise PeerUnavailable(HOW_TO_GET_IT)
    return found


def put_request(key: str, value: str) -> bytes:
    """A `PutRequest`."""
    return message({1: key.encode(), 2: value.encode()})


def range_request(key: str) -> bytes:
    """A `RangeRequest` for one key, linearizable since `serializable` is not set."""
    return message({1: key.encode()})


def range_value(answer: bytes) -> bytes | None:
    """The value in a `RangeResponse`, None if there was no such key."""
    fields = parse(answer)
    if not fields.get(2):
        return None
    return text(parse(text(fields, 2)), 5)


def revision(answer: bytes) -> int:
    """The revision in any answer's header: every put makes a higher one."""
    return number(_header(parse(answer)), 3)


def member_status(answer: bytes) -> MemberStatus:
    """A `StatusResponse`."""
    fields = parse(answer)
    member = number(_header(fields), 2)
    return MemberStatus(member, number(fields, 4), number(fields, 7), number(fields, 6))


def _header(fields: Fields) -> Fields:
    return parse(text(fields, 1))


class Etcd:
    """A running cluster."""

    def __init__(self, folder: Path, timers: Timers | None = None) -> None:
        self.folder = folder
        self.timers = timers or Timers()
        self.servers: list[Server] = []
        self.addresses: list[str] = []

    async def start(self, nodes: int = 3) -> "Etcd":
        """Start every member; a leader is there and all follow it when it returns."""
        program = binary()
        ports = free_ports(2 * nodes)
        self.addresses = [f"127.0.0.1:{port}" for port in ports[:nodes]]
        peers = [f"http://127.0.0.1:{port}" for port in ports[nodes:]]
        everyone = ",".join(f"e{one}={peer}" for one, peer in enumerate(peers))
        for one, (address, peer) in enumerate(zip(self.addresses, peers, strict=True)):
            folder = self.folder / f"e{one}"
            folder.mkdir(parents=True)
            command: list[str | Path] = [program, "--name", f"e{one}", "--data-dir", folder / "d"]
            for flag, url in (("client", f"http://{address}"), ("peer", peer)):
                command += [f"--listen-{flag}-urls", url]
            command += ["--advertise-client-urls", f"http://{address}"]
            command += ["--initial-advertise-peer-urls", peer, "--initial-cluster", everyone]
            command += ["--heartbeat-interval", str(self.timers.heartbeat_ms)]
            command += ["--election-timeout", str(self.timers.election_ms)]
            command += ["--logger", "zap", "--log-level", "error"]
            self.servers.append(Server(f"etcd {one}", command, folder))
        await until(self.level, self.servers, "etcd")
        return self

    def close(self) -> None:
        """End every member."""
        for server in reversed(self.servers):
            server.stop()

    async def statuses(self) -> list[MemberStatus]:
        """Every member's status, in the order of `servers`; raises if one does not answer."""
        found = []
        for address in self.addresses:
            async with channel(address) as one:
                found.append(member_status(await call(one, STATUS)(b"")))
        return found

    async def level(self) -> bool:
        """Whether every member follows one leader and has applied what it had a moment ago."""
        found = await self.statuses()
        leaders = {one.leader for one in found}
        applied = max(one.applied for one in found)
        again = await self.statuses()
        return len(leaders) == 1 and 0 not in leaders and min(o.applied for o in again) >= applied

    async def leader(self) -> int:
        """Which of `servers` leads."""
        found = await self.statuses()
        return [one.member for one in found].index(found[0].leader)

    async def leader_address(self) -> str:
        """The client address of the member that leads."""
        return self.addresses[await self.leader()]


@asynccontextmanager
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """A connection of its own to a member (grpcio would share one among channels)."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as opened:
        yield opened


def call(opened: grpc.aio.Channel, method: str, timeout_s: float = CALL_S_MAX) -> Call:
    """A method that takes and gives encoded messages."""
    invoke: Any = opened.unary_unary(method)

    async def invoke_it(request: bytes) -> bytes:
        answer: bytes = await invoke(request, timeout=timeout_s)
        return answer

    return invoke_it


def put_on(opened: grpc.aio.Channel, keys: Iterator[str]) -> Operation:
    """Puts of new rows on a channel."""
    put = call(opened, PUT)
    return lambda: put(put_request(next(keys), VALUE))


class _Client:
    """What the clients share: so many channels to the leader, and operations spread over them."""

    system: ClassVar[str] = "etcd"
    label: ClassVar[str] = "grpc.aio"

    def __init__(self, cluster: Etcd) -> None:
        self.cluster = cluster

    async def _measure(self, channels: int, in_flight: int, seconds: float) -> Sample:
        address = await self.cluster.leader_address()
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(channel(address)) for _ in range(channels)]
            operations = await self._operations(opened)
            return await closed_loop(
                [operations[one % channels] for one in range(in_flight)], seconds
            )

    async def _operations(self, opened: Sequence[grpc.aio.Channel]) -> list[Operation]:
        keys = fresh_keys()
        return [put_on(one, keys) for one in opened]


class OneChannel(_Client):
    """N puts in flight on one channel."""

    mode: ClassVar[str] = ONE

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one channel."""
        return await self._measure(1, in_flight, seconds)


class ManyChannels(_Client):
    """One call at a time on each of N channels."""

    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` channels."""
        return await self._measure(in_flight, in_flight, seconds)


class _Reads(_Client):
    """Linearizable reads of a few rows that are there; every answer is looked at."""

    async def _operations(self, opened: Sequence[grpc.aio.Channel]) -> list[Operation]:
        keys = [f"read-{row}" for row in range(ROWS_READ)]
        put = call(opened[0], PUT)
        for key in keys:
            await put(put_request(key, VALUE))
        expected = VALUE.encode()

        def read_on(one: grpc.aio.Channel) -> Operation:
            read = call(one, RANGE)
            requests = itertools.cycle([range_request(key) for key in keys])

            async def get() -> None:
                if range_value(await read(next(requests))) != expected:
                    raise RuntimeError("etcd lost a row")

            return get

        return [read_on(one) for one in opened]


class OneChannelReads(_Reads, OneChannel):
    """N reads in flight on one channel."""


class ManyChannelsReads(_Reads, ManyChannels):
    """One read at a time on each of N channels."""


class EtcdTarget:
    """A cluster that loses its leader; see `failover`."""

    system = "etcd"

    def __init__(self, cluster: Etcd, timers: str) -> None:
        self.cluster = cluster
        self.timers = timers  # as the report names them

    @property
    def servers(self) -> Sequence[Server]:
        """Every member's process."""
        return self.cluster.servers

    async def leader(self) -> Server:
        """The process that leads."""
        return self.servers[await self.cluster.leader()]

    async def level(self) -> bool:
        """See `Etcd.level`."""
        return await self.cluster.level()

    @asynccontextmanager
    async def writer(self, leader: Server) -> AsyncIterator[Operation]:
        """Channels to the members that will be left; puts start at one after the other."""
        keys = fresh_keys()
        left = [
            address
            for server, address in zip(self.servers, self.cluster.addresses, strict=True)
            if server is not leader
        ]

        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(channel(address)) for address in left]
            puts = [put_on(one, keys) for one in opened]
            for put in puts:
                await put()  # connected, and forwarding to the leader
            yield lambda: first_success(puts)
