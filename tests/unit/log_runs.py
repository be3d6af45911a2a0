"""Random commits of a log over a false disk, and what the log must hold at every moment of them."""

import copy
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disks import EVERYTHING
from false_disk import FalseDisk, Image, lay_down
from test_log_random import random_writes

from plait.base.codec import checksum
from plait.base.errors import Corrupt, PlaitError
from plait.base.ports import AppendRows, LineExtent, LogWrite, PutHardState, RescuedSuffix
from plait.host import durable_log, relocation
from plait.host.disk import Disk
from plait.host.durable_log import DurableLog
from plait.host.folder import Folder
from plait.host.memory_storage import LogDisk

Held = tuple[dict[str, LineExtent], dict[str, list[bytes]], list[object]]


def shrink_segments(monkeypatch) -> None:
    """Segments so small that a short run has all that a long one has."""
    for name, size in (("SEGMENT_BYTES_MIN", 2048), ("SEGMENT_BYTES_MAX", 8192)):
        monkeypatch.setattr(durable_log, name, size)
    monkeypatch.setattr(durable_log, "_SPARE_BYTES", 256)
    monkeypatch.setattr(durable_log, "_PROBE_BYTES", 256)
    monkeypatch.setattr(relocation, "MOVE_BYTES", 300)


class Model:
    """What a log should hold, and every row that any position of it ever had."""

    def __init__(self) -> None:
        self.disk = LogDisk()
        self.ever: dict[tuple[str, int], set[bytes]] = {}

    def lines(self) -> dict[str, LineExtent]:
        """As the port has it."""
        return dict(self.disk.extents)

    def rescued(self) -> list[RescuedSuffix]:
        """As the port has it."""
        return [suffix for suffix, _ in self.disk.rescued.values()]

    def apply(self, writes: list[LogWrite]) -> None:
        """They are durable."""
        for write in writes:
            self.disk.apply(write)
            if isinstance(write, AppendRows):
                for position, row in enumerate(write.rows, write.start):
                    self.ever.setdefault((write.line, position), set()).add(row)

    def fork(self, writes: list[LogWrite]) -> "Model":
        """What it would be if `writes` had happened."""
        other = Model()
        other.disk = copy.deepcopy(self.disk)
        other.ever = {place: set(rows) for place, rows in self.ever.items()}
        other.apply(writes)
        return other

    def after(self, writes: list[LogWrite]) -> Held:
        """What it would hold if `writes` had happened."""
        return self.fork(writes).held()

    def held(self) -> Held:
        """Everything, to compare."""
        return (
            self.lines(),
            {line: list(self.disk.rows[line].values()) for line in self.disk.extents},
            list(self.disk.rescued.values()),
        )


class Run:
    """One log on a false disk, its model, and images of the disk taken at its calls."""

    def __init__(self, folder: Path, rng: random.Random, monkeypatch) -> None:
        self.rng = rng
        self.model = Model()
        self.disk = FalseDisk(folder, rng)
        self.images: list[Image] = []
        self.share = 0.0  # of calls at which an image is kept
        self.fails: Callable[[str], OSError | None] = lambda call: None
        self.calls: list[str] = []
        self._folder = folder
        folder.mkdir()
        self.disk.install(monkeypatch)
        self.disk.on_call = self._on_call
        self.log: DurableLog | None = None

    def _on_call(self, call: str, path: str) -> None:
        self.calls.append(call)
        if self.rng.random() < self.share:
            self.keep()
        if (error := self.fails(call)) is not None:
            raise error

    def keep(self) -> None:
        """An image: the power goes, or sometimes only the process."""
        self.images.append(self.disk.cut() if self.rng.random() < 0.85 else self.disk.killed())

    def open(self) -> DurableLog:
        """The log, opened or opened again."""
        self.log = open_log(self._folder)
        return self.log

    def draw(self) -> list[LogWrite]:
        """Writes that are possible now; some longer than a sector."""
        writes = random_writes(self.rng, self.model)  # type: ignore[arg-type]
        if self.rng.random() < 0.3:
            writes.append(PutHardState("a", self.rng.randbytes(self.rng.randrange(2500))))
        return writes

    def commit(self, log: DurableLog) -> None:
        """Such writes are acknowledged by the log, and known to the model."""
        writes = self.draw()
        assert log.commit(writes).error is None
        self.model.apply(writes)

    def close(self) -> None:
        """Give all back."""
        if self.log is not None:
            shut(self.log)
            self.log = None


