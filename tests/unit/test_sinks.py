"""Delivery into sinks, and files that were killed anywhere."""

import asyncio
import json

import pytest

from plait.api.settings import Leader
from plait.api.store import Store
from plait.base.errors import BadSettings, Closed, FolderInUse, SessionLost, Unavailable
from plait.sinks import JsonlSink, Mark, deliver, mark_of, open_sink
from tests.fakes_backend import FakeBackend

SOON = 5.0


class ListSink:
    """Keeps what it takes, and can say that it has something."""

    most = 2

    def __init__(self, mark=None, fail_at=None):
        self.batches = []
        self.mark = mark
        self.fail_at = fail_at
        self.opened_at = None
        self.closed = 0

    async def open(self, cursor):
        self.opened_at = cursor
        return self.mark

    async def write(self, batches):
        self.batches += batches
        if self.fail_at is not None and len(self.batches) >= self.fail_at:
            raise Unavailable("the sink is gone")

    async def close(self):
        self.closed += 1

    @property
    def keys(self):
        return [change.key for batch in self.batches for change in batch.changes]


@pytest.fixture
async def table():
    table = await Store(FakeBackend()).table("t", Leader())
    for key in "abcd":
        await table.put(key, {"n": 1})
    return table


async def delivered(table, sink, limit, start="0.0", **more):
    return await asyncio.wait_for(deliver(table, "g", sink, start, limit=limit, **more), SOON)


async def test_changes_are_delivered_and_the_group_s_position_with_them(table):
    sink = ListSink()
    assert await delivered(table, sink, 3) == 3
    assert (sink.keys, sink.opened_at, sink.closed) == (["a", "b", "c"], "0.0", 1)
    await table.put("e", 1)
    again = ListSink()
    await delivered(table, again, 2)
    assert again.keys == ["d", "e"]


async def test_what_a_sink_did_not_take_for_certain_comes_again(table):
    sink = ListSink(fail_at=4)
    with pytest.raises(Unavailable):
        await delivered(table, sink, 4)
    assert sink.closed == 1
    again = ListSink()
    await delivered(table, again, 2)
    assert again.keys == ["c", "d"]


async def test_a_sink_that_is_ahead_of_its_group_is_given_only_what_it_lacks(table):
    first = ListSink()
    await delivered(table, first, 4)
    for index in range(4):
        sink = ListSink(mark_of(first.batches[index]))
        await table.put(f"new{index}", 1)
        count = 4
        assert await asyncio.wait_for(
            deliver(table, f"g{index}", sink, "0.0", limit=count), SOON
        ) == count  # fmt: skip
        assert sink.keys[: 3 - index] == ["a", "b", "c", "d"][index + 1 :]


@pytest.mark.parametrize("wrong", [Mark("1.1", 9, 1000), Mark("1.5", 2, 1000)])
async def test_a_sink_that_has_what_the_log_has_not_is_told_so(table, wrong):
    with pytest.raises(SessionLost, match="cut beneath it"):
        await delivered(table, ListSink(wrong), 4)


async def test_a_sink_that_has_less_than_its_group_has_done_is_refused(table):
    first = ListSink()
    await delivered(table, first, 4)
    with pytest.raises(BadSettings, match="went elsewhere"):
        await delivered(table, ListSink(mark_of(first.batches[0])), 1)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_file_has_a_line_for_each_change(tmp_path):
    table = await Store(FakeBackend()).table("t", Leader())
    async with table.transaction() as t:
        t["a"], t["b"] = {"n": b"\1"}, None
    await table.delete("a")
    await table.clear()
    path = tmp_path / "feed.jsonl"
    await delivered(table, JsonlSink(path), 4)
    place = {"cursor": "0.1", "version": 1, "time_ms": 1000}
    assert lines(path)[:2] == [
        place | {"key": "a", "value": {"n": "AQ=="}},
        place | {"key": "b", "value": None, "last": True},
    ]
    assert [line.get("deleted") for line in lines(path)] == [None, None, True, None]
    assert lines(path)[3] == {
        "cursor": "2.1", "version": 3, "time_ms": 1000, "cleared": True, "last": True,
    }  # fmt: skip


async def written(tmp_path):
    """A table, and the file of its feed that nobody killed."""
    table = await Store(FakeBackend()).table("t", Leader())
    for turn in range(3):
        async with table.transaction() as t:
            for key in "abc":
                t[key] = turn
    path = tmp_path / "whole.jsonl"
    await asyncio.wait_for(deliver(table, "whole", JsonlSink(path), "0.0", limit=9), SOON)
    return table, path.read_bytes()


async def test_a_file_cut_anywhere_is_continued_without_gap_or_repetition(tmp_path):
    table, whole = await written(tmp_path)
    path = tmp_path / "feed.jsonl"
    for number, length in enumerate(range(0, len(whole) + 1, 7)):
        path.write_bytes(whole[:length])
        await table.put("end", number)
        kept = whole[:length].count(b'"last":true}\n')
        lacks = 3 * (3 - kept) + number + 1
        sink = JsonlSink(path)
        await asyncio.wait_for(deliver(table, f"g{number}", sink, "0.0", limit=lacks), SOON)
        assert path.read_bytes().startswith(whole)
        assert [line["key"] for line in lines(path)][9:] == ["end"] * (number + 1)


async def test_zeros_that_a_loss_of_power_left_are_cut_off(tmp_path):
    table, whole = await written(tmp_path)
    path = tmp_path / "feed.jsonl"
    half = whole.index(b'"cursor":"1.1"') - 1
    for torn in (b"\0" * 100, b"\0" * 100 + b"\n" + whole[half:], whole[half : half + 200]):
        path.write_bytes(whole[:half] + torn)
        await asyncio.wait_for(
            deliver(table, f"g{len(torn)}", JsonlSink(path), "0.0", limit=6), SOON
        )
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "foreign", [b"hello", b"hello\n", b'{"a":1}', b'{"a":1}\n', b'{"cursor":"x"}\n', b"[]\n"]
)
async def test_a_file_that_no_feed_has_written_is_left_alone(table, tmp_path, foreign):
    path = tmp_path / "notes.txt"
    path.write_bytes(foreign)
    with pytest.raises(BadSettings, match="not what a feed"):
        await delivered(table, JsonlSink(path), 1)
    assert path.read_bytes() == foreign


async def test_a_long_file_is_not_read_from_its_beginning(table, tmp_path, monkeypatch):
    monkeypatch.setattr("plait.sinks.jsonl.TAIL_BYTES", 100)
    path = tmp_path / "feed.jsonl"
    for number in range(5):
        await table.put("e", number)
        await delivered(table, JsonlSink(path), 1 if number else 5)
    assert [line["key"] for line in lines(path)] == ["a", "b", "c", "d"] + ["e"] * 5


async def test_two_do_not_append_to_one_file(tmp_path):
    path = tmp_path / "feed.jsonl"
    one, two = JsonlSink(path), JsonlSink(path)
    await one.open("0.0")
    with pytest.raises(FolderInUse):
        await two.open("0.0")
    await one.close()
    with pytest.raises(Closed):
        await one.write([])
    await two.open("0.0")
    await two.close()
    with pytest.raises(BadSettings, match="cannot append"):
        await JsonlSink(tmp_path / "no" / "feed.jsonl").open("0.0")


@pytest.mark.parametrize(
    "word", ["", "jsonl:", "ftp://x", "nats://host:4222", "http://", "nats://h/a.*"]
)
def test_a_word_that_means_no_sink_is_refused(word):
    with pytest.raises(BadSettings):
        open_sink(word, "t", "g")
