"""Loglets that begin where others end: on a disk, among members, and one behind the other."""

import asyncio

import pytest
from fake_log_storage import FakeLogStorage
from primary_line import PrimaryLine
from raft_line import RaftLine

from plait.base.errors import BadSettings
from plait.engines.chain import Chain
from plait.engines.conformance.engine import append_all, read_all, read_texts
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.engines.sqlite import SqliteLoglet
from plait.line.chain import Next, Segment
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, Loglet, Origin
from plait.line.membership import Target, encode_membership
from plait.line.replication.vocabulary import SnapshotInstalled
from plait.node.distrust import begin_anew

ELSEWHERE = Origin(1000, 7, 12345)


@pytest.mark.parametrize("engine", ["raft", "primary"])
async def test_a_disk_that_knows_the_name_of_another_line_refuses_it(engine: str) -> None:
    raft = engine == "raft"
    line = RaftLine(1, origin=ELSEWHERE) if raft else PrimaryLine(2, "any:1", ELSEWHERE)
    await line.start()
    await line.loglets.pop("n1").close()
    line.origin = BEGINNING
    with pytest.raises(BadSettings, match="used before"):
        line.open("n1")
    line.origin = ELSEWHERE
    line.open("n1")
    await line.close()


@pytest.mark.parametrize("engine", ["raft", "primary"])
async def test_a_copy_of_what_came_before_a_group_leaves_what_its_member_acknowledged(
    engine: str,
) -> None:
    raft = engine == "raft"
    line = RaftLine(3, origin=ELSEWHERE) if raft else PrimaryLine(3, "any:1", ELSEWHERE)
    await line.start()
    leader = next(loglet for loglet in line.loglets.values() if loglet.leads)
    await append_all(leader, ["a", "b"])
    follower = next(loglet for loglet in line.loglets.values() if not loglet.leads)
    while follower.committed < leader.committed:
        await asyncio.sleep(0.001)
    member, tail = follower.member, follower.committed
    members = encode_membership(member.membership)
    copy = SnapshotInstalled(1000, Epoch(7, "who wrote the last of it"), 12345, members)
    follower.driver.step(copy)
    member.check()
    assert (member.log.tail, member.log.durable, follower.committed) == (tail, tail, tail)
    await append_all(leader, ["c"])
    while follower.committed <= tail:
        await asyncio.sleep(0.001)
    await line.close()


async def test_a_sqlite_line_that_begins_elsewhere_is_refused() -> None:
    storage = FakeLogStorage()
    loglet = SqliteLoglet(storage, "line", Epoch(8, "n"), origin=ELSEWHERE)
    await loglet.append(Entry(b"a"))
    with pytest.raises(BadSettings, match="begins at"):
        SqliteLoglet(storage, "line", Epoch(8, "n"))
    assert SqliteLoglet(storage, "line", Epoch(8, "n"), origin=ELSEWHERE).committed == 1001


async def test_a_sqlite_line_takes_no_epoch_that_was_used_before_it() -> None:
    with pytest.raises(BadSettings, match="beyond"):
        SqliteLoglet(FakeLogStorage(), "line", Epoch(7, "z"), origin=ELSEWHERE)


async def test_a_crash_before_anything_is_on_disk_leaves_the_name_unused() -> None:
    storage = FakeLogStorage()
    SqliteLoglet(storage, "line", Epoch(8, "n"), origin=ELSEWHERE)
    again = storage.crashed()
    assert again.lines() == {}
    loglet = SqliteLoglet(again, "line", Epoch(8, "n"), origin=ELSEWHERE)
    assert await loglet.append(Entry(b"a")) == 1000


async def test_a_consensus_line_that_begins_elsewhere_goes_on_without_its_leader() -> None:
    line = RaftLine(3, election_s=0.2, origin=ELSEWHERE)
    leader = await line.start()
    positions = [await leader.append(Entry(b"%d" % n)) for n in range(5)]
    for follower in ("n2", "n3"):
        await line.loglets[follower].wait(positions[-1])
    await line.loglets.pop("n1").close()
    leader = await line.leader()
    positions.append(await leader.append(Entry(b"5")))
    found = await read_all(leader, 1000, leader.committed)
    data = [each for each in found if each.payload]
    assert [each.record_index for each in data] == list(range(12345, 12351))
    assert [each.epoch.number > 7 for each in found] == [True] * len(found)
    await line.close()


