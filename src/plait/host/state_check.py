"""Whether the states of a folder that nobody has open are whole: every page and every value.

Absent: mending. A state is made again from its log, or copied from a leader.
"""

import zlib
from pathlib import Path

import apsw

from plait.host.folder import file_name

_CHECKSUM_BYTES = 4


def damaged_state(path: Path) -> str | None:
    """What is wrong with the state in a file, or None. The file is only read, by SQLite's rules:
    its write-ahead log is taken into account."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            told = connection.execute("PRAGMA quick_check(1)").get
            if told != "ok":
                return str(told)
            for space, key, sealed in connection.execute("SELECT space, key, value FROM kv"):
                checksum = zlib.crc32(sealed[:-_CHECKSUM_BYTES], zlib.crc32(key, space))
                if sealed[-_CHECKSUM_BYTES:] != checksum.to_bytes(_CHECKSUM_BYTES, "big"):
                    return f"key {key!r} fails its checksum"
        finally:
            connection.close()
    except apsw.Error as error:
        return f"{type(error).__name__}: {error}"
    return None


def state_files(folder: Path) -> dict[str, Path]:
    """Every state in a folder, by the name of its file without suffix."""
    return {path.name.removesuffix(".db"): path for path in sorted((folder / "state").glob("*.db"))}


def state_file(folder: Path, line: str) -> Path:
    """Where a line's state is, or would be."""
    return folder / "state" / f"{file_name(line)}.db"
