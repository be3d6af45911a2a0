"""A disk of its own for a node: ext4 on a loop device, whose power can be cut.

The cut is the file system's shutdown ioctl without a flush: what was synced is on the device, and
everything else, the journal's open transaction included, is gone. All later calls fail, as they
would on a device that went away. Mounting it again replays the journal, as a machine does that
gets its power back. Needs root, `mkfs.ext4` and loop devices.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), the same for XFS, ext4 and f2fs
_NO_FLUSH = 2
_IMAGE_BYTES = 160 << 20
DETACH_S = 20.0


def missing() -> str | None:
    """What this machine lacks for disks of their own, or how to get it; None if nothing."""
    if os.geteuid():
        return "root, to mount: run the tests as root"
    if shutil.which("mkfs.ext4") is None:
        return "`mkfs.ext4`: apt-get install e2fsprogs"
    if not Path("/dev/loop-control").exists():
        return "loop devices: modprobe loop, or docker run --privileged -v /dev:/dev"
    return None


class LoopDisk:
    """One file system at `path`; `close` takes everything away."""

    def __init__(self, path: Path, image: Path) -> None:
        self.path = path
        self._image = image
        path.mkdir()
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(image))
        self.mount()

    def mount(self) -> None:
        """The power is there (again)."""
        _run("mount", "-o", "loop,commit=1000", str(self._image), str(self.path))
        # Processes in namespaces of their own (`ip netns exec`) get copies of all mounts; of a
        # shared one the copy goes when it goes, or the dead file system would live on in them.
        _run("mount", "--make-shared", str(self.path))

    def cut(self) -> None:
        """The power goes: what was not synced is lost."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        finally:
            os.close(folder)

    def unmount(self) -> None:
        """Nobody may have it open any more."""
        _run("umount", str(self.path))
        until = time.monotonic() + DETACH_S
        while _attached(self._image):  # the device goes with the last mount of it, anywhere
            if time.monotonic() > until:
                raise OSError(f"{self._image} is still mounted somewhere after {DETACH_S:g} s")
            time.sleep(0.02)

    def close(self) -> None:
        """Take it away, whatever state it is in."""
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)
        self._image.unlink(missing_ok=True)


def _attached(image: Path) -> bool:
    found = subprocess.run(["losetup", "-j", str(image)], check=False, capture_output=True)
    return bool(found.stdout.strip())


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
