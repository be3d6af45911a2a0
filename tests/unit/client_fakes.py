# ruff: noqa: N802 (handlers are named after their messages)
"""A scripted cluster over real loopback TCP: the client protocol, and faults on demand.

One shared history stands for replication: what a node applied, all have. `Node` has the faults.
"""

import asyncio

import msgspec

from plait.api.infos import TableInfo
from plait.api.messages import (
    Applied,
    Count,
    Failure,
    Feed,
    FeedItem,
    Get,
    Located,
    ReadReply,
    Request,
    Result,
    TableOpened,
    Tables,
    Welcome,
)
from plait.base.codec import FRAME_BYTES_MAX, encode
from plait.base.errors import NoSuchCollection, NotLeader, PlaitError, TooStale
from plait.client.backend import connect
from plait.client.limits import ClientLimits
from plait.host.tcp import TcpNetwork
from plait.line.entry import Epoch
from plait.types.commands import ClearTable, OpenSession, Put, decode_group
from plait.types.fold import Failed

_requests = msgspec.msgpack.Decoder(Request)

LIMITS = ClientLimits(
    start_s=1.0,
    connect_s=0.5,
    patience_s=0.1,
    read_s=1.0,
    write_s=2.0,
    admin_s=1.0,
    attempt_s=0.3,
    silence_s=0.4,
    pause_min_s=0.001,
    pause_max_s=0.02,
)


class FakeCluster:
    """The shared history, and who leads."""

    def __init__(self, count=3, cluster="c1"):
        self.cluster = cluster
        self.nodes = {f"n{i}": Node(self, f"n{i}") for i in range(1, count + 1)}
        self.leader = "n1"
        self.epoch = Epoch(1, "n1")
        self.position = 0
        self.version = 0
        self.sessions = {}  # session to {sequence: (position, offset, version, Failed | None)}
        self.rows = {}  # key to (version, value)
        self.log = []  # keys put, in order; twice if applied twice
        self.tables = {}
        self.feed = []  # (position, key)
        self.rescued = {}  # node to {number: groups}
        self.zones = {}  # node to zone
        self.fail_next = None  # a Failed for the next command

    async def __aenter__(self):
        for node in self.nodes.values():
            await node.start()
        return self

    async def __aexit__(self, *_):
        for node in self.nodes.values():
            await node.stop()

    async def connect(self, *names, limits=LIMITS, **more):
        addresses = [self.nodes[name].address for name in names or self.nodes]
        return await connect(addresses, limits=limits, **more)

    def elect(self, name):
        self.leader = name
        self.epoch = Epoch(self.epoch.number + 1, name)

    def apply(self, data):
        group = decode_group(data)
        position, self.position = self.position, self.position + 1
        failures, first = [], None
        for i, command in enumerate(group.commands):
            place = self._apply_one(group, i, command, position)
            if place[3] is not None:
                failures.append((i, place[3]))
            first = first or place
        return first[:3], tuple(failures)

    def _take_effect(self, command, position):
        if isinstance(command, ClearTable):
            self.rows.clear()
            return
        assert isinstance(command, Put)
        self.rows[command.key] = (self.version, command.value)
        self.log.append(command.key)
        self.feed.append((position, command.key))

    def _apply_one(self, group, i, command, position):
        if isinstance(command, OpenSession):
            self.sessions.setdefault(command.session, {})
            return position, i, self.version, None
        memory = None
        if group.session:
            memory = self.sessions.get(group.session)
            if memory is None:
                return position, i, 0, Failed("SessionEvicted", "unknown session")
            known = memory.get(group.first_sequence + i)
            if known:
                return known
        failed, self.fail_next = self.fail_next, None
        self.version += 1
        if failed is None:
            self._take_effect(command, position)
        place = (position, i, self.version, failed)
        if memory is not None:
            memory[group.first_sequence + i] = place
        return place


