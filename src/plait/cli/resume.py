"""How far an import came: a small file beside the source, replaced as records are acknowledged.

Invariant: the first `records` records of the source (bad ones included) were acknowledged or
skipped. Records behind them may have been acknowledged too, as batches overlap; importing those
again sets the same keys to the same values. So resuming loses and duplicates nothing, but undoes
what somebody else wrote to those few keys in between.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from plait.base.errors import BadSettings


class Progress(msgspec.Struct, frozen=True):
    """What was being imported, and how many of its records are done."""

    source: str
    size: int
    mtime_ns: int
    table: str
    form: str  # format and key field: they decide what a record is
    records: int = 0

    def done(self, records: int) -> "Progress":
        """The same import, `records` records on from the beginning."""
        return msgspec.structs.replace(self, records=records)


def describe(source: str, table: str, form: str) -> Progress:
    """The import of `source` as it stands on disk now; ``-`` is standard input."""
    if source == "-":
        return Progress("-", 0, 0, table, form)
    found = os.stat(source)
    return Progress(str(Path(source).resolve()), found.st_size, found.st_mtime_ns, table, form)


def state_path(source: str, table: str) -> Path | None:
    """Where an import's progress is kept unless --state says otherwise; None for a pipe."""
    if source == "-":
        return None
    path = Path(source)
    return path.with_name(f"{path.name}.{table}.plait-import")


def load(path: Path, wanted: Progress) -> int:
    """How many records are done; 0 without a file. `BadSettings` if it is another import's."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
    except FileNotFoundError:
        return 0
    except msgspec.DecodeError as error:
        raise BadSettings(f"{path} is no import state: {error}; remove it to start over") from None
    if found.done(0) != wanted.done(0):
        names = [
            field for field in ("source", "size", "mtime_ns", "table", "form")
            if getattr(found, field) != getattr(wanted, field)
        ]  # fmt: skip
        raise BadSettings(
            f"{path} belongs to another import (different {', '.join(names)}); "
            "import without --resume to start over"
        )
    return found.records


def save(path: Path, progress: Progress) -> None:
    """Replace the state, atomically."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(msgspec.json.encode(progress))
    temporary.replace(path)


def remove(path: Path) -> None:
    """The import is complete."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
