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
_LOOK_S = 0.02


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
        try:
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(image))
            # Processes in namespaces of their own (`ip netns exec`) get copies of all mounts. One
            # goes with the original only if what it is mounted on is shared: else the dead file
            # system lives on in them. So it is mounted on a shared mount of its own.
            _run("mount", "--bind", str(path), str(path))
            _run("mount", "--make-shared", str(path))
            self.mount()
        except BaseException:
            self.close()
            raise

    def mount(self) -> None:
        """The power is there (again)."""
        if _attached(self._image):
            raise OSError(f"{self._image} is mounted: what was cut may live on in it")
        _run("mount", "-o", "loop,commit=1000", str(self._image), str(self.path))

    def cut(self) -> None:
        """The power goes: what was not synced is lost."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        finally:
            os.close(folder)

    def unmount(self) -> None:
        """Nobody may have it open any more; who was killed may take a moment to be gone."""
        until = time.monotonic() + DETACH_S
        while True:
            try:
                _run("umount", str(self.path))
                break
            except OSError as error:
                if "busy" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(_LOOK_S)
        self._wait_detached(until)

    def close(self) -> None:
        """Take it away, whatever state it is in; `OSError` if somebody holds it nevertheless."""
        try:
            while _mounted(self.path):
                _run("umount", "-l", str(self.path))
            self._wait_detached(time.monotonic() + DETACH_S)
        finally:
            self._image.unlink(missing_ok=True)

    def _wait_detached(self, until: float) -> None:
        """The device goes with the last mount of it, anywhere."""
        while _attached(self._image):
            if time.monotonic() > until:
                raise OSError(f"{self._image} is still mounted somewhere after {DETACH_S:g} s")
            time.sleep(_LOOK_S)


def _mounted(path: Path) -> bool:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return str(path.resolve()) in [line.split()[4] for line in mounts]


def _attached(image: Path) -> bool:
    return bool(_run("losetup", "-j", str(image)).strip())


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
