"""What was heard under each dot, at those who hear: a dot that is known means the same for ever."""

from collections.abc import Sequence
from typing import Any

import plait
from plait.base.codec import encode
from plait.engines.graph_port import Changed


class Note(plait.Document):
    title = plait.Register(str)
    likes = plait.Counter()


class Ledger:
    """What was heard under each dot."""

    def __init__(self, *listeners: Any) -> None:
        self.heard: dict[tuple[int, int], bytes] = {}
        for replica in listeners:
            replica.listen(self._note)

    def _note(self, changes: Sequence[Changed]) -> None:
        for change in changes:
            event, op = change.event, change.op
            if not event.replica:
                continue  # it came as a state, which does not say who wrote what
            content = encode([op.key, op.path, op.body, op.kind, event.hlc])
            assert self.heard.setdefault(event.dot, content) == content