class Node:
    """One node; its attributes are its faults."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.mute = False  # takes everything, answers nothing
        self.drop_before = 0  # so many proposals: hang up instead of applying
        self.drop_after = 0  # so many proposals: apply, and hang up instead of answering
        self.swallow = 0  # so many proposals: apply, and never answer
        self.refuse = []  # errors for the next proposals or reads
        self.believes = None  # whom it thinks to be the leader, if not the real one
        self.stale = False
        self.linearizable = False  # answers for the leader, as on a consensus line
        self.delay_s = 0.0
        self.reads = []
        self.proposals = []
        self.requests = []
        self.credits = []
        self.cancels = []
        self.feed_batch = 2
        self.listener = None
        self.address = "127.0.0.1:0"

    async def start(self):
        self.listener = await TcpNetwork().listen(self.address, lambda c: _Session(self, c))
        self.address = self.listener.address
        self.sessions = []

    async def stop(self):
        if self.listener is not None:
            listener, self.listener = self.listener, None
            for session in self.sessions:
                session.connection.abort("the node stopped")
            await listener.close()

    def where(self):
        return self.believes or self.cluster.leader

    def not_leader(self):
        leader = self.where()
        address = self.cluster.nodes[leader].address if leader in self.cluster.nodes else None
        return NotLeader("not me", leader=leader, address=address)

    def status(self):
        leads = self.cluster.leader == self.name
        durable = getattr(self, "durable", self.cluster.position)
        role = "leader" if leads else "follower"
        return {"lines": {"l": {"role": role, "epoch": self.cluster.epoch, "durable": durable}}}


class _Session:
    def __init__(self, node, connection):
        self.node = node
        self.connection = connection
        self.feeds = {}
        node.sessions.append(self)

    def closed(self, reason):
        self.node.sessions.remove(self)

    def frames(self, frames):
        loop = asyncio.get_running_loop()
        for frame in frames:
            request = _requests.decode(frame)
            self.node.requests.append(request)
            if self.node.mute:
                continue
            if self.node.delay_s:
                loop.call_later(self.node.delay_s, self.handle, request)
            else:
                self.handle(request)

    def handle(self, request):
        try:
            answer = getattr(self, "on_" + type(request).__name__)(request)
        except PlaitError as error:
            answer = Failure(getattr(request, "id", 0), error.code, error.message, error.details)
        if answer is not None:
            self.connection.send(encode(answer))

    def on_Hello(self, hello):
        cluster = self.node.cluster
        self.connection.frame_bytes_max = FRAME_BYTES_MAX
        if hello.cluster not in ("", cluster.cluster):
            return Failure(0, "WrongCluster", f"this is {cluster.cluster}", {})
        members = tuple((node.name, node.address) for node in cluster.nodes.values())
        return Welcome(1, cluster.cluster, self.node.name, members, tuple(cluster.zones.items()))

    def on_Where(self, where):
        leader = self.node.where()
        if leader not in self.node.cluster.nodes:
            return Located(where.id, None, None, Epoch(0, ""))
        epoch = self.node.cluster.epoch
        if self.node.believes:
            epoch = Epoch(epoch.number - 1, "old")
        return Located(where.id, leader, self.node.cluster.nodes[leader].address, epoch)

    def on_Propose(self, propose):
        node, cluster = self.node, self.node.cluster
        node.proposals.append(propose)
        opening = decode_group(propose.group).session == 0
        if node.refuse:
            raise node.refuse.pop(0)
        if cluster.leader != node.name:
            raise node.not_leader()
        if not opening and node.drop_before:
            node.drop_before -= 1
            self.connection.abort("dropped before")
            return None
        (position, offset, version), failures = cluster.apply(propose.group)
        if not opening and node.drop_after:
            node.drop_after -= 1
            self.connection.abort("dropped after")
            return None
        if not opening and node.swallow:
            node.swallow -= 1
            return None
        acks = propose.acks or "majority"
        return Applied(propose.id, cluster.epoch, position, offset, version, acks, failures)

    def on_Read(self, read):
        node, cluster = self.node, self.node.cluster
        node.reads.append(read)
        if node.refuse:
            raise node.refuse.pop(0)
        if (
            read.options.source == "leader"
            and node.name != cluster.leader
            and not node.linearizable
        ):
            raise node.not_leader()
        if node.stale:
            raise TooStale("behind")
        answers = []
        for query in read.queries:
            if isinstance(query, Get):
                answers.append(cluster.rows.get(query.key))
            else:
                answers.append(len(cluster.rows) if isinstance(query, Count) else [])
        raw = tuple(msgspec.Raw(encode(answer)) for answer in answers)
        return ReadReply(read.id, cluster.epoch, cluster.position, 0.0, raw)

    def on_Follow(self, follow):
        """Two items a batch, and as many batches as fit in a credit of four items."""
        start = follow.start or (self.node.cluster.position, 0)
        self.feeds[follow.id] = [start, 4]
        self.feed_more(follow.id)

    def on_FeedCredit(self, credit):
        self.node.credits.append(credit.items)
        if credit.id in self.feeds:
            self.feeds[credit.id][1] += credit.items
            self.feed_more(credit.id)

    def feed_more(self, feed_id):
        start, credit = self.feeds[feed_id]
        while credit >= self.node.feed_batch:
            rows = [row for row in self.node.cluster.feed if row[0] >= start[0]]
            rows = rows[: self.node.feed_batch]
            if not rows:
                break
            items = tuple(FeedItem(p, 0, p, 0, key, None, True) for p, key in rows)
            start = (rows[-1][0] + 1, 0)
            credit -= len(items)
            self.connection.send(encode(Feed(feed_id, items, start)))
        self.feeds[feed_id] = [start, credit]

    def on_Cancel(self, cancel):
        self.node.cancels.append(cancel.id)
        self.feeds.pop(cancel.id, None)

    def on_OpenTable(self, request):
        cluster = self.node.cluster
        if cluster.leader != self.node.name:
            raise self.node.not_leader()
        if request.name not in cluster.tables:
            if request.settings is None:
                raise NoSuchCollection(f"no table {request.name}")
            info = TableInfo(request.name, len(cluster.tables) + 1, "l", request.settings)
            cluster.tables[request.name] = info
        return TableOpened(request.id, cluster.tables[request.name])

    def on_ListTables(self, request):
        return Tables(request.id, tuple(self.node.cluster.tables.values()))

    def on_DropTableRequest(self, request):
        if self.node.cluster.tables.pop(request.name, None) is None:
            raise NoSuchCollection(f"no table {request.name}")
        if self.node.drop_after:
            self.node.drop_after -= 1
            self.connection.abort("dropped after")
            return None
        return Result(request.id, None)

    def on_StatusRequest(self, request):
        return Result(request.id, self.node.status())

    def on_FlushRequest(self, request):
        return Result(request.id, None)

    def on_Promote(self, request):
        self.node.cluster.elect(self.node.name)
        return Result(request.id, {"promoted": self.node.name, "loss": request.accept_loss})

    def on_SwitchOver(self, request):
        if self.node.cluster.leader != self.node.name:
            raise self.node.not_leader()
        self.node.cluster.elect(request.target)
        return Result(request.id, {"leader": request.target})

    def on_ListRescued(self, request):
        kept = self.node.cluster.rescued.get(self.node.name, {})
        return Result(request.id, [{"rescued": number, "line": "l"} for number in kept])

    def on_ShowRescued(self, request):
        return Result(request.id, {"rescued": request.rescued, "groups": len(self._kept(request))})

    def on_RescuedGroups(self, request):
        return Result(request.id, [{"line": "l", "group": g} for g in self._kept(request)])

    def on_DropRescuedRequest(self, request):
        self._kept(request)
        del self.node.cluster.rescued[self.node.name][request.rescued]
        return Result(request.id, None)

    def _kept(self, request):
        kept = self.node.cluster.rescued.get(self.node.name, {})
        if request.rescued not in kept:
            raise NoSuchCollection(f"no rescued suffix {request.rescued}")
        return kept[request.rescued]


def put(key, value=1):
    """An encoded Put."""
    return encode(Put(1, key, msgspec.Raw(encode(value))))
