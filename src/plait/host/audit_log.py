"""A file of JSON lines that only grows: one object a line, for whoever asks later who did what.

What is noted in one tick of the loop leaves in one write. A file that was moved away (by logrotate,
say) is made anew. Readable by its owner only. A disk that takes nothing is said once in the
process's log, and what is noted meanwhile is lost: the store goes on. What is noted after `close`,
by a request that ended last, is still written.

Absent: fsync, and limits of its size; rotation is the system's.
"""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any, BinaryIO

from plait.base.errors import BadSettings

logger = logging.getLogger("plait.audit")


class AuditLog:
    """Appends to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._failed = False
        self._closed = False
        try:
            self._file = self._open()
        except OSError as error:
            raise BadSettings(f"audit log {path}: {error.strerror or error}") from None

    def note(self, record: dict[str, Any]) -> None:
        """Add an object; it is on its way to the disk at the end of this tick."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n")

    def flush(self) -> None:
        """Write what was noted."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            self._follow()
            self._file.write(b"".join(lines))
            self._file.flush()
            if self._closed:
                self._file.close()
        except OSError as error:
            if not self._failed:
                logger.error("audit log %s: %s: lines are lost", self._path, error)
            self._failed = True
        else:
            self._failed = False

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        self._closed = True
        self._file.close()

    def _follow(self) -> None:
        """Go on in a new file if this one was moved away, or closed."""
        if self._file.closed:
            self._file = self._open()
            return
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self._file.fileno())):
            self._file.close()
            self._file = self._open()

    def _open(self) -> BinaryIO:
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        return open(os.open(self._path, flags, 0o600), "ab", buffering=1 << 16)
