"""Plait in the scenario `text`: the text itself, below documents, stores and nodes.

The peers are libraries without a store, so this is what compares with them.
"""

from collections.abc import Sequence
from importlib import import_module
from itertools import chain
from typing import Any

from plait.bench.text_systems import CODE_POINTS
from plait.bench.text_traces import Edit, Trace


class PlaitText:
    """One state of a text."""

    def __init__(self, state: Any, storage: Any) -> None:
        self._state = state
        self._storage = storage

    def type(self, edits: Sequence[Edit]) -> None:
        """See `Text`."""
        insert, delete = self._state.insert, self._state.delete
        for position, deleted, inserted in edits:
            if deleted:
                delete(position, deleted)
            if inserted:
                insert(position, inserted)

    def say(self, edits: Sequence[Edit]) -> bytes:
        """See `Text`."""
        self.type(edits)
        update: bytes = self._state.take()
        return update

    def hear(self, update: bytes) -> None:
        """See `Text`."""
        self._state.receive(update)

    def untold(self) -> bytes:
        """See `Text`."""
        update: bytes = self._state.take()
        return update

    def text(self) -> str:
        """See `Text`."""
        text: str = self._state.text()
        return text

    def save(self, history: bool) -> bytes:
        """See `Text`."""
        data: bytes = self._storage.save(self._state, history=history)
        return data


_Event = tuple[int, int, list[int | str], tuple[int, ...]]


class PlaitArrival:
    """Events as `TextState.add` has them: author, its count of units before, edits, parents."""

    def __init__(self, trace: Trace, make: Any) -> None:
        self._make = make
        self._events: list[_Event] = []
        done: dict[int, int] = {}  # units by author
        versions: list[tuple[int, ...]] = []  # behind each transaction, in local versions
        units = 0
        for one in trace.transactions:
            parents = tuple(sorted({v for parent in one.parents for v in versions[parent]}))
            edits = list(chain.from_iterable(_body(patch) for patch in one.patches))
            versions.append(parents)
            if not edits:
                continue  # whoever builds on it builds on its parents
            sequence = done.get(one.agent, 1)  # 0 stands for nothing
            self._events.append((one.agent, sequence, edits, parents))
            count = sum(deleted + len(inserted) for _, deleted, inserted in one.patches)
            done[one.agent] = sequence + count
            units += count
            versions[-1] = (units - 1,)

    def one_by_one(self) -> str:
        """See `Arrival`."""
        state = self._make()
        add = state.add
        for name, sequence, edits, parents in self._events:
            add(name, sequence, edits, parents)
        text: str = state.text()
        return text

    def at_once(self) -> str:
        """See `Arrival`."""
        state = self._make()
        state.add_all(self._events)
        text: str = state.text()
        return text


def _body(patch: Edit) -> list[int | str]:
    position, deleted, inserted = patch
    body: list[int | str] = [position, deleted] if deleted else []
    return [*body, position, inserted] if inserted else body


class Plait:
    """See `EventSystem`."""

    name = "plait"
    units = CODE_POINTS
    history_kept = True

    def __init__(self) -> None:
        self._state: Any = import_module("plait.types.text.state").TextState
        self._storage: Any = import_module("plait.types.text.storage")

    def new(self, agent: int = 0) -> PlaitText:
        """See `System`."""
        return PlaitText(self._state(agent), self._storage)

    def open(self, data: bytes) -> PlaitText:
        """See `System`."""
        return PlaitText(self._storage.load(data), self._storage)

    def arrive(self, trace: Trace) -> PlaitArrival:
        """See `EventSystem`."""
        return PlaitArrival(trace, lambda: self._state(_READER))


_READER = 1 << 40  # an author that no trace has
