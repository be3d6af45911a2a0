"""A file as a disk has it: what was synced, and what was written since and may be there or not.

Sectors arrive or do not, each for itself; a longer size may arrive without its data. A sync that
fails has written any part, and the rest will not be tried again, as on Linux.

Sources: Pillai et al., All File Systems Are Not Created Equal, OSDI 2014; Rebello et al., Can
Applications Recover from fsync Failures?, ATC 2020. Absent: names, and what tells of the writes.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

SECTORS = (512, 4096)

Each = TypeVar("Each")


def patched(content: bytes, offset: int, data: bytes | None) -> bytes:
    """`content` after one write, or, without data, after one truncation."""
    if data is None:
        return content[:offset].ljust(offset, b"\0")
    content = content.ljust(offset, b"\0")
    return content[:offset] + data + content[offset + len(data) :]


def survivors(rng: random.Random, pending: Sequence[Each]) -> list[Each]:
    """What a power cut leaves of things that nobody waited for: none, all, the first, or some."""
    kind = rng.randrange(4)
    if kind == 0:
        return []
    if kind == 1:
        return list(pending)
    if kind == 2:
        return list(pending[: rng.randint(0, len(pending))])
    return [each for each in pending if rng.random() < 0.5]


class FalseFile:
    """One file; a truncation is pending without data."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.synced = b""
        self.pending: list[tuple[int, bytes | None]] = []

    def write(self, offset: int, data: bytes) -> None:
        """Written, and not synced."""
        self.pending.append((offset, data))

    def truncate(self, size: int) -> None:
        """Cut or lengthened, and not synced."""
        self.pending.append((size, None))

    def sync(self) -> None:
        """All of it is there for good."""
        self.synced = self.content()
        self.pending = []

    def content(self) -> bytes:
        """What whoever reads it finds, and a killed process leaves."""
        content = bytearray(self.synced)
        for offset, data in self.pending:
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            if data is None:
                del content[offset:]
            else:
                content[offset : offset + len(data)] = data
        return bytes(content)

    def copied(self) -> "FalseFile":
        """Another one, as it is now."""
        copy = FalseFile(self.path)
        copy.synced, copy.pending = self.synced, list(self.pending)
        return copy

    def fail_sync(self, rng: random.Random) -> None:
        """What was written is decided now, though nobody knows."""
        self.synced = self.survived(rng, rng.choice(SECTORS))
        self.pending = []

    def survived(self, rng: random.Random, sector: int) -> bytes:
        """What a power cut leaves."""
        content = self.synced
        for offset, data in survivors(rng, self.pending):
            if data is None:
                content = patched(content, offset, None)
                continue
            share = rng.choice((0.0, 0.5, 1.0, 1.0))
            end = offset + len(data)
            for start in range(offset - offset % sector, end, sector):
                first, last = max(start, offset), min(start + sector, end)
                if rng.random() < share:
                    content = patched(content, first, data[first - offset : last - offset])
            if rng.random() < 0.5:
                content = content.ljust(end, b"\0")
        return content
