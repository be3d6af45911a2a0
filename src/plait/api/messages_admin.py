"""Requests of the native protocol from those who run a cluster: a part of `messages`."""

import msgspec

from plait.types.rights_commands import RightsCommand


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Array-like, tagged by a number in each subclass."""


class StatusRequest(Message, frozen=True, array_like=True, tag=18):
    id: int


class Promote(Message, frozen=True, array_like=True, tag=19):
    """Make this node the leader of `line` (None: of every line)."""

    id: int
    line: str | None = None
    accept_loss: bool = False
    timeout_s: float = 10.0


class SwitchOver(Message, frozen=True, array_like=True, tag=20):
    """Hand the lines that this node leads over to `target` without loss."""

    id: int
    target: str
    line: str | None = None
    timeout_s: float = 30.0


class ListRescued(Message, frozen=True, array_like=True, tag=21):
    id: int


class ShowRescued(Message, frozen=True, array_like=True, tag=22):
    id: int
    rescued: int


class ReplayRescued(Message, frozen=True, array_like=True, tag=23):
    """Propose a rescued suffix again under its original sessions and sequence numbers."""

    id: int
    rescued: int


class DropRescuedRequest(Message, frozen=True, array_like=True, tag=24):
    id: int
    rescued: int


class RescuedGroups(Message, frozen=True, array_like=True, tag=26):
    """The encoded groups of a rescued suffix, for replay by the caller. Answered by `Result`."""

    id: int
    rescued: int


class Join(Message, frozen=True, array_like=True, tag=40):
    """Take the node `name` at `address` into the cluster. Answered by `Result` once it votes."""

    id: int
    name: str
    address: str
    witness: bool = False
    timeout_s: float = 60.0
    zone: str = ""


class Leave(Message, frozen=True, array_like=True, tag=41):
    """Let a node go, alive or dead. Answered by `Result` once nothing depends on it."""

    id: int
    name: str
    timeout_s: float = 60.0


class ListMembers(Message, frozen=True, array_like=True, tag=42):
    """Who the nodes are, as far as this one knows."""

    id: int


class Move(Message, frozen=True, array_like=True, tag=48):
    """Move the line of a collection to another engine. Answered by `Result` once it is there."""

    id: int
    what: str  # a collection or a line
    to: str  # "raft", "primary", "sqlite", or a URL
    timeout_s: float = 60.0
    forced_by: str = ""  # who says that the present engine is dead
    accept_loss: bool = False


class Examine(Message, frozen=True, array_like=True, tag=49):
    """What is wrong with the node and what it depends on. Answered by `Result`, a list."""

    id: int


class BackupRequest(Message, frozen=True, array_like=True, tag=50):
    """Add a backup to a folder of the node's own disk. Answered by `Result` when it is whole."""

    id: int
    folder: str
    supersedes: str = ""  # a manifest that goes when this one is there
    bytes_per_s: float | None = None  # no faster; None: as leaves others their writes


class OpenPast(Message, frozen=True, array_like=True, tag=73):
    """Open the store as it was at a moment, to be read over a connection that names it. Answered by
    `Result` with ``past``, and where its lines stand."""

    id: int
    moment: str


class LendCopies(Message, frozen=True, array_like=True, tag=74):
    """Have ready what a restore at a moment needs. Answered by `Result` with its name."""

    id: int
    moment: str


class CopyNames(Message, frozen=True, array_like=True, tag=75):
    """The names below a folder of what was lent. Answered by `Result`."""

    id: int
    copies: str
    folder: str


class ReadCopy(Message, frozen=True, array_like=True, tag=76):
    """A file of what was lent, from an offset on. Answered by `Result`: its size, and some of it;
    None if it is not there."""

    id: int
    copies: str
    name: str
    offset: int
    bytes_max: int  # of what is wanted at once


class KeepBeforeRequest(Message, frozen=True, array_like=True, tag=60):
    """Tell what a table's rows were before each change, from here on; or stop that."""

    id: int
    name: str
    on: bool


class RightsRequest(Message, frozen=True, array_like=True, tag=90):
    """Change who may do what, or (None) say how it is. Answered by `Result`, always how it is."""

    id: int
    command: RightsCommand | None


class SetZone(Message, frozen=True, array_like=True, tag=70):
    """The node `name` is in `zone` from now on. Answered by `Result`."""

    id: int
    name: str
    zone: str
    timeout_s: float = 60.0


class WantLeaders(Message, frozen=True, array_like=True, tag=71):
    """Leaders of the line of `what` (None: of every other) belong into `zones`, best first.
    Answered by `Result`."""

    id: int
    zones: tuple[str, ...]
    what: str | None = None
    timeout_s: float = 60.0


class SetFollowerRequest(Message, frozen=True, array_like=True, tag=80):
    """Let a node follow differently; what is None stays as it is. Answered by `Result`."""

    id: int
    name: str
    delay_s: float | None = None
    hold: str | None = None  # "now", a time, or LINE:POSITION
    go: bool = False  # it is held no more
    votes: bool | None = None
    source: str | None = None  # who feeds it; "any": whoever leads
    only: tuple[str, ...] | None = None  # the collections that it follows; ("all",): every one


class ListDropped(Message, frozen=True, array_like=True, tag=81):
    """Which tables were dropped. Answered by `Result`, a list."""

    id: int


class OpenDropped(Message, frozen=True, array_like=True, tag=82):
    """Find the table of that name that was dropped last. Answered by `TableOpened`."""

    id: int
    name: str
