"""Guard: what one connection may ask, decided for each request before anything is done for it.

What a principal may do is turned into sets of prefixes by table when it is first needed, so that a
command costs a look into a dict and a `str.startswith`.

Invariant: a request that names nothing the principal has a right to has no effect and tells nothing
but which right it lacks. What is no request of a kind known here is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from plait.api import messages as m
from plait.base.errors import NoSuchCollection, NotAllowed, PlaitError, TooStale
from plait.graph.warrants import Warrant
from plait.node.lines import CONTROL
from plait.node.node import Node
from plait.node.rights import Principal, Rights
from plait.node.warrants import DocumentWarrant
from plait.types.commands import (
    Call,
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    OpenSession,
    Put,
    Transact,
    decode_group,
)
from plait.types.control_dropped import dropped_tables
from plait.types.rights import CLUSTER, EVERY, Allowed, Prefixes, range_within

_Named = TypeVar("_Named")

# Requests that everybody who is somebody may make: they tell where things are.
_FREE = (m.Where, m.Cancel, m.FeedCredit, m.ListTables, m.ListGraphs, m.ListMembers)
_OF_ONE_KEY = (Put, Delete, CompareAndSet)
_SEEING = (m.StatusRequest, m.Examine)


class Guard:
    """Decides for one principal."""

    def __init__(self, node: Node, principal: Principal, rights: Rights | None = None) -> None:
        """rights: those that count, if they are not the node's own."""
        self.principal = principal
        self.on_change: Callable[[], None] = lambda: None  # rights are others than they were
        self._node = node
        self._rights = rights or node.rights
        self._generation = -1
        self._allowed: Allowed
        self._reads: dict[int, Prefixes] = {}  # by table
        self._writes: dict[int, Prefixes] = {}

    def check(self, request: Any) -> None:
        """Raise `NotSignedIn` or `NotAllowed` unless this may be done."""
        rights = self._rights
        if not rights.on:
            return
        if rights.unsettled:
            rights.check_settled()
        if self.principal.token and rights.expired(self.principal):
            rights.allowed(self.principal)
        if self._generation != rights.generation:
            self.look()
        kind = type(request)
        if kind is m.Propose:
            self._check_group(request.line, request.group)
        elif kind is m.Read:
            self._check_queries(request.line, request.queries)
        else:
            self._check_other(request)

    def void(self) -> PlaitError | None:
        """Why this principal is nobody any more; None while it is."""
        return self._rights.void(self.principal)

    def look(self) -> None:
        """Go by what the rights are now, and let what was begun before be looked at again."""
        if self._generation == self._rights.generation:
            return
        self._allowed = self._rights.allowed(self.principal)
        self._generation = self._rights.generation
        self._reads.clear()
        self._writes.clear()
        self.on_change()

    def check_link(self, lineage: str) -> None:
        """Raise unless a link with these documents may stand."""
        self._check_documents(self._documents(lineage))

    def warrant(self, lineage: str) -> Warrant:
        """What may be written in these documents, whenever that is asked."""
        return DocumentWarrant(self.principal, self._documents(lineage), self._writes_now)

    def writes(self, lineage: str) -> Prefixes | None:
        """What keys of these documents may begin with, to be written now; None for everything."""
        prefixes = self._writes_now(self._documents(lineage))
        return None if prefixes == EVERY else prefixes

    def _writes_now(self, collection: str) -> Prefixes | None:
        """What keys may begin with, to be written now; None while nobody is asked."""
        if not self._rights.on:
            return None
        self.look()
        return self._allowed.writes(collection)

    # ------------------------------------------------------------------ what is proposed

    def _check_group(self, line: str, group: bytes) -> None:
        """Every command of a group, or none of them."""
        if line == CONTROL:
            self._need_admin(CLUSTER)
            return
        commands = decode_group(group).commands
        try:
            for command in commands:
                self._check_command(line, command)
        except (NotAllowed, NoSuchCollection) as error:
            raise self._refused_among(line, commands, error) from None

    def _refused_among(
        self, line: str, commands: Sequence[Command], first: PlaitError
    ) -> PlaitError:
        """The refusal of a group, which says of each command that is to blame why: so its sender
        can go on without them."""
        refused: list[tuple[int, str, str, dict[str, Any]]] = []
        for index, command in enumerate(commands):
            try:
                self._check_command(line, command)
            except (NotAllowed, NoSuchCollection) as error:
                refused.append((index, error.code, error.message, error.details))
        return type(first)(first.message, **first.details, refused=refused)

    def _check_command(self, line: str, command: Command) -> None:
        if isinstance(command, _OF_ONE_KEY):
            prefixes = self._writes.get(command.table)
            if prefixes is None:
                prefixes = self._writable(command.table)
            if not command.key.startswith(prefixes):
                raise self._refusal("write", self._name(command.table), command.key)
            if type(command) is CompareAndSet and command.expected is not None:
                self._check_get(command.table, command.key)  # how it ends tells what is there
            return
        match command:
            case Transact():
                self._check_transaction(command)
            case Call():
                self._check_machine(line, "write", self._allowed.writes)
            case OpenSession():
                if not self._allowed.writes_anything:
                    raise self._refusal("write", "any collection")
            case ClearTable(table=table):
                self._need_admin(self._name(table))
            case _:
                self._need_admin(CLUSTER)

    def _check_transaction(self, command: Transact) -> None:
        for write in command.writes:
            if not write.key.startswith(self._writable(write.table)):
                raise self._refusal("write", self._name(write.table), write.key)
        for read in command.reads:
            self._check_get(read.table, read.key)
        for scanned in command.ranges:
            if not range_within(scanned.start, scanned.stop, self._readable(scanned.table)):
                raise self._refusal("read", self._name(scanned.table), scanned.start)

    def _check_machine(self, line: str, verb: str, prefixes_of: Callable[[str], Prefixes]) -> None:
        machine = line.removeprefix("machine/")  # it has its line to itself
        if prefixes_of(machine) != EVERY:
            raise self._refusal(verb, machine)

    # ------------------------------------------------------------------ what is read

    def _check_queries(self, line: str, queries: Sequence[m.Query]) -> None:
        for query in queries:
            if type(query) is m.Get:
                self._check_get(query.table, query.key)
                continue
            match query:
                case m.Scan(table=table, start=start, stop=stop):
                    if not range_within(start, stop, self._readable(table)):
                        raise self._refusal("read", self._name(table), start)
                case m.Count(table):
                    if self._readable(table) != EVERY:
                        raise self._refusal("read", self._name(table))
                case m.Ask():
                    self._check_machine(line, "read", self._allowed.reads)

    def _check_get(self, table: int, key: str) -> None:
        prefixes = self._reads.get(table)
        if prefixes is None:
            prefixes = self._readable(table)
        if not key.startswith(prefixes):
            raise self._refusal("read", self._name(table), key)

    def feeds(self, table: int) -> Prefixes:
        """What keys of a table may be told of; every key while rights are off."""
        if not self._rights.on:
            return EVERY
        self.look()
        return self._readable(table)

    def visible(self, collections: Sequence[_Named]) -> tuple[_Named, ...]:
        """Those of them that there is any right to."""
        if not self._rights.on:
            return tuple(collections)
        self.look()
        return tuple(one for one in collections if self._allowed.sees(one.name))  # type: ignore[attr-defined]

    # ------------------------------------------------------------------ everything else

    def _check_other(self, request: Any) -> None:
        match request:
            case m.OpenPast():
                if not self._allowed.reads_anything:
                    raise self._refusal("read", "any collection")
            case m.Follow(table=table):
                if not self._readable(table):
                    raise self._refusal("read", self._name(table))
            case m.OpenTable() | m.OpenMachine() | m.OpenGraph():
                self._check_opening(request)
            case (
                m.DropTableRequest(name=name)
                | m.DropGraphRequest(name=name)
                | m.KeepBeforeRequest(name=name)
            ):
                self._need_admin(name)
            case m.LinkGraph(lineage=lineage):
                self.check_link(lineage)
            case m.GraphSay() | m.FlushRequest():
                pass  # of a link that was checked; and whoever waits may wait
            case _ if isinstance(request, _FREE):
                pass
            case _ if isinstance(request, _SEEING):
                if self._allowed.reads(CLUSTER) != EVERY:
                    raise self._refusal("read", CLUSTER)
            case _:
                self._need_admin(CLUSTER)

    def _check_opening(self, request: m.OpenTable | m.OpenMachine | m.OpenGraph) -> None:
        name = request.name
        if request.settings is not None and not self._exists(request):
            self._need_admin(name)
        elif isinstance(request, m.OpenGraph):
            self._check_documents(name)
        elif not self._allowed.sees(name):
            raise self._refusal("any right", name)

    def _check_documents(self, name: str) -> None:
        """A replica of documents has all of them. What it writes is judged as it comes."""
        if self._allowed.reads(name) != EVERY:
            raise self._refusal("read", name)

    def _need_admin(self, name: str) -> None:
        if not self._allowed.administers(name):
            raise self._refusal("admin", name)

    # ------------------------------------------------------------------ names

    def _readable(self, table: int) -> Prefixes:
        prefixes = self._reads.get(table)
        if prefixes is None:
            if self._allowed.administers(CLUSTER) and self._dropped(table):
                prefixes = EVERY  # who may find it may read it
            else:
                prefixes = self._allowed.reads(self._name(table))
            self._reads[table] = prefixes
        return prefixes

    def _writable(self, table: int) -> Prefixes:
        prefixes = self._writes.get(table)
        if prefixes is None:
            prefixes = self._writes[table] = self._allowed.writes(self._name(table))
        return prefixes

    def _name(self, table: int) -> str:
        """A table's name; a table that is not known here has no rights to be looked up."""
        node = self._node
        view = node.control.replica.view
        for record in node.control_machine.tables(view):
            if record.table == table:
                return record.name
        for dropped in dropped_tables(view):
            if dropped.table == table:
                raise NoSuchCollection(f"there is no table {dropped.name!r} any more")
        if table <= node.control_machine.last_table(view):
            raise NoSuchCollection(f"there is no such table any more (its number was {table})")
        raise TooStale(f"table {table} is not known at {node.name} yet")

    def _dropped(self, table: int) -> bool:
        view = self._node.control.replica.view
        return any(record.table == table for record in dropped_tables(view))

    def _documents(self, lineage: str) -> str:
        for info in self._node.graphs.infos():
            if info.lineage == lineage:
                return info.name
        raise TooStale(f"these documents are not known at {self._node.name} yet")

    def _exists(self, request: m.OpenTable | m.OpenMachine | m.OpenGraph) -> bool:
        """Whether there is one of that name and that kind: kinds do not share names."""
        node, name = self._node, request.name
        view, machine = node.control.replica.view, node.control_machine
        match request:
            case m.OpenTable():
                return machine.table(view, name) is not None
            case m.OpenMachine():
                return machine.machine(view, name) is not None
        return any(info.name == name for info in node.graphs.infos())

    def _refusal(self, verb: str, where: str, key: str = "") -> PlaitError:
        at = f", key {key!r}" if key else ""
        return NotAllowed(
            f"{self.principal.shown} lacks {verb} on {where}{at}", right=verb, collection=where
        )
