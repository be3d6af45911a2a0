"""The cgroup freezer: a process stands still, children and threads too, and no signal tells it so.

Absent: anything but one process a group.
"""

import os
import time
from pathlib import Path

_FIRST = Path("/sys/fs/cgroup/freezer")  # cgroups of the first version
_SECOND = Path("/sys/fs/cgroup")
_STILL_S = 5.0


def missing() -> str | None:
    """What this machine lacks to freeze processes; None if nothing."""
    if os.geteuid():
        return "root, to make control groups: run the tests as root"
    if not (_FIRST.is_dir() or (_SECOND / "cgroup.controllers").exists()):
        return "a cgroup freezer: mount cgroup2, or docker run --privileged --cgroupns=host"
    return None


class Freezer:
    """A control group with one process in it."""

    def __init__(self, pid: int) -> None:
        self._first = _FIRST.is_dir()
        root = _FIRST if self._first else _SECOND
        self._group = root / f"plait-{os.getpid()}-{pid}"
        self._group.mkdir()
        self._root = root
        self._pid = pid
        (self._group / "cgroup.procs").write_text(str(pid))

    def freeze(self) -> None:
        """Return once it stands still."""
        self._set("FROZEN" if self._first else "1")
        give_up = time.monotonic() + _STILL_S
        while not self._still():
            assert time.monotonic() < give_up, "it does not freeze"
            time.sleep(0.005)

    def _still(self) -> bool:
        if self._first:
            return (self._group / "freezer.state").read_text().strip() == "FROZEN"
        return "frozen 1" in (self._group / "cgroup.events").read_text()

    def thaw(self) -> None:
        """It goes on, and knows nothing."""
        self._set("THAWED" if self._first else "0")

    def _set(self, state: str) -> None:
        name = "freezer.state" if self._first else "cgroup.freeze"
        (self._group / name).write_text(state)

    def close(self) -> None:
        """Thaw it, and remove the group."""
        self.thaw()
        if Path(f"/proc/{self._pid}").exists():
            (self._root / "cgroup.procs").write_text(str(self._pid))
        self._group.rmdir()
