"""One node's folder: one process at a time, one format, one place for every file.

Layout::

    lock                  held by `flock`; names the process that holds it
    format                the version that made the folder; written last, so it means "complete"
    log/00000007.seg      every line's entries and hard state, in segments
    log.mark              how far the log is known to be synced (see `log_mark`)
    suspect               why the log is not to be trusted, if it is not
    state/<line>.db       each line's folded state; beside it, while it is made, `.making`
    snapshots/            copies being sent and being received

Invariant: whoever holds a `Folder` is the only process that uses it, until `close`. A child
made by `os.fork` inherits the object but not the right: `check_process` raises there.

Absent: any lock over the network. `flock` on NFS is only as good as the mount.
"""

import errno
import fcntl
import hashlib
import os
import weakref
from pathlib import Path
from urllib.parse import quote

from plait.base.errors import (
    DiskFull,
    FolderInUse,
    FolderReadOnly,
    StorageError,
    UnknownFormat,
)

FORMAT = 2
_FORMAT_LINE = f"plait folder, format {FORMAT}\n"
_NAME_BYTES_MAX = 180  # file systems take 255; suffixes need some

_open_folders: "weakref.WeakSet[Folder]" = weakref.WeakSet()


def os_error(error: OSError, what: str) -> StorageError:
    """`error` as one of ours."""
    message = f"{what}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(message)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return FolderReadOnly(message)
    return StorageError(message)


def sync_folder(path: Path) -> None:
    """Make names created in or removed from `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, text: str) -> None:
    """Replace the small file at `path`, atomically and for good."""
    draft = path.with_name(path.name + ".new")
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def file_name(name: str) -> str:
    """A file name for `name` that no other name has."""
    quoted = quote(name, safe="")
    if len(quoted) <= _NAME_BYTES_MAX:
        return quoted
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{quoted[: _NAME_BYTES_MAX - 33]}%{digest}"


class Folder:
    """A locked data folder. Raises `FolderInUse`, `FolderReadOnly` or `UnknownFormat`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.log = self.path / "log"
        self.mark = self.path / "log.mark"
        self.suspect = self.path / "suspect"
        self.snapshots = self.path / "snapshots"
        self._format = self.path / "format"
        self._states = self.path / "state"
        self._forked = False
        self._lock = -1
        try:
            existed = self.path.is_dir()
            self.path.mkdir(parents=True, exist_ok=True)
            if not existed:
                sync_folder(self.path.parent)
            self._take_lock()
        except OSError as error:
            self.close()
            raise os_error(error, f"cannot use the folder {self.path}") from error
        try:
            self._check_format()
            self._states.mkdir(exist_ok=True)
            self.snapshots.mkdir(exist_ok=True)
        except OSError as error:
            self.close()
            raise os_error(error, f"cannot use the folder {self.path}") from error
        except BaseException:
            self.close()
            raise
        _open_folders.add(self)

    def _take_lock(self) -> None:
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise FolderInUse(
                f"the folder {self.path} is in use by process {holder}", process=holder
            ) from None
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)

    def _check_format(self) -> None:
        if self.complete:
            found = self._format.read_bytes()[:100].decode("utf-8", "replace")
            if found != _FORMAT_LINE:
                raise UnknownFormat(
                    f"the folder {self.path} says {found.strip()!r}, this version reads "
                    f"{_FORMAT_LINE.strip()!r}: export it with the version that made it, or, if "
                    "its cluster has the data, let the member begin anew with an empty folder"
                )

    @property
    def complete(self) -> bool:
        """Whether the folder was made once, so that a missing log is a loss and no beginning."""
        return self._format.exists()

    def set_complete(self) -> None:
        """Everything that a folder must have is on disk."""
        if not self.complete:
            sync_folder(self.path)  # or a cut might leave this name, and not those made before it
            write_durably(self._format, _FORMAT_LINE)

    def state(self, line: str) -> Path:
        """Where a line's state is."""
        return self._states / f"{file_name(line)}.db"

    def read_suspicion(self) -> str | None:
        """Why the log was declared suspect, in this run or an earlier one."""
        try:
            return self.suspect.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None

    def write_suspicion(self, reason: str | None) -> None:
        """Declare the log suspect, or clear it, for every run to come."""
        if reason is not None:
            write_durably(self.suspect, reason)
        elif self.suspect.exists():
            self.suspect.unlink()
            sync_folder(self.path)

    def check_process(self) -> None:
        """`StorageError` in a forked child: two processes may not share open databases."""
        if self._forked:
            raise StorageError("a forked child may not use its parent's storage; open its own")

    def close(self) -> None:
        """Release the lock; idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        _open_folders.discard(self)

    def disown(self) -> None:
        """In a forked child: drop the inherited lock, which would outlive the parent's."""
        self._forked = True
        self.close()


def _after_fork_in_child() -> None:
    for folder in list(_open_folders):
        folder.disown()


os.register_at_fork(after_in_child=_after_fork_in_child)
