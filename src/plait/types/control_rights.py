"""The control line's records of rights: roles, users, their tokens, and whether they are on.

Of a token only what its secret comes to is kept (see `plait.host.secrets`).

Invariants: a user's roles exist; a token's user exists; while rights are on, somebody may
administer the cluster. `generation` grows with every change, so that nodes see that there is one.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import CONTROL
from plait.types.rights import ADMIN, CLUSTER, GRANTS_MAX, Allowed, check_grant
from plait.types.rights_commands import (
    DropRole,
    DropUser,
    Grant,
    PutRole,
    PutToken,
    PutUser,
    RevokeToken,
    RightsCommand,
    SwitchRights,
)

RIGHTS_COMMANDS = (PutRole, DropRole, PutUser, DropUser, PutToken, RevokeToken, SwitchRights)

_ROLE = b"right/role/"
_USER = b"right/user/"
_TOKEN = b"right/token/"
_STATE = b"right/state"
ROLES_MAX = 1000
USERS_MAX = 10_000
TOKENS_MAX = 10_000
NOTE_MAX = 256
HASH_BYTES = 32
BUILT_IN = {"admin": ADMIN}  # roles that are always there


class RightsState(msgspec.Struct, frozen=True, array_like=True):
    """Whether rights are on, and how often anything of them changed."""

    generation: int = 0
    on: bool = False


class RoleRecord(msgspec.Struct, frozen=True, array_like=True):
    """A role and what it grants."""

    name: str
    grants: tuple[Grant, ...]


class UserRecord(msgspec.Struct, frozen=True, array_like=True):
    """A user and their roles."""

    name: str
    roles: tuple[str, ...]


class TokenRecord(msgspec.Struct, frozen=True, array_like=True):
    """A token, without its secret."""

    token: str
    user: str
    salt: bytes
    hash: bytes
    expires_ms: int
    created_ms: int
    note: str


def rights_state(view: View) -> RightsState:
    """Whether rights are on."""
    data = view.get(CONTROL, _STATE)
    return RightsState() if data is None else decode(data, type=RightsState)


def role_records(view: View) -> list[RoleRecord]:
    """Every role, those that are always there first."""
    rows = view.scan(CONTROL, _ROLE, _ROLE[:-1] + b"0", ROLES_MAX)
    built_in = [RoleRecord(name, grants) for name, grants in BUILT_IN.items()]
    return built_in + [decode(data, type=RoleRecord) for _, data in rows]


def user_records(view: View) -> list[UserRecord]:
    """Every user, by name."""
    rows = view.scan(CONTROL, _USER, _USER[:-1] + b"0", USERS_MAX)
    return [decode(data, type=UserRecord) for _, data in rows]


def token_records(view: View) -> list[TokenRecord]:
    """Every token that was not revoked, expired ones too."""
    rows = view.scan(CONTROL, _TOKEN, _TOKEN[:-1] + b"0", TOKENS_MAX)
    return [decode(data, type=TokenRecord) for _, data in rows]


def change_rights(view: View, stamp: Stamp, command: RightsCommand) -> Failed | None:
    """Apply one command; while rights are on, one that leaves no administrator has no effect."""
    try:
        failed = _change(view, stamp, command)
    except BadSettings as error:
        return Failed(error.code, error.message)
    if failed is None:
        state = rights_state(view)
        on = command.on if isinstance(command, SwitchRights) else state.on
        view.put(CONTROL, _STATE, encode(RightsState(state.generation + 1, on)))
    return failed


def _change(view: View, stamp: Stamp, command: RightsCommand) -> Failed | None:
    match command:
        case PutRole():
            return _put_role(view, command)
        case DropRole(name=name):
            users = [user.name for user in user_records(view) if name in user.roles]
            if users:
                return Failed("BadSettings", f"role {name!r} is held by {', '.join(users[:5])}")
            return _forget(view, _ROLE, name, "role")
        case PutUser():
            return _put_user(view, command)
        case DropUser(name=name):
            if _locks_out(view, name, ()):
                return _LAST
            for record in token_records(view):
                if record.user == name:
                    view.put(CONTROL, _TOKEN + record.token.encode(), None)
            return _forget(view, _USER, name, "user")
        case PutToken():
            return _put_token(view, stamp, command)
        case RevokeToken(token=token):
            return _forget(view, _TOKEN, token, "token")
        case SwitchRights(on=True):
            return None if _administrators(view) else _NOBODY
    return None


def _put_role(view: View, command: PutRole) -> Failed | None:
    node_name(command.name)
    if command.name in BUILT_IN:
        return Failed("BadSettings", f"role {command.name!r} is what it is")
    if len(command.grants) > GRANTS_MAX:
        return Failed("BadSettings", f"a role has at most {GRANTS_MAX} grants")
    for grant in command.grants:
        check_grant(grant)
    key = _ROLE + command.name.encode()
    known = view.get(CONTROL, key)
    if known is None and len(role_records(view)) > ROLES_MAX - len(BUILT_IN):
        return Failed("Busy", f"there are {ROLES_MAX} roles already")
    view.put(CONTROL, key, encode(RoleRecord(command.name, command.grants)))
    if rights_state(view).on and not _administrators(view):
        view.put(CONTROL, key, known)
        return _LAST
    return None


def _put_user(view: View, command: PutUser) -> Failed | None:
    node_name(command.name)
    known = {role.name for role in role_records(view)}
    for role in command.roles:
        if role not in known:
            return Failed("BadSettings", f"there is no role {role!r}")
    users = user_records(view)
    if len(users) == USERS_MAX and all(user.name != command.name for user in users):
        return Failed("Busy", f"there are {USERS_MAX} users already")
    if _locks_out(view, command.name, command.roles):
        return _LAST
    record = UserRecord(command.name, tuple(dict.fromkeys(command.roles)))
    view.put(CONTROL, _USER + command.name.encode(), encode(record))
    return None


def _put_token(view: View, stamp: Stamp, command: PutToken) -> Failed | None:
    node_name(command.token)
    if view.get(CONTROL, _USER + command.user.encode()) is None:
        return Failed("NoSuchCollection", f"there is no user {command.user!r}")
    if len(command.hash) != HASH_BYTES or not command.salt or len(command.note) > NOTE_MAX:
        return Failed("BadSettings", "a token that no client of this version made")
    if view.get(CONTROL, _TOKEN + command.token.encode()) is not None:
        return Failed("BadSettings", f"there is a token {command.token} already")
    if len(token_records(view)) == TOKENS_MAX:
        return Failed("Busy", f"there are {TOKENS_MAX} tokens already; revoke some")
    record = TokenRecord(
        command.token, command.user, command.salt, command.hash, command.expires_ms,
        stamp.time_ms, command.note,
    )  # fmt: skip
    view.put(CONTROL, _TOKEN + command.token.encode(), encode(record))
    return None


def _forget(view: View, prefix: bytes, name: str, what: str) -> Failed | None:
    key = prefix + name.encode()
    if view.get(CONTROL, key) is None:
        return Failed("NoSuchCollection", f"there is no {what} {name!r}")
    view.put(CONTROL, key, None)
    return None


def _locks_out(view: View, user: str, roles: tuple[str, ...]) -> bool:
    """Whether nobody could administer the cluster any more if the user had these roles."""
    if not rights_state(view).on:
        return False
    holders = _administrators(view)
    return holders == [user] and not _administer(view, roles)


def _administrators(view: View) -> list[str]:
    return [user.name for user in user_records(view) if _administer(view, user.roles)]


def _administer(view: View, roles: tuple[str, ...]) -> bool:
    grants = [grant for role in role_records(view) if role.name in roles for grant in role.grants]
    return Allowed(grants).administers(CLUSTER)


_LAST = Failed("BadSettings", "nobody could administer the cluster any more")
_NOBODY = Failed(
    "BadSettings", "nobody could administer the cluster: give a user the role admin first"
)
