"""Backups of a store: what is in them, what is added later, and what comes out of them."""

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from backup_world import (
    ROWS,
    Note,
    World,
    contents,
    contents_of,
    hashes,
    latest,
    line_of,
    opened,
    restored,
    verified,
)

from plait import Leader
from plait.base.codec import encode
from plait.base.errors import BadSettings
from plait.host.memory_storage import MemoryDisk
from plait.host.memory_vault import MemoryVault
from plait.node.backup.line_taking import History, Unsettled
from plait.node.backup.taking import take_backup
from plait.types.commands import OpenSession, Put, encode_group


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened() as world:
        await world.fill()
        yield world


async def test_everything_comes_back_in_a_new_cluster(world: World) -> None:
    taken = await world.back_up()
    assert await contents(world.vault) == await contents_of(world.store)
    _, made = await restored(world.vault)
    assert made.cluster != made.former == world.node.cluster
    epochs = {line.line: line.epoch for line in made.lines}
    for line in taken.manifest.lines:
        assert epochs[line.line].number > line.epoch.number + 1000


async def test_a_restored_state_has_the_hash_of_the_one_that_was_backed_up(world: World) -> None:
    before = await hashes(world.node)
    await world.back_up()
    disk, _ = await restored(world.vault)
    async with opened(disk) as other:
        assert await hashes(other.node) == before


async def test_a_deep_look_folds_every_line_to_the_hash_that_it_had(world: World) -> None:
    await world.back_up()
    verdict = await verified(world.vault, deep=True)
    assert (verdict.wrong, verdict.unknown) == ((), ())
    assert verdict.folded == 5  # control, two tables, a machine, documents


async def test_a_machine_whose_class_is_missing_is_said_not_to_be_looked_at(world: World) -> None:
    await world.back_up()
    verdict = await verified(world.vault, deep=True, machines=())
    assert verdict.wrong == ()
    assert "no class Bank" in verdict.unknown[0]


async def test_a_later_backup_adds_only_what_is_new_and_the_earlier_one_stays(world: World) -> None:
    first = await world.back_up()
    films = await world.store.table("films")
    await films.put("later", 1)
    (await world.note()).likes += 1
    second = await world.back_up()
    assert second.written_bytes < first.written_bytes / 10
    assert (await world.back_up()).written == 0
    assert (await verified(world.vault, deep=True)).wrong == ()
    assert (await verified(world.vault)).manifests == 3
    full = MemoryVault()
    await world.back_up(vault=full)
    one, two = await contents(world.vault), await contents(full)
    assert one == two == await contents_of(world.store)
    assert one["films"]["later"] == 1
    assert one["note"][1] == 4


async def test_a_moment_between_two_writes_is_restored(world: World) -> None:
    await world.back_up()
    films = await world.store.table("films")
    note = await world.note()
    await asyncio.sleep(0.02)
    await films.put("early", 1)
    note.likes += 10
    await world.store.flush()
    await asyncio.sleep(0.02)
    moment = datetime.now().astimezone()
    await asyncio.sleep(0.02)
    await films.put("late", 1)
    await (await world.bank()).deposit("ann", 100)
    note.likes += 100
    await world.back_up()
    found = await contents(world.vault, moment.isoformat())
    assert found["films"] == ROWS | {"early": 1}
    assert found["bank"] == 5
    assert found["note"][1] == 13


async def test_a_position_of_a_line_is_restored_with_everything_as_of_then(world: World) -> None:
    films, strong = await world.store.table("films"), await world.store.table("strong")
    await asyncio.sleep(0.005)
    receipt = await films.put("here", 1)
    await asyncio.sleep(0.005)
    await films.put("not here", 1)
    await strong.put("not here", 1)
    await world.back_up()
    at = f"{receipt.line}:{receipt.position + 1}"
    found = await contents(world.vault, at)
    assert found["films"] == ROWS | {"here": 1}
    assert found["strong"] == ROWS


async def test_a_moment_before_there_was_anything_has_nothing(world: World) -> None:
    await world.back_up()
    moment = datetime.now().astimezone() - timedelta(days=1)
    disk, _ = await restored(world.vault, moment.isoformat())
    async with opened(disk) as other:
        assert await other.store.tables() == []
        await (await other.store.table("films", Leader())).put("a", 1)


async def test_the_answer_to_an_acknowledged_command_survives(world: World) -> None:
    line = (await world.store.table("films")).line
    table = next(info.table for info in await world.store.tables() if info.name == "films")
    session = encode_group(0, 0, 0, [encode(OpenSession(77))])
    once = encode_group(77, 1, 1, [encode(Put(table, "once", encode(1)))])
    await world.node.host(line).propose(session)
    first = await world.node.host(line).propose(once)
    await world.back_up()
    disk, _ = await restored(world.vault)
    async with opened(disk) as other:
        again = await other.node.host(line).propose(once)
        assert (again.position, again.version) == (first.position, first.version)


async def test_the_store_goes_on_beside_and_neither_takes_from_the_other(world: World) -> None:
    await world.back_up()
    disk, _ = await restored(world.vault)
    async with opened(disk) as other:
        await (await other.store.table("films")).put("there", 1)
        await (await world.store.table("films")).put("here", 1)
        one, two = (each.node.graphs.status()["notes"] for each in (world, other))
        assert one["replica"] != two["replica"]
        assert two["writable"]
        (await other.note()).likes += 1
        with pytest.raises(BadSettings, match="this is 'alone"):
            await other.back_up(vault=world.vault)
    assert "there" not in (await contents_of(world.store))["films"]


