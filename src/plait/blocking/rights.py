"""`plait.api.rights` without ``await``."""

from collections.abc import Iterable
from typing import Any

from plait.api import rights
from plait.host.portal import Portal


class Rights:
    """Who may do what. Changes count at once, on connections that stand too."""

    def __init__(self, portal: Portal[Any], over: rights.Rights) -> None:
        self._portal = portal
        self._rights = over

    def show(self) -> dict[str, Any]:
        """``on``; ``roles``, name to grants; ``users``, name to roles; ``tokens``, no secrets."""
        return self._portal.call(self._rights.show())

    def switch(self, on: bool) -> None:
        """Ask everybody who they are from now on, or nobody."""
        self._portal.call(self._rights.switch(on))

    def put_role(self, name: str, grants: Iterable[str]) -> None:
        """Make a role, or give it other grants: ``"orders/eu-:read,write"``, ``"*:read"``."""
        self._portal.call(self._rights.put_role(name, grants))

    def drop_role(self, name: str) -> None:
        """Forget a role; `BadSettings` if a user has it."""
        self._portal.call(self._rights.drop_role(name))

    def put_user(self, name: str, roles: Iterable[str]) -> None:
        """Make a user, or give them other roles. The role ``admin`` is always there."""
        self._portal.call(self._rights.put_user(name, roles))

    def drop_user(self, name: str) -> None:
        """Forget a user; their tokens are revoked."""
        self._portal.call(self._rights.drop_user(name))

    def add_token(self, user: str, *, days: float | None = None, note: str = "") -> str:
        """A new token of a user, valid for `days`; it cannot be shown again."""
        return self._portal.call(self._rights.add_token(user, days=days, note=note))

    def revoke_token(self, token: str) -> None:
        """Let a token, by its public part, be worth nothing from now on."""
        self._portal.call(self._rights.revoke_token(token))
