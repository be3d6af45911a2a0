"""What may be asked of a store as it was: by today's rights, and only to read.

Invariant: whoever may not read something now may not read what it was. Rights of then count for
nothing; collections are known by the names that they had.
"""

from typing import Any

from plait.api import messages as m
from plait.base.errors import ReadOnly
from plait.node.guard import Guard

_READING = (
    m.Where, m.Cancel, m.Follow, m.FeedCredit, m.ListTables, m.ListGraphs, m.ListMembers, m.Read,
    m.LinkGraph, m.GraphSay, m.StatusRequest, m.ListDropped, m.OpenDropped,
)  # fmt: skip
_OPENING = (m.OpenTable, m.OpenMachine, m.OpenGraph)


class PastGuard(Guard):
    """Decides for one principal, over a past."""

    def check(self, request: Any) -> None:
        """Raise `ReadOnly` for what does not only read, `NotSignedIn` or `NotAllowed`."""
        opens = isinstance(request, _OPENING) and request.settings is None
        if not opens and not isinstance(request, _READING):
            raise ReadOnly("this is the store as it was: it can only be read")
        super().check(request)
