"""loro in the scenario `text`: it counts code points and keeps what was deleted.

Local edits stay in one open transaction until somebody is told of them; that is how loro is used
and its fastest way.
"""

from collections.abc import Sequence
from typing import Any

import loro

from plait.bench.text_systems import CODE_POINTS
from plait.bench.text_traces import Edit

_NAME = "text"
_LORO: Any = loro  # its stubs say nothing of types


class LoroText:
    """A document with one text."""

    def __init__(self, agent: int | None) -> None:
        self._document: Any = _LORO.LoroDoc()
        if agent is not None:
            self._document.peer_id = agent + 1
        self._text: Any = self._document.get_text(_NAME)
        self._told: list[bytes] = []
        self._watch: Any = None
        self._before: Any = _LORO.VersionVector()  # the version when `untold` was asked last

    def type(self, edits: Sequence[Edit]) -> None:
        """See `Text`."""
        insert, delete = self._text.insert, self._text.delete
        for position, deleted, inserted in edits:
            if deleted:
                delete(position, deleted)
            if inserted:
                insert(position, inserted)

    def say(self, edits: Sequence[Edit]) -> bytes:
        """See `Text`."""
        if self._watch is None:
            self._watch = self._document.subscribe_local_update(self._tell)
        self._told.clear()
        self.type(edits)
        self._document.commit()
        (update,) = self._told
        return update

    def _tell(self, update: bytes) -> bool:
        self._told.append(update)
        return True

    def hear(self, update: bytes) -> None:
        """See `Text`."""
        self._document.import_(update)

    def news(self) -> bytes:
        """See `Text`."""
        return self.untold()

    def catch_up(self, news: bytes) -> None:
        """See `Text`."""
        self.hear(news)

    def untold(self) -> bytes:
        """See `Text`."""
        self._document.commit()
        before, self._before = self._before, self._document.oplog_vv
        update: bytes = self._document.export(_LORO.ExportMode.Updates(before))
        return update

    def text(self) -> str:
        """See `Text`."""
        return str(self._text)

    def save(self, history: bool) -> bytes:
        """See `Text`: a snapshot, or a shallow one of the present."""
        self._document.commit()
        mode = _LORO.ExportMode
        if history:
            how = mode.Snapshot()
        else:
            how = mode.ShallowSnapshot(self._document.oplog_frontiers)
        data: bytes = self._document.export(how)
        return data


class Loro:
    """See `System`."""

    name = "loro"
    units = CODE_POINTS

    def new(self, agent: int | None = None) -> LoroText:
        """See `System`."""
        return LoroText(agent)

    def open(self, data: bytes) -> LoroText:
        """See `System`."""
        opened = LoroText(None)
        opened.hear(data)
        return opened
