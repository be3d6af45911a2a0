"""Torn or damaged: the three witnesses, on segments made by hand."""

import os

import pytest
from disks import flip_byte

from plait.base.codec import encode
from plait.base.errors import Corrupt
from plait.base.ports import AppendRows
from plait.host.disk import Disk
from plait.host.log_catalog import Catalog, SegmentNote
from plait.host.log_frames import HEADER_BYTES, seal_frame
from plait.host.log_opening import find_log
from plait.host.log_records import encode_manifest, encode_records
from plait.host.segments import Segments

SALT = b"saltsalt"


class Log:
    """Two segments: rows 0 to 3 of a line in the first, 4 to 7 in the second, a third laid out."""

    def __init__(self, path) -> None:
        self.segments = Segments(path, Disk())
        self.ends: list[int] = []  # of the frames of the second segment
        catalog, sequence, link, position = Catalog(), 1, 0, 0
        for number in (1, 2):
            ended = SegmentNote(1, self.ends[-1], 2) if number == 2 else None
            manifest = catalog.manifest(number, ended)
            body, data, self.ends = encode_manifest(encode(manifest)), b"", []
            for _ in range(5):
                header, link = seal_frame(SALT, sequence, link, body)
                data += header + body
                self.ends.append(len(data))
                sequence += 1
                row = AppendRows("a", position, (b"row %d" % position,))
                body, records = encode_records([row], None, len(data) + HEADER_BYTES)
                if len(self.ends) < 5:
                    catalog.apply(records, number)
                    position += 1
            os.close(self.segments.create(number, len(data) + 500, 0))
            with open(self.segments.file(number), "r+b") as file:
                file.write(data)
        os.close(self.segments.create(3, 500, 0))
        self.path = self.segments.file(2)


@pytest.fixture
def log(tmp_path) -> Log:
    return Log(tmp_path)


def test_a_whole_log_is_found_with_its_end(log):
    found = find_log(log.segments, (SALT, 10))
    assert (found.number, found.last.end, found.torn, found.damage) == (
        2,
        log.ends[-1],
        False,
        None,
    )
    assert found.sequence_next == 11
    assert found.catalog.extents["a"].tail == 8


def test_a_bad_last_frame_is_torn_unless_it_is_known_to_have_been_synced(log):
    flip_byte(log.path, log.ends[-1] - 1)
    for mark in (None, (SALT, 9)):
        found = find_log(log.segments, mark)
        assert (found.last.end, found.torn, found.damage) == (log.ends[-2], True, None)
        assert found.sequence_next == 10  # its number is taken again: the chain has no gaps
    found = find_log(log.segments, (SALT, 10))
    assert "synced up to 10" in found.damage


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_a_bad_frame_with_one_behind_it_is_damage(log, frame):
    flip_byte(log.path, log.ends[frame - 1] + 3)
    found = find_log(log.segments, None)
    assert "behind it" in found.damage
    assert found.sequence_next == 11


def test_a_bad_manifest_is_torn_only_if_nothing_follows_it(log):
    flip_byte(log.path, HEADER_BYTES + 3)
    found = find_log(log.segments, None)
    assert (found.number, found.catalog.extents["a"].tail) == (1, 4)
    assert "in segment 2" in found.damage
    os.truncate(log.path, log.ends[0])
    assert find_log(log.segments, None).damage is None
    assert find_log(log.segments, (SALT, 6)).damage is not None


def test_a_missing_segment_with_live_rows_is_damage(log):
    log.segments.remove(1)
    found = find_log(log.segments, None)
    assert "missing" in found.damage
    assert found.catalog.extents["a"].tail == 8


def test_the_mark_of_another_log_is_damage(log):
    assert "another log's" in find_log(log.segments, (b"tlastlas", 1)).damage


def test_nothing_is_told_from_what_cannot_be_read(log):
    log.segments.remove(1)
    log.segments.remove(2)
    with pytest.raises(Corrupt):
        find_log(log.segments, None)
    log.segments.remove(3)
    assert find_log(log.segments, None) is None
