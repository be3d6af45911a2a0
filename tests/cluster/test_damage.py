"""A member whose disk lies: it says so, counts for nothing, and fetches everything again."""

import asyncio
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Leader
from plait.base.errors import PlaitError

LINE = "leader/any:1"


def flip_a_byte_in_the_middle(folder: Path) -> None:
    """Damage what the newest segment of a folder's log holds."""
    segments = sorted((folder / "log").glob("*.seg"))
    segment = [path for path in segments if any(path.read_bytes())][-1]
    data = bytearray(segment.read_bytes())
    written = len(data.rstrip(b"\0"))  # segments are laid out in zeros
    data[written // 2] ^= 0x20
    segment.write_bytes(data)


async def test_a_member_with_a_damaged_log_is_refetched_from_its_leader(tmp_path: Path) -> None:
    members = Members(tmp_path)
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        for number in range(200):
            await table.put(f"k{number}", number)
        await members.settled(LINE)
        await members.stop("n3")
        flip_a_byte_in_the_middle(tmp_path / "n3")
        await table.put("after", True)
        await members.start("n3")
        await members.settled(LINE)
        async with asyncio.timeout(20):
            while members.nodes["n3"].lines[LINE].status()["role"] != "follower":
                await asyncio.sleep(0.05)
    async with members.only("n3") as one:
        copied = await one.table("t", read="nearest")
        assert await copied.count() == 201
    await members.close()


async def test_a_lone_node_with_a_damaged_log_serves_reads_only_and_says_why(
    tmp_path: Path,
) -> None:
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("t", Leader())
        for number in range(200):
            await table.put(f"k{number}", number)
        await store.flush()
    flip_a_byte_in_the_middle(tmp_path / "data")
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("t")
        assert await table.get("k7") == 7
        with pytest.raises(PlaitError, match="suspect"):
            await table.put("k7", 8)
        status = await store.status()
        assert "suspect" in status["nodes"]["n1"]["read_only"]
