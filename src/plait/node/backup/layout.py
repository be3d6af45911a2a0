"""What a backup is: a manifest over immutable pieces.

::

    plait-backup                              says that the folder is one, and of which cluster
    pieces/<2 digits>/<32 digits>             bytes, named by their own hash, never changed
    going/<32 digits>                         pieces that are being pruned, until that is certain
    manifests/<number>-<token>.json           one backup; names every piece that it needs

A *line* is copies of its state and its log from the first copy on, in pieces without a gap, up to
the manifest's *cut*: its position, epoch, records and state hash there. A *graph* is one copy of
its state and packs of the batches that came after it; and, where moments before that copy are kept,
the same again of earlier ones.

Invariant: a manifest is written after everything that it names, and in one step. So whatever was
interrupted left pieces that nobody names, which do no harm.

Absent: what is in a piece (`pieces`), compression and encryption.
"""

import hashlib
from typing import Any

import msgspec

from plait.base.errors import BadSettings, Corrupt, UnknownFormat
from plait.line.entry import NO_EPOCH, Epoch

FORMAT = 1
MARKER = "plait-backup"
MANIFESTS = "manifests"
PIECES = "pieces"
GOING = "going"
PIECE_BYTES = 4 << 20
MANIFEST_BYTES_MAX = 64 << 20

_MAGIC = "plait backup manifest"
_MARKER_MAGIC = "plait backup folder"
_DIGITS = frozenset("0123456789abcdef")
_DIGEST_BYTES = 16


class Piece(msgspec.Struct, frozen=True):
    """Bytes in the folder."""

    digest: str  # of the bytes: 32 hexadecimal digits
    size: int


class Blob(msgspec.Struct, frozen=True):
    """A file that was cut into pieces: the copy of a state."""

    size: int
    crc32: int
    pieces: tuple[Piece, ...]


class StateCopy(msgspec.Struct, frozen=True):
    """A copy of a line's state. It was made while the line went on: it is the fold of a prefix that
    ends between `position` and `through`; which one it says itself."""

    position: int
    through: int
    epoch: Epoch  # of the entry before `position`
    records: int  # in the entries before `position`
    time_ms: int  # the fold's clock at `through`
    blob: Blob


class LogPiece(msgspec.Struct, frozen=True):
    """Entries of a line that follow each other, as they are encoded."""

    start: int
    count: int
    epoch: Epoch  # of the last one
    time_ms: int  # the latest that any of them bears
    piece: Piece
    taken_ms: int = 0  # the node's wall clock when they were there; 0: it is not known

    @property
    def end(self) -> int:
        """The position after the last one."""
        return self.start + self.count


class LineBackup(msgspec.Struct, frozen=True):
    """One line: everything below `position` is here, in a copy or as entries."""

    line: str
    acks: str
    copies: tuple[StateCopy, ...]  # oldest first; the log begins at the first one's position
    log: tuple[LogPiece, ...]
    position: int  # the cut
    epoch: Epoch  # of the last entry below it
    records: int  # in all entries below it
    time_ms: int  # the fold's clock there
    state_hash: str  # of the state there, in hexadecimal digits; "" if it is not known


class BatchPiece(msgspec.Struct, frozen=True):
    """Batches of a graph, in a causally legal order."""

    count: int
    time_ms: int  # the node's wall clock when they were taken
    piece: Piece


class GraphBackup(msgspec.Struct, frozen=True):
    """One collection of documents: a copy of its state, and what was delivered since."""

    name: str
    lineage: str
    replica: int  # whose state it is
    epoch: int  # of that replica's hard state
    time_ms: int  # the node's wall clock after the copy was made
    state: Blob
    batches: tuple[BatchPiece, ...]
    vector: tuple[tuple[int, int], ...]  # all that is here, at least
    before: tuple[
        "GraphBackup", ...
    ] = ()  # what came before the copy, oldest first; these have none
    gone_ms: int = 0  # when it was found to be dropped, by the node's wall clock; 0: it is there

    def pieces(self) -> list[Piece]:
        """Everything that it names."""
        own = [*self.state.pieces, *(batches.piece for batches in self.batches)]
        return [*own, *(piece for one in self.before for piece in one.pieces())]


class Manifest(msgspec.Struct, frozen=True):
    """One backup."""

    number: int  # greater than those of the backups that were there when it began
    cluster: str
    node: str
    records: int  # the version of records that a program must be able to read
    began_ms: int  # the node's wall clock: what was acknowledged before is here
    time_ms: int  # the node's wall clock at the cut
    lines: tuple[LineBackup, ...]  # the control line first
    graphs: tuple[GraphBackup, ...]
    since_ms: int = 0  # what earlier ones had of the past is kept from then on; 0: it is not known

    def pieces(self) -> dict[str, Piece]:
        """Everything that it names, by digest."""
        found = [piece for line in self.lines for copy in line.copies for piece in copy.blob.pieces]
        found += [log.piece for line in self.lines for log in line.log]
        found += [piece for graph in self.graphs for piece in graph.pieces()]
        return {piece.digest: piece for piece in found}


