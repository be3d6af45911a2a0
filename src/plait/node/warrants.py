"""What one client may write in a collection of documents: a `plait.graph.warrants.Warrant`.

Invariant: it is asked while batches are received, so it raises nothing; whoever is nobody any more
writes nothing.
"""

from collections.abc import Callable

from plait.base.errors import PlaitError
from plait.graph.refusing import ANYBODYS
from plait.node.rights import Principal
from plait.types.rights import EVERY, NONE, Prefixes


class DocumentWarrant:
    """`writes(collection)`: what keys may begin with now, None while nobody is asked."""

    def __init__(
        self, principal: Principal, collection: str, writes: Callable[[str], Prefixes | None]
    ) -> None:
        self._principal = principal
        self._collection = collection
        self._writes = writes

    @property
    def name(self) -> str:
        """What the replicas of this user are admitted as; "" while nobody is asked."""
        user = self._principal.user
        return f"{ANYBODYS}/{user}" if user and self._allowed() is not None else ""

    @property
    def everything(self) -> bool:
        """Whether every document may be written."""
        return self._allowed() in (None, EVERY)

    def refuses(self, key: str) -> str | None:
        """Why a document may not be written; None if it may."""
        prefixes = self._allowed()
        if prefixes is None or key.startswith(prefixes):
            return None
        return f"{self._principal.shown} lacks write on {self._collection}"

    def _allowed(self) -> Prefixes | None:
        try:
            return self._writes(self._collection)
        except PlaitError:
            return NONE
