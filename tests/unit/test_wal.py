"""Torn or damaged: the two witnesses, on logs that SQLite wrote."""

from pathlib import Path

import apsw
import pytest
from disks import flip_byte

from plait.host.wal import FRAME_HEADER_BYTES, HEADER_BYTES, Mark, find_damage, read_header

FRAME_BYTES = FRAME_HEADER_BYTES + 4096


@pytest.fixture
def wal(tmp_path) -> Path:
    """A log of six transactions, one frame each, and then one of three frames."""
    path = tmp_path / "x.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE t (x)")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    for _ in range(6):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("INSERT INTO t VALUES (zeroblob(6000))")
    copy = tmp_path / "copy-wal"
    copy.write_bytes(Path(f"{path}-wal").read_bytes())
    connection.close()
    assert copy.stat().st_size == HEADER_BYTES + 9 * FRAME_BYTES
    return copy


def _salts(wal: Path) -> bytes:
    header = read_header(wal.read_bytes())
    assert header is not None
    return header.salts


def test_a_header_is_read_and_its_checksum_holds(wal: Path):
    header = read_header(wal.read_bytes())
    assert header is not None
    assert header.page_size == 4096
    assert header.offset(2) == HEADER_BYTES + 2 * FRAME_BYTES
    for offset in range(0, HEADER_BYTES, 3):
        data = bytearray(wal.read_bytes())
        data[offset] ^= 1
        assert read_header(bytes(data)) is None
    assert read_header(b"") is None


def test_a_whole_log_and_a_torn_last_transaction_are_no_damage(wal: Path):
    assert find_damage(wal, 9, None) is None
    assert find_damage(wal, 6, None) is None
    assert find_damage(wal, 6, (_salts(wal), 6)) is None


@pytest.mark.parametrize("valid", range(6))
def test_a_bad_frame_before_the_last_transaction_is_damage(wal: Path, valid: int):
    assert "behind it" in (find_damage(wal, valid, None) or "")


def test_frames_of_an_older_generation_do_not_count(wal: Path):
    data = bytearray(wal.read_bytes())
    for frame in range(3, 9):
        data[HEADER_BYTES + frame * FRAME_BYTES + 9] ^= 1
    wal.write_bytes(bytes(data))
    assert find_damage(wal, 3, None) is None
    assert find_damage(wal, 2, None) is None


def test_a_log_that_ends_before_its_mark_is_damaged(wal: Path):
    salts = _salts(wal)
    assert find_damage(wal, 6, (salts, 9)) == (
        "6 frames of the write-ahead log are good, 9 were synced"
    )
    wal.write_bytes(b"")
    assert "empty" in (find_damage(wal, 0, (salts, 9)) or "")
    assert find_damage(wal, 0, None) is None
    wal.unlink()
    assert "missing" in (find_damage(wal, 0, (salts, 9)) or "")
    assert find_damage(wal, 0, None) is None


def test_a_newer_generation_supersedes_the_mark_and_an_older_does_not(wal: Path):
    salts = _salts(wal)
    count = int.from_bytes(salts[:4], "big")
    before = ((count - 1) % (1 << 32)).to_bytes(4, "big") + b"abcd"
    after = ((count + 1) % (1 << 32)).to_bytes(4, "big") + b"abcd"
    assert find_damage(wal, 9, (before, 100)) is None
    assert "older" in (find_damage(wal, 9, (after, 1)) or "")
    assert "older" in (find_damage(wal, 9, (salts[:4] + b"abcd", 1)) or "")


def test_a_bad_header_over_frames_is_damage(wal: Path):
    flip_byte(wal, 20)
    assert "header" in (find_damage(wal, 0, None) or "")


def test_a_mark_says_what_was_last_written_or_nothing(tmp_path):
    mark = Mark(tmp_path / "mark")
    assert mark.read() is None
    mark.write(b"saltsalt", 7)
    mark.write(b"saltsalt", 9)
    assert mark.read() == (b"saltsalt", 9)
    mark.close()
    mark = Mark(tmp_path / "mark")
    assert mark.read() == (b"saltsalt", 9)
    flip_byte(tmp_path / "mark", 10)
    assert mark.read() is None
    mark.clear()
    assert mark.read() is None
    assert (tmp_path / "mark").stat().st_size == 0
    mark.close()
