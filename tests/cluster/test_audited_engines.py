"""Replicas of a line on a shared engine that differ from the others: found, and put right once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from members import Members, until
from twin_servers import servers

import plait
from plait import Consensus
from plait.base.errors import Diverged
from plait.node import audit, line_host
from plait.node.config import Limits
from plait.node.node import Node
from plait.sim.twin import TwinServer
from plait.types.commands import Command
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import ROWS

NATS = "nats://alone:4222"
LINE = f"consensus/{NATS}"
LIMITS = Limits(audit_s=0.3)

__all__ = ["servers"]


@pytest.fixture
async def members(
    tmp_path: Path, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Members]:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.1)
    monkeypatch.setattr(audit, "COPY_S", 1.0)
    cluster = Members(tmp_path, limits=LIMITS)
    await cluster.start()
    yield cluster
    await cluster.close()


def plant_chance(node: Node, luck: bytes = b"\x01") -> None:
    """From now on the node's fold also writes what no other node's does."""
    machine: Any = node.host(LINE).replica.machine
    fold = machine.apply_all

    def apply_all(view: View, stamp: Stamp, commands: Sequence[Command]) -> list[Failed]:
        view.put(ROWS + 1, b"chance", bytes(8) + luck)
        found: list[Failed] = fold(view, stamp, commands)
        return found

    machine.apply_all = apply_all


def set_right(node: Node) -> None:
    del node.host(LINE).replica.machine.apply_all  # type: ignore[attr-defined]


def quarantined(node: Node) -> bool:
    return isinstance(node.host(LINE).replica.halted, Diverged)


def chance(node: Node) -> bytes | None:
    return node.host(LINE).replica.view.get(ROWS + 1, b"chance")


async def a_table(members: Members, store: plait.Store) -> plait.Table:
    """On the engine, and open at every node."""
    table = await store.table("accounts", Consensus(engine=NATS))
    await table.put("a", 1)
    assert table.line == LINE
    for name in members.nodes:
        async with members.only(name) as near:
            assert await (await near.table("accounts")).get("a") == 1
    return table


async def test_equal_states_are_found_equal_and_an_idle_line_is_left_alone(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        await a_table(members, store)
        nodes = list(members.nodes.values())

        def agreed(node: Node) -> bool:
            host = node.host(LINE)
            return bool(node.audits.status(host).get("agreed") == host.replica.applied - 1)

        await until(lambda: all(agreed(node) for node in nodes))
        applied = [node.host(LINE).replica.applied for node in nodes]
        await asyncio.sleep(5 * LIMITS.audit_s)
        assert [node.host(LINE).replica.applied for node in nodes] == applied
        assert not any(node.audits.findings() for node in nodes)


@pytest.mark.parametrize("odd", ["n1", "n3"])
async def test_a_node_that_differs_is_quarantined_and_gets_a_copy_from_the_engine(
    members: Members, odd: str
) -> None:
    async with plait.connect(members.url) as store:
        table = await a_table(members, store)
        node = members.nodes[odd]
        plant_chance(node)
        await table.put("b", 2)
        await until(lambda: chance(node))
        set_right(node)
        await until(lambda: quarantined(node) or node.host(LINE).installed == 1)
        await until(lambda: node.host(LINE).installed == 1 and not quarantined(node))
        await table.put("c", 3)
        async with members.only(odd) as near:
            assert await (await near.table("accounts")).get("c") == 3
        assert chance(node) is None
        assert not any(quarantined(each) for each in members.nodes.values())


async def test_who_differs_again_stays_in_quarantine_and_the_others_go_on(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await a_table(members, store)
        node, host = members.nodes["n1"], members.nodes["n1"].host(LINE)
        plant_chance(node)
        async with members.only("n2") as near:
            accounts, written = await near.table("accounts"), 0
            async with asyncio.timeout(30):
                while not (host.installed == 1 and quarantined(node)):
                    await accounts.put(f"k{written}", written)
                    written += 1
                    await asyncio.sleep(0.02)
            await asyncio.sleep(15 * audit.LOOK_S)
            assert host.installed == 1
            assert quarantined(node)
            with pytest.raises(Diverged):
                await host.read((), None, 1.0)
            assert "quarantine" in (await store.status())["nodes"]["n1"]["diverged"]
            assert await accounts.get("k0") == 0
        assert table.line == LINE


async def test_without_a_majority_on_an_engine_everybody_is_suspect_and_nothing_is_done(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await a_table(members, store)
        for luck, node in enumerate(members.nodes.values()):
            plant_chance(node, bytes([luck]))
        await table.put("b", 2)
        nodes = list(members.nodes.values())
        await until(lambda: all("everybody is suspect" in n.audits.findings() for n in nodes))
        assert not any(quarantined(node) for node in nodes)
        assert await table.get("b") == 2
