"""What can be said to a line: the commands that are logged, and the groups that carry them.

A *group* is what one client sent at once: its session, the sequence number of the first
command, the low-water mark below which it has every answer, and the commands. Groups are encoded
by the client, checked by the leader, and logged as they came. Sequence numbers in a group are
consecutive. Session 0 asks for no exactly-once.

Values stay encoded (`msgspec.Raw`): no replica decodes them. Where a value may be absent it
stands in a tuple of one, so that a stored None is not taken for none at all (nor could the codec
tell a raw value from null).
"""

import struct
from typing import TypeAlias

import msgspec

from plait.base.errors import BadFrame, UnknownRecord
from plait.line.entry import Epoch
from plait.types.rights_commands import (
    DropRole,
    DropUser,
    PutRole,
    PutToken,
    PutUser,
    RevokeToken,
    SwitchRights,
)

RECORDS = 7  # the version of records that this code reads and, once enabled, writes; see `Enable`
AUDITS_SINCE = 2  # of these versions
GRAPHS_SINCE = 3
CHAINS_SINCE = 4
BEFORES_SINCE = 5
FOLLOWERS_SINCE = 5
ZONES_SINCE = 5
RIGHTS_SINCE = 6
SOURCES_SINCE = 7
CHOICES_SINCE = 7

Present: TypeAlias = tuple[msgspec.Raw]  # a value that is there


