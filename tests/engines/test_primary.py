"""The leader–follower engine keeps every promise of a loglet, alone and with followers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from primary_line import PrimaryLine

from plait.base.errors import NotLeader, RuleUnmet, Unavailable
from plait.engines import conformance
from plait.engines.conformance import CHECKS, Engine
from plait.line.entry import Entry
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Target


@pytest.mark.parametrize(
    ("members", "rule"), [(1, "majority"), (3, "any:1"), (3, "all"), (3, "leader")]
)
@pytest.mark.parametrize("origin", [BEGINNING, Origin(1000, 7, 12345)])
async def test_it_keeps_every_promise_of_the_port(members: int, rule: str, origin: Origin) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        line = PrimaryLine(members, rule, origin)

        async def reopen() -> object:
            return await line.reopen("n1")

        async def crash() -> object:
            return await line.reopen("n1", crash=True)

        yield Engine(await line.start(), reopen, crash, origin)  # type: ignore[arg-type]
        await line.close()

    report = await conformance.run(make)
    assert len(report.passed) == len(CHECKS)


async def test_a_follower_refuses_appends_and_names_the_leader() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    await leader.append(Entry(b"x"))
    await line.loglets["n2"].wait(1)
    with pytest.raises(NotLeader) as caught:
        await line.loglets["n2"].append(Entry(b"y"))
    assert caught.value.leader == "n1"
    await line.close()


async def test_followers_read_the_same_entries() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    for number in range(20):
        await leader.append(Entry(b"%d" % number))
    for name in ("n2", "n3"):
        follower = line.loglets[name]
        await follower.wait(20)
        assert await follower.read(0, 21) == await leader.read(0, 21)
    await line.close()


async def test_a_deposed_leader_keeps_its_suffix_as_rescued_records() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    await leader.append(Entry(b"kept"))
    line.cut = {("n1", "n2"), ("n1", "n3")}
    lost = asyncio.ensure_future(leader.append(Entry(b"only here")))
    await asyncio.sleep(0)
    promotion = await line.loglets["n2"].promote(2.0)
    assert promotion.won, promotion.why
    line.cut = set()
    await line.loglets["n2"].append(Entry(b"new"))
    with pytest.raises(Unavailable):
        await lost
    follower = line.loglets["n1"]
    await follower.wait(3)
    payloads = [entry.payload for entry in await follower.read(0, 4)]
    assert payloads == [b"", b"kept", b"", b"new"]
    (suffix,) = line.disks["n1"].log.rescued()
    (row,) = line.disks["n1"].log.read_rescued(suffix.rescued)
    assert row.endswith(b"only here")
    await line.close()


async def test_a_deposed_leader_gives_no_tail() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    line.cut = {("n1", "n2"), ("n1", "n3")}
    promotion = await line.loglets["n3"].promote(2.0)
    assert promotion.won
    with pytest.raises((NotLeader, Unavailable)):
        await leader.check_tail()
    await line.close()


async def test_a_switch_over_loses_nothing() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    appends = [asyncio.ensure_future(leader.append(Entry(b"%d" % n))) for n in range(50)]
    await asyncio.sleep(0)
    handed = await leader.hand_over("n3", 5.0)
    assert handed.won, handed.why
    positions = await asyncio.gather(*appends)
    successor = line.loglets["n3"]
    await successor.wait(max(positions))
    for number, position in enumerate(positions):
        (entry,) = await successor.read(position, position + 1)
        assert entry.payload == b"%d" % number
    async with asyncio.timeout(30):
        while successor.core.leader != "n3":
            await asyncio.sleep(0.01)
    await successor.append(Entry(b"after"))
    await line.close()


async def test_members_come_and_go_while_entries_are_appended() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    for name in ("n4", "n5"):
        line.add(name)
    appends = [asyncio.ensure_future(leader.append(Entry(b"%d" % n))) for n in range(50)]
    now = await leader.reconfigure(Target(("n1", "n4", "n5")), 5.0)
    assert (now.voters, now.retired) == (("n1", "n4", "n5"), ("n2", "n3"))
    positions = await asyncio.gather(*appends)
    for name in ("n2", "n3"):
        await line.loglets.pop(name).close()
    positions.append(await leader.append(Entry(b"50")))
    follower = line.loglets["n5"]
    await follower.wait(max(positions))
    for number, position in enumerate(positions):
        (entry,) = await follower.read(position, position + 1)
        assert entry.payload == b"%d" % number
    assert follower.membership == now
    await line.close()


async def test_a_leader_that_is_removed_hands_over_and_the_line_goes_on() -> None:
    line = PrimaryLine(3, "any:1")
    leader = await line.start()
    await leader.append(Entry(b"kept"))
    await leader.reconfigure(Target(("n2", "n3")), 5.0)
    async with asyncio.timeout(30):
        while leader.leads or not any(one.leads for one in line.loglets.values()):
            await asyncio.sleep(0.01)  # whom it hands over to, it hears of by its next round
    (successor,) = (loglet for loglet in line.loglets.values() if loglet.leads)
    await successor.append(Entry(b"new"))
    await line.close()


async def test_a_membership_that_its_rule_cannot_be_met_with_is_refused() -> None:
    line = PrimaryLine(3, "any:2")
    leader = await line.start()
    with pytest.raises(RuleUnmet):
        await leader.reconfigure(Target(("n1", "n2")), 1.0)
    await line.close()
