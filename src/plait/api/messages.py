"""The native protocol between a client and a node: frozen tagged structs over frames.

The client says `Hello` first and the node answers `Welcome` or `Failure`; after that every
request carries an `id` and gets exactly one answer with it (feeds get many). Requests may be
answered in any order. `PROTOCOL` names the versions that this code speaks, best first.
"""

from typing import Any, TypeAlias

import msgspec

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
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
from plait.types.rights_commands import RightsCommand

PROTOCOL = (1,)


class _Message(msgspec.Struct, frozen=True, array_like=True):
    """Array-like, tagged by a number in each subclass."""


# ------------------------------------------------------------------------------- requests


class Hello(_Message, frozen=True, array_like=True, tag=0):
    """First message of a client. Empty cluster means: whichever this is."""

    protocols: tuple[int, ...]
    cluster: str = ""
    name: str = ""  # for status pages
    token: str = ""  # who it is, where rights are on

    def __repr__(self) -> str:
        return f"Hello({self.protocols}, {self.cluster!r}, {self.name!r}, token=…)"


class OpenTable(_Message, frozen=True, array_like=True, tag=10):
    """Find a table, or create it with these settings (None: only find)."""

    id: int
    name: str
    settings: Settings | None


class ListTables(_Message, frozen=True, array_like=True, tag=11):
    id: int


class DropTableRequest(_Message, frozen=True, array_like=True, tag=12):
    id: int
    name: str


class Propose(_Message, frozen=True, array_like=True, tag=13):
    """Order one encoded group on a line; answered when committed and applied here.

    `acks` asks for more than the line's rule. `moment_s` bounds the wait.
    """

    id: int
    line: str
    group: bytes
    acks: str | None = None
    timeout_s: float = 30.0


class Read(_Message, frozen=True, array_like=True, tag=14):
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


class Follow(_Message, frozen=True, array_like=True, tag=15):
    """Feed the changes of a table from `start` (None: from now on), until `Cancel`."""

    id: int
    line: str
    table: int
    start: tuple[int, int] | None  # (position, offset) of the first change wanted
    told_passed: bool = False  # it understands items of version 0, see `FeedItem`


class FeedCredit(_Message, frozen=True, array_like=True, tag=16):
    """The client took `items` of a feed; the node keeps a bounded number on the way."""

    id: int
    items: int


class Cancel(_Message, frozen=True, array_like=True, tag=17):
    """End a feed."""

    id: int


class StatusRequest(_Message, frozen=True, array_like=True, tag=18):
    id: int


class Promote(_Message, frozen=True, array_like=True, tag=19):
    """Make this node the leader of `line` (None: of every line)."""

    id: int
    line: str | None = None
    accept_loss: bool = False
    timeout_s: float = 10.0


class SwitchOver(_Message, frozen=True, array_like=True, tag=20):
    """Hand the lines that this node leads over to `target` without loss."""

    id: int
    target: str
    line: str | None = None
    timeout_s: float = 30.0


class ListRescued(_Message, frozen=True, array_like=True, tag=21):
    id: int


class ShowRescued(_Message, frozen=True, array_like=True, tag=22):
    id: int
    rescued: int


class ReplayRescued(_Message, frozen=True, array_like=True, tag=23):
    """Propose a rescued suffix again under its original sessions and sequence numbers."""

    id: int
    rescued: int


class DropRescuedRequest(_Message, frozen=True, array_like=True, tag=24):
    id: int
    rescued: int


class Where(_Message, frozen=True, array_like=True, tag=25):
    """Who leads this line, as far as this node knows? Answered by `Located`."""

    id: int
    line: str


class RescuedGroups(_Message, frozen=True, array_like=True, tag=26):
    """The encoded groups of a rescued suffix, for replay by the caller. Answered by `Result`."""

    id: int
    rescued: int


class FlushRequest(_Message, frozen=True, array_like=True, tag=27):
    id: int


class OpenMachine(_Message, frozen=True, array_like=True, tag=28):
    """Find a machine, or create it with these settings (None: only find).

    The node must have a class of that name registered, and of no lower version.
    """

    id: int
    name: str
    class_name: ClassName
    settings: Settings | None


class Join(_Message, frozen=True, array_like=True, tag=40):
    """Take the node `name` at `address` into the cluster. Answered by `Result` once it votes."""

    id: int
    name: str
    address: str
    witness: bool = False
    timeout_s: float = 60.0


class Leave(_Message, frozen=True, array_like=True, tag=41):
    """Let a node go, alive or dead. Answered by `Result` once nothing depends on it."""

    id: int
    name: str
    timeout_s: float = 60.0


class ListMembers(_Message, frozen=True, array_like=True, tag=42):
    """Who the nodes are, as far as this one knows."""

    id: int


