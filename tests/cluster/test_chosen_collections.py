"""Nodes that follow chosen collections only: what they keep, and who answers for the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from following import INF
from members import Members, until

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, NotLeader, PlaitError
from plait.node.backup.taking import take_backup
from plait.node.examination import examine
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.node.local import Local

CHOOSER = "n4"
PEOPLE, ORDERS, LOGS = "people", "orders", "logs"
INSIDE_WAIT_S = 0.4


class Note(plait.Document):
    title = plait.Register(str)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with Members(tmp_path, 4) as members:
        yield members


def host_of(members: Members, line: str) -> LineHost | None:
    return members.nodes[CHOOSER].lines.get(line)


def files_of(members: Members) -> set[str]:
    """What stands in the chooser's folder of states, without endings."""
    folder = members.folder / CHOOSER / "state"
    return {path.name.partition(".db")[0] for path in folder.iterdir()}


def held(members: Members) -> set[str]:
    """The collections of documents that the chooser has."""
    return {replica.name for replica in members.nodes[CHOOSER].graphs.replicas()}


def kept(members: Members, line: str) -> int:
    """How many entries of a line the chooser's log has."""
    extent = members.nodes[CHOOSER].storage.log.lines().get(line)
    return 0 if extent is None else extent.tail - extent.head


async def apply_all(table: plait.Table) -> None:
    await table.put_many((f"k{n}", n) for n in range(50))


@asynccontextmanager
async def choosing(
    members: Members, *names: str
) -> AsyncIterator[tuple[plait.Store, dict[str, plait.Table]]]:
    """Three tables on lines of their own, of which n4 follows those."""
    async with plait.connect(members.url) as store:
        tables = {
            PEOPLE: await store.table(PEOPLE, Consensus(line="own")),
            ORDERS: await store.table(ORDERS, Leader("any:1", line="own")),
            LOGS: await store.table(LOGS, Leader("any:1", line="own")),
        }
        for table in tables.values():
            await apply_all(table)
            await members.settled(table.line)
        answer = await store.set_follower(CHOOSER, votes=False, only=list(names))
        assert answer["only"] == sorted(names)
        unchosen = [table.line for name, table in tables.items() if name not in names]
        await until(lambda: all(host_of(members, line) is None for line in unchosen))
        await until(lambda: all(kept(members, line) == 0 for line in unchosen))
        yield store, tables


async def test_who_chose_keeps_nothing_of_other_lines(members: Members) -> None:
    async with choosing(members, PEOPLE) as (_store, tables):
        await apply_all(tables[LOGS])
        await apply_all(tables[PEOPLE])
        await members.stop("n3")  # whose place nobody needs
        await asyncio.sleep(INSIDE_WAIT_S)
        assert set(members.nodes[CHOOSER].lines) == {tables[PEOPLE].line}
        names = " ".join(files_of(members))
        assert PEOPLE in names
        assert ORDERS not in names
        assert LOGS not in names
        assert kept(members, tables[LOGS].line) == 0
        assert kept(members, tables[PEOPLE].line) > 0


async def test_nothing_of_other_lines_is_sent_to_who_chose(members: Members) -> None:
    async with choosing(members, PEOPLE) as (_store, tables):
        line = tables[LOGS].line
        leader = next(n for n in members.nodes.values() if n.lines.get(line) and n.host(line).leads)
        group = leader.host(line).group
        assert group is not None
        await until(lambda: group.loglet.status()["followers"][CHOOSER]["state"] == "parked")
        before = leader.links[CHOOSER].said_bytes
        await tables[LOGS].put_many((f"x{n}", "y" * 1000) for n in range(200))
        assert leader.links[CHOOSER].said_bytes - before < 20_000


async def test_a_program_that_knows_only_who_chose_reaches_every_collection(
    members: Members,
) -> None:
    async with choosing(members, PEOPLE) as (_store, tables):
        async with plait.connect(f"plait://{members.addresses[CHOOSER]}") as store:
            for name in tables:
                table = await store.table(name)
                assert await table.get("k1") == 1
                assert await table.get("k2", read="nearest", max_lag=INF) == 2
                assert await table.get("k3", read="follower", max_lag=INF) == 3
                await table.put("k4", 5)
                assert await table.get("k4") == 5
        async with members.only(CHOOSER) as there:
            people = await there.table(PEOPLE)
            assert await people.get("k1", read="nearest", max_lag=INF) == 1
            with pytest.raises((PlaitError, TimeoutError)):
                async with asyncio.timeout(2.0):
                    await (await there.table(LOGS)).get("k1", read="nearest", max_lag=INF)


async def test_a_feed_of_another_collection_is_routed_too(members: Members) -> None:
    async with choosing(members, PEOPLE) as (_store, tables):
        url = f"plait://{members.addresses[CHOOSER]}"
        async with plait.connect(url) as store, asyncio.timeout(20.0):
            table = await store.table(LOGS)
            async with table.watch() as changes:
                await tables[LOGS].put("new", 1)
                async for change in changes:
                    if change.key == "new":
                        break


