"""The log's files: names, readers, and what is no longer there."""

import os

import pytest

from plait.base.errors import Corrupt
from plait.host import segments as segments_module
from plait.host.disk import Disk
from plait.host.segments import Segments


@pytest.fixture
def segments(tmp_path):
    segments = Segments(tmp_path, Disk())
    yield segments
    segments.close()


def create(segments: Segments, number: int, data: bytes) -> None:
    file = segments.create(number, 1000, 1000)
    os.pwrite(file, data, 0)
    os.close(file)


def test_segments_are_found_in_order_and_other_files_are_not(tmp_path, segments):
    for number in (10, 2, 100_000_000):
        create(segments, number, b"")
    (tmp_path / "notes.txt").write_text("a stranger's")
    (tmp_path / "x.seg").write_text("another")
    assert segments.numbers() == [2, 10, 100_000_000]
    segments.remove(10)
    segments.remove(10)
    assert segments.numbers() == [2, 100_000_000]


def test_a_read_ends_where_the_segment_ends_even_if_it_grew(segments):
    create(segments, 1, b"0123")
    assert segments.read(1, 1, 3) == b"123"
    assert segments.read(1, 990, 100) == bytes(10)
    assert segments.read(1, 5000, 1 << 40) == b""
    file = segments.open(1)
    os.pwrite(file, b"more", 1000)
    os.close(file)
    assert segments.read(1, 998, 1 << 40) == b"\0\0more"


def test_a_segment_that_is_gone_is_corrupt(segments):
    with pytest.raises(Corrupt, match="segment 7"):
        segments.read(7, 0, 1)


def test_only_so_many_descriptors_are_kept(segments, monkeypatch):
    monkeypatch.setattr(segments_module, "_READERS_MAX", 3)
    for number in range(1, 9):
        create(segments, number, b"%d" % number)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        for number in range(1, 9):
            assert segments.read(number, 0, 1) == b"%d" % number
    assert len(os.listdir("/proc/self/fd")) == before + 3
    segments.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_segment_that_cannot_be_laid_out_leaves_nothing_behind(tmp_path):
    class Full(Disk):
        def fill(self, file: int, start: int, stop: int) -> None:
            raise OSError(28, "No space left on device")

    segments = Segments(tmp_path, Full())
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="space"):
        segments.create(1, 1000, 10)
    assert segments.numbers() == []
    assert len(os.listdir("/proc/self/fd")) == before
