"""Orphans are what the control line does not know; so nothing is one where that cannot be read."""

import asyncio
from pathlib import Path

import pytest

import plait
from plait import Consensus, Counter, Document, Leader
from plait.base.errors import BadSettings, Corrupt
from plait.base.ports import TrimPrefix
from plait.host.storage import open_storage
from plait.node.distrust import begin_anew
from plait.node.lines import CONTROL
from plait.node.repair import find_orphans, look
from plait.node.written import written
from tests.fakes_cli import Shell


class Note(Document):
    likes = Counter()


async def filled(folder: Path) -> None:
    async with plait.open(folder) as store:
        await (await store.table("strong", Consensus())).put("a", 1)
        await (await store.table("films", Leader(line="own"))).put("a", 1)
        (await store.documents("notes", Note))["a"].likes += 1
        await store.flush()


async def drop_is_refused(folder: Path) -> None:
    before = {path.name: path.stat().st_size for path in (folder / "state").glob("*.db")}
    words = ("repair", "orphans", "--data", str(folder), "--drop")
    done = await asyncio.to_thread(Shell().run, *words)
    assert done.exit_code != 0
    assert {path.name: path.stat().st_size for path in (folder / "state").glob("*.db")} == before
    assert (await look(folder)).orphans == []


async def test_nothing_is_an_orphan_where_the_control_line_s_state_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    await filled(folder)
    storage = await open_storage(folder)
    try:
        assert find_orphans(storage, folder) == []
        tail = storage.log.lines()[CONTROL].tail
        await written(storage.log, [TrimPrefix(CONTROL, tail)])  # as a long-lived line's is
        await storage.state(CONTROL).clear()
        with pytest.raises(Corrupt):
            find_orphans(storage, folder)
    finally:
        await storage.close()
    await drop_is_refused(folder)


async def test_what_a_node_that_fetches_again_has_kept_is_no_orphan(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    await filled(folder)
    storage = await open_storage(folder)
    try:
        await begin_anew(storage)
        with pytest.raises(BadSettings):
            find_orphans(storage, folder)
    finally:
        await storage.close()
    await drop_is_refused(folder)
