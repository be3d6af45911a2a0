"""The making of a state file, which a crash or a full disk may cut short.

SQLite makes an empty file before it writes to it. A mark beside it, on disk before the file is,
tells one that never held anything from one that was emptied, which is damage.

Invariant: a file that ever held something is never taken for one whose making was cut short.
"""

from pathlib import Path

from plait.base.errors import Corrupt
from plait.host.folder import sync_folder

_LEFTOVERS = ("", "-journal", "-wal", "-shm")


def mark_of(path: Path) -> Path:
    """The mark of a state file."""
    return Path(f"{path}.making")


def begin_making(path: Path) -> bool:
    """Whether the file at `path` is to be made; then the mark is on disk. `Corrupt` if it is
    empty and was not."""
    mark = mark_of(path)
    if path.exists():
        if path.stat().st_size > 0:
            mark.unlink(missing_ok=True)  # it was removed, but a cut brought it back
            return False
        if not mark.exists():
            raise Corrupt(f"the state {path} is empty, not even a database")
        for suffix in _LEFTOVERS:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    mark.touch()
    sync_folder(path.parent)
    return True


def end_making(path: Path) -> None:
    """The file is there, and holds something."""
    sync_folder(path.parent)
    mark_of(path).unlink()
