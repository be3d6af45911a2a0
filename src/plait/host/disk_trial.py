"""What a folder's disk is, and how fast it makes writes durable: for `plait doctor`.

A disk that confirms a sync without having done it cannot be found out from here: only by cutting
its power. What can be told is what makes that likely: memory in place of a disk, barriers that are
switched off, and syncs that come back faster than any disk works.

Absent: deciding what is good enough (`node.disk_findings`).
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_SYNCS = 32
_SYNC_BYTES = 4096
_BULK_BYTES = 8 << 20
_MOUNTS = Path("/proc/self/mountinfo")


class DiskTrial(NamedTuple):
    """What was found."""

    kind: str  # of file system; "" if unknown
    options: frozenset[str]  # it is mounted with
    sync_s: float  # a write of 4 KiB until it is said to be durable, in the middle
    sync_s_max: float
    bytes_per_s: float  # one long write, synced at its end


def try_disk(folder: Path) -> DiskTrial | None:
    """Write and sync a little in a file of its own; takes up to some seconds on a slow disk.

    None if that is not possible now: the disk is full or takes no writes.
    """
    kind, options = mount_of(folder)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="doctor-") as file:
            descriptor = file.fileno()
            data = os.urandom(_SYNC_BYTES)
            os.pwrite(descriptor, bytes(_SYNCS * _SYNC_BYTES), 0)
            os.fsync(descriptor)
            times = []
            for number in range(_SYNCS):
                began = time.perf_counter()
                os.pwrite(descriptor, data, number * _SYNC_BYTES)
                os.fsync(descriptor)
                times.append(time.perf_counter() - began)
            bulk = os.urandom(1 << 20) * (_BULK_BYTES >> 20)
            began = time.perf_counter()
            written = 0
            while written < len(bulk):
                written += os.pwrite(descriptor, bulk[written:], written)
            os.fsync(descriptor)
            took_s = time.perf_counter() - began
    except OSError:
        return None
    return DiskTrial(kind, options, statistics.median(times), max(times), _BULK_BYTES / took_s)


def mount_of(folder: Path, mounts: Path = _MOUNTS) -> tuple[str, frozenset[str]]:
    """The kind of file system that a folder is on, and its options; nothing where none can tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "", frozenset()
    best: tuple[int, str, frozenset[str]] = (-1, "", frozenset())
    resolved = folder.resolve()
    for line in lines:  # 36 35 98:0 /root /where rw,noatime master:1 - ext4 /dev/root rw,barrier=0
        front, _, back = line.partition(" - ")
        fields, rest = front.split(" "), back.split(" ")
        if len(fields) < 6 or len(rest) < 3:
            continue
        where = Path(fields[4].replace("\\040", " "))
        if resolved.is_relative_to(where) and len(where.parts) >= best[0]:
            options = frozenset([*fields[5].split(","), *rest[2].split(",")])
            best = (len(where.parts), rest[0], options)
    return best[1], best[2]
