"""The disks whose power is cut do what is said of them: else a test on them proves nothing."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import loop_disk
import pytest
from loop_disk import LoopDisk, missing

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    if (lacking := missing()) is not None:
        pytest.skip(f"NO POWER IS CUT: this machine lacks {lacking}")
    disk = LoopDisk(tmp_path / "disk", tmp_path / "image")
    yield disk
    disk.close()


def write(path: Path, data: bytes, sync: bool) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, data)
        if sync:
            os.fsync(file)
    finally:
        os.close(file)


def copy_of_all_mounts(propagation: str) -> "subprocess.Popen[bytes]":
    """A process in a mount namespace of its own."""
    command = ["unshare", "-m", "--propagation", propagation]
    copy = subprocess.Popen([*command, "sh", "-c", "echo there; read end"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert copy.stdout is not None
    assert copy.stdout.readline() == b"there\n"
    return copy


def test_what_was_synced_survives_a_cut_and_nothing_else(disk: LoopDisk):
    write(disk.path / "synced", b"kept", sync=True)
    write(disk.path / "unsynced", b"lost", sync=False)
    disk.cut()
    with pytest.raises(OSError, match=r".+"):
        write(disk.path / "after", b"none", sync=True)
    disk.unmount()
    assert os.listdir(disk.path) == []
    disk.mount()
    assert (disk.path / "synced").read_bytes() == b"kept"
    assert not (disk.path / "unsynced").exists()
    assert not (disk.path / "after").exists()


def test_a_copy_in_another_namespace_goes_with_the_disk(disk: LoopDisk):
    copy = copy_of_all_mounts("slave")  # as `ip netns exec` makes them
    try:
        disk.cut()
        disk.unmount()
        disk.mount()
        write(disk.path / "after", b"alive", sync=True)
    finally:
        copy.communicate(b"\n")


def test_a_disk_that_lives_on_somewhere_is_not_taken_for_a_new_one(
    disk: LoopDisk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop_disk, "DETACH_S", 0.3)
    copy = copy_of_all_mounts("private")
    try:
        disk.cut()
        with pytest.raises(OSError, match="still mounted somewhere"):
            disk.unmount()
        with pytest.raises(OSError, match="may live on"):
            disk.mount()
    finally:
        copy.communicate(b"\n")
    monkeypatch.undo()
    disk.close()


def test_a_disk_that_somebody_has_open_for_a_moment_is_waited_for(disk: LoopDisk):
    script = 'exec 3>"$0"/open; echo there; sleep 0.3'
    user = subprocess.Popen(["sh", "-c", script, str(disk.path)], stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline() == b"there\n"
    disk.unmount()
    assert not (disk.path / "open").exists()
    user.communicate()


def test_a_disk_that_cannot_be_made_whole_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if (lacking := missing()) is not None:
        pytest.skip(f"NO POWER IS CUT: this machine lacks {lacking}")
    run = loop_disk._run

    def failing(*command: str) -> str:
        if "loop,commit=1000" in command:
            run(*command)
            raise OSError("no")
        return run(*command)

    monkeypatch.setattr(loop_disk, "_run", failing)
    with pytest.raises(OSError, match="no"):
        LoopDisk(tmp_path / "disk", tmp_path / "image")
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (tmp_path / "image").exists()
    assert str(tmp_path) not in run("losetup", "-a")
