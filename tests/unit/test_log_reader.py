"""Rows through a window: all of them, whatever their sizes, and nothing else."""

import os
import random

import pytest
from disks import flip_byte

from plait.base.errors import Corrupt
from plait.base.ports import AppendRows, RescuedSuffix
from plait.host import log_reader
from plait.host.disk import Disk
from plait.host.log_index import LineIndex
from plait.host.log_reader import LogReader
from plait.host.log_records import encode_records
from plait.host.segments import Segments

EVERYTHING = 1 << 40


class Rows:
    """A line's rows in two segments, among those of another line."""

    def __init__(self, path, sizes: list[int]) -> None:
        self.segments = Segments(path, Disk())
        self.reader = LogReader(self.segments)
        self.index = LineIndex()
        self.data = [os.urandom(size) for size in sizes]
        half = len(sizes) // 2
        for segment, start, stop in ((1, 0, half), (2, half, len(sizes))):
            body = b"header"
            for position in range(start, stop):
                writes = (
                    AppendRows("other", position, (b"in between",)),
                    AppendRows("a", position, (self.data[position],)),
                )
                more, records = encode_records(writes, None, len(body))
                self.index.append(segment, position, records[1].offsets, records[1].size)
                body += more
            self.segments.file(segment).write_bytes(body)


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_any_size_are_read_up_to_the_bytes_asked_for(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(log_reader, "_WINDOW_BYTES_MAX", 300)
    monkeypatch.setattr(log_reader, "_WINDOW_SLACK", 20)
    rng = random.Random(seed)
    rows = Rows(tmp_path, [rng.choice((0, 3, 50, 1000)) for _ in range(40)])
    for _ in range(200):
        start, stop = sorted(rng.sample(range(41), 2))
        bytes_max = rng.choice((0, 1, 60, 2000, EVERYTHING))
        expected, size = [], 0
        for row in rows.data[start:stop]:
            size += len(row)
            if expected and size > bytes_max:
                break
            expected.append(row)
        assert rows.reader.rows("a", rows.index, start, stop, bytes_max) == expected


def test_a_flip_in_any_byte_of_a_row_is_corrupt(tmp_path):
    rows = Rows(tmp_path, [30] * 6)
    (offset, *_), size = rows.index.runs[1].offsets[1:], 38
    for at in range(offset, offset + size):
        flip_byte(rows.segments.file(2), at)
        with pytest.raises(Corrupt, match="row 4"):
            rows.reader.rows("a", rows.index, 4, 5, EVERYTHING)
        flip_byte(rows.segments.file(2), at)
    assert rows.reader.rows("a", rows.index, 4, 5, EVERYTHING) == [rows.data[4]]


def test_a_row_cut_off_by_the_end_of_its_segment_is_corrupt(tmp_path):
    rows = Rows(tmp_path, [30] * 6)
    path = rows.segments.file(2)
    for size in range(path.stat().st_size - 1, rows.index.runs[1].offsets[2] - 1, -1):
        os.truncate(path, size)
        reader = LogReader(Segments(tmp_path, Disk()))
        with pytest.raises(Corrupt, match="row 5"):
            reader.rows("a", rows.index, 5, 6, EVERYTHING)
    os.truncate(path, 0)
    with pytest.raises(Corrupt, match="row 3"):
        LogReader(Segments(tmp_path, Disk())).rows("a", rows.index, 3, 6, EVERYTHING)


def test_a_rescued_suffix_is_measured_exactly_or_nearly_if_it_cannot_be_read(tmp_path):
    rows = Rows(tmp_path, [10, 20, 30, 40])
    suffix = RescuedSuffix(1, "a", 0, 4, -1, b"note")
    assert rows.reader.measured(suffix, rows.index).size == 100
    rows.segments.remove(2)
    gone = LogReader(Segments(tmp_path, Disk()))
    assert gone.measured(suffix, rows.index).size == pytest.approx(100, abs=40)