async def test_a_member_joins_a_consensus_line_that_begins_elsewhere() -> None:
    line = RaftLine(1, origin=ELSEWHERE)
    leader = await line.start()
    await append_all(leader, ["a", "b"])
    joined = line.add("n2")
    await leader.reconfigure(Target(("n1", "n2")), 5.0)
    position = await leader.append(Entry(b"c"))
    async with asyncio.timeout(30):
        await joined.wait(position)
    assert joined.head == 1000
    assert list((await read_texts(joined, 1000, position + 1)).values()) == ["a", "b", "c"]
    await line.close()


async def test_a_primary_line_that_begins_elsewhere_is_taken_over() -> None:
    line = PrimaryLine(3, "any:1", ELSEWHERE)
    leader = await line.start()
    position = await leader.append(Entry(b"a", 5))
    await line.loglets.pop("n1").close()
    promotion = await line.loglets["n2"].promote(5.0)
    assert promotion.won, promotion.why
    after = await line.loglets["n2"].append(Entry(b"b"))
    (first,) = await line.loglets["n2"].read(position, position + 1)
    (second,) = await line.loglets["n2"].read(after, after + 1)
    assert (first.record_index, second.record_index) == (12345, 12350)
    assert 7 < first.epoch.number < second.epoch.number
    await line.close()


@pytest.mark.parametrize("engine", ["raft", "primary"])
async def test_a_damaged_log_is_fetched_again_from_where_the_line_begins(engine: str) -> None:
    raft = engine == "raft"
    line = RaftLine(3, origin=ELSEWHERE) if raft else PrimaryLine(3, "any:1", ELSEWHERE)
    leader = await line.start()
    await append_all(leader, ["a", "b"])
    await line.loglets.pop("n3").close()
    disk = line.disks["n3"]
    disk.log.suspect = "a bit flipped"
    await begin_anew(disk)
    assert disk.log.lines()["line"].tail == 1000
    again = line.open("n3")
    assert (again.member.fresh, again.committed) == (True, 1000)
    position = await leader.append(Entry(b"c"))
    async with asyncio.timeout(30):
        await again.wait(position)
    assert list((await read_texts(again, 1000, position + 1)).values()) == ["a", "b", "c"]
    await line.close()


class OnEveryEngine:
    """Opens segments in memory, on a disk, and on members of a new line."""

    def __init__(self) -> None:
        self.lines: list[RaftLine | PrimaryLine] = []
        self._disk = FakeLogStorage()

    async def prepare(self, following: Next) -> None:
        if following.engine not in ("memory", "sqlite", "raft", "primary"):
            raise BadSettings(f"there is no engine {following.engine!r}")

    async def open(self, segment: Segment, stop: int | None) -> Loglet:
        origin = segment.origin
        if segment.engine == "memory":
            return MemoryLoglet(origin)
        if segment.engine == "sqlite":
            epoch = Epoch(origin.epoch + 1, "n1")
            return SqliteLoglet(self._disk, f"line@{segment.base}", epoch, origin=origin)
        line = (
            RaftLine(3, origin=origin)
            if segment.engine == "raft"
            else PrimaryLine(3, "any:1", origin)
        )
        self.lines.append(line)
        return await line.start()


async def test_a_line_moves_over_every_engine_and_nothing_above_it_translates() -> None:
    opener = OnEveryEngine()
    chain = await Chain.create(MemoryMetastore(), opener, "memory", b"0")
    texts: list[str] = []
    for number, engine in enumerate(("raft", "sqlite", "primary", "raft", "memory"), 1):
        texts += [f"{number}{letter}" for letter in "abc"]
        appends = asyncio.gather(*(chain.append(Entry(text.encode(), 2)) for text in texts[-3:]))
        await chain.extend(engine, b"%d" % number)
        positions = await appends
        assert positions == sorted(positions)
    found = await read_all(chain, 0, chain.committed)
    assert [each.payload.decode() for each in found if each.records] == texts
    records = [each.record_index for each in found if each.records]
    assert records == list(range(0, 2 * len(texts), 2))
    epochs = [each.epoch for each in found]
    assert epochs == sorted(epochs)
    engines = [segment.engine for segment in chain.configuration.segments]
    assert engines == ["memory", "raft", "sqlite", "primary", "raft", "memory"]
    await chain.close()
    for line in opener.lines:
        await line.close()