# ------------------------------------------------------------------------------- names


def digest_of(data: bytes) -> str:
    """The name of a piece."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def piece_name(digest: str) -> str:
    """Where a piece is, below the folder."""
    return f"{PIECES}/{digest[:2]}/{digest}"


def manifest_name(number: int, token: str) -> str:
    """Where a manifest is, below the folder."""
    return f"{MANIFESTS}/{number:012d}-{token}.json"


def manifest_number(name: str) -> int | None:
    """The number of the manifest called so; None for a file that is none."""
    stem = name.removeprefix(f"{MANIFESTS}/")
    number, dash, token = stem.removesuffix(".json").partition("-")
    good = name.startswith(f"{MANIFESTS}/") and stem.endswith(".json") and dash and token
    return int(number) if good and number.isascii() and number.isdigit() else None


# ------------------------------------------------------------------------------- the marker


def encode_marker(cluster: str) -> bytes:
    """What says that a folder holds the backups of a cluster."""
    return f"{_MARKER_MAGIC}, format {FORMAT}\n{cluster}\n".encode()


def decode_marker(data: bytes) -> str:
    """The cluster; `BadSettings` if the folder is no backup, `UnknownFormat` if it is newer."""
    try:
        first, cluster, end = data.decode().split("\n")
    except ValueError:
        first, cluster, end = "", "", "?"
    magic, _, version = first.partition(", format ")
    if magic != _MARKER_MAGIC or end or not cluster:
        raise BadSettings(f"the file {MARKER!r} in the folder is not that of a backup")
    if version != str(FORMAT):
        raise UnknownFormat(f"a backup of format {version!r}; this version reads {FORMAT}")
    return cluster


# ------------------------------------------------------------------------------- manifests


def encode_manifest(manifest: Manifest) -> bytes:
    """A line that says what it is and what its hash is, then JSON."""
    body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    return f"{_MAGIC} {FORMAT} {digest_of(body)}\n".encode() + body


def decode_manifest(data: bytes, name: str) -> Manifest:
    """A manifest that can be: `Corrupt` if it is damaged, `UnknownFormat` if it is newer."""
    front, _, body = data.partition(b"\n")
    words = front.decode("ascii", "replace").rsplit(" ", 2)
    if len(words) != 3 or words[0] != _MAGIC:
        raise Corrupt(f"{name} is no manifest of a backup")
    if digest_of(body) != words[2]:
        raise Corrupt(f"{name} is damaged: it fails its checksum")
    if words[1] != str(FORMAT):
        raise UnknownFormat(f"{name} has format {words[1]!r}; this version reads {FORMAT}")
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
        _check(manifest)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Corrupt(f"{name} cannot be a manifest: {error}") from None
    return manifest


def _check(manifest: Manifest) -> None:
    """Raise ValueError where a manifest cannot be: names of files are made of it."""
    for piece in manifest.pieces().values():
        good = len(piece.digest) == 2 * _DIGEST_BYTES and set(piece.digest) <= _DIGITS
        _need(good and piece.size >= 0, "a piece without a name")
    _need(bool(manifest.lines), "no control line")
    for line in manifest.lines:
        _check_line(line)
    for graph in manifest.graphs:
        for one in (*graph.before, graph):
            _check_blob(one.state)
            _need(one.lineage == graph.lineage, "documents of another lineage")
        _need(len(graph.lineage) == 32 and set(graph.lineage) <= _DIGITS, "a lineage that is none")


def _check_line(line: LineBackup) -> None:
    _need(bool(line.copies), f"{line.line} without a state")
    end = line.copies[0].position
    _need(end >= 0, f"{line.line} before its beginning")
    for log in line.log:
        _need(log.start == end and log.count > 0, f"a gap in {line.line} at {end}")
        end = log.end
    _need(end == line.position, f"{line.line} ends at {end}, not at {line.position}")
    before = 0
    for copy in line.copies:
        _check_blob(copy.blob)
        _need(before <= copy.position <= copy.through <= end, f"a state of {line.line} beyond it")
        before = copy.position
    last = line.log[-1].epoch if line.log else line.copies[-1].epoch
    _need(last == line.epoch, f"{line.line} ends in epoch {last}, not in {line.epoch}")
    _need(all(digit in _DIGITS for digit in line.state_hash), f"the hash of {line.line}")


def _check_blob(blob: Blob) -> None:
    _need(sum(piece.size for piece in blob.pieces) == blob.size, "a state of another size")


def _need(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(what)


def epoch_before(spans: list[tuple[Epoch, int]]) -> Epoch:
    """The epoch of the last entry of a prefix, by its epoch history."""
    return spans[-1][0] if spans else NO_EPOCH
