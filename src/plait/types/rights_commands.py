"""What can be said to the control line about rights: roles, users, tokens, and whether they are on.

What grants come to is in `rights`, what the control line keeps in `control_rights`.
"""

from typing import TypeAlias

import msgspec


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """Rights on the keys that begin with `prefix`, of the collections that `collection` names: one,
    those that begin as it does before a ``*``, or the cluster itself (`plait.types.rights`)."""

    collection: str
    prefix: str
    read: bool = False
    write: bool = False
    admin: bool = False


class PutRole(msgspec.Struct, frozen=True, array_like=True, tag=40):
    """Control line only: what a role grants from here on."""

    name: str
    grants: tuple[Grant, ...]


class DropRole(msgspec.Struct, frozen=True, array_like=True, tag=41):
    """Control line only: forget a role that no user has."""

    name: str


class PutUser(msgspec.Struct, frozen=True, array_like=True, tag=42):
    """Control line only: a user, and the roles they have from here on."""

    name: str
    roles: tuple[str, ...]


class DropUser(msgspec.Struct, frozen=True, array_like=True, tag=43):
    """Control line only: forget a user and revoke all their tokens."""

    name: str


class PutToken(msgspec.Struct, frozen=True, array_like=True, tag=44):
    """Control line only: a token of a user, known by what its secret comes to and nothing else."""

    token: str  # its public part
    user: str
    salt: bytes
    hash: bytes  # scrypt of the secret
    expires_ms: int  # since 1970; 0: never
    note: str = ""  # for people


class RevokeToken(msgspec.Struct, frozen=True, array_like=True, tag=45):
    """Control line only: a token is worth nothing any more."""

    token: str


class SwitchRights(msgspec.Struct, frozen=True, array_like=True, tag=46):
    """Control line only: ask everybody who they are from here on, or nobody."""

    on: bool


RightsCommand: TypeAlias = (
    PutRole | DropRole | PutUser | DropUser | PutToken | RevokeToken | SwitchRights
)
