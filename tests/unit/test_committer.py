"""Groups, order and jobs of the committing thread."""

import asyncio
import threading

import pytest

from plait.base.errors import StorageError
from plait.host.committer import Committer


class Recorder:
    """A committer's other half: holds each commit until the test lets it go."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.groups: list[list[int]] = []
        self.reports: list[tuple[list[int], int]] = []
        loop = asyncio.get_running_loop()
        self.committer = Committer[int, int](loop, self._commit, self._report)

    def _commit(self, group: list[int]) -> int:
        self.started.release()
        self.go.acquire()
        self.groups.append(group)
        return sum(group)

    def _report(self, group: list[int], result: int) -> None:
        self.reports.append((group, result))


async def test_what_is_queued_during_a_commit_is_the_next_group():
    recorder = Recorder()
    recorder.committer.put(1)
    await asyncio.to_thread(recorder.started.acquire)
    for item in (2, 3, 4):
        recorder.committer.put(item)
    recorder.go.release(2)
    await recorder.committer.close()
    assert recorder.groups == [[1], [2, 3, 4]]
    assert recorder.reports == [([1], 1), ([2, 3, 4], 9)]


async def test_a_job_runs_between_the_groups_around_it():
    recorder = Recorder()
    seen: list[list[int]] = []
    recorder.committer.put(1)
    await asyncio.to_thread(recorder.started.acquire)
    recorder.committer.put(2)
    recorder.committer.post(lambda: seen.extend(recorder.groups))
    recorder.committer.put(3)
    recorder.go.release(3)
    await recorder.committer.close()
    assert seen == [[1], [2]]
    assert recorder.groups == [[1], [2], [3]]


async def test_a_call_raises_what_its_job_returns():
    recorder = Recorder()
    await recorder.committer.call(lambda: None)
    with pytest.raises(StorageError, match="broken"):
        await recorder.committer.call(lambda: StorageError("broken"))
    await recorder.committer.close()
