"""Files in a shared folder appear whole, are found whatever a carrier does, or are reported."""

import errno
import os
import random

import pytest

from plait.base.errors import BadFrame, BadSettings, DiskFull, FolderReadOnly
from plait.host import shared_folder
from plait.host.shared_folder import Label, SharedFolder

ANN = "a" * 16
BOB = "b" * 16


@pytest.fixture
def folder(tmp_path):
    return SharedFolder(tmp_path)


def label(number: int, writer: str = ANN, kind: str = "piece", about: bytes = b"") -> Label:
    return Label(writer, number, f"{number:08x}", kind, about)


def test_what_was_written_is_found_in_the_order_of_its_numbers(folder):
    folder.write(label(2, about=b"two"), b"second")
    folder.write(label(1), b"first")
    folder.write(label(0, BOB), b"")
    files = folder.scan().files
    assert [(f.label.writer, f.label.number) for f in files] == [(ANN, 1), (ANN, 2), (BOB, 0)]
    assert files[1].label.about == b"two"
    assert [folder.read(file) for file in files] == [b"first", b"second", b""]


def test_a_file_that_is_cut_short_anywhere_is_bad_until_it_is_whole(folder, tmp_path):
    path = folder.write(label(1, about=b"about"), b"body" * 50).path
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        scan = folder.scan()
        assert scan.files == []
        assert [bad.name for bad in scan.bad] == [f"{path.parent.name}/{path.name}"]
    path.write_bytes(data)
    scan = folder.scan()
    assert (len(scan.files), scan.bad) == (1, [])


def test_one_flipped_bit_anywhere_makes_a_file_bad(folder):
    path = folder.write(label(1), b"body").path
    data = path.read_bytes()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        path.write_bytes(bytes(changed))
        assert SharedFolder(folder.path).scan().files == []


def test_bytes_after_the_end_make_a_file_bad(folder):
    path = folder.write(label(1), b"body").path
    with path.open("ab") as file:
        file.write(b"x")
    assert "longer" in folder.scan().bad[0].why


def test_copies_that_a_carrier_renames_are_read_for_what_they_hold(folder):
    path = folder.write(label(1), b"body").path
    path.rename(path.with_name(path.name.replace(".plait", " (Ann's conflicted copy).plait")))
    other = folder.write(label(2), b"more").path
    other.rename(other.with_name(other.name.upper() + ".sync-conflict"))
    path.parent.rename(path.parent.with_name(path.parent.name.upper()))
    assert [folder.read(file) for file in folder.scan().files] == [b"body", b"more"]


def test_what_is_not_ours_is_passed_over(folder, tmp_path):
    folder.write(label(1), b"body")
    own = tmp_path / f"plait-{ANN}"
    (own / ".DS_Store").write_bytes(b"x")
    (own / ".000-draft.plait").write_bytes(b"x")
    (own / "notes.txt").write_text("x")
    (own / "sub.plait").mkdir()
    os.mkfifo(own / "pipe.plait")
    (own / "link.plait").symlink_to(own / "notes.txt")
    (tmp_path / "plait-nothing").write_text("no folder")
    (tmp_path / "photos").mkdir()
    scan = folder.scan()
    assert (len(scan.files), scan.bad) == (1, [])


def test_a_file_that_is_too_long_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(shared_folder, "FILE_BYTES_MAX", 1000)
    path = folder.write(label(1), b"body").path
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # without any blocks
    assert "longer than 1000" in folder.scan().bad[0].why


def test_random_bytes_are_never_a_file(folder, tmp_path):
    chance = random.Random(3)
    own = tmp_path / f"plait-{BOB}"
    own.mkdir()
    for number in range(200):
        front = b"PLAITSF1" if number % 2 else b""
        (own / f"{number}.plait").write_bytes(front + chance.randbytes(chance.randrange(100)))
    scan = folder.scan()
    assert scan.files == []
    assert len(scan.bad) == 200


def test_a_label_that_would_lead_out_of_the_folder_is_refused(folder):
    path = folder.write(label(1), b"").path
    for strange in (
        Label("../../../../etc/x", 1, "0" * 8, "x", b""),
        Label(ANN, -1, "0" * 8, "x", b""),
    ):
        path.write_bytes(shared_folder.compose(strange, b""))
        assert "cannot be" in folder.scan().bad[0].why


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, DiskFull), (errno.EROFS, FolderReadOnly)]
)
def test_a_write_that_fails_leaves_nothing(folder, monkeypatch, number, expected):
    folder.write(label(1), b"before")
    before = sorted(folder.path.rglob("*"))

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(expected):
        folder.write(label(2), b"body")
    assert sorted(folder.path.rglob("*")) == before


def test_drafts_that_a_crash_left_are_tidied_away_and_others_drafts_are_not(folder, tmp_path):
    folder.write(label(1), b"")
    folder.write(label(1, BOB), b"")
    for writer in (ANN, BOB):
        (tmp_path / f"plait-{writer}" / ".000000000002-00000002.new").write_bytes(b"half")
    folder.tidy(ANN)
    assert [path.parent.name for path in tmp_path.rglob("*.new")] == [f"plait-{BOB}"]


def test_a_file_that_went_or_was_replaced_since_the_scan_is_not_read_for_another(folder):
    first = folder.write(label(1), b"first")
    found = folder.scan().files[0]
    first.path.unlink()
    with pytest.raises(BadFrame):
        folder.read(found)
    first.path.write_bytes(shared_folder.compose(label(9), b"other"))
    with pytest.raises(BadFrame):
        folder.read(found)
    folder.remove(found)
    folder.remove(found)


def test_a_folder_that_is_absent_or_a_file_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("x")
    for name in ("absent", "file"):
        with pytest.raises(BadSettings):
            SharedFolder(tmp_path / name)
