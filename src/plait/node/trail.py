"""The trail: who was let in, who was not, and who did what, as objects for an audit log.

::

    {"time": …, "node": "n1", "from": "10.0.0.7:5122", "user": "ann", "token": "9f0c…",
     "event": "done", "what": "DropTableRequest", "name": "orders"}

Events: ``connected``, ``refused`` (a greeting, or a request; ``error`` and ``message`` say why),
``done`` and ``failed`` (what an administrator asked for), ``wrote`` (if writes are wanted, or the
line is the control line: line, tables and how many commands; no keys and no values).

Invariant: no secret is noted, nor a hash of one: of a token its public part, of requests only
fields that are named here.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from plait.api import messages as m
from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.node.lines import CONTROL
from plait.node.rights import Principal
from plait.types.commands import decode_group
from plait.types.rights_commands import PutToken, RightsCommand

_ADMINISTRATION = (
    m.OpenTable, m.OpenMachine, m.OpenGraph, m.DropTableRequest, m.DropGraphRequest, m.Promote,
    m.SwitchOver, m.Join, m.Leave, m.Move, m.BackupRequest, m.ReplayRescued, m.DropRescuedRequest,
    m.RightsRequest, m.KeepBeforeRequest, m.SetZone, m.WantLeaders, m.SetFollowerRequest,
    m.OpenDropped, m.ShowRescued, m.RescuedGroups,
)  # fmt: skip
_TOLD = (
    "name", "line", "target", "address", "what", "to", "folder", "rescued", "accept_loss",
    "forced_by", "witness", "class_name", "zone", "zones", "delay_s", "hold", "go", "votes", "on",
)  # fmt: skip
_TOLD_IF_FALSE = ("votes", "on")
_HIDDEN = ("salt", "hash")  # of a token

Sink = Callable[[dict[str, Any]], None]


class Trail:
    """Notes at one node; without a sink nothing is done."""

    def __init__(
        self, node: str, clock: Clock, sink: Sink | None = None, writes: bool = False
    ) -> None:
        self._node = node
        self._clock = clock
        self._sink = sink
        self._writes = writes

    def connected(self, peer: str, principal: Principal) -> None:
        """Somebody was let in."""
        self._note(peer, principal, event="connected")

    def turned_away(self, peer: str, name: str, error: PlaitError) -> None:
        """Somebody was not; `name` is what they call themselves."""
        self._note(
            peer, None, event="refused", what="greeting", name=name, error=error.code,
            message=error.message,
        )  # fmt: skip

    def refused(self, peer: str, principal: Principal, request: Any, error: PlaitError) -> None:
        """A request may not be made."""
        message = error.message
        if "right" in error.details:  # the message says of which key
            message = f"lacks {error.details['right']} on {error.details.get('collection')}"
        self._note(
            peer, principal, event="refused", **_told(request), error=error.code, message=message
        )

    def notes(self, request: Any) -> bool:
        """Whether the end of a request is noted."""
        return self._sink is not None and isinstance(request, _ADMINISTRATION)

    def ended(self, peer: str, principal: Principal, request: Any, error: Exception | None) -> None:
        """What an administrator asked for was done, or was not."""
        if error is None:
            self._note(peer, principal, event="done", **_told(request))
            return
        code = error.code if isinstance(error, PlaitError) else type(error).__name__
        self._note(
            peer, principal, event="failed", **_told(request), error=code,
            message=getattr(error, "message", ""),
        )  # fmt: skip

    def wrote(self, peer: str, principal: Principal, request: m.Propose) -> None:
        """Commands were taken, to be ordered."""
        control = request.line == CONTROL
        if self._sink is None or not (self._writes or control):
            return
        commands = decode_group(request.group).commands
        tables = sorted({getattr(command, "table", 0) for command in commands} - {0})
        kinds = sorted({type(command).__name__ for command in commands})
        self._note(
            peer, principal, event="wrote", line=request.line, tables=tables, kinds=kinds,
            commands=len(commands),
        )  # fmt: skip
        if control:
            for command in commands:
                if isinstance(command, RightsCommand):
                    self._note(peer, principal, event="wrote", change=_change(command))

    def _note(self, peer: str, principal: Principal | None, **fields: Any) -> None:
        if self._sink is None:
            return
        time = datetime.fromtimestamp(self._clock.wall_ms() / 1000, UTC)
        record: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"), "node": self._node, "from": peer,
        }  # fmt: skip
        if principal is not None:
            record["user"] = principal.user
            if principal.token:
                record["token"] = principal.token
        self._sink(record | fields)


def _told(request: Any) -> dict[str, Any]:
    """What is said of a request."""
    told: dict[str, Any] = {"what": type(request).__name__}
    for field in _TOLD:
        value = getattr(request, field, None)
        if value not in (None, "") and (value is not False or field in _TOLD_IF_FALSE):
            told["of" if field == "what" else field] = value
    if isinstance(request, m.RightsRequest) and request.command is not None:
        told["change"] = _change(request.command)
    return told


def _change(command: RightsCommand) -> dict[str, Any]:
    fields = msgspec.structs.asdict(command)
    if isinstance(command, PutToken):
        fields = {name: value for name, value in fields.items() if name not in _HIDDEN}
    shown: dict[str, Any] = msgspec.to_builtins(fields)
    return {"kind": type(command).__name__} | shown
