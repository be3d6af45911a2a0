"""`plait rights`, `roles`, `users` and `tokens`: who may do what.

A token is shown once, on stdout or in a file for its owner only.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from plait.api.store import Store
from plait.base.errors import BadSettings
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, table
from plait.cli.values import print_json

_OUT = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the token to a new file, readable by you only, and not to stdout.",
)  # fmt: skip
_DAYS = click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), help="How long it is valid.  "
    "[default: until it is revoked]",
)  # fmt: skip


@click.group()
def rights() -> None:
    """Switch rights on or off, and show who may do what.

    \b
    Examples:
      plait rights init --data d1 --out root.token     on a folder that no process has open
      plait rights show --token-file root.token
    """


@rights.command()
@click.option("--user", default="root", show_default=True, help="Who may do everything.")
@_DAYS
@_OUT
@with_target(may_create=True)
def init(target: Target, user: str, days: float | None, out: Path | None) -> None:
    """Make a user with the role admin and a token, and switch rights on.

    A folder (--data) is made if there is none, for a node n1 that is served later.
    """
    file = _reserve(out)

    async def work(store: Store) -> str:
        await store.rights.put_user(user, ["admin"])
        token = await store.rights.add_token(user, days=days, note="plait rights init")
        await store.rights.switch(True)
        return token

    _give(target.run(work), file, out)
    click.echo(f"rights are on; {user} may do everything", err=True)


@rights.command()
@click.argument("state", type=click.Choice(["on", "off"]))
@with_target()
def switch(target: Target, state: str) -> None:
    """Ask everybody who they are from now on, or (off) let everybody do everything."""
    target.run(lambda store: store.rights.switch(state == "on"))
    click.echo(f"rights are {state}", err=True)


@rights.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def show(target: Target, as_json: bool) -> None:
    """Show roles and users."""
    found = _shown(target)
    if as_json:
        print_json(found)
        return
    click.echo(f"rights are {'on' if found['on'] else 'off'}")
    for what, held in (("roles", "grants"), ("users", "roles")):
        grid = table()
        grid.add_column(what[:-1])
        grid.add_column(held, overflow="fold")
        for name, values in found[what].items():
            grid.add_row(name, " ".join(values))
        console().print(grid)


@click.group()
def roles() -> None:
    """Say what roles grant.

    A grant is COLLECTION:RIGHTS or COLLECTION/PREFIX:RIGHTS. RIGHTS are some of read, write,
    admin (to make, drop and clear). COLLECTION may end with a star; @cluster is the cluster: to
    read its status, or to administer it. The role admin is always there.

    \b
    Examples:
      plait roles put clerk 'orders/eu-:read,write' 'prices:read'
      plait roles put monitor '@cluster:read'
    """


@roles.command(name="put")
@click.argument("name")
@click.argument("grants", nargs=-1)
@with_target()
def put_role(target: Target, name: str, grants: tuple[str, ...]) -> None:
    """Make a role, or give it other grants."""
    target.run(lambda store: store.rights.put_role(name, grants))


@roles.command(name="drop")
@click.argument("name")
@with_target()
def drop_role(target: Target, name: str) -> None:
    """Forget a role that nobody has."""
    target.run(lambda store: store.rights.drop_role(name))


@click.group()
def users() -> None:
    """Make users and give them roles.

    \b
    Examples:
      plait users put ann --role clerk --role monitor
      plait users drop ann
    """


@users.command(name="put")
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Repeatable.")
@with_target()
def put_user(target: Target, name: str, roles: tuple[str, ...]) -> None:
    """Make a user, or give them other roles (those that are named, and no others)."""
    target.run(lambda store: store.rights.put_user(name, roles))


@users.command(name="drop")
@click.argument("name")
@with_target()
def drop_user(target: Target, name: str) -> None:
    """Forget a user and revoke their tokens."""
    target.run(lambda store: store.rights.drop_user(name))


@users.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def list_users(target: Target, as_json: bool) -> None:
    """List users and their roles."""
    found = _shown(target)["users"]
    if as_json:
        print_json(found)
        return
    for name, held in found.items():
        click.echo(f"{name}  {' '.join(held)}")


@click.group()
def tokens() -> None:
    """Make, list and revoke what users show to be let in.

    \b
    Examples:
      plait tokens add ann --days 90 --out ann.token
      plait get orders eu-1 --token-file ann.token
      plait tokens revoke 9f0c3a51d2e4b687
    """


@tokens.command(name="add")
@click.argument("user")
@_DAYS
@click.option("--note", default="", help="For people who list tokens.")
@_OUT
@with_target()
def add_token(target: Target, user: str, days: float | None, note: str, out: Path | None) -> None:
    """Make a token for a user. It is shown once."""
    file = _reserve(out)
    _give(target.run(lambda store: store.rights.add_token(user, days=days, note=note)), file, out)


@tokens.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def list_tokens(target: Target, as_json: bool) -> None:
    """List tokens by their public part: whose they are and until when."""
    found = _shown(target)["tokens"]
    if as_json:
        print_json(found)
        return
    grid = table()
    for heading in ("token", "user", "made", "until", "note"):
        grid.add_column(heading, overflow="fold")
    for token in found:
        until = "revoked" if token["expires_ms"] is None else _day(token["expires_ms"])
        state = f"{until}, EXPIRED" if token["expired"] else until
        grid.add_row(token["token"], token["user"], _day(token["created_ms"]), state, token["note"])
    console().print(grid)


@tokens.command(name="revoke")
@click.argument("token")
@with_target()
def revoke_token(target: Target, token: str) -> None:
    """Let a token, named by its public part, be worth nothing from now on."""
    if token.startswith("plait_"):
        token = token.split("_")[1]  # all of it was given
    target.run(lambda store: store.rights.revoke_token(token))


def _shown(target: Target) -> dict[str, Any]:
    return target.run(lambda store: store.rights.show())


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _reserve(out: Path | None) -> int | None:
    """Make the file before the token, which cannot be shown again."""
    if out is None:
        return None
    try:
        return os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise BadSettings(f"{out}: cannot be made: {error.strerror}") from None


def _give(token: str, file: int | None, out: Path | None) -> None:
    if file is None:
        click.echo(token)
        return
    with open(file, "w") as stream:
        stream.write(token + "\n")
    click.echo(f"the token is in {out}", err=True)
