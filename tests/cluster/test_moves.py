"""Lines that move between engines while they are in use, on real nodes and a twin of the engine."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

import pytest
from members import Members
from twin_servers import members, servers

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, HistoryTrimmed, PlaitError, Unavailable
from plait.engines.shared import Finding
from plait.host.storage import open_storage
from plait.line.loglet import Tail
from plait.node import engine_upkeep, former, line_host, silent
from plait.node.config import Limits
from plait.node.moves import number_of
from plait.node.recovery import recover, survey
from plait.sim import twin
from plait.sim.twin import TwinEngine, TwinLoglet, TwinServer

NATS = "nats://alone:4222"
POSTGRES = "postgresql://user:secret@there/db"

__all__ = ["members", "servers"]


async def count_up(table: plait.Table, key: str, counts: dict[str, int]) -> None:
    """Add one, again and again, exactly once each."""
    while True:
        async with table.transaction() as t:
            t[key] = await t.get(key, 0) + 1
        counts[key] = counts.get(key, 0) + 1


async def answered(table: plait.Table, key: str) -> object:
    """What a node says that may not know yet where the line is."""
    while True:
        try:
            return await table.get(key)
        except Unavailable:
            await asyncio.sleep(0.1)


async def test_a_lone_store_keeps_its_table_on_an_engine(tmp_path: Path, servers: object) -> None:
    async with plait.open(tmp_path / "d") as store:
        accounts = await store.table("accounts", Consensus(engine=NATS))
        assert accounts.line == f"consensus/{NATS}"
        await accounts.put("alice", 1)
        async with accounts.transaction() as t:
            t["alice"] = await t.get("alice") + 1
    async with plait.open(tmp_path / "d") as store:
        accounts = await store.table("accounts", Consensus())
        assert await accounts.get("alice") == 2


async def test_every_node_writes_and_reads_a_line_that_an_engine_orders(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("accounts", Consensus(engine=NATS))
        for number in range(5):
            for name in members.nodes:
                async with members.only(name) as near:
                    table = await near.table("accounts")
                    await table.put(name, number)
                for other in members.nodes:
                    async with members.only(other) as near:
                        assert await (await near.table("accounts")).get(name) == number


@pytest.mark.parametrize("settings", [Consensus(), Leader()], ids=["consensus", "leader"])
async def test_a_line_goes_there_and_back_while_it_is_written(
    members: Members, settings: Consensus | Leader
) -> None:
    own = "raft" if isinstance(settings, Consensus) else "primary"
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        await table.put("before", True)
        counts: dict[str, int] = {}
        keys = [f"k{number}" for number in range(4)]
        writers = [asyncio.create_task(count_up(table, key, counts)) for key in keys]
        for to in (NATS, POSTGRES, own, NATS, own):
            async with asyncio.timeout(20.0):
                report = await store.move("accounts", to)
                assert (report["line"], report["collections"]) == (table.line, ["accounts"])
                assert "secret" not in str(report)
                at = dict(counts)
                while any(counts.get(key, 0) < at.get(key, 0) + 3 for key in keys):
                    await asyncio.sleep(0.01)
        assert not any(writer.done() for writer in writers)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        async with asyncio.timeout(10.0):
            rows = {key: value async for key, value in table.scan()}
            assert rows.pop("before") is True
            for key in keys:
                assert counts[key] <= rows[key] <= counts[key] + 1  # the last may not have heard
            for name in members.nodes:
                async with members.only(name) as near:
                    found = await near.table("accounts", read="nearest")
                    while await found.get("k0") < rows["k0"]:  # the last may be on its way
                        await asyncio.sleep(0.05)


async def test_a_move_that_is_asked_for_twice_at_once_happens_once(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hears nothing for a while asks again."""
    asked: list[str] = []
    both, over = asyncio.Event(), asyncio.Event()

    async def prepare(engine: TwinEngine, name: str) -> None:
        asked.append(name)
        if len(asked) == 2:
            both.set()
            await over.wait()  # this one comes late to everything
        await both.wait()

    monkeypatch.setattr(TwinEngine, "prepare", prepare)
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        moves = [asyncio.create_task(store.move("accounts", NATS)) for _ in range(2)]
        await asyncio.wait(moves, return_when=asyncio.FIRST_COMPLETED)
        over.set()
        reports = await asyncio.gather(*moves)
        assert [report["to"] for report in reports] == [NATS, NATS]
        chain = members.nodes["n1"].host(table.line).loglet
        await chain.refresh()
        assert number_of(chain.configuration.last.loglet) == 1
        assert await table.get("a") == 1


