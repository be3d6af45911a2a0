"""Replicas that differ from the others: found, stopped, and put right once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from members import Members, until

import plait
from plait import Consensus, Leader
from plait.base.codec import encode
from plait.base.errors import Diverged, HistoryTrimmed
from plait.host.state_rows import seal_value
from plait.node import audit
from plait.node.config import Limits
from plait.node.line_host import LineHost
from plait.node.node import Node
from plait.node.versions import Versions
from plait.types.commands import Command
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import ROWS

LINE = "consensus"
LIMITS = Limits(audit_s=0.3)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, limits=LIMITS)
    await cluster.start()
    yield cluster
    await cluster.close()


def leader_of(members: Members, line: str = LINE) -> str:
    (leader,) = [n for n, node in members.nodes.items() if node.host(line).leads]
    return leader


def quarantined(node: Node, line: str = LINE) -> bool:
    return isinstance(node.host(line).replica.halted, Diverged)


def agreed_on_all(leader: Node, host: LineHost) -> bool:
    """Whether the last audit found equal states, and nothing stands behind it."""
    return bool(leader.audits.status(host).get("agreed") == host.replica.applied - 1)


def plant_chance(node: Node, line: str = LINE, luck: bytes = b"\x01") -> None:
    """From now on the node's fold also writes what no other node's does."""
    machine: Any = node.host(line).replica.machine
    fold = machine.apply_all

    def apply_all(view: View, stamp: Stamp, commands: Sequence[Command]) -> list[Failed]:
        view.put(ROWS + 1, b"chance", bytes(8) + luck)
        found: list[Failed] = fold(view, stamp, commands)
        return found

    machine.apply_all = apply_all


def set_right(node: Node, line: str = LINE) -> None:
    del node.host(line).replica.machine.apply_all  # type: ignore[attr-defined]


async def test_states_that_are_equal_are_found_equal_and_idle_lines_are_left_alone(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        for settings in (Consensus(), Leader()):
            table = await store.table(f"t{settings.acks}", settings)
            await table.put("a", 1)
            leader = members.nodes[leader_of(members, table.line)]
            host = leader.host(table.line)
            await until(lambda node=leader, at=host: agreed_on_all(node, at))
            applied = host.replica.applied
            await asyncio.sleep(4 * LIMITS.audit_s)
            assert host.replica.applied == applied
            assert not any(node.audits.findings() for node in members.nodes.values())


async def test_a_follower_with_a_fold_of_its_own_is_quarantined_and_gets_a_copy(
    members: Members, caplog: pytest.LogCaptureFixture
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await members.settled(LINE)
        odd = next(n for n in members.nodes if n != leader_of(members))
        node = members.nodes[odd]
        plant_chance(node)
        await table.put("b", 2)
        await until(lambda: node.host(LINE).replica.view.get(ROWS + 1, b"chance"))
        set_right(node)
        await until(lambda: node.host(LINE).installed == 1)
        await until(lambda: not quarantined(node))
        assert any(r.levelno == logging.CRITICAL and odd in r.getMessage() for r in caplog.records)
        await table.put("c", 3)
        await members.settled(LINE)
        assert node.host(LINE).replica.view.get(ROWS + 1, b"chance") is None
        async with members.only(odd) as one:
            assert await (await one.table("accounts")).get("c") == 3


async def test_who_diverges_again_stays_in_quarantine_acknowledges_and_answers_no_read(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await members.settled(LINE)
        odd = next(n for n in members.nodes if n != leader_of(members))
        node, host = members.nodes[odd], members.nodes[odd].host(LINE)
        plant_chance(node)
        written = 0

        def stays() -> bool:
            return host.installed == 1 and quarantined(node)

        async with asyncio.timeout(20):
            while not stays():
                await table.put(f"k{written}", written)
                written += 1
        await asyncio.sleep(10 * audit.LOOK_S)
        assert stays()
        assert "quarantine" in (await store.status())["nodes"][odd]["diverged"]
        with pytest.raises(Diverged):
            await host.read((), None, 1.0)
        other = next(n for n in members.nodes if n not in (odd, leader_of(members)))
        await members.stop(other)
        await table.put("with its help", True)  # two of three have it on disk
        assert await table.get("with its help")


@pytest.mark.parametrize("settings", [Consensus(), Leader()], ids=["consensus", "leader"])
async def test_a_leader_that_differs_hands_over_and_is_put_right(
    members: Members, settings: Consensus | Leader
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        line = table.line
        await members.settled(line)
        odd = leader_of(members, line)
        node = members.nodes[odd]
        plant_chance(node, line)
        await table.put("b", 2)
        set_right(node, line)
        await until(lambda: node.host(line).installed == 1 and not quarantined(node, line))
        assert leader_of(members, line) != odd
        await table.put("c", 3)
        await members.settled(line)
        assert await table.get("c") == 3
        assert node.host(line).replica.view.get(ROWS + 1, b"chance") is None


async def test_a_leader_of_no_use_hands_over_although_its_audit_never_comes_back(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOG_S", 0.3)
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await members.settled(LINE)
        odd = leader_of(members)
        node = members.nodes[odd]

        async def waits_for_ever(line: str, command: Command) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(node, "command", waits_for_ever)
        await table.put("a", 1)
        await until(lambda: node.audits._line(LINE).busy)
        node.host(LINE).replica.needs_snapshot = HistoryTrimmed("nobody has it any more", head=0)
        await until(lambda: node.host(LINE).installed == 1)
        assert leader_of(members) != odd


async def test_without_a_majority_everybody_is_suspect_and_nothing_is_done(
    members: Members, caplog: pytest.LogCaptureFixture
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await members.settled(LINE)
        for luck, node in enumerate(members.nodes.values()):
            plant_chance(node, luck=bytes([luck]))
        await table.put("b", 2)
        leader = members.nodes[leader_of(members)]
        await until(lambda: "everybody is suspect" in leader.audits.findings())
        assert any(record.levelno == logging.CRITICAL for record in caplog.records)
        assert not any(quarantined(node) for node in members.nodes.values())
        assert await table.get("b") == 2


async def test_a_state_file_that_was_changed_behind_its_back_is_found_out(
    members: Members, tmp_path: Path
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await members.settled(LINE)
        odd = next(n for n in members.nodes if n != leader_of(members))
        await members.stop(odd)
        corrupt_rows(tmp_path / odd)
        await members.start(odd)
        await members.settled(LINE)
        async with table.transaction() as t:
            t["b"] = await t.get("a")
        node = members.nodes[odd]
        await until(lambda: node.host(LINE).installed == 1 and not quarantined(node))
        await members.settled(LINE)
        sound = members.nodes[leader_of(members)].host(LINE).replica.view
        assert node.host(LINE).replica.view.get(ROWS + 1, b"a") == sound.get(ROWS + 1, b"a")


def corrupt_rows(folder: Path) -> None:
    """Put another value into every row of the state files, with checksums that hold."""
    changed = 0
    for path in folder.rglob("*.db"):
        database = apsw.Connection(str(path))
        for (name,) in list(database.execute("select name from sqlite_master where type='table'")):
            columns = [row[1] for row in database.execute(f"pragma table_info({name})")]
            if {"space", "key", "value"} <= set(columns):
                rows = database.execute(
                    f"select space, key from {name} where space > 15"
                ).fetchall()
                for space, key in rows:
                    stale = seal_value(space, key, (1).to_bytes(8, "big") + encode("stale"))
                    where = "where space = ? and key = ?"
                    database.execute(f"update {name} set value = ? {where}", (stale, space, key))
                    changed += 1
        database.close()
    assert changed


async def test_nodes_that_cannot_read_audits_yet_hold_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"n3"}
    monkeypatch.setattr(
        "plait.node.node.Versions", lambda node: Versions(node, 1 if node.name in old else 2)
    )
    members = Members(tmp_path, limits=LIMITS)
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await asyncio.sleep(4 * LIMITS.audit_s)
        assert not any(n.host(LINE).replica.ledger.points for n in members.nodes.values())
        assert all(node.versions.enabled == 1 for node in members.nodes.values())
        old.clear()
        await members.stop("n3")
        await members.start("n3")
        await until(lambda: all(n.versions.allows(2) for n in members.nodes.values()))
        await until(lambda: all(n.host(LINE).replica.ledger.points for n in members.nodes.values()))
        old.add("n4")
        await members.add("n4")
        with pytest.raises(plait.PlaitError, match="upgrade n4") as refused:
            await store.join("n4", members.addresses["n4"])
        assert refused.value.code == "VersionMismatch"
        assert [row["name"] for row in await store.members()] == ["n1", "n2", "n3"]
        await members.stop("n4")
        old.add("n3")
        await members.stop("n3")
        with pytest.raises(plait.PlaitError, match="upgrade it"):
            await members.start("n3")
    await members.close()
