"""Marks as bytes: an extension of the pages of a text, which only texts with marks have.

A page's extension holds the bodies of the marks in its part of the log, in order, and what covers
the root of the graph where that is not as the page before says.

Invariants: a reader that does not know marks refuses such a page, for it would lose them; bytes
that no marks pack to raise `BadFrame`.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from plait.base.codec import encode
from plait.base.errors import BadFrame
from plait.types.text.blocks import NUMBER_MAX, pack_block, unpack_block
from plait.types.text.marked import UNMARKED, MarkedText, pruned
from plait.types.text.marking import Marked
from plait.types.text.marks import Mark, is_body
from plait.types.walker.oplog import MARK, OpLog
from plait.types.walker.replica import ReplicatedSequence

MARKS: Final = "marks"
KNOWN: Final = (MARKS,)

Extension: TypeAlias = tuple[str, bool, bytes]
Number: TypeAlias = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]


class _Base(Struct, frozen=True, array_like=True):
    """A `Marked`; no spans: nothing is marked."""

    at: Number
    spans: tuple[tuple[Number, tuple[Number, ...]], ...]
    marks: tuple[tuple[Number, int | str, Number, Number, list[Any], tuple[Number, ...]], ...]


class _Data(Struct, frozen=True, array_like=True):
    bodies: tuple[list[Any], ...]
    base: _Base | None = None  # None: as the page before says; in the first, nothing


_decoder = msgspec.msgpack.Decoder(_Data)


# ------------------------------------------------------------------ writing


def base_of(state: ReplicatedSequence[Any]) -> Marked | None:
    """What covers the root; None if nothing does."""
    marks: MarkedText | None = state.marks
    return None if marks is None or not marks.base.spans else marks.base


def marks_now(state: Any) -> Marked | None:
    """What would cover the root if all were folded; None if nothing does."""
    if state.marks is None and MARK not in state.log.kinds:
        return None
    marked = pruned(state.marked())
    return marked if marked.spans else None


def extension(
    log: OpLog | None, start: int, base: Marked | None, changed: bool
) -> tuple[Extension, ...]:
    """The marks of a log from an LV on, and of the root if they are `changed`; if there is
    anything to say."""
    bodies = () if log is None or MARK not in log.kinds else tuple(_bodies(log, start))
    if not bodies and not changed:
        return ()
    data = _Data(bodies, _packed(UNMARKED if base is None else base) if changed else None)
    return ((MARKS, True, pack_block(encode(data))),)


def _bodies(log: OpLog, start: int) -> Iterable[list[Any]]:
    return (run.content for run in log.runs(start, log.end) if run.kind == MARK)


def _packed(base: Marked) -> _Base:
    marks = [
        (
            mark.lv,
            mark.author,
            mark.seq,
            mark.nth,
            [1, mark.name, mark.value, mark.expand],
            mark.rivals,
        )
        for mark in base.marks.values()
    ]
    return _Base(base.at, base.spans, tuple(marks))


# ------------------------------------------------------------------ reading


def put_marks(log: OpLog, index: int, extensions: Sequence[Extension]) -> None:
    """Give every mark from a run on its body."""
    data = _read(extensions)
    bodies = iter(() if data is None else data.bodies)
    for at in range(index, len(log)):
        if log.kinds[at] == MARK:
            body = next(bodies, None)
            if not is_body(body):
                raise BadFrame("a mark that says nothing")
            log.contents[at] = body
    if next(bodies, None) is not None:
        raise BadFrame("a mark of nothing")


def marks_of(pages: Sequence[Sequence[Extension]], first: int) -> MarkedText | None:
    """What all extensions of a text come to, whose root is at an LV; None without any mark."""
    found: MarkedText | None = None
    for extensions in pages:
        data = _read(extensions)
        if data is None:
            continue
        base = None if data.base is None else _unpacked(data.base)
        if found is None:
            found = MarkedText(UNMARKED)
        if base is not None:
            found = MarkedText(base)
    if found is not None and found.base.spans and found.base.at != first:
        raise BadFrame("the marks of another root")
    return found


def _read(extensions: Sequence[Extension]) -> _Data | None:
    found = [data for name, _, data in extensions if name == MARKS]
    if not found:
        return None
    try:
        return _decoder.decode(unpack_block(found[0]))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadFrame(f"marks that do not decode: {error}") from None


def _unpacked(base: _Base) -> Marked:
    marks: dict[int, Mark] = {}
    for lv, author, seq, nth, body, rivals in base.marks:
        if not is_body(body) or lv >= base.at or lv in marks:
            raise BadFrame("a mark of the root that is none")
        _, name, value, expand = body
        marks[lv] = Mark(lv, author, seq, nth, name, value, expand, rivals)
    for size, ids in base.spans:
        if not size or list(ids) != sorted(dict.fromkeys(ids)) or any(i not in marks for i in ids):
            raise BadFrame("a span that is covered by no mark")
    return Marked(base.at, base.spans, marks)
