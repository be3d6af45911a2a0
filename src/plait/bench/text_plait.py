"""Plait in the scenario `text`: the text itself, below documents, stores and nodes.

The peers are libraries without a store, so this is what compares with them.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from plait.bench.text_systems import CODE_POINTS
from plait.bench.text_traces import Edit, Trace
from plait.types.text.link import Incoming, Outgoing
from plait.types.text.state import TextState
from plait.types.text.storage import load, save
from plait.types.text.type import TEXT

_READER = 1 << 40  # an author that no trace has


class PlaitText:
    """One state of a text, and a link that tells of what happens to it and one that it hears."""

    def __init__(self, state: TextState, link: Outgoing | None) -> None:
        self.state = state
        self._outgoing = link
        self._incoming: Incoming | None = None

    def type(self, edits: Sequence[Edit]) -> None:
        """See `Text`."""
        insert, delete = self.state.insert, self.state.delete
        for position, deleted, inserted in edits:
            if deleted:
                delete(position, deleted)
            if inserted:
                insert(position, inserted)

    def say(self, edits: Sequence[Edit]) -> bytes:
        """See `Text`."""
        self.type(edits)
        return self.untold()

    def hear(self, update: bytes) -> None:
        """See `Text`."""
        if self._incoming is None:
            self._incoming = Incoming(self.state)
        self._incoming.receive(update)

    def news(self) -> bytes:
        """See `Text`. The whole state: that is what a replica sends to one that lacks much."""
        return _encode([self.state.leading(), save(self.state)])

    def catch_up(self, news: bytes) -> None:
        """See `Text`."""
        leading, data = _decode_news(news)
        mine, theirs = dict(self.state.leading()), dict(leading)
        TEXT.join(self.state, data, cast("Any", mine), cast("Any", theirs), True)

    def untold(self) -> bytes:
        """See `Text`."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self.state)
        return self._outgoing.take()

    def text(self) -> str:
        """See `Text`."""
        return self.state.text()

    def save(self, history: bool) -> bytes:
        """See `Text`."""
        return save(self.state, history=history)


class PlaitWriter(PlaitText):
    """A text that is told of others while it tells them: a link goes one way, so what is sent are
    operations, each with the dots that it came after. A whole update is one operation."""

    def __init__(self, agent: int) -> None:
        super().__init__(TextState(agent), None)
        self._agent = agent
        self._sequence = 1  # 0 stands for nothing

    def say(self, edits: Sequence[Edit]) -> bytes:
        """See `Text`."""
        state = self.state
        state.close_run()
        graph = state.graph
        parents = [graph.seq_of(head) for head in graph.heads]
        body = _body(edits)
        operation = _Operation(self._agent, self._sequence, body, parents)
        self._sequence += sum(deleted + len(inserted) for _, deleted, inserted in edits)
        self.type(edits)
        return _encode(operation)

    def hear(self, update: bytes) -> None:
        """See `Text`."""
        one = _decode(update)
        last_seen = self.state.graph.last_seen
        self.state.close_run()
        parents = tuple(sorted([last_seen(name, sequence) for name, sequence in one.parents]))
        self.state.add(one.name, one.sequence, one.edits, parents)


class _Operation(msgspec.Struct, array_like=True):
    name: int
    sequence: int
    edits: list[int | str]
    parents: list[tuple[int | str, int]]  # dots


_decode_news = msgspec.msgpack.Decoder(tuple[list[tuple[int, int]], bytes]).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Operation).decode


_Event = tuple[int, int, list[int | str], tuple[int, ...]]


class PlaitArrival:
    """Events as `TextState.add` has them: author, its count of units before, edits, parents."""

    def __init__(self, trace: Trace) -> None:
        self.events: list[_Event] = []
        done: dict[int, int] = {}  # units by author
        versions: list[tuple[int, ...]] = []  # behind each transaction, in local versions
        units = 0
        for one in trace.transactions:
            parents = tuple(sorted({v for parent in one.parents for v in versions[parent]}))
            edits = _body(one.patches)
            versions.append(parents)
            if not edits:
                continue  # whoever builds on it builds on its parents
            sequence = done.get(one.agent, 1)  # 0 stands for nothing
            self.events.append((one.agent, sequence, edits, parents))
            count = sum(deleted + len(inserted) for _, deleted, inserted in one.patches)
            done[one.agent] = sequence + count
            units += count
            versions[-1] = (units - 1,)

    def one_by_one(self) -> str:
        """See `Arrival`."""
        state = TextState(_READER)
        add = state.add
        for name, sequence, edits, parents in self.events:
            add(name, sequence, edits, parents)
        return state.text()

    def at_once(self) -> str:
        """See `Arrival`."""
        state = TextState(_READER)
        state.add_all(self.events)
        return state.text()

    def document(self) -> bytes:
        """See `Arrival`."""
        state = TextState(_READER)
        state.add_all(self.events)
        return PlaitText(state, None).news()

    def as_state(self, document: bytes) -> str:
        """See `Arrival`."""
        reader = PlaitText(TextState(_READER), None)
        reader.catch_up(document)
        return reader.text()


def _body(patches: Sequence[Edit]) -> list[int | str]:
    """Edits as an operation has them: a position and what is done there, again and again."""
    body: list[int | str] = []
    for position, deleted, inserted in patches:
        if deleted:
            body += (position, deleted)
        if inserted:
            body += (position, inserted)
    return body


class Plait:
    """See `EventSystem`."""

    name = "plait"
    units = CODE_POINTS

    def new(self, agent: int = 0) -> PlaitText:
        """See `System`."""
        state = TextState(agent)
        return PlaitText(state, Outgoing(state))

    def open(self, data: bytes) -> PlaitText:
        """See `System`."""
        return PlaitText(load(data), None)

    def writer(self, agent: int) -> PlaitWriter:
        """See `EventSystem`."""
        return PlaitWriter(agent)

    def arrive(self, trace: Trace) -> PlaitArrival:
        """See `EventSystem`."""
        return PlaitArrival(trace)
