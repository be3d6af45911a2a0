"""What text and lists share as graph types: operations that are events, on all three roads.

The slots of a delta are operations by dot. A whole state is taken as it is, and what its sender
did not know is put on top; see `_join_all`.
"""

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from plait.base.causality import Context, Dot, descends
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, Corrupt, UnknownFormat
from plait.graph.event import REPLICA_MAX, SEQ_MAX, Event
from plait.types.graph_type import GraphType, Slot
from plait.types.walker.operations import SentOp, check_edits
from plait.types.walker.replica import DraftMark, ReplicatedSequence
from plait.types.walker.spans import Name
from plait.types.walker.walker import Patch

R = TypeVar("R", bound=ReplicatedSequence[Any])


class SequenceType(GraphType[R]):
    """A sequence that several people edit at once."""

    of_events: ClassVar[bool] = True

    # ------------------------------------------------------------------ to be said by the type

    @abc.abstractmethod
    def dump(self, state: R) -> bytes:
        """The whole state as bytes."""

    @abc.abstractmethod
    def load(self, data: bytes) -> R:
        """The state in bytes; `Corrupt` or `BadFrame`."""

    # ------------------------------------------------------------------ operations

    def apply(self, state: R, body: Any, event: Event) -> None:
        """Edit the sequence as its author had seen it."""
        try:
            try:
                state.happen(event, check_edits(body))
            except Corrupt:  # a peer sent history that is none; it is gone now
                state.happen(event, check_edits(body))
        except BadFrame:
            return  # the same everywhere: whether it fits is a matter of what its author had seen

    def clear(self, state: R, event: Event) -> None:
        """Delete what the event has seen; by an event of nobody, everything, with its history."""
        if event.replica:
            state.clear(event)
        else:
            state.become(self.zero())

    def alive(self, state: R) -> bool:
        """Whether there is anything in it."""
        return len(state) > 0

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """Not known without the operation's number; see `event_slots`."""
        return None

    def event_slots(self, body: Any, dot: Dot) -> Iterable[Slot] | None:
        """The operation itself."""
        return (encode(dot),)

    def stamp(self, state: R) -> Any:
        """Which events there are."""
        first = -1 if state.cold is not None else state.graph.first
        return (state.end, first, len(state.clears))

    def fold(self, state: R, cut: Context) -> None:
        """Forget the events before the last critical boundary that everybody has seen."""
        state.fold(cut)

    def watching(self, state: R, act: Callable[[], None]) -> list[Patch]:
        """The patches: position, how many items are deleted there, what is inserted."""
        patches: list[Patch] = []
        state.close_run()
        state.observer = lambda pos, gone, content: patches.append((pos, gone, content))
        try:
            act()
            state.close_run()
        finally:
            state.observer = None
        return patches

    # ------------------------------------------------------------------ roads

    def delta(self, state: R, slots: Iterable[Slot] | None) -> Any:
        """Everything as bytes; or [[name, seq, parents, edits, clears], ...] and the base."""
        if slots is None:
            return self.dump(state)
        dots = [_dot(slot) for slot in slots]
        if state.cold is not None:
            state.thaw()
        known = [dot for dot in dots if state.has(dot)]
        known.sort(key=lambda dot: state.graph.last_seen(*dot))
        return [[state.op(dot) for dot in known], sorted(state.base.items())]

    def join(self, state: R, data: Any, mine: Context, theirs: Context, whole: bool) -> None:
        """Take in the operations that are not here."""
        if isinstance(data, bytes):
            try:
                self._join_all(state, self.load(data), mine, theirs)
            except (Corrupt, UnknownFormat) as error:
                raise BadFrame(str(error)) from None
            return
        ops, base = _read(data)
        _check_seen(ops, theirs)
        self._take(state, ops, dict(base), mine)

    def _join_all(self, state: R, other: R, mine: Context, theirs: Context) -> None:
        """Whoever has folded more is right about what was before, and the operations of both count.

        All that a member has folded the others have seen; so if somebody lacks some of it, that is
        somebody who begins, or the state is older than what is here. Whoever has carried out a
        deletion has nothing left of what was there, not even what it led to; they are right about
        what they have seen.
        """
        if not mine:
            state.become(other)
            return
        if other.is_blank() and descends(theirs, state.base):
            state.thaw()
            self._take(other, _beyond(theirs, state.ops()), {}, theirs)
            state.become(other)
            return
        if state.is_blank() and descends(mine, other.base):
            other.thaw()
            new = _beyond(mine, other.ops())
            _check_seen(new, theirs)
            self._take(state, new, {}, mine)
            return
        if _covers(theirs, state.leading()):  # who sent it knows all that is here
            if not _covers(theirs, other.leading()):
                raise BadFrame("a sequence with operations that its sender has not seen")
            if not _covers(mine, other.leading()):
                state.become(other)
            return
        other.thaw()
        state.thaw()
        theirs_new = _beyond(mine, other.ops())
        _check_seen(theirs_new, theirs)
        if not theirs_new and descends(mine, other.base):
            return
        if not descends(theirs, state.base):
            self._take(state, theirs_new, other.base, mine)
            return
        self._take(other, _beyond(theirs, state.ops()), state.base, theirs)
        state.become(other)  # which knows all that happened here: so no place gets lost

    def _take(self, state: R, ops: Sequence[SentOp], base: Any, known: Context) -> None:
        """Operations on top; those without parents follow what `base` leads."""
        new = _beyond(known, ops)
        if not new:
            return
        state.thaw()
        state.close_run()
        root = state.graph.version_of(base)
        for op in new:
            version = state.version_of_dots(op.parents) if op.parents else root
            try:
                state.add(op.name, op.seq, op.edits, version, whole=True)
            except BadFrame:
                continue  # it follows what was folded here: nobody honest sends it
            if op.clears:
                state.clears[op.name, op.seq] = None

    # ------------------------------------------------------------------ bytes

    def encode(self, state: R) -> bytes:
        """The state as bytes."""
        return self.dump(state)

    def decode(self, data: bytes) -> R:
        """The state that `encode` gave; `Corrupt`, `BadFrame`."""
        return self.load(data)

    def canonical(self, state: R, cut: Context) -> bytes:
        """What there is, and the operations beyond the cut; but not clears, for who has carried
        out a deletion has nothing to clear."""
        copy = self.load(self.dump(state))
        copy.fold(cut)
        copy.thaw()
        ops = sorted(copy.ops())
        skipped = {(op.name, op.seq): op.parents for op in ops if op.clears}
        listed = [
            [op.name, op.seq, _parents(op.parents, skipped, cut), op.edits]
            for op in _beyond(cut, ops)
            if not op.clears
        ]
        return encode([self.image(copy), listed])

    def image(self, state: R) -> Any:
        """What there is, for `canonical`."""
        return self.value(state)

    def mark(self, state: R) -> DraftMark:
        """Begin to note what takes the draft back."""
        return state.begin_draft()

    def rollback(self, state: R, mark: Any) -> R:
        """As it was."""
        state.discard_draft(mark)
        return state

    def keep(self, state: R, mark: Any) -> None:
        """The draft was kept."""
        state.keep_draft(mark)


