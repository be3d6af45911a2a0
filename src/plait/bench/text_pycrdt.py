"""pycrdt (Yjs) in the scenario `text`: it counts UTF-8 bytes and forgets what was deleted.

One edit is one transaction, as pycrdt makes one for each call outside a transaction; a replacement
is one too.
"""

from collections.abc import Sequence
from typing import Any

import pycrdt

from plait.bench.text_systems import BYTES
from plait.bench.text_traces import Edit

_NAME = "text"


class PycrdtText:
    """A document with one text. Its updates are Yjs's first format."""

    def __init__(self, agent: int | None) -> None:
        self._document: Any = pycrdt.Doc() if agent is None else pycrdt.Doc(client_id=agent + 1)
        self._text: Any = self._document.get(_NAME, type=pycrdt.Text)
        self._told: list[bytes] = []
        self._watch: Any = None
        self._before: bytes | None = None  # the state when `untold` was asked last

    def type(self, edits: Sequence[Edit]) -> None:
        """See `Text`."""
        text, insert = self._text, self._text.insert
        for position, deleted, inserted in edits:
            if not deleted:
                insert(position, inserted)
            elif not inserted:
                del text[position : position + deleted]
            else:
                text[position : position + deleted] = inserted

    def say(self, edits: Sequence[Edit]) -> bytes:
        """See `Text`."""
        if self._watch is None:
            told = self._told
            self._watch = self._document.observe(lambda event: told.append(event.update))
        self._told.clear()
        if len(edits) == 1:
            self.type(edits)
        else:
            with self._document.transaction():
                self.type(edits)
        (update,) = self._told
        return update

    def hear(self, update: bytes) -> None:
        """See `Text`."""
        self._document.apply_update(update)

    def news(self) -> bytes:
        """See `Text`."""
        return self.untold()

    def catch_up(self, news: bytes) -> None:
        """See `Text`."""
        self.hear(news)

    def untold(self) -> bytes:
        """See `Text`."""
        before, self._before = self._before, self._document.get_state()
        update: bytes = self._document.get_update(before)
        return update

    def text(self) -> str:
        """See `Text`."""
        return str(self._text)

    def save(self, history: bool) -> bytes:
        """See `Text`. It has one way, without what was deleted."""
        data: bytes = self._document.get_update()
        return data


class Pycrdt:
    """See `System`."""

    name = "pycrdt"
    units = BYTES

    def new(self, agent: int | None = None) -> PycrdtText:
        """See `System`."""
        return PycrdtText(agent)

    def open(self, data: bytes) -> PycrdtText:
        """See `System`."""
        opened = PycrdtText(None)
        opened.hear(data)
        return opened
