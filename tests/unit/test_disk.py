"""The log's system calls: all of the bytes, or an error."""

import errno
import os

import pytest

from plait.host import disk as disk_module
from plait.host.disk import Disk


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_a_write_that_is_taken_in_parts_goes_on_until_all_is_written(file, monkeypatch):
    real = os.pwritev
    monkeypatch.setattr(
        disk_module.os,
        "pwritev",
        lambda file, data, offset, flags: real(file, [data[0][:7]], offset, flags),
    )
    Disk().write(file, b"0123456789" * 10, 3)
    assert os.pread(file, 200, 0) == b"\0\0\0" + b"0123456789" * 10


def test_a_system_without_the_one_call_is_served_by_two(file, monkeypatch):
    def unknown(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "unknown flag")

    synced = []
    monkeypatch.setattr(disk_module.os, "pwritev", unknown)
    monkeypatch.setattr(disk_module.os, "fsync", synced.append)
    disk = Disk()
    disk.write(file, b"first", 0)
    monkeypatch.undo()
    monkeypatch.setattr(disk_module.os, "fsync", synced.append)
    disk.write(file, b"second", 5)  # and it does not try again
    assert os.pread(file, 20, 0) == b"firstsecond"
    assert synced == [file, file]


def test_an_error_of_the_disk_is_raised_and_not_tried_again(file, monkeypatch):
    calls = []

    def fails(*arguments: object) -> int:
        calls.append(arguments)
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(disk_module.os, "pwritev", fails)
    with pytest.raises(OSError, match="injected"):
        Disk().write(file, b"data", 0)
    assert len(calls) == 1


def test_a_file_is_laid_out_in_zeros_and_shorter_where_space_is_short(file, monkeypatch):
    Disk().lay_out(file, 300_000, 1000)
    assert os.pread(file, 400_000, 0) == bytes(300_000)
    os.ftruncate(file, 0)
    free = os.statvfs_result((4096, 4096, 100, 50, 50, 10, 10, 10, 0, 255))
    monkeypatch.setattr(disk_module.os, "fstatvfs", lambda _: free)
    Disk().lay_out(file, 300_000, 1000)
    assert os.fstat(file).st_size == 1000