async def test_another_choice_catches_up_and_lets_go(members: Members) -> None:
    async with choosing(members, PEOPLE) as (store, tables):
        await apply_all(tables[LOGS])
        await store.set_follower(CHOOSER, only=[LOGS])
        await until(lambda: host_of(members, tables[PEOPLE].line) is None)
        await until(lambda: host_of(members, tables[LOGS].line) is not None)
        await members.settled(tables[LOGS].line)
        async with members.only(CHOOSER) as there:
            assert await (await there.table(LOGS)).count(read="nearest", max_lag=INF) == 50
        assert PEOPLE not in " ".join(files_of(members))
        await store.set_follower(CHOOSER, only=["all"])
        for table in tables.values():
            await until(lambda table=table: host_of(members, table.line) is not None)
            await table.put("last", 1)
            await members.settled(table.line)


async def test_who_gets_its_vote_back_follows_everything_and_counts(members: Members) -> None:
    async with choosing(members, PEOPLE) as (store, tables):
        answer = await store.set_follower(CHOOSER, votes=True)
        assert answer["only"] is None
        for table in tables.values():
            await until(
                lambda table=table: (
                    (host := host_of(members, table.line)) is not None
                    and CHOOSER in host.membership.voters
                    and not host.fresh
                )
            )
            await table.put("last", 1)
            await members.settled(table.line)


async def test_a_choice_outlives_a_restart(members: Members) -> None:
    async with choosing(members, PEOPLE) as (_store, tables):
        await members.stop(CHOOSER)
        await apply_all(tables[LOGS])
        await members.start(CHOOSER)
        await until(lambda: host_of(members, tables[PEOPLE].line) is not None)
        await members.settled(tables[PEOPLE].line)
        assert set(members.nodes[CHOOSER].lines) == {tables[PEOPLE].line}


async def test_a_collection_that_is_made_later_is_not_followed(members: Members) -> None:
    async with choosing(members, PEOPLE) as (store, _tables):
        later = await store.table("later", Leader("any:1", line="own"))
        await later.put("a", 1)
        await asyncio.sleep(INSIDE_WAIT_S)
        assert host_of(members, later.line) is None
        hosts = [node.lines.get(later.line) for name, node in members.nodes.items()]
        assert all(CHOOSER not in host.membership.members for host in hosts if host is not None)


async def test_collections_that_share_a_line_are_followed_together(members: Members) -> None:
    async with plait.connect(members.url) as store:
        one, other = await store.table("one", Consensus()), await store.table("other", Consensus())
        await other.put("a", 1)
        await store.set_follower(CHOOSER, votes=False, only=["one"])
        assert one.line == other.line
        await asyncio.sleep(INSIDE_WAIT_S)
        async with members.only(CHOOSER) as there:
            assert await (await there.table("other")).get("a", read="nearest", max_lag=INF) == 1


async def test_documents_are_chosen_by_the_collection(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await until(lambda: any(node.control.leads for node in members.nodes.values()))
        await store.switch_over(CHOOSER, CONTROL)  # who leads there founds collections
        notes, drafts = await store.documents("notes", Note), await store.documents("drafts", Note)
        notes["a"].title = drafts["a"].title = "before"
        await notes.flush()
        await drafts.flush()
        node = members.nodes[CHOOSER]
        await until(lambda: held(members) == {"notes", "drafts"})
        await store.set_follower(CHOOSER, votes=False, only=["notes"])
        await until(lambda: held(members) == {"notes"})
        await until(lambda: "drafts" not in " ".join(files_of(members)))
        drafts["b"].title = "meanwhile"
        await drafts.flush()
        with pytest.raises(NotLeader, match="chosen collections"):
            await node.graphs.open("drafts", None)
        await store.set_follower(CHOOSER, only=["all"])
        await until(lambda: held(members) == {"notes", "drafts"})
        there = await plait.Store(Local(node)).documents("drafts", Note)
        await until(lambda: sorted(there) == ["a", "b"])
        assert there["a"].title == "before"
        drafts["c"].title = "after"
        await drafts.flush()
        await until(lambda: sorted(there) == ["a", "b", "c"])


async def test_who_chose_is_asked_for_no_backup_and_says_what_it_follows(
    members: Members, tmp_path: Path
) -> None:
    async with choosing(members, PEOPLE) as (store, _tables):
        node = members.nodes[CHOOSER]
        with pytest.raises(NotLeader, match="chosen collections"):
            await take_backup(node, None)  # type: ignore[arg-type]
        async with plait.connect(f"plait://{members.addresses[CHOOSER]}") as there:
            report = await there.backup(tmp_path / "backup")
        assert report["node"] != CHOOSER
        found = [one for one in await examine(node) if "nothing but people" in one["what"]]
        assert [one["severity"] for one in found] == ["warn"]
        status = (await store.status())["nodes"]
        assert status[CHOOSER]["only"] == [PEOPLE]
        assert status["n1"]["only"] is None


async def test_voters_and_names_of_nothing_are_refused(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table(PEOPLE, Consensus())
        with pytest.raises(BadSettings, match="votes"):
            await store.set_follower(CHOOSER, only=[PEOPLE])
        with pytest.raises(BadSettings, match="no collection"):
            await store.set_follower(CHOOSER, votes=False, only=["nobody"])
        assert CHOOSER in members.nodes["n1"].membership.voters


async def test_a_chooser_that_leaves_is_let_go_by_every_line(members: Members) -> None:
    async with choosing(members, PEOPLE) as (store, tables):
        await store.leave(CHOOSER)
        host = members.nodes["n1"].host(tables[LOGS].line)
        await until(lambda: CHOOSER not in host.membership.members)
