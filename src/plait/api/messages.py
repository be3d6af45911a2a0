"""The native protocol between a client and a node: frozen tagged structs over frames.

The client says `Hello` first and the node answers `Welcome` or `Failure`; after that every
request carries an `id` and gets exactly one answer with it (feeds get many). Requests may be
answered in any order. `PROTOCOL` names the versions that this code speaks, best first.
"""

from typing import Any, TypeAlias

import msgspec

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages_admin import BackupRequest as BackupRequest
from plait.api.messages_admin import CopyNames as CopyNames
from plait.api.messages_admin import DropRescuedRequest as DropRescuedRequest
from plait.api.messages_admin import Examine as Examine
from plait.api.messages_admin import Join as Join
from plait.api.messages_admin import KeepBeforeRequest as KeepBeforeRequest
from plait.api.messages_admin import Leave as Leave
from plait.api.messages_admin import LendCopies as LendCopies
from plait.api.messages_admin import ListDropped as ListDropped
from plait.api.messages_admin import ListMembers as ListMembers
from plait.api.messages_admin import ListRescued as ListRescued
from plait.api.messages_admin import Message
from plait.api.messages_admin import Move as Move
from plait.api.messages_admin import OpenDropped as OpenDropped
from plait.api.messages_admin import OpenPast as OpenPast
from plait.api.messages_admin import Promote as Promote
from plait.api.messages_admin import ReadCopy as ReadCopy
from plait.api.messages_admin import ReplayRescued as ReplayRescued
from plait.api.messages_admin import RescuedGroups as RescuedGroups
from plait.api.messages_admin import RightsRequest as RightsRequest
from plait.api.messages_admin import SetFollowerRequest as SetFollowerRequest
from plait.api.messages_admin import SetZone as SetZone
from plait.api.messages_admin import ShowRescued as ShowRescued
from plait.api.messages_admin import StatusRequest as StatusRequest
from plait.api.messages_admin import SwitchOver as SwitchOver
from plait.api.messages_admin import WantLeaders as WantLeaders
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.line.entry import Epoch
from plait.line.outcome import Failures, Outcome, Returns, Run
from plait.types.machines import ClassName
from plait.types.queries import Ask as Ask
from plait.types.queries import Count as Count
from plait.types.queries import FeedItem as FeedItem
from plait.types.queries import Get as Get
from plait.types.queries import Query as Query
from plait.types.queries import Row as Row
from plait.types.queries import Scan as Scan

PROTOCOL = (1,)


# ------------------------------------------------------------------------------- requests


class Hello(Message, frozen=True, array_like=True, tag=0):
    """First message of a client. Empty cluster means: whichever this is."""

    protocols: tuple[int, ...]
    cluster: str = ""
    name: str = ""  # for status pages
    token: str = ""  # who it is, where rights are on
    past: str = ""  # the store as it was that `OpenPast` was answered with; "": the present

    def __repr__(self) -> str:
        return f"Hello({self.protocols}, {self.cluster!r}, {self.name!r}, token=…)"


class OpenTable(Message, frozen=True, array_like=True, tag=10):
    """Find a table, or create it with these settings (None: only find)."""

    id: int
    name: str
    settings: Settings | None


class ListTables(Message, frozen=True, array_like=True, tag=11):
    id: int


class DropTableRequest(Message, frozen=True, array_like=True, tag=12):
    id: int
    name: str
    cleared_at: int = -1  # where in its line the rows went, if they did


class Propose(Message, frozen=True, array_like=True, tag=13):
    """Order one encoded group on a line; answered when committed and applied here.

    `acks` asks for more than the line's rule. `moment_s` bounds the wait.
    """

    id: int
    line: str
    group: bytes
    acks: str | None = None
    timeout_s: float = 30.0


class Read(Message, frozen=True, array_like=True, tag=14):
    """Answer queries from one line's applied state.

    `after` is (epoch, position) of a session token: wait until that much is applied, or fail
    with `TooStale` (in time) or `SessionLost` (never).
    """

    id: int
    line: str
    options: ReadOptions
    after: tuple[Epoch, int] | None
    queries: tuple[Query, ...]
    timeout_s: float = 10.0


class Follow(Message, frozen=True, array_like=True, tag=15):
    """Feed the changes of a table from `start` (None: from now on), until `Cancel`."""

    id: int
    line: str
    table: int
    start: tuple[int, int] | None  # (position, offset) of the first change wanted
    told_passed: bool = False  # it understands items of version 0, see `FeedItem`


class FeedCredit(Message, frozen=True, array_like=True, tag=16):
    """The client took `items` of a feed; the node keeps a bounded number on the way."""

    id: int
    items: int


class Cancel(Message, frozen=True, array_like=True, tag=17):
    """End a feed."""

    id: int


class Where(Message, frozen=True, array_like=True, tag=25):
    """Who leads this line, as far as this node knows? Answered by `Located`."""

    id: int
    line: str


class FlushRequest(Message, frozen=True, array_like=True, tag=27):
    id: int


