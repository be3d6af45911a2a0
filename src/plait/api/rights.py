"""``store.rights``: rights as a program changes them: roles that grant, users, and tokens.

A token is made here: the nodes are told what its secret comes to, and never the secret.
"""

import secrets
from collections.abc import Iterable
from typing import Any, Protocol

from plait.base.errors import BadSettings
from plait.base.ports import Clock
from plait.host.clock import SystemClock
from plait.host.secrets import TokenBytes, new_token
from plait.types.rights import parse_grant
from plait.types.rights_commands import (
    DropRole,
    DropUser,
    PutRole,
    PutToken,
    PutUser,
    RevokeToken,
    RightsCommand,
    SwitchRights,
)


class Administered(Protocol):
    """The backend, as far as rights need it."""

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]: ...


class Rights:
    """Who may do what. Changes count at once, on connections that stand too."""

    def __init__(
        self,
        backend: Administered,
        clock: Clock | None = None,
        token_bytes: TokenBytes = secrets.token_bytes,
    ) -> None:
        """clock, token_bytes: what says how late it is, and makes tokens."""
        self._backend = backend
        self._clock = clock or SystemClock()
        self._token_bytes = token_bytes

    async def show(self) -> dict[str, Any]:
        """``on``; ``roles``, name to grants; ``users``, name to roles; ``tokens``, no secrets."""
        return await self._backend.rights(None)

    async def switch(self, on: bool) -> None:
        """Ask everybody who they are from now on, or nobody.

        `BadSettings` unless some user may administer the cluster.
        """
        await self._backend.rights(SwitchRights(on))

    async def put_role(self, name: str, grants: Iterable[str]) -> None:
        """Make a role, or give it other grants: ``"orders/eu-:read,write"``, ``"*:read"``.

        A grant names a collection (or all that begin alike, ``"log*"``, or all, ``"*"``), perhaps
        a prefix of keys, and rights: read, write, admin (to make, drop and clear). The cluster
        itself is ``"@cluster"``: read its status, or admin. `BadSettings` for what grants nothing.
        """
        await self._backend.rights(PutRole(name, tuple(map(parse_grant, grants))))

    async def drop_role(self, name: str) -> None:
        """Forget a role; `BadSettings` if a user has it."""
        await self._backend.rights(DropRole(name))

    async def put_user(self, name: str, roles: Iterable[str]) -> None:
        """Make a user, or give them other roles. The role ``admin`` is always there."""
        await self._backend.rights(PutUser(name, tuple(roles)))

    async def drop_user(self, name: str) -> None:
        """Forget a user; their tokens are revoked."""
        await self._backend.rights(DropUser(name))

    async def add_token(self, user: str, *, days: float | None = None, note: str = "") -> str:
        """A new token of a user, valid for `days` (None: until it is revoked).

        It cannot be shown again. What it begins with, up to the second ``_``, is its public part.
        """
        if days is not None and days <= 0:
            raise BadSettings(f"a token that is valid for {days:g} days is none")
        expires_ms = 0 if days is None else self._clock.wall_ms() + int(days * 86_400_000)
        token = new_token(self._token_bytes)
        await self._backend.rights(
            PutToken(token.id, user, token.salt, token.hash, expires_ms, note)
        )
        return token.text

    async def revoke_token(self, token: str) -> None:
        """Let a token, by its public part, be worth nothing from now on."""
        await self._backend.rights(RevokeToken(token))
