import asyncio
import threading

import pytest

from plait.api.recording import RecordedTable
from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.values import ABSENT
from plait.base.errors import Busy, Conflict, Unavailable, UsageError
from plait.check import Recorder, check_history, check_sessions, load_history
from tests.fakes_backend import FakeBackend


async def recorded(path, backend, process=0):
    table = await Store(backend).table("t", Leader())
    return RecordedTable(table, Recorder(path), process)


def outcomes(path):
    history = load_history(path)
    return [(o.f, o.argument, o.outcome, o.refused) for o in history.operations], history.failed


def test_what_is_recorded_is_read_again(tmp_path):
    times = iter([10.0, 10.5, 11.0, 12.0, 13.0])
    with Recorder(tmp_path / "h", clock=lambda: next(times)) as recorder:
        recorder.invoke(0, "write", key="x", value=[1])
        recorder.ok(0, version=3)
        recorder.invoke("reader", "read", key="x")
        recorder.ok("reader", [1], version=3)
    write, read = load_history(tmp_path / "h").operations
    assert (write.argument, write.version, write.started_s, write.ended_s) == ([1], 3, 0.5, 1.0)
    assert (read.process, read.result, read.ended_s) == ("reader", [1], 3.0)


def test_a_killed_recorder_leaves_an_open_operation_indefinite(tmp_path):
    Recorder(tmp_path / "h").invoke(0, "write", value=1)
    assert outcomes(tmp_path / "h") == ([("write", 1, "info", False)], 0)


def test_a_process_has_one_operation_open(tmp_path):
    recorder = Recorder(tmp_path / "h")
    recorder.invoke(0, "read")
    with pytest.raises(UsageError, match="open"):
        recorder.invoke(0, "read")
    recorder.info(0)
    with pytest.raises(UsageError, match="nothing open"):
        recorder.ok(0)


def test_a_value_that_is_not_json_leaves_no_half_of_an_operation(tmp_path):
    recorder = Recorder(tmp_path / "h")
    with pytest.raises(TypeError):
        recorder.invoke(0, "write", value=object())
    recorder.invoke(0, "write", value=1)
    assert len(load_history(tmp_path / "h")) == 1


def test_threads_share_a_recorder_and_never_mix_their_lines(tmp_path):
    recorder = Recorder(tmp_path / "h")

    def work(process):
        for number in range(200):
            recorder.invoke(process, "write", key=f"k{process}", value=number)
            recorder.ok(process)

    threads = [threading.Thread(target=work, args=(process,)) for process in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(load_history(tmp_path / "h")) == 800


async def test_a_recorded_table_does_what_the_table_does_and_is_linearizable(tmp_path):
    table = await recorded(tmp_path / "h", FakeBackend())
    assert await table.get("k", "none") == "none"
    receipt = await table.put("k", 1)
    assert await table.get("k") == 1
    await table.cas("k", 1, 2)
    with pytest.raises(Conflict):
        await table.cas("k", 1, 3)
    await table.delete("k")
    await table.cas("k", ABSENT, 4)
    assert await table.get("k") == 4
    history = load_history(tmp_path / "h")
    assert [o.f for o in history.operations] == [
        "get", "put", "get", "cas", "cas", "delete", "cas", "get",
    ]  # fmt: skip
    assert history.operations[1].version == receipt.version
    assert [o.refused for o in history.operations].count(True) == 1
    assert check_history(history, "cas-register")
    assert not check_sessions(history)


async def test_an_error_is_recorded_as_what_it_says_of_the_outcome(tmp_path):
    backend = FakeBackend()
    backend.fail_with = {0: Busy("full"), 1: Unavailable("silence")}
    table = await recorded(tmp_path / "h", backend)
    for error in (Busy, Unavailable):
        with pytest.raises(error):
            await table.put("k", 1)
    backend.fail_reads = [Unavailable("silence")]
    with pytest.raises(Unavailable):
        await table.get("k")
    assert outcomes(tmp_path / "h") == (
        [("put", 1, "info", False), ("get", None, "info", False)], 1,
    )  # fmt: skip


async def test_a_cancelled_write_is_indefinite(tmp_path):
    backend = FakeBackend()
    table = await recorded(tmp_path / "h", backend)
    backend.hold = True
    writing = asyncio.create_task(table.put("k", 1))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert outcomes(tmp_path / "h") == ([("put", 1, "info", False)], 0)
