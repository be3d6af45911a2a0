"""What replicas of a scope say to each other, and what an exchange asks of its engine.

::

    asker                              peer
      Greeting  ------------------------>      who I am, what I have seen
                <------------------------  Greeting, Standing     how you stand here
      Want(since, road)  --------------->
                <------------------------  Ops (a page; more)
                                     or    Part (then More, Part, ... the last)
                                     or    Nothing
      Ops, Vector, Neighbours  <------->  as they happen

Every message carries the lineage, by which nodes route it. Tags are 80 to 99.
"""

import zlib
from typing import Any, TypeAlias

import msgspec

from plait.base.codec import FRAME_BYTES_MAX, encode
from plait.base.errors import BadFrame
from plait.graph.event import Batch, Op
from plait.graph.notices import Notice
from plait.graph.openings import Openings
from plait.graph.parcels import Parcel

Pairs: TypeAlias = tuple[tuple[int, int], ...]

PAGE_BYTES = 256 * 1024
PAGE_BYTES_MAX = 1 << 20
PLAIN_BYTES_MAX = 1024  # longer messages are compressed
_LEVEL = 1  # of zlib: the link is to be faster for it, not the processor slower
_ZLIB = b"\x78"  # how its streams begin, and no array of MessagePack does

OWN = "own"  # a road: the batches that whoever is asked has written, and no others

# how a replica's own stream stands at a peer
FINE = 0  # what the peer has of it is a beginning of it, as far as can be told
BEHIND = 1  # the peer has more of it: its author lost state
FORKED = 2  # the peer has something else of it


class _Message(msgspec.Struct, frozen=True, array_like=True):
    lineage: bytes


class Greeting(_Message, frozen=True, array_like=True, tag=80):
    """The first message of each side on every connection."""

    replica: int
    vector: Pairs
    held: Pairs  # beyond the vector: what waits for the clock
    seq: int  # its own stream's end, and the rolling hash there
    digest: bytes
    roots: tuple[tuple[int, int, int], ...]  # its admissions, its sponsors', and so on
    neighbours: tuple[int, ...]  # replicas it is linked with
    sync: str
    incarnation: int  # random: of two processes with one id the greater takes a fresh one
    now_ms: int
    flock: int = 0  # who claims to be a member in its scope, and nobody else has admitted
    openings: Openings | None = None  # of its own stream; None: an earlier version's


class Standing(_Message, frozen=True, array_like=True, tag=81):
    """How the receiver stands at the sender."""

    member: bool
    retired: int | None  # the last of its numbers that count, once its retirement is final
    verdict: int
    seq: int  # what is known of its stream, and the rolling hash there
    digest: bytes
    complete: bool  # the sender lacks nothing of what the receiver has told it
    tail: tuple[tuple[int, bytes], ...] = ()  # if forked: the latest marks of its stream there
    about: int = 0  # the receiver's id that this is about; 0: it is not said


class Join(_Message, frozen=True, array_like=True, tag=82):
    """Please admit me."""

    name: str


class Neighbours(_Message, frozen=True, array_like=True, tag=83):
    """The replicas that the sender is linked with now: what they write needs no relay by others."""

    replicas: tuple[int, ...]


class Ops(_Message, frozen=True, array_like=True, tag=84):
    """Batches: live (number 0), or an answer."""

    number: int
    more: bool  # of an answer: there is more to be asked for
    names: tuple[int, ...]
    marks: tuple[bytes, ...]  # by name: how the hash of its stream before its first batch begins
    batches: tuple[Batch, ...]  # with indices into names, see `event.Pack`


class Vector(_Message, frozen=True, array_like=True, tag=85):
    """What the sender has seen since it last said so, or all of it."""

    pairs: Pairs
    now_ms: int


class Want(_Message, frozen=True, array_like=True, tag=86):
    """Please send what I lack."""

    number: int
    since: Pairs
    held: Pairs
    road: str  # auto, ops, delta, state, own
    bytes_max: int
    keys: tuple[str, ...] = ()  # only these documents, as they are there


class Part(_Message, frozen=True, array_like=True, tag=87):
    """Bytes of a parcel."""

    number: int
    index: int
    last: bool
    data: bytes


class More(_Message, frozen=True, array_like=True, tag=88):
    """The parts before `index` arrived."""

    number: int
    index: int


class Nothing(_Message, frozen=True, array_like=True, tag=89):
    """The sender cannot answer this now."""

    number: int


class Presence(_Message, frozen=True, array_like=True, tag=90):
    """Who is there and what they do. Never stored, and gone when its time is over."""

    replica: int
    entries: tuple[tuple[str, Any, int], ...]  # key, value, milliseconds it lives


class MergedHashes(_Message, frozen=True, array_like=True, tag=91):
    """Hashes of merged values by conflict, so that differing merge functions are found."""

    entries: tuple[tuple[bytes, bytes], ...]


Message: TypeAlias = (
    Greeting | Standing | Join | Neighbours | Ops | Vector | Want | Part | More | Nothing
    | Presence | MergedHashes
)  # fmt: skip

_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode_message(message: Message) -> bytes:
    """The message as bytes: MessagePack, in a zlib stream if it is long."""
    data = encode(message)
    return data if len(data) < PLAIN_BYTES_MAX else zlib.compress(data, _LEVEL)


def decode_message(data: bytes) -> Message:
    """The message in `data`; raises `BadFrame`."""
    if data[:1] == _ZLIB:
        data = _inflated(data)
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no message of a graph: {error}") from None


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, FRAME_BYTES_MAX)
    except zlib.error as error:
        raise BadFrame(f"no message of a graph: {error}") from None
    if not stream.eof:
        raise BadFrame(f"a message of a graph is cut off, or longer than {FRAME_BYTES_MAX} bytes")
    return plain


# ----------------------------------------------------------------------------- effects


class Send(msgspec.Struct, frozen=True, tag=True):
    """Send a message to a peer, when everything that was done before is durable."""

    peer: str
    message: Message


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """These batches took effect: store them in this order."""

    batches: tuple[Batch, ...]


class Held(msgspec.Struct, frozen=True, tag=True):
    """These batches wait for the clock: store them, and `receive` them again after a restart."""

    batches: tuple[Batch, ...]


class Joined(msgspec.Struct, frozen=True, tag=True):
    """A parcel was joined: store it in its place among the batches, or the whole state."""

    parcel: Parcel


class Write(msgspec.Struct, frozen=True, tag=True):
    """Write an own batch with these operations at once (none: whatever the scope owes, or a beat),
    and tell the exchange with `wrote`."""

    ops: tuple[Op, ...]


class Restart(msgspec.Struct, frozen=True, tag=True):
    """This replica's id is used up, and its state is good: go on under a fresh one
    (`Scope.renamed`, `Exchange.renamed`)."""

    reason: str
    retire: int  # up to where others know the old id, if nobody uses it any more; else 0


class Adopt(msgspec.Struct, frozen=True, tag=True):
    """This replica's state can go no further: begin again empty under a fresh id, join, and write
    anew what the others lack."""

    reason: str
    lost: tuple[Batch, ...]  # own batches that the others do not have and will not take
    peer: str = ""  # who said so: the best one to be admitted by
    forked: bool = False  # their events are others', under the same dots


class Heard(msgspec.Struct, frozen=True, tag=True):
    """Something that only rides along."""

    peer: str
    message: Presence | MergedHashes


class Found(msgspec.Struct, frozen=True, tag=True):
    """Something to be told to people: a fork, a refusal, a verdict."""

    notice: Notice


Effect: TypeAlias = Send | Delivered | Held | Joined | Write | Restart | Adopt | Heard | Found
