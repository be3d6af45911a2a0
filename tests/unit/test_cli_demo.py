"""The demo's parts: the link that can be cut, the book of writes, the judge, free ports."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plait.base.errors import BadSettings, Busy, PlaitError, Unavailable
from plait.cli.demo.cluster import free_ports
from plait.cli.demo.command import _folder
from plait.cli.demo.narrator import Narrator, Summary
from plait.cli.demo.proxy import Proxy
from plait.cli.demo.verify import judge
from plait.cli.demo.watching import most_advanced
from plait.cli.demo.writers import Ledger, Stream
from plait.cli.exits import DemoFailed


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[Proxy]:
    """A proxy in front of a server that says back what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1024):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
        server.close()


async def dial(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What comes back for a greeting; b"" if the link is broken."""
    try:
        async with asyncio.timeout(5):
            writer.write(b"hello")
            return await reader.read(5)
    except ConnectionError:
        return b""


async def test_a_link_carries_both_ways() -> None:
    async with echoing() as proxy:
        reader, writer = await dial(proxy)
        assert await ask(reader, writer) == b"hello"
        writer.close()


async def test_a_cut_breaks_what_is_open_and_refuses_what_comes_until_it_is_healed() -> None:
    async with echoing() as proxy:
        reader, writer = await dial(proxy)
        assert await ask(reader, writer) == b"hello"
        proxy.sever()
        assert await ask(reader, writer) == b""
        assert await ask(*await dial(proxy)) == b""
        proxy.heal()
        assert await ask(*await dial(proxy)) == b"hello"


async def test_a_link_to_nobody_closes_on_whoever_dials() -> None:
    proxy = Proxy("127.0.0.1:1")
    await proxy.start()
    assert await ask(*await dial(proxy)) == b""
    await proxy.close()


class ScriptedTable:
    """Each put takes the next outcome: an error to raise, or None for success."""

    def __init__(self, outcomes: list[PlaitError | None]) -> None:
        self._outcomes: Iterator[PlaitError | None] = iter(outcomes)
        self.ready = asyncio.Event()
        self.puts = 0

    async def put(self, key: str, value: Any) -> None:
        await self.ready.wait()
        await asyncio.sleep(0)  # a set event alone would not let anybody else run
        self.puts += 1
        if (error := next(self._outcomes, None)) is not None:
            raise error


async def test_the_book_tells_acknowledged_refused_and_unclear_writes_apart() -> None:
    table: Any = ScriptedTable([None, Busy("full"), Unavailable("silence")])
    table.ready.set()
    ledger = Ledger()
    for key in ("a", "b", "c"):
        await ledger.write(table, key, {"k": key})
    assert ledger.acknowledged == {"a": {"k": "a"}}
    assert ledger.unclear == {"c": {"k": "c"}}
    assert ledger.refused == 1


async def test_a_write_that_is_cancelled_while_it_waits_is_unclear() -> None:
    ledger = Ledger()
    table: Any = ScriptedTable([])
    writing = asyncio.create_task(ledger.write(table, "a", 1))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert ledger.unclear == {"a": 1}
    assert ledger.acknowledged == {}


async def test_a_stopped_stream_accounts_for_every_write() -> None:
    table: Any = ScriptedTable([])
    ledger = Ledger()
    stream = Stream(table, ledger)
    acknowledged = asyncio.create_task(ledger.next_acknowledgement(5))
    await asyncio.sleep(0)
    table.ready.set()
    await acknowledged
    await stream.stop(5)
    assert len(ledger.acknowledged) == table.puts > 0
    assert not ledger.unclear


async def rows(found: dict[str, Any]) -> AsyncIterator[tuple[str, Any]]:
    for item in found.items():
        yield item


async def test_the_judge_accepts_everything_acknowledged_and_what_was_unclear() -> None:
    verdict = await judge("n1", "t", rows({"a": 1, "b": 2, "u": 3}), {"a": 1, "b": 2}, {"u": 3})
    assert verdict.good
    assert (verdict.found, verdict.unclear_found, verdict.lost) == (2, 1, 0)


async def test_the_judge_names_what_is_missing_different_and_unexpected() -> None:
    acknowledged = {"a": 1, "b": 2, "c": 3}
    verdict = await judge("n1", "t", rows({"a": 1, "b": 9, "x": 0, "u": 4}), acknowledged, {"u": 3})
    assert not verdict.good
    assert (verdict.missing, verdict.different, verdict.unexpected) == (1, 1, 2)
    assert verdict.lost == 2
    assert sorted(verdict.examples) == ["b", "c", "u", "x"]


def test_the_most_advanced_follower_has_the_highest_epoch_then_the_longest_log() -> None:
    states = {
        "n1": {"role": "leader", "epoch": "12.n1", "durable": 99},
        "n2": {"role": "follower", "epoch": "9.n1", "durable": 90},
        "n3": {"role": "follower", "epoch": "10.n1", "durable": 20},
        "n4": {"role": "follower", "epoch": "10.n1", "durable": 30},
    }
    assert most_advanced(states) == "n4"
    with pytest.raises(DemoFailed):
        most_advanced({"n1": states["n1"]})


def test_a_port_that_is_taken_is_avoided() -> None:
    first = free_ports(3)
    assert len(set(first)) == 3
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first[1]))
        assert first[1] not in free_ports(3)


def test_a_folder_to_keep_must_be_new_or_empty_and_a_temporary_one_is_removed(
    tmp_path: Path,
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "data").touch()
    with pytest.raises(BadSettings, match="not empty"), _folder(tmp_path / "old"):
        pass
    with _folder(tmp_path / "new") as kept:
        pass
    assert kept.is_dir()
    with _folder(None) as temporary:
        (temporary / "file").touch()
    assert not temporary.exists()


def test_a_summary_says_what_was_lost_and_stays_plain_off_a_terminal(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as stream:
        narrator = Narrator(Console(file=stream, width=100))
        narrator.say("hello", "bold red")
        narrator.summary(Summary(ok=False, lost=3, time_to_promote_s=0.25, lag_median_s=None))
        stream.seek(0)
        text = stream.read()
    assert "\x1b" not in text
    figures = {line.rsplit("  ", 1)[0].strip(): line.split()[-1] for line in text.splitlines()
               if "  " in line}  # fmt: skip
    assert figures["acknowledged and lost"] == "3"
    assert "250 ms" in text
    assert figures["lag median"] == "-"