def open_log(path: Path) -> DurableLog:
    """The log of a folder; the folder's lock is given back if it cannot be opened."""
    folder = Folder(path)
    try:
        return DurableLog(folder, Disk())
    except BaseException:
        folder.close()
        raise


def shut(log: DurableLog) -> None:
    """Close a log and its folder."""
    log.close()
    log._folder.close()


def held(log: DurableLog) -> Held:
    """Everything that a log holds."""
    catalog = log.catalog
    return (
        dict(catalog.extents),
        {line: rows_of(log, line) for line in catalog.extents},
        [
            (suffix, log.reader.rows(suffix.line, index, suffix.start,
                                     suffix.start + suffix.count, EVERYTHING))
            for suffix, index in catalog.rescued.values()
        ],
    )  # fmt: skip


def rows_of(log: DurableLog, line: str) -> list[bytes]:
    """Every row of a line."""
    extent = log.catalog.extents[line]
    index = log.catalog.indexes[line]
    return log.reader.rows(line, index, extent.head, extent.tail, EVERYTHING)


def wrong_rows(log: DurableLog, model: Model) -> list[tuple[str, int]]:
    """Positions that give a row which they never had; those that say that they are bad do not."""
    found = []
    for line, extent in log.catalog.extents.items():
        index = log.catalog.indexes[line]
        for position in range(extent.head, extent.tail):
            try:
                [row] = log.reader.rows(line, index, position, position + 1, EVERYTHING)
            except (Corrupt, OSError):
                continue
            if row not in model.ever.get((line, position), ()):
                found.append((line, position))
    return found


def _compare(found: Held, allowed: list[Held]) -> None:
    """Fail the test unless `found` is allowed, and say briefly why: rows are long."""
    if found not in allowed:
        extents = [
            [(name, each.head, each.tail, checksum(each.hard_state or b"")) for name, each in one]
            for one in (tuple(held[0].items()) for held in (found, *allowed))
        ]
        alike = [[a == b for a, b in zip(found, one, strict=True)] for one in allowed]
        pytest.fail(f"held, then allowed: {extents}; extents, rows, rescued alike: {alike}"[:3000])


class Judge:
    """Opens images and holds them against what they may hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cases = 0
        self.suspect = 0

    def opened(self, image: Image) -> DurableLog | PlaitError:
        """The log in an image, or why it cannot be opened."""
        self.cases += 1
        path = self._path / "image"
        shutil.rmtree(path, ignore_errors=True)
        lay_down(image, path)
        try:
            return open_log(path)
        except PlaitError as error:
            return error

    def after_a_cut(self, image: Image, allowed: list[Held]) -> None:
        """A mere power cut: the log is good, it holds what it should, and it goes on."""
        log = self.opened(image)
        assert isinstance(log, DurableLog), f"a good log was refused: {log}"
        assert (log.suspicion, log.poison) == (None, None)
        _compare(held(log), allowed)
        assert log.commit([PutHardState("a", b"goes on")]).error is None
        expected = held(log)
        path = log._folder.path
        shut(log)
        log = open_log(path)
        assert log.suspicion is None
        assert held(log) == expected
        shut(log)

    def after_a_failure(self, image: Image, allowed: list[Held]) -> None:
        """The disk failed before: the log holds what it should, or says that it is suspect."""
        log = self.opened(image)
        assert isinstance(log, DurableLog), f"a good log was refused: {log}"
        if log.suspicion is not None:
            self.suspect += 1
        else:
            _compare(held(log), allowed)
        shut(log)