async def test_a_restored_store_is_backed_up_and_restored_again(world: World) -> None:
    await world.back_up()
    disk, made = await restored(world.vault, name="other")
    async with opened(disk) as second:
        assert second.node.name == "other"
        await (await second.store.table("films")).put("more", 1)
        (await second.note()).likes += 1
        expected = await contents_of(second.store)
        await second.back_up()
    assert (await verified(second.vault, deep=True)).wrong == ()
    assert await contents(second.vault) == expected
    _, again = await restored(second.vault)
    assert again.cluster.count("-restored-") == 1
    assert again.cluster != made.cluster


async def test_an_archive_takes_the_place_of_what_it_goes_on_from(world: World) -> None:
    taken = await world.back_up()
    films = await world.store.table("films")
    for number in range(40):
        await films.put("n", number)
        taken = await world.back_up(supersedes=taken.name)
    assert (await world.back_up(supersedes=taken.name)).name == taken.name
    verdict = await verified(world.vault)
    assert (verdict.manifests, verdict.wrong) == (1, ())
    line = next(line for line in taken.manifest.lines if line.line == films.line)
    assert len(line.log) < 35  # small pieces are made one now and then


async def test_what_was_dropped_is_in_earlier_backups_only(world: World) -> None:
    await world.back_up()
    moment = datetime.now().astimezone()
    await asyncio.sleep(0.005)
    await world.store.drop_documents("notes")
    await world.store.drop_table("films")
    await world.back_up()
    disk, _ = await restored(world.vault)
    async with opened(disk) as now:
        assert [info.name for info in await now.store.tables()] == ["strong"]
        assert await now.store.collections() == []
    assert (await contents(world.vault, moment.isoformat()))["films"] == ROWS


async def test_a_store_that_went_on_otherwise_is_backed_up_as_it_is_now() -> None:
    disk = MemoryDisk()
    async with opened(disk) as world:
        await world.fill()
        await world.back_up()
    other = copy.deepcopy(disk)
    async with opened(disk) as world:
        world.vault = vault = MemoryVault()
        for key in ("one", "two", "three"):
            await (await world.store.table("films")).put(key, 1)
        first = await world.back_up()
    async with opened(other) as again:
        await (await again.store.table("films")).put("otherwise", 1)
        await again.back_up(vault=vault)
    assert (await verified(vault, deep=True)).wrong == ()
    assert (await contents(vault))["films"] == ROWS | {"otherwise": 1}
    earlier = f"leader/majority:{line_of(first.manifest, 'leader/majority').position}"
    found = (await contents(vault, earlier))["films"]
    assert found == ROWS | {"one": 1, "two": 1, "three": 1}


async def test_states_and_logs_of_many_small_backups_come_to_the_same(world: World) -> None:
    films, note = await world.store.table("films"), await world.note()
    for number in range(12):
        await films.put(f"n{number}", "x" * 500)
        note.body.insert(0, f"{number} ")
        await take_backup(world.node, world.vault, copy_after=300)
    line = line_of(await latest(world.vault), films.line)
    assert len(line.copies) > 1  # the first is of nothing
    assert (await verified(world.vault, deep=True)).wrong == ()
    assert await contents(world.vault) == await contents_of(world.store)
    whole = await contents(world.vault, f"{films.line}:{line.copies[1].through}")
    assert set(ROWS) <= set(whole["films"])


async def test_a_history_that_was_cut_meanwhile_is_begun_again(world: World) -> None:
    host = world.node.lines["leader/majority"]
    history = History(host.replica)
    await (await world.store.table("films")).put("more", 1)
    history.check()
    spans = host.replica.epochs.spans
    last, start = spans[-1]
    spans[-1] = (last._replace(number=last.number + 1), start)
    with pytest.raises(Unsettled, match="was cut"):
        history.check()


async def test_documents_that_only_the_log_has_are_copied_after_a_crash() -> None:
    disk, crashed = MemoryDisk(), MemoryDisk()
    async with opened(disk) as world:
        await world.fill()
        notes = await world.store.documents("notes", Note)
        await notes.flush()
        crashed.log, crashed.states = copy.deepcopy(disk.log), copy.deepcopy(disk.states)
    async with opened(crashed) as again:
        await again.back_up()
        assert (await verified(again.vault, deep=True)).wrong == ()
        assert (await contents(again.vault))["note"] == ("first", 3, "hello")


async def test_a_machine_that_cannot_run_here_is_backed_up_with_all_that_its_log_has() -> None:
    disk, crashed = MemoryDisk(), MemoryDisk()
    async with opened(disk) as world:
        await world.fill()
        await world.back_up()
        await (await world.bank()).deposit("ann", 2)
        crashed.log, crashed.states = copy.deepcopy(disk.log), copy.deepcopy(disk.states)
    async with opened(crashed, machines=()) as without:
        taken = await without.back_up(vault=world.vault)
    assert line_of(taken.manifest, "machine/bank").state_hash == ""
    assert (await contents(world.vault))["bank"] == 7
    assert (await verified(world.vault, deep=True)).wrong == ()
