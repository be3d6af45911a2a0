"""What a replica must know when it is opened."""

import os

import msgspec

LINEAGE_DIGITS = 32
LINE_PREFIX = "graph/"


class GraphOptions(msgspec.Struct, frozen=True):
    """One collection, as this process holds it."""

    name: str
    lineage: str  # 32 hexadecimal digits
    founder: int  # the replica id that began the graph; 0: it began in another store
    founds: bool  # this process is the one that begins it
    node: str  # what others call this replica
    sync: str = "auto"
    history: str = "stable"
    guest: bool = False  # `flush` waits for a peer's disk, as there is none here
    fingerprint: str = ""  # of the folder: a clone's or a restored one's differs
    founder_node: str = ""  # what others call the founder, if that is known
    retire_silent_s: float = 0.0  # retire members that said nothing for so long; 0: never

    @property
    def line(self) -> str:
        """The name of its log and of its state."""
        return line_of(self.name, self.lineage)


def line_of(name: str, lineage: str) -> str:
    """The log line of a collection; one that was dropped and made anew has another."""
    return f"{LINE_PREFIX}{name}/{lineage[:8]}"


def fingerprint_of(folder: str | os.PathLike[str]) -> str:
    """Something that a copy of a folder does not share: the device and inode of its lock."""
    try:
        found = os.stat(os.path.join(folder, "lock"))
    except OSError:
        return ""
    return f"{found.st_dev:x}:{found.st_ino:x}"
