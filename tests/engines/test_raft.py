"""The consensus engine keeps every promise of a loglet, alone and with others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from raft_line import RaftLine

from plait.base.errors import BadSettings, Busy, NotLeader, Unavailable
from plait.engines import conformance
from plait.engines.conformance import CHECKS, Engine
from plait.line.entry import Entry
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Target


@pytest.mark.parametrize("origin", [BEGINNING, Origin(1000, 7, 12345)])
@pytest.mark.parametrize("members", [1, 3])
async def test_it_keeps_every_promise_of_the_port(members: int, origin: Origin) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        line = RaftLine(members, origin=origin)

        async def reopen() -> object:
            return await line.reopen("n1")

        async def crash() -> object:
            return await line.reopen("n1", crash=True)

        yield Engine(await line.start(), reopen, crash, origin)  # type: ignore[arg-type]
        await line.close()

    report = await conformance.run(make)
    assert len(report.passed) == len(CHECKS)


async def test_a_follower_refuses_appends_and_names_the_leader() -> None:
    line = RaftLine(3)
    leader = await line.start()
    await leader.append(Entry(b"x"))
    await line.loglets["n2"].wait(1)
    with pytest.raises(NotLeader) as caught:
        await line.loglets["n2"].append(Entry(b"y"))
    assert caught.value.leader == "n1"
    await line.close()


async def test_a_follower_knows_the_tail_by_asking_its_leader() -> None:
    line = RaftLine(3)
    leader = await line.start()
    for number in range(20):
        position = await leader.append(Entry(b"%d" % number))
        tail = await line.loglets["n3"].check_tail()
        assert tail.position > position
    await line.close()


async def test_another_member_leads_when_the_leader_falls_silent_and_nothing_is_lost() -> None:
    line = RaftLine(3, election_s=0.2)
    leader = await line.start()
    position = await leader.append(Entry(b"kept"))
    line.cut = {("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1")}
    lost = asyncio.ensure_future(leader.append(Entry(b"only here")))
    await asyncio.sleep(0)
    del line.loglets["n1"]
    successor = await line.leader()
    await successor.append(Entry(b"new"))
    assert (await successor.read(position, position + 1))[0].payload == b"kept"
    with pytest.raises(Unavailable):
        await lost  # it stepped down by itself: no majority answered it
    line.loglets["n1"] = leader
    line.cut = set()
    tail = await leader.check_tail()
    payloads = [entry.payload for entry in await leader.read(0, tail.position)]
    assert payloads == [b"", b"kept", b"", b"new"]
    await line.close()


async def test_a_deposed_leader_gives_no_tail() -> None:
    line = RaftLine(3)
    leader = await line.start()
    line.cut = {("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1")}
    with pytest.raises(Unavailable):
        await leader.read_index(0.3)
    await line.close()


async def test_leadership_is_handed_over_without_loss() -> None:
    line = RaftLine(3)
    leader = await line.start()
    appends = [asyncio.ensure_future(leader.append(Entry(b"%d" % n))) for n in range(50)]
    await asyncio.sleep(0)
    handed = await leader.hand_over("n3", 5.0)
    assert handed.won, handed.why
    positions = await asyncio.gather(*appends)
    successor = await line.led_by("n3")
    for number, position in enumerate(positions):
        (entry,) = await successor.read(position, position + 1)
        assert entry.payload == b"%d" % number
    await line.close()


async def test_one_member_becomes_three_then_five_then_one_while_it_is_written() -> None:
    line = RaftLine(1)
    leader = await line.start()
    written: list[int] = []
    stop = False

    async def write() -> None:
        while not stop:
            try:
                at = await asyncio.wait_for((await line.leader()).append(Entry(b"w")), 2)
                written.append(at)
            except (Busy, NotLeader, Unavailable, TimeoutError):
                await asyncio.sleep(0.01)

    writer = asyncio.ensure_future(write())
    for name in ("n2", "n3"):
        line.add(name)
    await leader.reconfigure(Target(("n1", "n2", "n3")), 5)
    for name in ("n4", "n5"):
        line.add(name)
    await leader.reconfigure(Target(("n1", "n2", "n3", "n4", "n5")), 5)
    assert leader.membership.voters == ("n1", "n2", "n3", "n4", "n5")
    handed = await leader.hand_over("n5", 5.0)
    assert handed.won, handed.why
    last = await line.led_by("n5")
    await last.reconfigure(Target(("n5",)), 5)
    assert last.membership.retired == ("n1", "n2", "n3", "n4")
    before = len(written)
    async with asyncio.timeout(30):
        while len(written) < before + 10:
            await asyncio.sleep(0.01)
    stop = True
    await writer
    kept = await last.read(0, 1 << 30, 1 << 30)
    for position in written:
        assert kept[position].payload == b"w"
    with pytest.raises(BadSettings, match="never used again"):
        await last.reconfigure(Target(("n1", "n5")), 1)
    await line.close()


async def test_a_leader_that_is_removed_lets_another_lead() -> None:
    line = RaftLine(3)
    leader = await line.start()
    await leader.append(Entry(b"x"))
    await leader.reconfigure(Target(("n2", "n3")), 5)
    async with asyncio.timeout(30):
        while leader.leads:
            await asyncio.sleep(0.01)
    del line.loglets["n1"]
    successor = await line.leader()
    await successor.append(Entry(b"y"))
    await line.close()
    await leader.close()
