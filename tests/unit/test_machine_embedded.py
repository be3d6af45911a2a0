"""Machines in a real store in a folder, and through a served node."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import plait
import plait.blocking
from plait import Consensus, Leader
from plait.base.errors import (
    BadSettings,
    BadValue,
    MachineMissing,
    MachineVersion,
    NoSuchCollection,
)
from plait.host.tcp import TcpNetwork
from plait.node.config import NodeConfig
from plait.node.local import Local
from plait.node.serve import running
from plait.node.service import Service
from tests.machines import Bank, NewBank

SETTINGS = pytest.mark.parametrize("settings", [Leader(), Consensus()], ids=repr)


@SETTINGS
async def test_a_machine_survives_a_reopen(tmp_path: Path, settings: Any) -> None:
    async with plait.open(tmp_path) as store:
        bank = await store.machine("bank", Bank, settings)
        assert await bank.deposit("a", 5) == 5
        with pytest.raises(plait.CommandFailed, match="overdrawn"):
            await bank.transfer("a", "b", 9)
        await store.flush()
        assert await bank.deposit("a", 1) == 6
    async with plait.open(tmp_path, machines=[Bank]) as store:
        bank = await store.machine("bank", Bank)
        assert bank.settings == settings
        assert (await bank.total(), await bank.stale(5).total()) == (6, 6)


async def test_a_store_without_the_class_serves_everything_else(tmp_path: Path) -> None:
    async with plait.open(tmp_path) as store:
        await (await store.table("t", Leader())).put("a", 1)
        await (await store.machine("bank", Bank, Leader())).deposit("a", 5)
    async with plait.open(tmp_path) as store:
        assert await (await store.table("t")).get("a") == 1
        await store.flush()
        bank = await store.machine("bank", Bank)
        assert await bank.total() == 5


async def test_a_machine_that_is_none_or_another_is_refused(tmp_path: Path) -> None:
    class Shop(Bank):
        pass

    async with plait.open(tmp_path) as store:
        with pytest.raises(NoSuchCollection, match="no machine 'bank'"):
            await store.machine("bank", Bank)
        await store.machine("bank", Bank, Leader())
        with pytest.raises(BadSettings, match="exists with"):
            await store.machine("bank", Bank, Leader("leader"))
        with pytest.raises(BadSettings, match="is a Bank, no Shop"):
            await store.machine("bank", Shop)


async def test_a_newer_class_takes_over_while_the_store_is_open(tmp_path: Path) -> None:
    async with plait.open(tmp_path) as store:
        old = await store.machine("bank", Bank, Leader())
        await old.deposit("a", 5)
        new = await store.machine("bank", NewBank)
        assert (await new.charge("a", 1), await old.total()) == (1, 4)
        assert new.info.class_name.version == 2
        with pytest.raises(MachineVersion, match="version 1 is older"):
            await store.machine("bank", Bank)
    async with plait.open(tmp_path, machines=[Bank]) as store:
        with pytest.raises(MachineVersion):
            await (await store.machine("bank", Bank)).total()
        assert await (await store.machine("bank", NewBank)).total() == 4


async def test_a_malformed_value_fails_its_own_write(tmp_path: Path) -> None:
    async with plait.open(tmp_path) as store:
        table = await store.table("t", Leader())
        good = table.put("a", 1)
        with pytest.raises(BadValue, match=r"msgspec\.Raw"):
            await table.put("b", {"deep": msgspec.Raw(b"\xc1")})
        await good
        assert await table.get("a") == 1


async def test_a_client_needs_the_class_for_its_signatures_and_the_node_to_run_it(
    tmp_path: Path,
) -> None:
    config = NodeConfig(tmp_path, machines=(Bank,))
    async with running(config) as node:
        service = Service(Local(node), TcpNetwork())
        node.address = await service.start("127.0.0.1:0")
        async with plait.connect(f"plait://{node.address}") as store:
            bank = await store.machine("bank", Bank, Leader())
            assert (await bank.deposit("a", 5), await bank.total()) == (5, 5)
            with pytest.raises(plait.CommandFailed, match="overdrawn"):
                await bank.transfer("a", "b", 9)
            with pytest.raises(MachineVersion, match="n1 has version 1 of Bank"):
                await store.machine("bank", NewBank)
            other = type("Shop", (Bank,), {})
            with pytest.raises(MachineMissing, match="no class Shop is registered"):
                await store.machine("shop", other, Leader())
        await service.close()


def test_the_example_in_the_guide_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "machines.md"
    example = guide.read_text("utf-8").split("```python\n")[1].split("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line.split("# ")[1] for line in example.splitlines() if "print(" in line]
    assert done.stdout.splitlines() == said, done.stderr


def test_a_machine_can_be_used_without_await(tmp_path: Path) -> None:
    with plait.blocking.open(tmp_path, machines=[Bank]) as store:
        bank = store.machine("bank", Bank, Leader())
        assert (bank.deposit("a", 5), bank.total(), bank.stale(5).total()) == (5, 5, 5)
        with pytest.raises(AttributeError):
            bank.nothing  # noqa: B018
        assert "deposit" in dir(bank)
