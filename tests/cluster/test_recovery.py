"""Forced recovery: two of three nodes are lost for ever, and the third goes on."""

import asyncio
from pathlib import Path

import pytest
from members import Members
from surveys import looked_at

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings
from plait.node.recovery import EPOCHS_AHEAD

ROWS = {f"k{number:03}": number for number in range(50)}
TABLES = {
    "strong": Consensus(),
    "films": Leader(),
    "careful": Leader(acks="any:2"),
    "everywhere": Leader(acks="all"),
}


async def written_and_stopped(members: Members) -> None:
    async with plait.connect(members.url) as store:
        for name, settings in TABLES.items():
            table = await store.table(name, settings)
            await table.put_many(ROWS, acks="all")
    for name in ("n3", "n2", "n1"):
        await members.stop(name)


async def alone_again(members: Members) -> None:
    """Only n3 is left, recovered; it is started as a folder that knows everything."""
    await looked_at(members.folder / "n3", act=True)
    members.addresses = {"n3": members.addresses["n3"]}
    await members.start("n3")


async def test_a_survey_shows_what_is_held_and_what_may_be_lost(members: Members) -> None:
    await written_and_stopped(members)
    found = await looked_at(members.folder / "n3")
    assert (found.node, found.cluster, found.others) == ("n3", "test", ("n1", "n2"))
    lines = {line.line: line for line in found.lines}
    assert next(iter(lines)) == "control"
    assert {line.membership.voters for line in found.lines} == {("n1", "n2", "n3")}
    # rules that ask for every member lose nothing
    assert lines["leader/all"].may_lose == lines["leader/any:2"].may_lose == ""
    for line in ("control", "consensus", "leader/majority"):
        assert f"position {lines[line].tail} on" in lines[line].may_lose
    assert await looked_at(members.folder / "n3") == found


async def test_the_survivor_keeps_everything_and_takes_writes_alone(members: Members) -> None:
    await written_and_stopped(members)
    before = await looked_at(members.folder / "n3")
    await alone_again(members)
    async with plait.connect(members.url) as store:
        for name in TABLES:
            table = await store.table(name)
            assert {key: value async for key, value in table.scan()} == ROWS
            await table.put("after", True)
        lines = (await store.status())["nodes"]["n3"]["lines"]
    assert {state["role"] for state in lines.values()} == {"leader"}
    # a rule that one member cannot meet is not hidden
    careful = lines["leader/any:2"]
    assert (careful["rule"], careful["rule_in_force"]) == ("any:2", "leader")
    for line in before.lines:
        assert int(lines[line.line]["epoch"].split(".")[0]) > line.epoch.number + EPOCHS_AHEAD
    await members.stop("n3")
    after = await looked_at(members.folder / "n3")
    assert after.others == ()
    assert after.cluster != before.cluster
    async with plait.open(members.folder / "n3") as store:
        assert await (await store.table("strong")).get("after") is True


async def test_a_recovered_node_is_joined_by_new_ones_and_every_rule_returns(
    members: Members,
) -> None:
    await written_and_stopped(members)
    await alone_again(members)
    async with plait.connect(members.url) as store:
        careful = await store.table("careful")
        assert (await careful.put("alone", 1)).acks == "leader"
        for name in ("n4", "n5"):
            await members.add(name)
            await store.join(name, members.addresses[name])
        async with asyncio.timeout(10):
            while (await careful.put("three", 3)).acks != "any:2":
                await asyncio.sleep(0.05)
        with pytest.raises(BadSettings, match="'n1' was a node and left"):
            await store.join("n1", "127.0.0.1:1")
    await members.settled("consensus")
    async with members.only("n5") as store:
        strong = await store.table("strong", read="nearest")
        assert {key: value async for key, value in strong.scan()} == ROWS


async def test_old_members_that_come_back_are_refused(members: Members) -> None:
    await written_and_stopped(members)
    old = dict(members.addresses)
    await alone_again(members)
    members.addresses = old
    await members.start("n1")  # as it was always started
    returned = members.nodes["n1"]
    async with asyncio.timeout(10):
        while returned.links["n3"].refused is None:
            await asyncio.sleep(0.05)
    assert "not 'test'" in returned.links["n3"].refused
    async with members.only("n3") as store:
        assert [row["name"] for row in await store.members()] == ["n3"]
        await (await store.table("strong")).put("k000", "goes on")
    assert returned.host("consensus").loglet.committed < (
        members.nodes["n3"].host("consensus").loglet.committed
    )


async def test_a_lone_node_and_an_empty_folder_have_nothing_to_recover(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "alone") as store:
        await (await store.table("films", Leader())).put("a", 1)
    assert (await looked_at(tmp_path / "alone")).others == ()
    with pytest.raises(BadSettings, match="holds no node"):
        await looked_at(tmp_path / "empty")


async def test_lines_that_the_state_has_not_seen_yet_are_recovered_too(members: Members) -> None:
    await written_and_stopped(members)
    folder = members.folder / "n3"
    for state in (folder / "state").glob("*"):
        state.unlink()  # as after a crash before the first flush: the log has it all
    found = await looked_at(folder)
    assert {line.line for line in found.lines} == {
        "control", "consensus", "leader/majority", "leader/any:2", "leader/all",
    }  # fmt: skip
    await alone_again(members)
    async with plait.connect(members.url) as store:
        for name in TABLES:
            assert await (await store.table(name)).count() == len(ROWS)