async def test_every_node_meets_the_engine_that_a_line_is_going_to(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[TwinEngine] = []

    async def prepare(engine: TwinEngine, name: str) -> None:
        met.append(engine)

    monkeypatch.setattr(TwinEngine, "prepare", prepare)
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await store.move("accounts", NATS)
        async with asyncio.timeout(10.0):
            while len(set(met)) < len(members.nodes):
                await asyncio.sleep(0.01)


async def test_idle_nodes_go_over_without_being_told_by_the_old_engine(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the control line says is enough: the old engine's word may come late, or never."""

    async def wait(loglet: TwinLoglet, position: int) -> Tail:
        await asyncio.Event().wait()
        raise AssertionError

    async with plait.connect(members.url) as store:
        await store.table("accounts", Consensus(engine=NATS))
        monkeypatch.setattr(TwinLoglet, "wait", wait)
        table = await store.table("accounts")
        await store.move("accounts", POSTGRES)
        async with asyncio.timeout(10.0):
            for node in members.nodes.values():
                chain = node.host(table.line).loglet
                while len(chain.configuration.segments) < 2:
                    await asyncio.sleep(0.01)


async def test_what_cannot_work_is_refused_before_anything_changes(
    members: Members, servers: dict[str, TwinServer]
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        strict = await store.table("strict", Leader(acks="all"))
        with pytest.raises(BadSettings, match="primary"):
            await store.move("accounts", "primary")
        with pytest.raises(BadSettings, match="one node"):
            await store.move("accounts", "sqlite")
        with pytest.raises(BadSettings, match="acks=all"):
            await store.move("strict", NATS)
        with pytest.raises(BadSettings, match="none of"):
            await store.move("accounts", "redis://there")
        with pytest.raises(PlaitError, match="nowhere"):
            await store.move("nowhere", NATS)
        servers["nats"].findings = [Finding("refuse", "memory storage", "use files")]
        with pytest.raises(BadSettings, match="use files"):
            await store.move("accounts", NATS)
        servers["postgresql"].down = True
        with pytest.raises(Unavailable):
            await store.move("accounts", POSTGRES, timeout_s=10.0)
        await table.put("a", 1)
        await strict.put("a", 1)
        for node in members.nodes.values():
            chain = node.host(table.line).loglet
            assert len(chain.configuration.segments) == 1
            assert chain.configuration.intent is None


async def test_stores_of_one_name_on_one_engine_are_one_store(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    def opened(name: str, cluster: str = "shop") -> AbstractAsyncContextManager[plait.Store]:
        return plait.open(tmp_path / f"{cluster}-{name}", engine=NATS, cluster=cluster, name=name)

    async with opened("n1") as one, opened("n2") as two, opened("n1", "other") as stranger:
        films = await one.table("films", Leader())
        await films.put("f1", "Blockbuster")
        accounts = await two.table("accounts", Consensus())
        await accounts.put("alice", 1)
        assert await (await two.table("films")).get("f1") == "Blockbuster"
        async with (await one.table("accounts")).transaction() as t:
            t["alice"] = await t.get("alice") + 1
        assert await accounts.get("alice") == 2
        assert [row["name"] for row in await two.members()] == ["n1", "n2"]
        assert await stranger.tables() == []
    async with opened("n3") as three:  # a newcomer needs nothing but the engine
        assert await (await three.table("accounts")).get("alice") == 2
    with pytest.raises(BadSettings, match="another name"):
        async with plait.open(tmp_path / "new", engine=NATS, cluster="shop", name="n1"):
            pass
    async with plait.open(tmp_path / "shop-n1") as one:  # its folder knows the rest
        assert await (await one.table("accounts")).get("alice") == 2
    async with plait.open(tmp_path / "own"):
        pass
    with pytest.raises(BadSettings, match="the nodes themselves"):
        async with plait.open(tmp_path / "own", engine=NATS, cluster="shop", name="n9"):
            pass
    with pytest.raises(BadSettings, match="cluster"):
        async with plait.open(tmp_path / "d", engine=NATS):
            pass


@pytest.mark.parametrize("there", [NATS, "raft"], ids=["engine", "members"])
async def test_a_node_that_was_down_during_moves_begins_with_a_copy(
    tmp_path: Path, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.1)
    monkeypatch.setattr(engine_upkeep, "LOOK_S", 0.2)
    monkeypatch.setattr(former, "STRANDED_S", 0.5)
    members = Members(tmp_path, limits=Limits(slot_age_s_max=0.3))
    await members.start()
    try:
        async with plait.connect(members.url) as store:
            table = await store.table("accounts", Consensus())
            await table.put("before", 1)
            await members.stop("n3")
            await store.move("accounts", NATS)
            await table.put("between", 2)
            if there == "raft":
                await store.move("accounts", there)
            hosts = [node.host(table.line) for node in members.nodes.values()]
            (old,) = {host.groups[table.line] for host in hosts if host.groups[table.line].leads}
            async with asyncio.timeout(20.0):  # what n3 lacks is nowhere but in states
                while any(host.groups[table.line].head < old.committed for host in hosts):
                    await asyncio.sleep(0.05)
            if there == "raft":
                servers["nats"].down = True
            await members._start("n3")
            async with members.only("n3") as near, asyncio.timeout(30.0):
                found = await near.table("accounts")
                assert await answered(found, "between") == 2
                assert await answered(found, "before") == 1
            await table.put("after", 3)
            status = (await store.status())["nodes"]["n3"]["lines"][table.line]
            assert status["place"] == (NATS if there == NATS else "members")
            assert status["moving_to"] is None
    finally:
        await members.close()


async def test_every_engine_that_a_line_goes_to_gets_a_copy_of_its_own(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.05)
    monkeypatch.setattr(engine_upkeep, "LOOK_S", 0.1)
    async with plait.connect(members.url) as store, asyncio.timeout(30.0):
        table = await store.table("accounts", Consensus(line="own"))
        await table.put("before", 1)
        for url, scheme in ((NATS, "nats"), (POSTGRES, "postgresql")):
            at = (await store.move("accounts", url))["at"]
            while not any(kept[-1][0].position >= at for kept in servers[scheme].copies.values()):
                await asyncio.sleep(0.05)


async def test_a_watch_of_what_lies_on_an_engine_that_is_gone_is_told_so(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.05)
    monkeypatch.setattr(silent, "SILENT_S", 0.5)
    monkeypatch.setattr(twin, "ANSWER_S", 0.1)
    async with members.only("n1") as store, asyncio.timeout(30.0):
        table = await store.table("accounts", Consensus(line="own", engine=NATS))
        await table.put("before", 1)
        await store.move("accounts", POSTGRES)
        await table.put("after", 2)
        watch = table.watch("0.0")
        assert (await anext(watch)).key == "before"
        await watch.aclose()
        servers["nats"].down = True
        with pytest.raises(TimeoutError):  # for a moment it may only be slow
            await asyncio.wait_for(anext(table.watch("0.0")), 0.3)
        servers["nats"].down = False
        assert (await anext(table.watch("0.0"))).key == "before"
        servers["nats"].down = True
        with pytest.raises(HistoryTrimmed) as trimmed:
            await anext(table.watch("0.0"))
        head = trimmed.value.details["head"]
        assert (await anext(table.watch(f"{head}.0"))).key == "after"
        await table.put("still", 3)


async def test_a_survivor_of_a_lost_majority_goes_on_with_lines_that_moved(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        near, far = await store.table("near", Consensus()), await store.table("far", Leader())
        for table in (near, far):
            await table.put("before", 1)
        await store.move("near", NATS)
        await near.put("between", 2)
        await store.move("near", "raft")
        await near.put("after", 3, acks="all")
        await store.move("far", POSTGRES)
        await far.put("after", 3)
    for name in ("n3", "n2", "n1"):
        await members.stop(name)
    storage = await open_storage(members.folder / "n3")
    try:
        found = survey(storage)
        assert [line.line for line in found.lines] == ["control", "consensus@2"]
        await recover(storage, found, Random(1), 1000)
    finally:
        await storage.close()
    members.addresses = {"n3": members.addresses["n3"]}
    await members.start("n3")
    async with plait.connect(members.url) as store:
        near, far = await store.table("near"), await store.table("far")
        assert [value async for _, value in near.scan()] == [3, 1, 2]
        assert [value async for _, value in far.scan()] == [3, 1]
        await near.put("alone", 4)
        await far.put("alone", 4)
