"""Undo and redo of one's own writes: a stack of what takes each of them back.

Inverses are asked for when something is written (`GraphType.inverse`), so they take back that
write and nothing else: an increment by the same decrement, a set element that was added unless
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
from plait.types.paths import Path, tag_of

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
    """The steps of one handle, newest last."""

    __slots__ = ("_group", "_replaying", "_steps", "_undone")

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=STEPS_MAX)
        self._undone: deque[Step] = deque(maxlen=STEPS_MAX)
        self._group: list[Entry] | None = None  # what a change or an assignment has written so far
        self._replaying = False

    def wrote(self, entry: Entry) -> None:
        """Something was written; `entry` takes it back."""
        if self._group is not None:
            self._group.append(entry)
            return
        self._steps.append([entry])
        if self._undone:
            self._undone.clear()

    def wrote_all(self, entries: list[Entry]) -> None:
        """Something was written in one go that takes several mutations to take back."""
        if self._group is not None:
            self._group.extend(reversed(entries))
        elif entries:
            self._steps.append(entries[::-1])
            self._undone.clear()

    def open(self) -> bool:
        """Begin a step; False if one is open, which what follows belongs to."""
        if self._group is not None:
            return False
        self._group = []
        return True

    def close(self) -> Step:
        """End the step. It is kept for undoing unless there is nothing to undo."""
        group, self._group = self._group, None
        if group and not self._replaying:
            if len(group) <= ENTRIES_MAX:
                self._steps.append(group)
            self._undone.clear()
        return group or []

    def drop(self) -> None:
        """End the step: it was discarded."""
        self._group = None

    # ------------------------------------------------------------------ going back and forth

    def newest(self, key: str | None, again: bool) -> Step | None:
        """The step to take back (`again`: to do again): the newest that touches the document."""
        for step in reversed(self._undone if again else self._steps):
            if key is None or any(entry.key == key for entry in step):
                return step
        return None

    def begin_replay(self) -> None:
        """What is written from here on takes back a step."""
        self._group = []
        self._replaying = True

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

    def abandon_replay(self) -> None:
        """It was refused: nothing of it happened."""
        self._group = None
        self._replaying = False


def _remove(steps: deque[Step], step: Step) -> None:
    """Take out this very step, not an equal one."""
    for index in range(len(steps) - 1, -1, -1):
        if steps[index] is step:
            del steps[index]
            return


# ----------------------------------------------------------------------------- what was cleared

_REGISTERS: Final = ("r", "m", "q")
_SETS: Final = ("gs", "tp", "aw", "rw")


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
                yield Entry(key, path, mutation, if_gone=tag_of(path[-1]) in _REGISTERS)
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
    elif tag in ("gc", "c") and value:
        yield ("add", value)
    elif tag in ("ew", "dw") and value != type_.value(type_.zero()):
        yield ("enable",) if value else ("disable",)
