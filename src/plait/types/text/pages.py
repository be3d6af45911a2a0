"""Pages: a sequence as pieces of bytes of which the first is a snapshot, and the others append.

Every page says how the present came to be what it is (a snapshot: what it is), holds the events
since the page before, and ends with what a first edit must know, so that opening a sequence walks
and decodes no history. That stays *cold*, as bytes, until somebody needs it.

Of events that had seen everything the log itself says what they did to the present. Of others (and
of those that were folded before they were written) the page has *hunks*: what differs from the
present of the page before.

Invariants: a page begins where the one before ends; its checksum is right, or `Corrupt` is raised;
the history of a chain of pages begins behind the last gap, and nothing before it is asked for.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct

from plait.base.codec import checksum, encode
from plait.base.errors import BadFrame, Corrupt, UnknownFormat
from plait.graph.event import SEQ_MAX
from plait.types.text.blocks import NUMBER_MAX, pack_block, unpack_block, varints
from plait.types.text.columns import (
    deleted,
    inserted,
    is_linear_from,
    pack_runs,
    pack_spans,
    put_inserted,
    unpack_runs,
)
from plait.types.text.content import Contents
from plait.types.text.hunks import Hunk, changes_between
from plait.types.walker.graph import EventGraph, Name
from plait.types.walker.items import Items
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog
from plait.types.walker.replica import ReplicatedSequence

VERSION = 1
SNAPSHOT, EDITS, HUNKS = 0, 1, 2  # how a page tells the present

_CHECKSUM_BYTES = 4

Dot: TypeAlias = tuple[Name, int]
Number: TypeAlias = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
Seq: TypeAlias = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
Author: TypeAlias = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(max_length=256)]
Extension: TypeAlias = tuple[str, bool, bytes]  # name, whether it must be understood, data


class Page(Struct, frozen=True, array_like=True):
    """One page. Blocks are those of `plait.types.text.blocks`; authors go by their index in
    `names`."""

    form: int
    start: Number  # the LV behind the page before
    units: Number  # of events that are here
    kept: Number  # how far before `end` lies all that is folded
    length: Number  # of the present
    names: tuple[Author, ...]
    base: tuple[tuple[Number, Seq], ...]
    heads: tuple[tuple[Number, Seq], ...]  # none: all is folded
    clears: tuple[tuple[Number, Seq], ...]
    agent: Author
    own: Seq  # the number of the agent's next unit
    spans: bytes  # block
    runs: bytes  # block
    contents: bytes  # block
    rooted: Number = 0  # how far before its events the root of the graph lay
    skipped: Number = 0  # so many events from `start` on were folded before they were written
    present: bytes = b""  # block: the present, or what the hunks insert
    hunks: tuple[Number, ...] = ()  # position, items deleted, items inserted, and so on
    derived: bool = False  # `contents` has what was deleted, not what was inserted
    extensions: tuple[Extension, ...] = ()

    @property
    def since(self) -> int:
        """The first LV whose event is here."""
        return self.start + self.skipped

    @property
    def end(self) -> int:
        """The LV behind the page."""
        return self.start + self.skipped + self.units

    @property
    def root(self) -> int:
        """The LV that was the root of the graph when the page was written."""
        return self.since - self.rooted

    @property
    def first(self) -> int:
        """The LV before which everything is folded."""
        return self.end - self.kept

    def dots(self, pairs: Sequence[tuple[int, int]]) -> tuple[Dot, ...]:
        """Dots, with names. `BadFrame`."""
        if any(number >= len(self.names) for number, _ in pairs):
            raise BadFrame("an author without a name")
        return tuple([(self.names[number], seq) for number, seq in pairs])


_decoder = msgspec.msgpack.Decoder(Page)
_outline = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])


# ------------------------------------------------------------------ bytes


def page_bytes(page: Page) -> bytes:
    """A page with its checksum."""
    body = encode((VERSION, page))
    return checksum(body).to_bytes(_CHECKSUM_BYTES, "big") + body


def read_page(data: bytes, known: Sequence[str] = ()) -> Page:
    """The page in bytes. `known`: extensions that are understood. `Corrupt`, `UnknownFormat`."""
    body = memoryview(data)[_CHECKSUM_BYTES:]
    if not body or checksum(body) != int.from_bytes(data[:_CHECKSUM_BYTES], "big"):
        raise Corrupt("a page of a sequence fails its checksum")
    try:
        version, raw = _outline.decode(body)
        if version != VERSION:
            raise UnknownFormat(f"a sequence in format {version}; this reads {VERSION}")
        page = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Corrupt(f"a page of a sequence does not decode: {error}") from None
    unknown = [name for name, must, _ in page.extensions if must and name not in known]
    if unknown:
        raise UnknownFormat(f"a sequence with {unknown[0][:80]!r}, which is not known here")
    if page.root < 0 or page.first < 0 or page.end > NUMBER_MAX:
        raise Corrupt("a page of a sequence contradicts itself")
    return page


# ------------------------------------------------------------------ writing


def snapshot(
    state: ReplicatedSequence[Any],
    contents: Contents,
    past: tuple[EventGraph, OpLog] | None,
    own: int = 1,
    extensions: Sequence[Extension] = (),
) -> Page:
    """A first page. past: the history, `state`'s or the decoded one; None: as if all of it were
    folded."""
    items = state.items
    present = items.slice(0, len(items))
    end = state.graph.end
    numbers: dict[Name, int] = {}
    spans = runs = content = b""
    derived = False
    if past is not None and past[0].first < end:
        graph, log = past
        spans = pack_block(varints(pack_spans(graph, graph.first, numbers)))
        runs = pack_block(varints(pack_runs(log, graph.first)))
        gone = deleted(log, len(items), contents) if is_linear_from(graph, graph.first) else None
        derived = gone is not None
        told = gone if derived else inserted(log, graph.first, contents)
        content = pack_block(contents.pack(told))
    first = end if past is None else past[0].first
    return Page(
        form=SNAPSHOT,
        start=first,
        units=end - first,
        kept=end - first,
        length=len(items),
        **_heading(state, numbers, past is not None),
        own=own,
        derived=derived,
        present=pack_block(contents.pack(present), quick=True),
        spans=spans,
        runs=runs,
        contents=content,
        extensions=tuple(extensions),
    )


def appended(
    state: ReplicatedSequence[Any],
    contents: Contents,
    start: int,
    pieces: Sequence[Any],
    own: int = 1,
    extensions: Sequence[Extension] = (),
) -> Page:
    """What came since the LV `start`, when the items were these pieces."""
    items = state.items
    graph, log = state.graph, state.log
    since = max(start, graph.first)
    numbers: dict[Name, int] = {}
    spans = runs = content = present = b""
    hunks: list[int] = []
    if since < graph.end:
        spans = pack_block(varints(pack_spans(graph, since, numbers)))
        runs = pack_block(varints(pack_runs(log, since)))
        content = pack_block(contents.pack(inserted(log, since, contents)))
    form = EDITS if since == start and is_linear_from(graph, start) else HUNKS
    if form == HUNKS:
        changes = changes_between(pieces, contents.pieces(items), contents)
        hunks = [number for pos, gone, come in changes for number in (pos, gone, len(come))]
        present = pack_block(contents.pack(contents.joined([come for *_, come in changes])))
    cold: Any = state.cold
    first = graph.first if cold is None else cold.first
    return Page(
        form=form,
        start=start,
        skipped=since - start,
        units=graph.end - since,
        rooted=since - graph.first,
        kept=graph.end - first,
        length=len(items),
        **_heading(state, numbers, True),
        own=own,
        present=present,
        hunks=tuple(hunks),
        spans=spans,
        runs=runs,
        contents=content,
        extensions=tuple(extensions),
    )


def heads_of(state: ReplicatedSequence[Any]) -> tuple[Dot, ...]:
    """The dots of the heads of what is not folded."""
    graph = state.graph
    if graph.heads or state.cold is None:
        return tuple([graph.seq_of(head) for head in graph.heads])
    return tuple(state.cold.heads)


def _heading(
    state: ReplicatedSequence[Any], numbers: dict[Name, int], history: bool
) -> dict[str, Any]:
    """What a page says of authors."""

    def pairs(dots: Sequence[Dot]) -> tuple[tuple[int, int], ...]:
        return tuple([(numbers.setdefault(name, len(numbers)), seq) for name, seq in dots])

    base: Sequence[Any] = sorted(state.base.items())
    heads, clears = heads_of(state), tuple(state.clears)
    if not history:
        base, heads, clears = sorted(heads) or base, (), ()
    indexes = {"base": pairs(base), "heads": pairs(heads), "clears": pairs(clears)}
    return {**indexes, "names": tuple(numbers), "agent": state.agent}


# ------------------------------------------------------------------ reading


def present_of(pages: Sequence[Page], contents: Contents) -> Items:
    """The items as the last page leaves them. `BadFrame`."""
    if not pages or pages[0].form != SNAPSHOT:
        raise BadFrame("the first page of a sequence is missing")
    items = contents.items(unpacked(pages[0].present, contents))
    end = pages[0].start
    for number, page in enumerate(pages):
        if number:
            if page.start != end:
                raise BadFrame("a page of a sequence is missing")
            _change(items, page, contents)
        end = page.end
        if len(items) != page.length:
            raise BadFrame("a sequence is not as long as it says")
    return items


def _change(items: Items, page: Page, contents: Contents) -> None:
    """What a page that appends does to the present."""
    for pos, gone, come in _hunks(page, contents):
        if pos + gone > len(items):
            raise BadFrame("a change of what is not there")
        if gone:
            items.delete(pos, gone)
        if come:
            items.insert(pos, come)


def _hunks(page: Page, contents: Contents) -> list[Hunk]:
    found: list[Hunk] = []
    if page.form == EDITS:
        log = _log_of(page, contents)
        for _, kind, pos, size, content in log.runs(page.since, page.end):
            if kind == INSERT:
                found.append((pos, 0, content))
            elif kind != MARK:
                found.append((pos - size + 1 if kind == BACKSPACE else pos, size, None))
        return found
    if page.form != HUNKS or len(page.hunks) % 3:
        raise BadFrame("a page that does not say what changed")
    content = unpacked(page.present, contents)
    at = 0
    for index in range(0, len(page.hunks), 3):
        pos, gone, size = page.hunks[index : index + 3]
        found.append((pos, gone, content[at : at + size]))
        at += size
    if at != len(content):
        raise BadFrame("hunks that insert something else than they say")
    return found


def unpacked(block: bytes, contents: Contents) -> Any:
    """The content in a block."""
    return contents.unpack(unpack_block(block) if block else b"")


def _log_of(page: Page, contents: Contents) -> OpLog:
    log = OpLog(page.since)
    if page.runs:
        unpack_runs(unpack_block(page.runs), log)
        put_inserted(log, 0, unpacked(page.contents, contents))
    if log.end != page.end:
        raise BadFrame("a log is not as long as it says")
    return log
