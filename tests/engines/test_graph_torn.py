"""A document that cannot be read while something takes effect on it: nothing is half done."""

import pytest
from graph_replicas import FOUNDER, Wire, opened, put, same, title, until

from plait.base.errors import Corrupt, StorageError
from plait.host.memory_state import MemoryState
from plait.host.memory_storage import MemoryDisk, MemoryStorage


class BadReads:
    """The state files of a disk; reads fail while `bad`."""

    def __init__(self, monkeypatch, disk):
        self.bad = False
        self.disk = disk
        self.met = 0
        for name in ("get", "scan"):
            monkeypatch.setattr(MemoryState, name, self._failing(getattr(MemoryState, name)))

    def _failing(self, read):
        def failing(state, *where):
            if self.bad and state._disk in self.disk.states.values():
                self.met += 1
                raise Corrupt("a row fails its checksum")
            return read(state, *where)

        return failing


async def test_what_comes_while_a_document_cannot_be_read_takes_effect_later_and_is_not_lost(
    monkeypatch,
):
    disk = MemoryDisk()
    reads = BadReads(monkeypatch, disk)
    one = await opened(MemoryStorage())
    put(one, "k", "old")
    other = await opened(MemoryStorage(disk), "b", founds=False)
    wire = Wire(one, other)
    await same(one, other)
    wire.cut()
    await other.close()

    other = await opened(
        MemoryStorage(disk) if disk.holder is None else disk.holder, "b", founds=False
    )  # nothing of it is in memory
    wire = Wire(one, other)
    await same(one, other)
    seen = dict(other.vector)
    reads.bad = True
    put(one, "k", "new")
    await until(lambda: other.broken)
    assert reads.met
    reads.bad = False
    with pytest.raises(StorageError, match="to be opened again"):
        other.check()
    with pytest.raises(StorageError):
        put(other, "k", "newer")
    await other.flush()  # what had been written is on disk
    wire.cut()
    await other.close()

    other = await opened(disk.holder, "b", founds=False)
    assert other.vector[FOUNDER] == seen[FOUNDER]
    assert title(other, "k") == "old"
    Wire(one, other)
    await same(one, other)
    assert title(other, "k") == "new"
    await one.close()
    await other.close()
