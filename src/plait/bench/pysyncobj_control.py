"""What the bench and a PySyncObj member say to each other: one JSON object a line."""

from typing import Any, TypeAlias

import msgspec

from plait.bench.measure import Sample

LINE_BYTES_MAX = 1 << 16


class Setup(msgspec.Struct, frozen=True):
    """What a member is started with, as its one argument."""

    address: str
    partners: list[str]
    control_port: int
    journal: str
    settings: dict[str, Any]  # for `SyncObjConf`, beside the journal
    synced: bool = False  # sync the journal at every entry, which the library never does


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Whether the member is ready, and who leads."""


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Put load on: so many commands in flight, for so many seconds after the warm-up."""

    in_flight: int
    seconds: float


class State(msgspec.Struct, frozen=True, tag="state"):
    """How a member sees itself."""

    ready: bool
    leader: str | None  # its address


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why there is no answer."""

    reason: str


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """What the load came to."""

    sample: Sample


Request: TypeAlias = Ask | Load
Answer: TypeAlias = State | Measured | Failed
