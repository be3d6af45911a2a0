"""Who may use a folder, and which folders can be used."""

import os
import subprocess
import sys

import pytest
from disks import append, mounted

from plait.base.errors import FolderInUse, FolderReadOnly, StorageError, UnknownFormat
from plait.base.ports import AppendRows
from plait.host import folder as folder_module
from plait.host.folder import Folder, file_name
from plait.host.storage import open_storage


def test_a_folder_in_use_names_the_process_that_holds_it(tmp_path):
    code = (
        "import sys; from plait.host.folder import Folder; f = Folder(sys.argv[1]);"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=f"process {holder.pid}"):
            Folder(tmp_path)
        holder.stdin.close()
    Folder(tmp_path).close()  # a process that ended holds nothing


def test_a_folder_is_held_within_one_process_too(tmp_path):
    folder = Folder(tmp_path)
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        Folder(tmp_path)
    folder.close()
    folder.close()
    Folder(tmp_path).close()


async def test_an_unknown_format_is_refused_and_left_alone(tmp_path):
    await (await open_storage(tmp_path)).close()
    (tmp_path / "format").write_text("plait folder, format 99\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UnknownFormat, match="99"):
        await open_storage(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (tmp_path / "format").write_bytes(b"\xff\xfe")
    with pytest.raises(UnknownFormat):
        await open_storage(tmp_path)


async def test_a_folder_of_the_former_format_is_refused_with_advice(tmp_path):
    (tmp_path / "format").write_text("plait folder, format 1\n")
    with pytest.raises(UnknownFormat, match=r"format 1.*export it with the version that made it"):
        await open_storage(tmp_path)


async def test_a_log_of_another_program_is_left_alone(tmp_path):
    (tmp_path / "log").write_bytes(b"theirs")
    with pytest.raises(StorageError):
        await open_storage(tmp_path)
    assert (tmp_path / "log").read_bytes() == b"theirs"


def test_a_folder_that_cannot_be_written_is_typed(tmp_path, monkeypatch):
    # Root may write anywhere, so the refusal is injected here; a mount is used below.
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder_module.os, "open", refuse)
    with pytest.raises(FolderReadOnly):
        Folder(tmp_path)


async def test_a_folder_on_a_read_only_mount_is_typed(tmp_path):
    with mounted(tmp_path / "mounted", "ro,size=1m") as mount:
        for path in (mount, mount / "new"):
            with pytest.raises(FolderReadOnly):
                await open_storage(path)


async def test_a_path_that_is_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        await open_storage(tmp_path / "file")


async def test_a_forked_child_may_not_use_the_storage(tmp_path):
    storage = await open_storage(tmp_path)
    await append(storage.log, "a", 0, b"x")
    state = storage.state("a")
    child = os.fork()
    if child == 0:
        refused = 0
        for use in (
            lambda: storage.log.submit([AppendRows("a", 1, (b"y",))], lambda _: None),
            lambda: storage.log.read("a", 0, 1, 1),
            lambda: storage.state("b"),
            lambda: state.submit([], lambda _: None),
            lambda: state.get(0, b"k"),
        ):
            try:
                use()
            except StorageError:
                refused += 1
        os._exit(refused)
    _, status = os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
    assert os.waitstatus_to_exitcode(status) == 5
    await append(storage.log, "a", 1, b"y")
    with pytest.raises(FolderInUse):  # the child's end did not give the lock away
        Folder(tmp_path)
    await storage.close()


def test_file_names_are_distinct_and_short():
    names = ["a", "A", "a/b", "a%2Fb", "..", ".", "ü" * 300, "ü" * 299 + "a", "x" * 180, "x" * 181]
    files = [file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert all("/" not in file and len(file.encode()) <= 180 for file in files)
