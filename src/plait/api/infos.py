"""Collections as the control line knows them, and as it tells whoever asks."""

import msgspec

from plait.api.settings import Eventual, Settings
from plait.types.machines import ClassName


class TableInfo(msgspec.Struct, frozen=True, array_like=True):
    """A table as the control line knows it."""

    name: str
    table: int
    line: str
    settings: Settings


class MachineInfo(msgspec.Struct, frozen=True, array_like=True):
    """A machine as the control line knows it."""

    name: str
    line: str
    settings: Settings
    class_name: ClassName  # with the highest version that it was opened with


class GraphInfo(msgspec.Struct, frozen=True, array_like=True):
    """A collection of documents as the control line knows it."""

    name: str
    lineage: str  # 32 hexadecimal digits
    founder: int  # the replica id that began it; 0 if it began in another store
    settings: Eventual
    node: str = ""  # whose replica that is, "" if it began in another store
