"""A file system that lies: it sits under `os`, knows what was synced, and says what a cut leaves.

The files are real; this class stands between them and whoever writes below its root, and keeps
beside each what a disk would hold by now (`false_file`). A name reaches the disk when its directory
is synced. A page that is mapped (the log's mark) may be as old as it likes. `on_call` is told of
every system call that changes something while its effect is not yet durable: that is where a
machine dies, and where a call fails if it raises.

Absent: reads that lie; tests damage the images by hand.
"""

import builtins
import os
import random
import stat
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from plait.host import durable_log, folder
from plait.sim.false_file import SECTORS, FalseFile, patched, survivors

Image = dict[str, bytes | None]  # by path below the root; None for a directory
_REAL = {
    name: getattr(os, name)
    for name in ("open", "pwrite", "pwritev", "fsync", "ftruncate", "unlink", "replace", "mkdir")
}


class FalseDisk:
    """Everything below `root`, from an empty folder on."""

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.root = str(root)
        self.on_call: Callable[[str, str], None] = lambda call, path: None
        self.writes: list[tuple[str, int, bytes]] = []  # durable ones, as they were asked for
        self.marks: list[bytes] = []  # every content that the mapped page has had
        self._rng = rng
        self._inodes: dict[int, FalseFile] = {}
        self._opaque: set[str] = set()  # written by means that are not seen; read when synced
        self._names: dict[str, FalseFile | None] = {}  # None for a directory
        self._synced_names: dict[str, FalseFile | None] = {}
        self._pending_names: list[list[tuple[str, FalseFile | None, bool]]] = []  # atomic groups

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand under `os` until the test ends."""
        for name in _REAL:
            monkeypatch.setattr(os, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(folder, "open", self._open_file, raising=False)
        rng = self._rng
        monkeypatch.setattr(durable_log, "ThreadPoolExecutor", lambda *_, **__: Aside(rng))

    # ------------------------------------------------------------------------- what is left

    def killed(self) -> Image:
        """What the process leaves when it is killed: all that it wrote."""
        self._watch_mark()
        return {
            path[len(self.root) + 1 :]: None if file is None else Path(path).read_bytes()
            for path, file in self._names.items()
        }

    def cut(self) -> Image:
        """What the disk holds when the power goes now."""
        self._watch_mark()
        rng, names = self._rng, dict(self._synced_names)
        for group in survivors(rng, self._pending_names):
            for path, file, there in group:
                if there:
                    names[path] = file
                else:
                    names.pop(path, None)
        sector = rng.choice(SECTORS)
        image: Image = {}
        for path, file in sorted(names.items()):
            parent = os.path.dirname(path)
            if parent != self.root and parent not in names:
                continue  # its folder is not there
            content = None if file is None else file.survived(rng, sector)
            if path.endswith("log.mark") and content and self.marks:
                first = rng.choice((0, -1, rng.randrange(len(self.marks))))
                content = patched(content, 0, self.marks[first])
            image[path[len(self.root) + 1 :]] = content
        return image

    def _watch_mark(self) -> None:
        path = os.path.join(self.root, "log.mark")
        if path in self._names:
            content = Path(path).read_bytes()[:64]
            if not self.marks or self.marks[-1] != content:
                self.marks.append(content)

    # ------------------------------------------------------------------------- calls

    def _call(self, call: str, path: str) -> None:
        self._watch_mark()
        self.on_call(call, path[len(self.root) + 1 :])

    def _ours(self, path: object) -> bool:
        return str(path).startswith(self.root + "/")

    def _file(self, descriptor: int) -> FalseFile | None:
        return self._inodes.get(os.fstat(descriptor).st_ino)

    def _named(self, *group: tuple[str, FalseFile | None, bool]) -> None:
        for path, file, there in group:
            if there:
                self._names[path] = file
            elif (gone := self._names.pop(path, None)) is not None:
                stale = [inode for inode, each in self._inodes.items() if each is gone]
                if not any(each is gone for each in self._names.values()):
                    for inode in stale:
                        del self._inodes[inode]
        self._pending_names.append(list(group))

    def _born(self, path: str, descriptor: int, opaque: bool) -> None:
        file = FalseFile(path)
        if opaque:
            self._opaque.add(path)
        self._inodes[os.fstat(descriptor).st_ino] = file
        self._named((path, file, True))

    def _open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        name = str(path)
        if more or not self._ours(name) or not flags & os.O_CREAT:
            return _REAL["open"](path, flags, mode, **more)
        self._call("open", name)
        new = not os.path.exists(name)
        descriptor = _REAL["open"](path, flags, mode)
        if new:
            self._born(name, descriptor, opaque=False)
        elif flags & os.O_TRUNC and (file := self._file(descriptor)) is not None:
            file.truncate(0)
        return descriptor

    def _open_file(self, path: Any, *more: Any, **named: Any) -> Any:
        if self._ours(path):
            self._call("open", str(path))
        new = not os.path.exists(path)
        file = builtins.open(path, *more, **named)  # noqa: SIM115 - its caller closes it
        if self._ours(path) and new:
            self._born(str(path), file.fileno(), opaque=True)
        return file

    def _pwrite(self, descriptor: int, data: Any, offset: int) -> int:
        file = self._file(descriptor)
        if file is None:
            return _REAL["pwrite"](descriptor, data, offset)
        data = self._shortened("pwrite", file, bytes(data))
        file.write(offset, data)
        return _REAL["pwrite"](descriptor, data, offset)

    def _pwritev(self, descriptor: int, buffers: Any, offset: int, flags: int = 0) -> int:
        file = self._file(descriptor)
        if file is None:
            return _REAL["pwritev"](descriptor, buffers, offset)
        data = b"".join(map(bytes, buffers))
        file.write(offset, data)
        _REAL["pwritev"](descriptor, [data], offset)
        try:
            self._call("pwritev", file.path)
        except OSError:
            file.fail_sync(self._rng)
            raise
        file.pending.pop()
        file.synced = patched(file.synced, offset, data)
        self.writes.append((file.path[len(self.root) + 1 :], offset, data))
        return len(data)

    def _shortened(self, call: str, file: FalseFile, data: bytes) -> bytes:
        """What a write takes: on a disk that fails, half of it, and then nothing."""
        try:
            self._call(call, file.path)
        except OSError:
            if len(data) < 2 or self._rng.random() < 0.5:
                raise
            return data[: len(data) // 2]
        return data

    def _fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if path == self.root or self._ours(path):
                self._call("fsync", path)
                self._sync_names(path)
        elif (file := self._inodes.get(status.st_ino)) is not None:
            if file.path in self._opaque:
                file.pending = [(0, None), (0, Path(file.path).read_bytes())]
            try:
                self._call("fsync", file.path)
            except OSError:
                file.fail_sync(self._rng)
                raise
            file.sync()

    def _sync_names(self, folder: str) -> None:
        waiting = []
        for group in self._pending_names:
            if any(os.path.dirname(path) != folder for path, _, _ in group):
                waiting.append(group)
                continue
            for path, file, there in group:
                if there:
                    self._synced_names[path] = file
                else:
                    self._synced_names.pop(path, None)
        self._pending_names = waiting

    def _ftruncate(self, descriptor: int, size: int) -> None:
        file = self._file(descriptor)
        if file is not None:
            self._call("ftruncate", file.path)
            file.truncate(size)
        _REAL["ftruncate"](descriptor, size)

    def _unlink(self, path: Any, **more: Any) -> None:
        name = str(path)
        if not more and name in self._names:
            self._call("unlink", name)
            _REAL["unlink"](path)
            self._named((name, None, False))
        else:
            _REAL["unlink"](path, **more)

    def _replace(self, source: Any, target: Any, **more: Any) -> None:
        if str(source) not in self._names:
            _REAL["replace"](source, target, **more)
            return
        self._call("replace", str(target))
        _REAL["replace"](source, target)
        file = self._names[str(source)]
        assert file is not None
        file.path = str(target)
        self._named((str(target), file, True), (str(source), None, False))

    def _mkdir(self, path: Any, *more: Any, **named: Any) -> None:
        name = str(path).rstrip("/")
        ours = self._ours(name) and not os.path.exists(name)
        if ours:
            self._call("mkdir", name)
        _REAL["mkdir"](path, *more, **named)
        if ours:
            self._named((name, None, True))


class Aside:
    """The log's thread for segments, as chance has it: at once, or only when somebody waits."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._waiting: list[_Later] = []

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "_Later":
        """Now or later."""
        later = _Later(work, arguments)
        self._waiting.append(later)
        if self._rng.random() < 0.5:
            self.shutdown()
        return later

    def shutdown(self) -> None:
        """Do all that waits."""
        while self._waiting:
            self._waiting.pop(0).run()


class _Later(Future[Any]):
    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        super().__init__()
        self._work = work
        self._arguments = arguments

    def run(self) -> None:
        if self.done():
            return
        try:
            self.set_result(self._work(*self._arguments))
        except OSError as error:
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> Any:
        self.run()
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.run()
        return super().exception()


def lay_down(image: Image, path: Path) -> Path:
    """A folder with what an image holds."""
    path.mkdir()
    for name, content in sorted(image.items()):
        if content is None:
            (path / name).mkdir()
        else:
            (path / name).write_bytes(content)
    return path
