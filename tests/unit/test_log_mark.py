"""The mark says what was last written, or nothing."""

import pytest
from disks import flip_byte

from plait.host.log_mark import Mark

SALT = b"saltsalt"


@pytest.fixture
def mark(tmp_path):
    mark = Mark(tmp_path / "mark")
    yield mark
    mark.close()


def test_a_mark_outlives_its_process(tmp_path, mark):
    assert mark.read() is None
    for sequence in (1, 2, 3, 9):
        mark.write(SALT, sequence)
        assert mark.read() == (SALT, sequence)
    again = Mark(tmp_path / "mark")
    assert again.read() == (SALT, 9)
    again.close()


def test_a_slot_half_written_leaves_the_other(tmp_path, mark):
    mark.write(SALT, 8)
    mark.write(SALT, 9)
    flip_byte(tmp_path / "mark", 32 + 10)
    assert mark.read() == (SALT, 8)
    flip_byte(tmp_path / "mark", 19)
    assert mark.read() is None


def test_a_page_of_zeros_or_none_says_nothing(tmp_path, mark):
    assert mark.read() is None
    (tmp_path / "short").write_bytes(b"")
    short = Mark(tmp_path / "short")
    assert short.read() is None
    short.write(SALT, 1)
    assert (tmp_path / "short").stat().st_size == 4096
    short.close()
