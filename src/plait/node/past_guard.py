"""What may be asked of a store as it was: by today's rights, and only to read.

Invariant: whoever may not read something now may not read what it was. Rights of then count for
nothing. What was dropped since is read by who administers the cluster, as dropped tables are; a
collection that was made anew under the name has nothing to do with it.
"""

from typing import Any

from plait.api import messages as m
from plait.base.errors import NotAllowed, ReadOnly
from plait.node.guard import Guard
from plait.node.node import Node
from plait.node.rights import Principal
from plait.types.rights import CLUSTER, Prefixes

_READING = (
    m.Where, m.Cancel, m.Follow, m.FeedCredit, m.ListTables, m.ListGraphs, m.ListMembers, m.Read,
    m.LinkGraph, m.GraphSay, m.StatusRequest, m.ListDropped, m.OpenDropped,
)  # fmt: skip
_OPENING = (m.OpenTable, m.OpenMachine, m.OpenGraph)


class PastGuard(Guard):
    """Decides for one principal, over a past."""

    def __init__(self, past: Node, principal: Principal, present: Node) -> None:
        super().__init__(past, principal, present.rights)
        self._present = present

    def check(self, request: Any) -> None:
        """Raise `ReadOnly` for what does not only read, `NotSignedIn` or `NotAllowed`."""
        opens = isinstance(request, _OPENING) and request.settings is None
        if not opens and not isinstance(request, _READING):
            raise ReadOnly("this is the store as it was: it can only be read")
        super().check(request)

    def _check_get(self, table: int, key: str) -> None:
        self._readable(table)  # it may have been dropped since it was asked for last
        super()._check_get(table, key)

    def _readable(self, table: int) -> Prefixes:
        prefixes = super()._readable(table)
        view, machine = self._present.control.replica.view, self._present.control_machine
        if all(record.table != table for record in machine.tables(view)):
            self._need_right_on_dropped(self._name(table))
        return prefixes

    def _check_documents(self, name: str) -> None:
        super()._check_documents(name)
        there = [info.lineage for info in self._present.graphs.infos()]
        if all(info.lineage not in there for info in self._node.graphs.infos()
               if info.name == name):  # fmt: skip
            self._need_right_on_dropped(name)

    def _need_right_on_dropped(self, name: str) -> None:
        if not self._allowed.administers(CLUSTER):
            raise NotAllowed(
                f"{self.principal.shown} lacks admin on {CLUSTER}: {name}, as it was, has been "
                "dropped since", right="admin", collection=CLUSTER,
            )  # fmt: skip
