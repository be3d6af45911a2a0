"""What is prepared once for a library and a trace, kept in files for those who measure.

A process that opens or merges a document must not have made it: its memory and its first use are
measured.
"""

from pathlib import Path

import msgspec

FULL, STABLE = "full", "stable"  # the document saved, with its history and without
WHOLE, HALF, REST = "whole", "half", "rest"  # updates: everything; up to the middle; from there
UPDATES = "updates"  # one a transaction
TEXT = "text"  # what a reader has in the end


class Kept:
    """The files of one library and one trace in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Keep these bytes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(data)

    def get(self, name: str) -> bytes:
        """The bytes kept under a name."""
        return (self._folder / name).read_bytes()

    def put_updates(self, updates: list[bytes]) -> None:
        """Keep a list of updates."""
        self.put(UPDATES, msgspec.msgpack.encode(updates))

    def updates(self) -> list[bytes]:
        """The list of updates kept."""
        return msgspec.msgpack.decode(self.get(UPDATES), type=list[bytes])
