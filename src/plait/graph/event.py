"""Events and the batches they travel in.

A *batch* is what one replica wrote in one go: a first sequence number, one HLC stamp for all, what
its author had newly seen since its previous batch (`seen`), and its operations; the operation at
index i is the event (author, first + i). A batch is delivered atomically, after its author's
previous one and all that it has seen: causal, exactly once.

An *operation* addresses an object of the scope by document key and path; the empty key addresses
the scope itself (`SystemOp` kinds: members, refusals, beats). Its body is the type's own and is
opaque here.

On disk and wire batches travel in *packs*: replica ids are 64 bits, so a pack lists those it uses
once and its batches name them by index.

Invariant: the encoding of a batch's content (`digest_of`) does not depend on the pack.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from plait.base.causality import Context, Dot
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.base.hlc import HLC_MAX

BATCH_OPS_MAX = 65_536
PATH_MAX = 64
REPLICA_MAX = (1 << 63) - 1
SEQ_MAX = (1 << 62) - 1
DIGEST_BYTES = 16
GENESIS = bytes(DIGEST_BYTES)  # the rolling hash of a stream without batches

# kinds of operations
APPLY = 0  # the body is for the object's type
CLEAR = 1  # reset everything at and below the path that the event has seen
DELETE = 2  # hide the document (the path is empty); an edit that has not seen this revives it

# paths of the operations on the scope itself (key "")
ADMIT = "admit"  # body: [replica, name]: it is a member from here on
RETIRE = "retire"  # body: [replica, last sequence number]: it is none any more
VOID = "void"  # body: [replica, sequence number, reason, document key]: that event has no effect
BEAT = "beat"  # body: nil: only tells what its author has seen
OPENED = "opened"  # body: a random number: a process begins to write (see `openings`)
TOGETHER = "together"  # body: nil: what else is in the batch is refused together (`warrants`)


class Op(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One operation on one object."""

    key: str  # of the document; "" is the scope itself
    path: tuple[str, ...]  # components `tag:name` from the document to the object
    body: Any  # MessagePack of the object's type
    kind: int = APPLY


class Event(NamedTuple):
    """An operation's place in the history, as folds see it."""

    replica: int
    seq: int
    hlc: int
    context: Context  # what its author had seen before; its own entry may be ahead, never behind
    who: str | None = None
    message: str | None = None

    @property
    def dot(self) -> Dot:
        """The event's name."""
        return (self.replica, self.seq)

    def sees(self, dot: Dot) -> bool:
        """Whether `dot` comes causally before this event."""
        replica, seq = dot
        if replica == self.replica:
            return seq < self.seq
        return seq <= self.context.get(replica, 0)


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What one replica wrote in one go."""

    replica: int
    first: int  # sequence number of ops[0]; there is at least one
    hlc: int
    seen: tuple[tuple[int, int], ...]  # entries of others that advanced since the previous batch
    ops: tuple[Op, ...]
    who: str | None = None  # the person, as the author's store names them
    message: str | None = None

    @property
    def last(self) -> int:
        """Sequence number of the last operation."""
        return self.first + len(self.ops) - 1


def check_batch(batch: Batch) -> Batch:
    """`batch`; raises `BadFrame` for one that no replica can have written."""
    if not (1 <= batch.replica <= REPLICA_MAX and batch.first >= 1 and batch.last <= SEQ_MAX):
        raise BadFrame(f"a batch of {batch.replica} from {batch.first}: no such dots")
    if not 1 <= len(batch.ops) <= BATCH_OPS_MAX or not 0 <= batch.hlc <= HLC_MAX:
        raise BadFrame(f"a batch of {len(batch.ops)} operations at {batch.hlc}")
    before = 0
    for replica, seq in batch.seen:
        if not before < replica <= REPLICA_MAX or not 1 <= seq <= SEQ_MAX:
            raise BadFrame("a batch has seen what cannot be")
        if replica == batch.replica:
            raise BadFrame("a batch lists its own author among what it has seen")
        before = replica
    for op in batch.ops:
        if len(op.path) > PATH_MAX or not APPLY <= op.kind <= DELETE:
            raise BadFrame(f"an operation of kind {op.kind} on a path of {len(op.path)}")
    return batch


def digest_of(previous: bytes, batch: Batch) -> bytes:
    """The rolling hash of a stream after `batch`, from the one before it."""
    return hashlib.blake2b(previous + encode(batch), digest_size=DIGEST_BYTES).digest()


# ----------------------------------------------------------------------------- packs


class Pack(msgspec.Struct, frozen=True, array_like=True):
    """Batches whose `replica` and `seen` hold indices into `names`."""

    names: tuple[int, ...]
    batches: tuple[Batch, ...]


def pack(batches: Sequence[Batch]) -> Pack:
    """Intern the replica ids of `batches`."""
    numbers: dict[int, int] = {}
    packed = []
    for b in batches:
        author = numbers.setdefault(b.replica, len(numbers))
        seen = tuple([(numbers.setdefault(r, len(numbers)), seq) for r, seq in b.seen])
        packed.append(Batch(author, b.first, b.hlc, seen, b.ops, b.who, b.message))
    return Pack(tuple(numbers), tuple(packed))


def unpack(packed: Pack) -> list[Batch]:
    """The batches of a pack, checked; raises `BadFrame`."""
    names = packed.names
    try:
        batches = [
            Batch(
                names[b.replica], b.first, b.hlc,
                tuple([(names[number], seq) for number, seq in b.seen]),
                b.ops, b.who, b.message,
            )
            for b in packed.batches
            if b.replica >= 0 and all(number >= 0 for number, _ in b.seen)
        ]  # fmt: skip
    except IndexError:
        raise BadFrame("a pack names a replica that it does not list") from None
    if len(batches) != len(packed.batches):
        raise BadFrame("a pack has a negative index")
    return [check_batch(batch) for batch in batches]


_pack_decoder = msgspec.msgpack.Decoder(Pack)


def encode_pack(batches: Sequence[Batch]) -> bytes:
    """Batches as bytes, for disk and files."""
    return encode(pack(batches))


def decode_pack(data: bytes) -> list[Batch]:
    """The batches in `data`; raises `BadFrame`."""
    try:
        return unpack(_pack_decoder.decode(data))
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no pack of batches: {error}") from None


def decode_body(data: bytes) -> Any:
    """A body from its own bytes (folds that keep raw operations)."""
    return decode(data)


def events_of(batch: Batch, context: Context) -> Iterable[tuple[Op, Event]]:
    """Each operation with its place; `context` covers what the author had seen before the batch."""
    replica, hlc, who, message = batch.replica, batch.hlc, batch.who, batch.message
    new = tuple.__new__  # a quarter of the cost of Event(...)
    for seq, op in enumerate(batch.ops, batch.first):
        yield op, new(Event, (replica, seq, hlc, context, who, message))