def _covers(vector: Mapping[Any, int], dots: Iterable[tuple[Name, int]]) -> bool:
    """Whether a vector covers all of these."""
    return all(seq <= vector.get(name, 0) for name, seq in dots)


def _beyond(known: Mapping[Any, int], ops: Iterable[SentOp]) -> list[SentOp]:
    """Those that a vector does not cover."""
    return [op for op in ops if op.seq > known.get(op.name, 0)]


def _parents(parents: Sequence[Any], skipped: dict[Any, Any], cut: Context) -> list[Any]:
    """Parents beyond the cut, past those that are left out."""
    found: dict[Any, None] = {}
    waiting = list(parents)
    while waiting:
        dot = waiting.pop()
        if dot in skipped:
            waiting.extend(skipped[dot])
        elif dot[1] > cut.get(dot[0], 0):
            found[dot] = None
    return sorted(found)


def _dot(slot: Slot) -> tuple[int, int]:
    assert isinstance(slot, bytes)
    replica, seq = decode(slot)
    return replica, seq


def _read(data: Any) -> tuple[list[SentOp], list[Any]]:
    """Operations from what `delta` gave; raises `BadFrame`."""
    try:
        listed, base = data
        ops = [
            SentOp(
                _name(n), _seq(seq), _dots(parents), list(check_edits(list(edits))), said is True
            )
            for n, seq, parents, edits, said in listed
        ]
        return ops, list(_dots(base))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise BadFrame(f"no operations on a sequence: {error}") from None


def _dots(pairs: Any) -> tuple[tuple[int, int], ...]:
    return tuple([(_name(name), _seq(seq)) for name, seq in pairs])


def _name(name: Any) -> int:
    if type(name) is not int or not 1 <= name <= REPLICA_MAX:
        raise ValueError(f"{name!r} is no replica")
    return name


def _seq(seq: Any) -> int:
    if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
        raise ValueError(f"{seq!r} is no number of an operation")
    return seq


def _check_seen(ops: Iterable[SentOp], theirs: Context) -> None:
    for name, seq, *_ in _beyond(theirs, ops):
        raise BadFrame(f"operation ({name}, {seq}), which its sender has not seen")
