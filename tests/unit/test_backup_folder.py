"""What is in a folder of backups: damage is found, nonsense refused, an interruption harmless."""

import asyncio
import random
from collections.abc import AsyncIterator

import msgspec
import pytest
from backup_world import World, contents, contents_of, latest, opened, restored, verified
from hypothesis import given
from hypothesis import strategies as st

from plait.base.errors import BadSettings, Corrupt, DiskFull, StorageError, UnknownFormat
from plait.host.memory_vault import MemoryVault
from plait.node.backup.choosing import LATEST, Target, parse_target
from plait.node.backup.layout import (
    MARKER,
    Manifest,
    Piece,
    decode_manifest,
    decode_marker,
    digest_of,
    encode_manifest,
    manifest_name,
    manifest_number,
    piece_name,
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened() as world:
        await world.fill()
        yield world


class Interrupted(MemoryVault):
    """Loses power after so many writes; the file under way appears or not."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    async def write(self, name: str, data: bytes) -> None:
        if not self.left:
            raise DiskFull("the power is gone")
        self.left -= 1
        await super().write(name, data)


# ------------------------------------------------------------------------------- damage


async def test_every_flipped_byte_is_found(world: World) -> None:
    await world.back_up()
    chance = random.Random(4)
    for name, data in sorted(world.vault.files.items()):
        for at in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(4))}:
            flipped = bytearray(data)
            flipped[at] ^= 1 << chance.randrange(8)
            world.vault.files[name] = bytes(flipped)
            if name == MARKER:
                with pytest.raises((BadSettings, UnknownFormat)):
                    await restored_by_cluster(world)
            else:
                assert (await verified(world.vault)).wrong
                with pytest.raises(StorageError):
                    await restored(world.vault)
            world.vault.files[name] = data
    assert (await verified(world.vault)).wrong == ()


async def restored_by_cluster(world: World) -> None:
    """A flip in the cluster's name leaves a marker that is another cluster's."""
    await restored(world.vault)
    await world.back_up()


@pytest.mark.parametrize("how", ["missing", "short", "long"])
async def test_a_piece_that_is_not_all_there_is_named(world: World, how: str) -> None:
    await world.back_up()
    name, data = next((n, d) for n, d in sorted(world.vault.files.items()) if "pieces" in n)
    if how == "missing":
        del world.vault.files[name]
    else:
        world.vault.files[name] = data[:-1] if how == "short" else data + b"\0"
    assert name in " ".join((await verified(world.vault)).wrong)
    with pytest.raises(Corrupt, match=name):
        await restored(world.vault)


async def test_a_state_that_is_not_what_it_was_is_found_by_a_deep_look_only(world: World) -> None:
    await world.back_up()
    manifest = await latest(world.vault)
    lines = tuple(
        msgspec.structs.replace(line, state_hash="0" * 32) if line.line == "consensus" else line
        for line in manifest.lines
    )
    forged = msgspec.structs.replace(manifest, lines=lines, number=2)
    world.vault.files[manifest_name(2, "ab")] = encode_manifest(forged)
    assert (await verified(world.vault)).wrong == ()
    assert "comes to" in (await verified(world.vault, deep=True)).wrong[0]


async def test_entries_that_do_not_follow_on_each_other_are_found(world: World) -> None:
    strong = await world.store.table("strong")
    for number in range(3):
        await strong.put("n", number)
    manifest = (await world.back_up()).manifest
    line = next(line for line in manifest.lines if line.line == "consensus")
    log, replace = line.log[0], msgspec.structs.replace
    rows = msgspec.msgpack.decode(world.vault.files[piece_name(log.piece.digest)])
    rows[1], rows[2] = rows[2], rows[1]
    swapped = msgspec.msgpack.encode(rows)
    piece = Piece(digest_of(swapped), len(swapped))
    await world.vault.write(piece_name(piece.digest), swapped)
    lines = tuple(
        replace(each, log=(replace(log, piece=piece),)) if each is line else each
        for each in manifest.lines
    )
    forged = replace(manifest, lines=lines, number=2)
    world.vault.files[manifest_name(2, "ab")] = encode_manifest(forged)
    assert "does not follow" in (await verified(world.vault)).wrong[0]
    with pytest.raises(Corrupt, match="does not follow"):
        await restored(world.vault)


# ------------------------------------------------------------------------------- interruptions


async def test_a_backup_that_was_interrupted_anywhere_is_none_and_the_next_one_is_whole(
    world: World,
) -> None:
    whole = MemoryVault()
    await world.back_up(vault=whole)
    expected = await contents_of(world.store)
    for writes in range(1, len(whole.files)):
        vault = Interrupted(writes)
        with pytest.raises(DiskFull):
            await world.back_up(vault=vault)
        with pytest.raises(BadSettings, match="no finished backup"):
            await restored(vault)
        vault.left = 100
        await world.back_up(vault=vault)
        assert (await verified(vault)).wrong == ()
        assert await contents(vault) == expected


async def test_backups_while_the_store_is_written_hold_what_was_acknowledged_before(
    world: World,
) -> None:
    films = await world.store.table("films")
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await films.put("n", written + 1)
            written += 1

    writer = asyncio.get_running_loop().create_task(write())
    for _ in range(5):
        before = written
        await world.back_up()
        found = (await contents(world.vault))["films"]["n"] if before else 0
        assert before <= found <= written + 1
    writer.cancel()
    assert (await verified(world.vault, deep=True)).wrong == ()


# ------------------------------------------------------------------------------- refusals


async def test_a_folder_that_is_no_backup_is_left_alone(world: World) -> None:
    vault = MemoryVault()
    vault.files["holiday.jpg"] = b"sun"
    with pytest.raises(BadSettings, match="holds no backup"):
        await world.back_up(vault=vault)
    with pytest.raises(BadSettings, match="holds no backup"):
        await restored(vault)
    with pytest.raises(BadSettings, match="holds no backup"):
        await verified(vault)
    assert list(vault.files) == ["holiday.jpg"]


@pytest.mark.parametrize("at", ["consensus:100000", "nothing:3", "consensus:-1", "tomorrow", ""])
async def test_what_is_in_no_backup_is_refused(world: World, at: str) -> None:
    await world.back_up()
    with pytest.raises(BadSettings):
        await restored(world.vault, at)


async def test_a_backup_of_a_newer_program_is_not_restored(world: World) -> None:
    await world.back_up()
    forged = msgspec.structs.replace(await latest(world.vault), records=99, number=2)
    world.vault.files[manifest_name(2, "ab")] = encode_manifest(forged)
    with pytest.raises(UnknownFormat, match="newer"):
        await restored(world.vault)


def test_targets_are_read() -> None:
    assert parse_target("latest") == LATEST
    assert parse_target("leader/any:2:15") == Target(line="leader/any:2", position=15)
    assert parse_target("1970-01-01T00:00:01+00:00").time_ms == 1000


# ------------------------------------------------------------------------------- any bytes


@given(st.binary(max_size=200))
def test_any_bytes_are_no_manifest_and_no_marker(data: bytes) -> None:
    with pytest.raises((Corrupt, UnknownFormat)):
        decode_manifest(data, "it")
    with pytest.raises((BadSettings, UnknownFormat)):
        decode_marker(data)


@given(st.text("0123456789-abjson./", max_size=30))
def test_any_name_has_a_number_or_none(name: str) -> None:
    assert manifest_number(f"manifests/{name}") is None or name.endswith(".json")
    assert manifest_number(manifest_name(7, "ab")) == 7


async def test_a_manifest_that_cannot_be_is_refused_whatever_its_checksum_says(
    world: World,
) -> None:
    manifest = (await world.back_up()).manifest
    line = next(line for line in manifest.lines if line.line == "consensus")
    graph, log = manifest.graphs[0], line.log[0]
    replace = msgspec.structs.replace
    piece = replace(log.piece, digest="../../../../../../../../etc/pas")
    wrong = [
        replace(manifest, lines=()),
        replace(manifest, lines=(replace(line, copies=()),)),
        replace(manifest, lines=(replace(line, log=()),)),
        replace(manifest, lines=(replace(line, log=(log, log)),)),
        replace(manifest, lines=(replace(line, position=line.position + 1),)),
        replace(manifest, lines=(replace(line, log=(replace(log, piece=piece),)),)),
        replace(manifest, lines=(replace(line, state_hash="<script>"),)),
        replace(manifest, graphs=(replace(graph, lineage="x" * 32),)),
        replace(manifest, graphs=(replace(graph, state=replace(graph.state, size=1)),)),
    ]
    for each in wrong:
        with pytest.raises(Corrupt, match="cannot be a manifest"):
            decode_manifest(encode_manifest(each), "it")
    assert decode_manifest(encode_manifest(manifest), "it") == manifest


@given(st.randoms(use_true_random=False))
def test_a_manifest_with_any_change_is_read_as_something_that_can_be_or_refused(
    chance: random.Random,
) -> None:
    data = bytearray(SAMPLE)
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    with pytest.raises((Corrupt, UnknownFormat)):
        decode_manifest(bytes(data) + b" " * (bytes(data) == SAMPLE), "it")


SAMPLE = encode_manifest(Manifest(1, "c", "n1", 4, 0, 0, (), ()))
