"""A graph's journal: rows go to the log, one after another if nobody asks for more."""

import asyncio

import pytest

from plait.base.errors import StorageError
from plait.base.ports import AppendRows
from plait.engines.graph import wal
from plait.engines.graph.journal import Journal


class Log:
    """Takes rows, and says that they are durable when a test says so."""

    def __init__(self):
        self.rows, self.waiting = [], []

    def lines(self):
        return {}

    def submit(self, writes, done):
        for write in writes:
            assert isinstance(write, AppendRows)
            assert write.start == len(self.rows)
            self.rows += write.rows
        self.waiting.append((writes, done))

    def answer(self, error=None):
        writes, done = self.waiting.pop(0)
        if error is not None:
            del self.rows[writes[0].start :]
        done(error)


@pytest.fixture
def journal():
    log, told, failed = Log(), [], []
    made = Journal(log, "line", 0, told.append, failed.append)
    made.log, made.told, made.failed = log, told, failed
    return made


def test_a_row_in_turn_takes_in_what_comes_until_those_before_are_durable(journal):
    for turn in range(3):
        journal.add(wal.Folded())
        journal.close_row_in_turn()
        assert journal.position == min(turn + 1, 2)
    assert (journal.written, journal.durable, len(journal.log.rows)) == (1, 0, 1)
    journal.log.answer()
    assert (journal.written, journal.durable, len(journal.log.rows)) == (2, 1, 2)
    assert len(wal.decode_row(journal.log.rows[1], 1)) == 2
    journal.log.answer()
    assert journal.told == [1, 2]
    assert journal.log.waiting == []


async def test_who_waits_has_the_open_row_at_once(journal):
    for _ in range(2):
        journal.add(wal.Folded())
        journal.close_row_in_turn()
    journal.close_row()
    waiting = asyncio.ensure_future(journal.wait(journal.written))
    assert (journal.written, len(journal.log.rows)) == (2, 2)
    journal.log.answer()
    await asyncio.sleep(0)
    assert not waiting.done()
    journal.log.answer()
    await waiting


def test_what_was_in_turn_goes_behind_a_failure_once_the_disk_is_back(journal):
    for _ in range(2):
        journal.add(wal.Folded())
        journal.close_row_in_turn()
    journal.log.answer(StorageError("full"))
    assert len(journal.failed) == 1
    journal.add(wal.Folded())
    journal.close_row_in_turn()
    assert journal.log.waiting == []
    journal.retry()
    journal.log.answer()
    assert (journal.written, journal.durable) == (2, 1)
    journal.log.answer()
    assert journal.durable == journal.position == 2
    assert len(wal.decode_row(journal.log.rows[1], 1)) == 2