class Put(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Set a row; only if its version is `if_version` when that is given (0: absent)."""

    table: int
    key: str
    value: msgspec.Raw
    if_version: int | None = None


class Delete(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Remove a row; only if its version is `if_version` when that is given."""

    table: int
    key: str
    if_version: int | None = None


class CompareAndSet(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Set a row to `value` if its value equals `expected`. None on either side means absent."""

    table: int
    key: str
    expected: Present | None
    value: Present | None


class ReadVersion(msgspec.Struct, frozen=True, array_like=True):
    """A transaction read `key` and saw `version` (0: absent)."""

    table: int
    key: str
    version: int


class ScannedRange(msgspec.Struct, frozen=True, array_like=True):
    """A transaction scanned start <= key < stop and saw `count` rows, the newest at `version`.

    Valid at commit if the range still holds `count` rows and none newer than `version`: rows
    only change by getting a higher version, so a removal shows in the count.
    """

    table: int
    start: str
    stop: str | None
    count: int
    version: int


class Write(msgspec.Struct, frozen=True, array_like=True):
    """A transaction's write; value None removes."""

    table: int
    key: str
    value: Present | None


class Transact(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """All writes, if every read and range is still as it was; else `Conflict`."""

    reads: tuple[ReadVersion, ...]
    ranges: tuple[ScannedRange, ...]
    writes: tuple[Write, ...]


class OpenSession(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Make `session` known, so that its commands apply exactly once."""

    session: int


class EvictSession(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Forget a session, if it was not used since `last_used` (a position)."""

    session: int
    last_used: int


class CreateTable(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Control line only: make a table, with settings and its line's name and first leader."""

    name: str
    acks: str
    degrade: bool
    line: str
    leader: str
    members: tuple[str, ...] = ()  # who founds the line if it is new
    engine: str = ""  # the URL of the shared engine that a new line begins on
    zones: tuple[tuple[str, str], ...] = ()  # where those are who found it


class DropTable(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """Control line only: forget a table's name. Its id is never used again."""

    name: str
    cleared_at: int = -1  # where in its line the rows went


class ClearTable(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """Remove every row of a table."""

    table: int


class SetRule(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """Control line only: the rule in force on a line in an epoch (degraded or restored)."""

    line: str
    epoch_number: int
    candidate: str
    acks: str


class Call(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """Run a command of a user's machine; `version` is that of the class as its caller knows it.

    Arguments stay encoded until they are applied, and are decoded anew each time: what a command
    keeps of them in its state is then nobody else's.
    """

    method: str
    args: msgspec.Raw  # an array
    kwargs: msgspec.Raw  # a map
    version: int


class CreateMachine(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """Control line only: make a machine, or note that its class has a higher version now."""

    name: str
    class_name: str
    origin: str
    version: int
    acks: str
    degrade: bool
    leader: str
    members: tuple[str, ...] = ()  # who founds the line if it is new
    engine: str = ""  # the URL of the shared engine that a new line begins on
    zones: tuple[tuple[str, str], ...] = ()  # where those are who found it


class Appoint(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """Control line only: `candidate` is to lead `line`, whose leader of `since` is gone.

    Refused if the line was appointed a leader since, so that of two reports one counts.
    """

    line: str
    candidate: str
    since_number: int
    since_candidate: str
    why: str = ""  # for people


class Enable(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """Control line only: records of `version` may be written from here on; all can read them."""

    version: int


class Audit(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """Every replica notes what its state comes to behind this entry.

    anew: forget how it came about; for replicas whose checkpoints are older than audits.
    """

    anew: bool = False


class Verdict(msgspec.Struct, frozen=True, array_like=True, tag=16):
    """A majority's state came to `hash` at an audit; a replica whose did not has diverged.

    It binds replicas that folded with `fold`, the version of a machine's class.
    """

    epoch: Epoch  # of the audit: a position alone can be taken again after a cut
    position: int
    fold: int
    hash: bytes


class CreateGraph(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """Control line only: make a collection of documents that replicates as a graph.

    The node `node` founds it with the replica id `founder`; 0 if it was founded in another store.
    """

    name: str
    lineage: str  # 32 hexadecimal digits
    founder: int
    node: str
    sync: str
    history: str


class DropGraph(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """Control line only: forget a collection of documents; nodes remove what they hold of it."""

    name: str


class SetChain(msgspec.Struct, frozen=True, array_like=True, tag=19):
    """Control line only: the loglets that `line` lives on, if its chain is still at `version`.

    `configuration` is what `plait.line.chain` encodes. Version 0: there is no chain yet.
    """

    line: str
    version: int
    configuration: bytes


class NameSpace(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """Control line only: under which name this cluster keeps things on shared engines.

    The first one counts; later ones have no effect.
    """

    name: str


class PutNode(msgspec.Struct, frozen=True, array_like=True, tag=21):
    """Control line on a shared engine only: a node, where it is found, and what it can read."""

    name: str
    folder: str  # what its folder drew when it was made: two folders are never one node
    address: str
    reads: int


class DropNode(msgspec.Struct, frozen=True, array_like=True, tag=22):
    """Control line on a shared engine only: a node is gone, and its name is never used again."""

    name: str


class KeepBefore(msgspec.Struct, frozen=True, array_like=True, tag=30):
    """From here on note what rows of a table were before each change, or stop that."""

    table: int
    on: bool


class SetFollower(msgspec.Struct, frozen=True, array_like=True, tag=25):
    """Control line only: how a node follows. What is None stays as it was.

    hold: (0, "", 0) stops it at what it has come to, (time_ms, "", 0) at a time of leaders' clocks,
    (0, line, position) before that entry of one line, the others at what they have come to.
    go: it is stopped no more. votes: whether it is to be a voter of the lines.
    """

    node: str
    delay_ms: int | None = None
    hold: tuple[int, str, int] | None = None
    go: bool = False
    votes: bool | None = None


class SetSource(msgspec.Struct, frozen=True, array_like=True, tag=50):
    """Control line only: `source` feeds `node`, which has no vote; "": whoever leads does."""

    node: str
    source: str


class SetChoice(msgspec.Struct, frozen=True, array_like=True, tag=51):
    """Control line only: `node`, which has no vote, follows these collections; None: all."""

    node: str
    collections: tuple[str, ...] | None


class PreferZones(msgspec.Struct, frozen=True, array_like=True, tag=35):
    """Control line only: leaders of `line` ("": of every other) belong into these zones, the best
    first; none: wherever they are."""

    line: str
    zones: tuple[str, ...]


Command: TypeAlias = (
    Put | Delete | CompareAndSet | Transact | OpenSession | EvictSession
    | CreateTable | DropTable | ClearTable | SetRule | Call | CreateMachine
    | Appoint | Enable | Audit | Verdict | CreateGraph | DropGraph
    | SetChain | NameSpace | PutNode | DropNode | KeepBefore | SetFollower | PreferZones
    | SetSource | SetChoice
    | PutRole | DropRole | PutUser | DropUser | PutToken | RevokeToken | SwitchRights
)  # fmt: skip


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Commands of one session with consecutive sequence numbers."""

    session: int
    first_sequence: int
    answered_below: int  # the session has every answer below this sequence number
    commands: tuple[Command, ...]


_encoder = msgspec.msgpack.Encoder()
_group_decoder = msgspec.msgpack.Decoder(Group)
_payload_decoder = msgspec.msgpack.Decoder(list[Group])
COMMANDS_MAX = 1 << 16  # in one group
_SEED = struct.Struct(">cQ")
_SEED_MARK = b"\xcf"  # MessagePack for: an unsigned 64-bit integer follows


def encode_group(
    session: int, first_sequence: int, answered_below: int, commands: list[bytes]
) -> bytes:
    """A group of commands that are already encoded."""
    raw = [msgspec.Raw(command) for command in commands]
    return _encoder.encode((session, first_sequence, answered_below, raw))


def decode_group(data: bytes) -> Group:
    """The group in `data`, with every command checked; `BadFrame` if it is none."""
    try:
        group = _group_decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not a group of commands: {error}") from None
    if not 0 < len(group.commands) <= COMMANDS_MAX:
        raise BadFrame(f"a group has 1 to {COMMANDS_MAX} commands, not {len(group.commands)}")
    return group


def encode_payload(groups: list[bytes], seed: int | None = None) -> bytes:
    """An entry's payload: encoded groups, as they came; a 64-bit seed before them if there is one.

    A seed is what the commands' chance grows from. It is written as an unsigned 64-bit integer,
    which no array of groups begins like.
    """
    data = _encoder.encode([msgspec.Raw(group) for group in groups])
    return data if seed is None else _SEED.pack(_SEED_MARK, seed) + data


def decode_payload(payload: bytes) -> list[Group]:
    """The groups of an entry; `UnknownRecord` if one says what this version does not know."""
    if payload[:1] == _SEED_MARK:
        payload = payload[_SEED.size :]
    try:
        return _payload_decoder.decode(payload)
    except msgspec.ValidationError as error:  # whole, and of another shape
        raise UnknownRecord(f"a record that version {RECORDS} cannot read: {error}") from None


def seed_of(payload: bytes) -> int:
    """The seed that the proposer stamped on an entry; 0 if none."""
    if payload[:1] != _SEED_MARK:
        return 0
    _, seed = _SEED.unpack_from(payload)
    return int(seed)