class OpenMachine(Message, frozen=True, array_like=True, tag=28):
    """Find a machine, or create it with these settings (None: only find).

    The node must have a class of that name registered, and of no lower version.
    """

    id: int
    name: str
    class_name: ClassName
    settings: Settings | None


class OpenGraph(Message, frozen=True, array_like=True, tag=43):
    """Find a collection of documents, or create it with these settings (None: only find)."""

    id: int
    name: str
    settings: Eventual | None


class ListGraphs(Message, frozen=True, array_like=True, tag=44):
    id: int


class DropGraphRequest(Message, frozen=True, array_like=True, tag=45):
    id: int
    name: str


class LinkGraph(Message, frozen=True, array_like=True, tag=46):
    """Be a peer of the node's replica of a collection, until `Cancel`: see `GraphSaid`."""

    id: int
    lineage: str


class GraphSay(Message, frozen=True, array_like=True, tag=47):
    """What the client's replica says on a link; not answered."""

    id: int  # of the `LinkGraph`
    data: bytes  # a message of `plait.graph.messages`


Request: TypeAlias = (
    Hello | OpenTable | ListTables | DropTableRequest | Propose | Read | Follow | FeedCredit
    | Cancel | StatusRequest | Promote | SwitchOver | ListRescued | ShowRescued | ReplayRescued
    | Join | Leave | ListMembers | DropRescuedRequest | Where | RescuedGroups | FlushRequest
    | OpenMachine | OpenGraph | ListGraphs | DropGraphRequest | LinkGraph | GraphSay | Move
    | Examine | BackupRequest | OpenPast | LendCopies | CopyNames | ReadCopy | KeepBeforeRequest
    | SetFollowerRequest | ListDropped | OpenDropped | SetZone | WantLeaders | RightsRequest
)  # fmt: skip

# -------------------------------------------------------------------------------- answers


class Welcome(Message, frozen=True, array_like=True, tag=100):
    """The node accepted the client. `members` are (name, client address)."""

    protocol: int
    cluster: str
    node: str
    members: tuple[tuple[str, str], ...]
    zones: tuple[tuple[str, str], ...] = ()  # of the members that have one
    past: str | None = None  # what the client named, if that is served; None: it never could be
    who: str = ""  # the user that the client has shown to be; "": it showed nothing


class Failure(Message, frozen=True, array_like=True, tag=101):
    """A request failed; id 0 answers `Hello`."""

    id: int
    code: str
    message: str
    details: dict[str, Any]


class TableOpened(Message, frozen=True, array_like=True, tag=102):
    id: int
    table: TableInfo


class Tables(Message, frozen=True, array_like=True, tag=103):
    id: int
    tables: tuple[TableInfo, ...]


class Applied(Message, frozen=True, array_like=True, tag=104):
    """A group was committed and applied.

    The i-th command has version `version + i` and stands at offset `offset + i` of `position`;
    unless there are `runs`, which then say where each part of the group stands.
    `failures` holds the commands that had no effect, by index in the group, `returns` what
    machines returned, encoded; one that is not named returned None.
    """

    id: int
    epoch: Epoch
    position: int
    offset: int
    version: int
    acks: str  # the rule that was met
    failures: Failures
    runs: tuple[Run, ...] = ()
    returns: Returns = ()

    @staticmethod
    def of(id: int, outcome: Outcome, acks: str) -> "Applied":
        """The answer to the request `id`."""
        epoch, position, offset, version, failures, runs, returns = outcome
        return Applied(id, epoch, position, offset, version, acks, failures, runs, returns)


class ReadReply(Message, frozen=True, array_like=True, tag=105):
    """Answers in the order of the queries, each MessagePack; state as of (epoch, position)."""

    id: int
    epoch: Epoch
    position: int  # applied up to here (exclusive)
    lag_s: float
    answers: tuple[msgspec.Raw, ...]


class Feed(Message, frozen=True, array_like=True, tag=106):
    """Some changes of a feed, and the position that continues behind them."""

    id: int
    items: tuple[FeedItem, ...]
    next: tuple[int, int]


class Result(Message, frozen=True, array_like=True, tag=107):
    """A JSON-like answer: status, rescued lists, promotion reports."""

    id: int
    value: Any


class Located(Message, frozen=True, array_like=True, tag=108):
    id: int
    leader: str | None
    address: str | None
    epoch: Epoch


class MachineOpened(Message, frozen=True, array_like=True, tag=109):
    id: int
    machine: MachineInfo


class GraphOpened(Message, frozen=True, array_like=True, tag=110):
    id: int
    graph: GraphInfo


class Graphs(Message, frozen=True, array_like=True, tag=111):
    id: int
    graphs: tuple[GraphInfo, ...]


class GraphSaid(Message, frozen=True, array_like=True, tag=112):
    """What the node's replica says on a link; one that is empty says that it stands, or begins
    anew, and what the client may write: what keys may begin with, None for everything."""

    id: int
    data: bytes
    writes: tuple[str, ...] | None = None


Answer: TypeAlias = (
    Welcome | Failure | TableOpened | Tables | Applied | ReadReply | Feed | Result | Located
    | MachineOpened | GraphOpened | Graphs | GraphSaid
)  # fmt: skip
