"""The one file of this room that touches the world: files and the clock.

The judges are pure: they take bytes and a clock. What hands them over stands here, so that
`load_history(path)` and `Recorder(path)` can be called without ceremony.
"""

import gzip
import io
import os
import time
import zlib
from pathlib import Path
from typing import TypeAlias

from plait.check.history import BadHistory

HISTORY_BYTES_MAX = 1 << 30  # unpacked

_GZIP_MAGIC = b"\x1f\x8b"

FilePath: TypeAlias = str | os.PathLike[str]

monotonic = time.monotonic


def read_bytes(path: FilePath) -> bytes:
    """A file's content, unpacked if it is gzip; `BadHistory` if it cannot be read."""
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as raw:
            return _unpacked(raw, name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadHistory(f"{name}: damaged gzip: {error}; copy the file again", file=name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadHistory(f"{name}: cannot be read: {reason}", file=name) from None


def _unpacked(raw: io.BufferedReader, name: str) -> bytes:
    packed = raw.peek(2)[:2] == _GZIP_MAGIC
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    data = stream.read(HISTORY_BYTES_MAX + 1)
    if len(data) > HISTORY_BYTES_MAX:
        raise BadHistory(f"{name}: longer than {HISTORY_BYTES_MAX} bytes; split it", file=name)
    return data


class AppendFile:
    """A file to which whole lines are added, by any thread.

    Each line is one write in append mode, so lines never mix and need no lock, and what was
    written survives the end of the process (not a power cut).
    """

    def __init__(self, path: FilePath) -> None:
        self._raw = Path(path).open("ab", buffering=0)  # noqa: SIM115

    def write(self, line: bytes) -> None:
        """Add one line; it ends with a newline."""
        written = self._raw.write(line)
        if written != len(line):  # the disk is full: half a line would spoil the history
            raise OSError(f"{self._raw.name}: wrote {written} of {len(line)} bytes")

    def close(self) -> None:
        """Close the file; nothing is buffered."""
        self._raw.close()
