"""Rights at a node: who is there, and what the control line says that they may do.

::

    Hello(token) ─► by_token ─► Guard ─► check(request), before anything is done for it
    control line ──► generation ──► guards look again; connections that are void are ended

Invariant: what the control line said last, as far as it is applied here, counts for the very next
request. A node that is cut off goes by what it knew, also after a restart (`unsettled`). Nobody is
asked while rights are off.

Absent: rights between nodes. A node can do everything; TLS says who is one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from plait.base.errors import NotSignedIn, PlaitError, TooStale
from plait.base.ports import Clock
from plait.host.secrets import Verifier
from plait.host.tls import CLIENT, NODE
from plait.line.membership import Membership
from plait.line.outcome import Outcome
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.node.sign_in import SignIns
from plait.node.unsettled import Unsettled
from plait.node.versions import Versions
from plait.types.commands import RIGHTS_SINCE, Command
from plait.types.control import ControlMachine
from plait.types.control_rights import (
    RightsState,
    TokenRecord,
    rights_state,
    role_records,
    token_records,
    user_records,
)
from plait.types.fold import View
from plait.types.rights import ADMIN, Allowed, show_grant
from plait.types.rights_commands import Grant, RightsCommand

LOOK_S = 0.25
NEWS_S = 0.5  # to learn of a token that is not known here yet


class Owner(Protocol):
    """The node, as far as rights need it."""

    name: str
    clock: Clock
    control: LineHost
    control_machine: ControlMachine
    versions: Versions

    @property
    def membership(self) -> Membership: ...

    async def command(self, line: str, command: Command) -> Outcome: ...

    async def knows_all(self) -> None: ...


class Principal:
    """Who somebody has shown to be."""

    def __init__(
        self,
        user: str,
        token: str = "",
        expires_ms: int = 0,
        node: bool = False,
        untried: bool = False,
    ) -> None:
        self.user = user
        self.token = token  # its id; "": a certificate, or nothing
        self.expires_ms = expires_ms
        self.untried = untried  # there is a token that nobody has looked at
        self.node = node  # one of the cluster's own nodes

    @property
    def shown(self) -> str:
        """For people: never a secret."""
        return self.user or "nobody"


class Rights:
    """What the control line says, read when it has changed."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._applied = -1  # the control line's position at the last look
        self.verifier = Verifier()
        self._sign_ins = SignIns(self.verifier, self._token, self._learn)
        self.generation = 0
        self._on = False
        self.unsettled = Unsettled()
        self._users: dict[str, Allowed] = {}
        self._tokens: dict[str, TokenRecord] = {}
        self._lookers: list[Callable[[], None]] = []

    @property
    def on(self) -> bool:
        """Whether people are asked who they are; also while that is not known yet."""
        self.look()
        return self._on or bool(self.unsettled)

    def look(self) -> None:
        """See whether anything has changed; costs next to nothing where it has not."""
        replica = self._node.control.replica
        applied = replica.applied
        if applied == self._applied:
            return
        state = rights_state(replica.view)
        if state.generation != self.generation:
            self._read(replica.view, state)
        self._applied = applied  # not before all of it could be read

    def _read(self, view: View, state: RightsState) -> None:
        roles = {role.name: role.grants for role in role_records(view)}
        users = {
            user.name: Allowed([grant for role in user.roles for grant in roles.get(role, ())])
            for user in user_records(view)
        }
        self._tokens = {record.token: record for record in token_records(view)}
        self._users = users
        self.generation, self._on = state.generation, state.on

    def without_token(self, certified: str | None, has_token: bool = False) -> Principal:
        """Who it is by certificate; `NotSignedIn` if rights are on and that is nobody.

        Who has a token while rights are off, as far as is known here, signs in again when they
        are on.
        """
        if certified is not None and certified.startswith(NODE):
            principal = Principal(certified, node=True)
            if self.on:
                self.allowed(principal)
            return principal
        principal = Principal((certified or "").removeprefix(CLIENT), untried=has_token)
        if self.on:
            self.allowed(principal)
        return principal

    async def by_token(self, token: str) -> Principal:
        """Whose token it is; `NotSignedIn` if it is nobody's, was revoked, or has expired.

        `Busy` if too many ask.
        """
        self.look()
        record = await self._sign_ins.by_token(token)
        principal = Principal(record.user, record.token, record.expires_ms)
        self.allowed(principal)  # it may have been revoked meanwhile
        return principal

    def _token(self, id_: str) -> TokenRecord | None:
        self.look()
        self.check_settled()
        return self._tokens.get(id_)

    async def _learn(self) -> None:
        await self._node.control.caught_up(NEWS_S)

    def allowed(self, principal: Principal) -> Allowed:
        """What somebody may do now; `NotSignedIn` if what they showed is void by now."""
        self.look()
        self.check_settled()
        if principal.node:
            if principal.user.removeprefix(NODE) in self._node.membership.retired:
                raise NotSignedIn(f"{principal.user} has left this cluster")
            return _NODE
        if principal.token and principal.token not in self._tokens:
            raise NotSignedIn("this token was revoked")
        if self.expired(principal):
            raise NotSignedIn("this token has expired")
        if principal.untried:
            raise TooStale("rights were switched on meanwhile: connect again")
        if not principal.user:
            raise NotSignedIn("who is this? Rights are on: connect with a token or a certificate")
        allowed = self._users.get(principal.user)
        if allowed is None:
            raise NotSignedIn(f"there is no user {principal.user}")
        return allowed

    def check_settled(self) -> None:
        """Raise `TooStale` while the log may say more of rights than is applied here."""
        if self.unsettled:
            raise TooStale(f"{self._node.name} does not know yet who may do what")

    def expired(self, principal: Principal) -> bool:
        """Whether the token has had its time."""
        return 0 < principal.expires_ms <= self._node.clock.wall_ms()

    # ------------------------------------------------------------------ administration

    async def administer(self, command: RightsCommand | None) -> dict[str, Any]:
        """Order a change at who leads the control line; how everything is, without secrets."""
        node = self._node
        await node.knows_all()
        if command is not None:
            await node.versions.wait_for(RIGHTS_SINCE, "rights")
            await node.command(CONTROL, command)
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """Roles, users and tokens; of tokens what everybody may know."""
        view = self._node.control.replica.view
        return {
            "on": rights_state(view).on,
            "roles": {role.name: _shown(role.grants) for role in role_records(view)},
            "users": {user.name: list(user.roles) for user in user_records(view)},
            "tokens": [
                {
                    "token": token.token,
                    "user": token.user,
                    "created_ms": token.created_ms,
                    "expires_ms": token.expires_ms or None,
                    "expired": 0 < token.expires_ms <= self._node.clock.wall_ms(),
                    "note": token.note,
                }
                for token in token_records(view)
            ],
        }

    # ------------------------------------------------------------------ live connections

    def on_look(self, look: Callable[[], None]) -> None:
        """Be called again and again, to end what is void."""
        self._lookers.append(look)

    def watch(self) -> None:
        """Let whoever has connections look at them, while rights are on."""
        if self.on:
            for look in self._lookers:
                look()

    def void(self, principal: Principal) -> PlaitError | None:
        """Why somebody is nobody any more; None while they are."""
        try:
            self.allowed(principal)
        except (NotSignedIn, TooStale) as error:
            return error
        return None


def _shown(grants: Sequence[Grant]) -> list[str]:
    return [show_grant(grant) for grant in grants]


_NODE = Allowed(ADMIN)