class OpenGraph(_Message, frozen=True, array_like=True, tag=43):
    """Find a collection of documents, or create it with these settings (None: only find)."""

    id: int
    name: str
    settings: Eventual | None


class ListGraphs(_Message, frozen=True, array_like=True, tag=44):
    id: int


class DropGraphRequest(_Message, frozen=True, array_like=True, tag=45):
    id: int
    name: str


class LinkGraph(_Message, frozen=True, array_like=True, tag=46):
    """Be a peer of the node's replica of a collection, until `Cancel`: see `GraphSaid`."""

    id: int
    lineage: str


class GraphSay(_Message, frozen=True, array_like=True, tag=47):
    """What the client's replica says on a link; not answered."""

    id: int  # of the `LinkGraph`
    data: bytes  # a message of `plait.graph.messages`


class Move(_Message, frozen=True, array_like=True, tag=48):
    """Move the line of a collection to another engine. Answered by `Result` once it is there."""

    id: int
    what: str  # a collection or a line
    to: str  # "raft", "primary", "sqlite", or a URL
    timeout_s: float = 60.0
    forced_by: str = ""  # who says that the present engine is dead
    accept_loss: bool = False


class Examine(_Message, frozen=True, array_like=True, tag=49):
    """What is wrong with the node and what it depends on. Answered by `Result`, a list."""

    id: int


class BackupRequest(_Message, frozen=True, array_like=True, tag=50):
    """Add a backup to a folder of the node's own disk. Answered by `Result` when it is whole."""

    id: int
    folder: str
    supersedes: str = ""  # a manifest that goes when this one is there


class KeepBeforeRequest(_Message, frozen=True, array_like=True, tag=60):
    """Tell what a table's rows were before each change, from here on; or stop that."""

    id: int
    name: str
    on: bool


class RightsRequest(_Message, frozen=True, array_like=True, tag=70):
    """Change who may do what, or (None) say how it is. Answered by `Result`, always how it is."""

    id: int
    command: RightsCommand | None


Request: TypeAlias = (
    Hello | OpenTable | ListTables | DropTableRequest | Propose | Read | Follow | FeedCredit
    | Cancel | StatusRequest | Promote | SwitchOver | ListRescued | ShowRescued | ReplayRescued
    | Join | Leave | ListMembers | DropRescuedRequest | Where | RescuedGroups | FlushRequest
    | OpenMachine | OpenGraph | ListGraphs | DropGraphRequest | LinkGraph | GraphSay | Move
    | Examine | BackupRequest | KeepBeforeRequest | RightsRequest
)  # fmt: skip

# -------------------------------------------------------------------------------- answers


class Welcome(_Message, frozen=True, array_like=True, tag=100):
    """The node accepted the client. `members` are (name, client address)."""

    protocol: int
    cluster: str
    node: str
    members: tuple[tuple[str, str], ...]


class Failure(_Message, frozen=True, array_like=True, tag=101):
    """A request failed; id 0 answers `Hello`."""

    id: int
    code: str
    message: str
    details: dict[str, Any]


class TableOpened(_Message, frozen=True, array_like=True, tag=102):
    id: int
    table: TableInfo


class Tables(_Message, frozen=True, array_like=True, tag=103):
    id: int
    tables: tuple[TableInfo, ...]


class Applied(_Message, frozen=True, array_like=True, tag=104):
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


class ReadReply(_Message, frozen=True, array_like=True, tag=105):
    """Answers in the order of the queries, each MessagePack; state as of (epoch, position)."""

    id: int
    epoch: Epoch
    position: int  # applied up to here (exclusive)
    lag_s: float
    answers: tuple[msgspec.Raw, ...]


class Feed(_Message, frozen=True, array_like=True, tag=106):
    """Some changes of a feed, and the position that continues behind them."""

    id: int
    items: tuple[FeedItem, ...]
    next: tuple[int, int]


class Result(_Message, frozen=True, array_like=True, tag=107):
    """A JSON-like answer: status, rescued lists, promotion reports."""

    id: int
    value: Any


class Located(_Message, frozen=True, array_like=True, tag=108):
    id: int
    leader: str | None
    address: str | None
    epoch: Epoch


class MachineOpened(_Message, frozen=True, array_like=True, tag=109):
    id: int
    machine: MachineInfo


class GraphOpened(_Message, frozen=True, array_like=True, tag=110):
    id: int
    graph: GraphInfo


class Graphs(_Message, frozen=True, array_like=True, tag=111):
    id: int
    graphs: tuple[GraphInfo, ...]


class GraphSaid(_Message, frozen=True, array_like=True, tag=112):
    """What the node's replica says on a link; the first one is empty and says that it stands."""

    id: int
    data: bytes


Answer: TypeAlias = (
    Welcome | Failure | TableOpened | Tables | Applied | ReadReply | Feed | Result | Located
    | MachineOpened | GraphOpened | Graphs | GraphSaid
)  # fmt: skip
