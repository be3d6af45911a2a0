"""Files that are written past the page cache: whole, of their size, or an error."""

import errno
import os
import random
import threading
from pathlib import Path

import pytest

from plait.host.direct_file import BUFFER_BYTES, DIRECT_BYTES_MIN, DirectFiles

SIZES = [
    0, 1, DIRECT_BYTES_MIN - 1, DIRECT_BYTES_MIN, DIRECT_BYTES_MIN + 1, BUFFER_BYTES - 1,
    BUFFER_BYTES, BUFFER_BYTES + 1, 2 * BUFFER_BYTES + 4097,
]  # fmt: skip


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_holds_what_was_written_and_no_more(tmp_path: Path, size: int) -> None:
    DirectFiles().write(tmp_path / "file", some(size))
    assert (tmp_path / "file").read_bytes() == some(size)


def test_a_buffer_that_is_used_again_leaves_nothing_behind(tmp_path: Path) -> None:
    files = DirectFiles()
    for number, size in enumerate(reversed(SIZES)):
        files.write(tmp_path / str(number), some(size))
        assert (tmp_path / str(number)).read_bytes() == some(size)


def test_threads_do_not_share_a_buffer(tmp_path: Path) -> None:
    files = DirectFiles()

    def write(number: int) -> None:
        for again in range(3):
            data = bytes([number]) * (DIRECT_BYTES_MIN + number)
            files.write(tmp_path / f"{number}-{again}", data)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        for again in range(3):
            data = (tmp_path / f"{number}-{again}").read_bytes()
            assert data == bytes([number]) * (DIRECT_BYTES_MIN + number)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    for size in (1, DIRECT_BYTES_MIN):
        with pytest.raises(FileExistsError):
            DirectFiles().write(tmp_path / "file", some(size))
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("refused", ["open", "write"])
def test_where_direct_writes_are_not_taken_a_file_goes_the_usual_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    asked: list[int] = []

    def refusing(*args: object) -> int:
        asked.append(1)
        raise OSError(errno.EINVAL, "not here")

    files = DirectFiles()
    with monkeypatch.context() as patch:
        patch.setattr(os, refused, refusing)
        files.write(tmp_path / "one", some(DIRECT_BYTES_MIN))
        files.write(tmp_path / "two", some(DIRECT_BYTES_MIN))
    assert len(asked) == files.direct + 1 == 1  # and it is not asked again
    for name in ("one", "two"):
        assert (tmp_path / name).read_bytes() == some(DIRECT_BYTES_MIN)


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="full"):
        DirectFiles().write(tmp_path / "file", some(DIRECT_BYTES_MIN))


def test_a_write_that_is_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: 16 * 4096]))
    DirectFiles().write(tmp_path / "file", some(DIRECT_BYTES_MIN + 5))
    assert (tmp_path / "file").read_bytes() == some(DIRECT_BYTES_MIN + 5)
