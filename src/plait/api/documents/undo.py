"""Undo and redo of one's own writes: a stack of what takes each of them back.

What inverses depend on is noted when something is written (`GraphType.before`), so they take back
that write and nothing else: an increment by the same decrement, a set element that was added unless
somebody added it again, a register only if it still holds what was written. Undoing is writing:
others see an ordinary change.

What a delete or a clear takes away has no inverse in the type; it is written down object by object
(`restoring`) as far as `ENTRIES_MAX` goes, and not undoable beyond that.

Invariant: `_undone` is empty after any write that is no redo; at most `STEPS_MAX` steps are kept.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from plait.base.causality import Dot
from plait.engines.graph_port import GraphView
from plait.types.catalogue import type_of
from plait.types.graph_type import Mutation
from plait.types.lists.planning import Near
from plait.types.paths import Path, tag_of
from plait.types.shelf import Note, Noted

RESTORE: Final = "restore"  # how registers take back: (RESTORE, dot, was set, value)
STEPS_MAX = 1000  # that can be undone
ENTRIES_MAX = 10_000  # of one step


class Entry(NamedTuple):
    """What takes one write back."""

    key: str
    path: Path
    mutation: Mutation
    written: Mutation = ()  # what it takes back
    if_gone: bool = False  # only if nobody wrote it anew


Step: TypeAlias = list[Entry]


def entry_of(noted: Noted) -> Entry | None:
    """What takes back what was noted; None if nothing does."""
    key, path, type_, mutation, before, dot = noted
    inverse = type_.taking_back(before, mutation, dot)
    return None if inverse is None else Entry(key, path, inverse, mutation)


class Restored(NamedTuple):
    """A register holds a value again: written by the event `dot` now, by another one before."""

    key: str
    path: Path
    value: Any
    dot: Dot

    def re_aim(self, step: Step, end: int | None = None) -> bool:
        """Let the newest write of the register in `step` (before `end`) be undoable again.

        Its inverse names the event that wrote the value, and that one was overwritten; what
        stands there now is the same value, unless somebody else's was overwritten.
        """
        for index in range(len(step) - 1 if end is None else end - 1, -1, -1):
            entry = step[index]
            if entry.key == self.key and entry.path == self.path and entry.mutation[0] == RESTORE:
                if entry.written[-1] == self.value:
                    mutation = (RESTORE, self.dot, *entry.mutation[2:])
                    step[index] = entry._replace(mutation=mutation)
                return True
        return False


class Undo:
    """The steps of one handle, newest last. Single writes wait in `_noted`, as they were noted,
    until somebody wants to see the steps."""

    __slots__ = (
        "__weakref__",
        "_group",
        "_noted",
        "_off",
        "_replaying",
        "_steps",
        "_undone",
        "note",
    )

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=STEPS_MAX)
        self._noted: deque[Noted] = deque(maxlen=STEPS_MAX)  # newer than all steps
        self._undone: deque[Step] = deque(maxlen=STEPS_MAX)
        self._group: list[Entry | Noted] | None = None  # what a change has written so far
        self._replaying = False
        self._off = False
        self.note: Note | None = self._noted.append  # called with whatever is written

    def switch_off(self) -> None:
        """Note nothing any more: nothing can be taken back."""
        self._off, self.note = True, None
        for kept in (self._steps, self._noted, self._undone):
            kept.clear()

    def _listen(self) -> None:
        """Have what is written noted where it belongs."""
        if self._off:
            self.note = None
        elif self._group is not None:
            self.note = self._group.append
        else:
            self.note = self._anew if self._undone else self._noted.append

    def _anew(self, noted: Noted) -> None:
        """The first write after something was taken back."""
        self._undone.clear()
        self._noted.append(noted)
        self._listen()

    def _settle(self) -> None:
        """Make steps of what was noted."""
        steps = ([entry] for noted in self._noted if (entry := entry_of(noted)) is not None)
        self._steps.extend(steps)
        self._noted.clear()

    def wrote_all(self, entries: list[Entry]) -> None:
        """Something was written in one go that takes several mutations to take back."""
        if self._off:
            return
        if self._group is not None:
            self._group.extend(reversed(entries))
        elif entries:
            self._settle()
            self._steps.append(entries[::-1])
            self._undone.clear()
            self._listen()

    def open(self) -> bool:
        """Begin a step; False if one is open, which what follows belongs to."""
        if self._group is not None:
            return False
        self._group = []
        self._listen()
        return True

    def close(self) -> Step:
        """End the step. It is kept for undoing unless there is nothing to undo."""
        written, self._group = self._group, None
        entries = (one if isinstance(one, Entry) else entry_of(one) for one in written or ())
        group = [entry for entry in entries if entry is not None]
        if group and not self._replaying:
            self._settle()
            if len(group) <= ENTRIES_MAX:
                self._steps.append(group)
            self._undone.clear()
        self._listen()
        return group

    def drop(self) -> None:
        """End the step: it was discarded."""
        self._group = None
        self._listen()

    def forget(self, key: str) -> None:
        """A document was rolled back: what takes back what was done to it fits nothing any more.
        A step that did something else as well is forgotten as a whole."""
        self._settle()
        for steps in (self._steps, self._undone):
            kept = [step for step in steps if not any(entry.key == key for entry in step)]
            steps.clear()
            steps.extend(kept)

    # ------------------------------------------------------------------ going back and forth

    def newest(self, key: str | None, again: bool) -> Step | None:
        """The step to take back (`again`: to do again): the newest that touches the document."""
        self._settle()
        for step in reversed(self._undone if again else self._steps):
            if key is None or any(entry.key == key for entry in step):
                return step
        return None

    def begin_replay(self) -> None:
        """What is written from here on takes back a step."""
        self._group = []
        self._replaying = True
        self._listen()

    def end_replay(self, step: Step, again: bool, restored: Sequence["Restored"]) -> None:
        """`step` was taken back (or done again); what was written can itself be taken back."""
        inverse = self.close()
        self._replaying = False
        source, target = self._steps, self._undone
        if again:
            source, target = target, source
        _remove(source, step)
        for one in restored:
            for older in reversed(source):
                if one.re_aim(older):
                    break
        if inverse:
            target.append(inverse)
        self._listen()

    def abandon_replay(self) -> None:
        """It was refused: nothing of it happened."""
        self._group = None
        self._replaying = False
        self._listen()


def _remove(steps: deque[Step], step: Step) -> None:
    """Take out this very step, not an equal one."""
    for index in range(len(steps) - 1, -1, -1):
        if steps[index] is step:
            del steps[index]
            return


# ----------------------------------------------------------------------------- what was cleared

_REGISTERS: Final = ("r", "m", "q")
_SETS: Final = ("gs", "tp", "aw", "rw")
_TEXT: Final = "x"
_LIST: Final = "l"
_ONCE: Final = (*_REGISTERS, _TEXT)  # if it is there again, somebody else has brought it back


def restoring(view: GraphView, key: str, path: Path) -> list[Entry]:
    """What writes down anew what is at and below a path; empty if that is too much."""
    entries: list[Entry] = []
    for entry in _restoring(view, key, path):
        entries.append(entry)
        if len(entries) > ENTRIES_MAX:
            return []
    return entries


def _restoring(view: GraphView, key: str, path: Path) -> Iterator[Entry]:
    if path and tag_of(path[-1]) != "o":
        state = view.object(key, path)
        if state is not None:
            for mutation in _mutations(tag_of(path[-1]), state):
                yield Entry(key, path, mutation, if_gone=tag_of(path[-1]) in _ONCE)
        if tag_of(path[-1]) != _LIST:
            return
    for part in view.children(key, path):
        yield from _restoring(view, key, (*path, part))


def _mutations(tag: str, state: Any) -> Iterator[Mutation]:
    """What brings a fresh object to the value of `state`. Trees and users' types have none."""
    type_ = type_of(tag)
    if not type_.alive(state):
        return
    value = type_.value(state)
    if tag in _REGISTERS:
        yield ("set", value)
    elif tag in _SETS:
        for element in value:
            yield ("add", element)
    elif tag == _TEXT:
        yield ("insert", 0, value)
    elif tag == _LIST:
        pairs = list(zip(state.ids(), value, strict=True))
        yield ("swap", [], pairs, Near(None, None, 0))  # by name, for what is in them
    elif tag in ("gc", "c") and value:
        yield ("add", value)
    elif tag in ("ew", "dw") and value != type_.value(type_.zero()):
        yield ("enable",) if value else ("disable",)
