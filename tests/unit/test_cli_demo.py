"""The demo's parts: the link that can be cut, the book of writes, who leads, the comparison."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plait.api.port import Receipt
from plait.base.errors import BadSettings, Busy, PlaitError, Unavailable
from plait.cli.demo.cluster import DemoCluster, free_ports
from plait.cli.demo.command import _folder
from plait.cli.demo.isolation import _reason
from plait.cli.demo.narrator import Narrator, Summary
from plait.cli.demo.proxy import Proxy
from plait.cli.demo.reigns import Reigns
from plait.cli.demo.verify import judge
from plait.cli.demo.watching import last_appointment, wait_caught_up, wait_led
from plait.cli.demo.writers import Ledger, Stream
from plait.cli.exits import DemoFailed
from plait.line.entry import Epoch


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
        async with asyncio.timeout(30):
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

    async def put(self, key: str, value: Any) -> Receipt:
        await self.ready.wait()
        await asyncio.sleep(0)  # a set event alone would not let anybody else run
        self.puts += 1
        if (error := next(self._outcomes, None)) is not None:
            raise error
        return Receipt("line", Epoch(1, "n1"), self.puts, 0, 1, "any:1")


async def test_the_book_tells_acknowledged_refused_and_unclear_writes_apart() -> None:
    full, silence = Busy("full"), Unavailable("silence")
    table: Any = ScriptedTable([None, full, silence])
    table.ready.set()
    ledger = Ledger()
    errors = [await ledger.write(table, key, {"k": key}) for key in ("a", "b", "c")]
    assert errors == [None, full, silence]
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
    stream = Stream(table, ledger, "k", 3)
    table.ready.set()
    await ledger.reigns.after(Epoch(0, ""), 5)
    await stream.stop(5)
    assert len(ledger.acknowledged) == table.puts > 0
    assert {key[:2] for key in ledger.acknowledged} <= {"k0", "k1", "k2"}
    assert not ledger.unclear


async def test_an_answer_of_the_old_epoch_does_not_show_that_somebody_leads_again() -> None:
    reigns = Reigns()
    reigns.note(Epoch(3, "n1"))
    waiting = asyncio.create_task(reigns.after(Epoch(3, "n1"), 5))
    reigns.note(Epoch(3, "n1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    reigns.note(Epoch(4, "n2"))
    assert await waiting > 0
    assert reigns.newest == Epoch(4, "n2")


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


def test_a_node_is_isolated_in_both_directions_and_the_others_still_talk(tmp_path: Path) -> None:
    cluster = DemoCluster(tmp_path, 3)
    ends = [(a, b) for a in cluster.names for b in cluster.names if a != b]
    cluster._proxies = {pair: Proxy("127.0.0.1:1") for pair in ends}
    cluster.isolate("n1")
    whole = {pair for pair, proxy in cluster._proxies.items() if not proxy.cut}
    assert whole == {("n2", "n3"), ("n3", "n2")}
    cluster.heal()
    assert not any(proxy.cut for proxy in cluster._proxies.values())


def test_the_last_appointment_is_the_one_that_the_best_informed_node_knows() -> None:
    assert last_appointment({"n1": {}, "n2": {"failover": {"veto": "no"}}}) is None
    states: dict[str, dict[str, Any]] = {
        "n1": {"failover": {"appointed": "n2", "times": 9}},
        "n2": {"failover": {"appointed": "n3", "times": 10}},
        "n3": {"failover": None},
    }
    assert last_appointment(states) == {"appointed": "n3", "times": 10}


class Statuses:
    """A store whose status is the next of a list, and in the end always the last."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states = list(states)
        self.asked = 0

    async def status(self) -> dict[str, Any]:
        state = self._states[min(self.asked, len(self._states) - 1)]
        self.asked += 1
        return {"nodes": {name: {"lines": {"l": own}} for name, own in state.items()}}


def member(role: str, position: int, epoch: str = "1.n1") -> dict[str, Any]:
    return {"role": role, "epoch": epoch, "committed": position, "applied": position}


async def test_of_two_that_say_they_lead_the_later_one_does() -> None:
    nobody = {"n1": member("follower", 1)}
    both = {"n1": member("leader", 9), "n2": member("leader", 8, "2.n2")}
    store: Any = Statuses(nobody, both)
    assert await wait_led(store, "l", 5) == "n2"
    assert store.asked == 2


async def test_a_goal_that_moves_on_is_not_run_after() -> None:
    behind = {"n1": member("leader", 10), "n2": member("follower", 4)}
    there = {"n1": member("leader", 99), "n2": member("follower", 10)}
    store: Any = Statuses(behind, there)
    await wait_caught_up(store, ("n1", "n2"), "l", 5)
    assert store.asked == 2


async def test_nodes_that_do_not_catch_up_are_named() -> None:
    store: Any = Statuses({"n1": member("leader", 10), "n2": member("follower", 4)})
    with pytest.raises(DemoFailed, match=r"'n2': \('follower', 4\)"):
        await wait_caught_up(store, ("n1", "n2"), "l", 0.01)


def test_a_refusal_is_told_in_the_words_of_the_node() -> None:
    error = Unavailable("gave up", tried=["n1: Busy: full", "n1: NotLeader: my lease is over"])
    assert _reason(error) == "my lease is over"
    assert _reason(Busy("full")) == "full"


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
    assert kept.path.is_dir()
    assert kept.path == tmp_path / "new"
    with _folder(None) as temporary:
        (temporary.path / "file").touch()
    assert not temporary.path.exists()


def test_a_temporary_folder_stays_if_there_is_something_to_look_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with _folder(None) as folder:
        folder.stays = True
    assert folder.path.is_dir()
    assert str(folder.path) in capsys.readouterr().err
    shutil.rmtree(folder.path)


def test_what_is_said_stays_in_its_column_on_a_narrow_terminal(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as stream:
        narrator = Narrator(Console(file=stream, width=40))
        narrator.say("a b c d e f " * 9)
        narrator.show(["plait " + "x" * 60])
        stream.seek(0)
        lines = stream.read().splitlines()
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert max(map(len, lines[:-1])) <= 40
    assert lines[-1].endswith("plait " + "x" * 60)  # a command is not broken


def test_a_summary_says_what_was_lost_and_stays_plain_off_a_terminal(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as stream:
        narrator = Narrator(Console(file=stream, width=100))
        narrator.say("hello", "bold red")
        narrator.summary(
            Summary(ok=False, lost=3, import_s=0.25, lag_median_s=None, linearizable=False)
        )
        stream.seek(0)
        text = stream.read()
    assert "\x1b" not in text
    figures = {line.rsplit("  ", 1)[0].strip(): line.split()[-1] for line in text.splitlines()
               if "  " in line}  # fmt: skip
    assert figures["acknowledged and lost"] == "3"
    assert "250 ms" in text
    assert figures["lag median"] == "-"
    assert figures["linearizable"] == "NO"
