"""`plait certs`: a private authority for a cluster, and certificates of its nodes and clients."""

import datetime
from importlib import import_module
from pathlib import Path

import click

from plait.base.errors import BadSettings


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="A node's name. Repeatable.")
@click.option("--client", "clients", multiple=True, metavar="NAME",
              help="A client's name: with rights on, the user's. Repeatable.")  # fmt: skip
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 36500),
              help="How long certificates are valid.")  # fmt: skip
@click.option("--ca-days", default=3650, show_default=True, type=click.IntRange(1, 36500),
              help="How long a new authority is.")  # fmt: skip
@click.option("--renew", is_flag=True, help="Make those named again, under the keys they have.")
def certs(
    folder: Path,
    nodes: tuple[str, ...],
    clients: tuple[str, ...],
    days: int,
    ca_days: int,
    renew: bool,
) -> None:
    """Make certificates in DIR, signed by the authority there; the first time, that too.

    Give each machine ca.pem and its own two files. The authority's key, ca.key, stays where it
    is: whoever has it can be any node. Nodes read renewed files without a restart.

    \b
    Examples:
      plait certs certs --node n1 --node n2 --node n3 --client ann
      plait certs certs --node n1 --renew
    """
    if not nodes and not clients:
        raise BadSettings("whose certificates? Name some with --node and --client")
    try:
        certificates = import_module("plait.host.certificates")
    except ModuleNotFoundError as error:
        raise BadSettings(
            f"plait certs needs a library: pip install plait[tls] ({error})"
        ) from None
    now = datetime.datetime.now(datetime.UTC)
    authority = certificates.Authority.found(folder, now, ca_days)
    named = [("node", name) for name in nodes] + [("client", name) for name in clients]
    for role, name in named:
        path = authority.certify(role, name, now, days, renew)
        until = (now + datetime.timedelta(days=days)).date()
        click.echo(f"{path}  {role} {name}, until {until}")
