"""What happened in a world, in order: a hash of everything, and lines for people.

Invariant: two runs have the same hash only if the same happened at the same times. What is hashed
names nothing that differs from process to process (addresses of objects, hashes of strings).
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import msgspec

_MOMENT = struct.Struct("<dI")
_LINES_MAX = 200_000  # kept; a run that has more keeps its end


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened."""

    at_s: float
    kind: str
    who: str
    what: str
    other: str = ""  # the machine that it happened with


class Trace:
    """The record of one run."""

    def __init__(self, time: Callable[[], float], keep: bool = False) -> None:
        self.happenings: list[Happening] = []
        self.count = 0
        self._time = time
        self._keep = keep
        self._hash = hashlib.blake2b(digest_size=12)

    @property
    def digest(self) -> str:
        """Of everything until now."""
        return self._hash.hexdigest()

    def note(self, kind: str, who: str, what: str = "", other: str = "") -> None:
        """Something that people may want to read."""
        at = self._time()
        self._hash.update(f"{at:.9f} {kind} {who} {what} {other}\n".encode())
        self.count += 1
        if self._keep:
            if len(self.happenings) >= _LINES_MAX:
                del self.happenings[: _LINES_MAX // 4]
            self.happenings.append(Happening(at, kind, who, what, other))

    def feel(self, *values: Any) -> None:
        """Something that only the hash takes in: there is too much of it to read."""
        self._hash.update(f"{self._time():.9f} {values}\n".encode())
        self.count += 1

    def frames(self, way: bytes, frames: list[bytes]) -> None:
        """Something arrived; the hash takes in every byte of it."""
        self._hash.update(b"".join((_MOMENT.pack(self._time(), len(frames)), way, *frames)))
        self.count += 1
