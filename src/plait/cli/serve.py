"""`plait serve`: one node, until it is told to stop."""

import importlib
import os
import sys
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace

from plait.base.errors import BadMachine
from plait.cli.config_file import Choices, node_config, parse_members, read_config
from plait.cli.credentials import node_tls, tls_of, tls_options
from plait.cli.doors import DoorChoices, open_doors
from plait.cli.logs import log_level_option, log_option, start_logging
from plait.client.address import SCHEME, TLS_SCHEME
from plait.doors.resp.machine import RedisDatabase
from plait.doors.resp.settings import RespSettings
from plait.host.loop import run
from plait.node.node import Node
from plait.node.serve import serve as serve_node
from plait.types.machines import describe
from plait.types.state_machine import StateMachine

machine_option = click.option(
    "--machine", "machines", multiple=True, metavar="MODULE:CLASS",
    help="A state machine's class, from the current folder too. Repeatable.",
)  # fmt: skip


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="This node's folder; made if absent.")  # fmt: skip
@click.option("--name", help="This node's name.  [default: n1]")
@click.option("--listen", metavar="HOST:PORT",
              help="Where to listen.  [default: this node's among the members, or "
              "127.0.0.1:7401]")  # fmt: skip
@click.option("--members", metavar="n1=HOST:PORT,…",
              help="Every member, this node included. Without it the node is alone.")  # fmt: skip
@click.option("--leader", metavar="NAME",
              help="Who leads at first.  [default: the first in alphabetical order]")  # fmt: skip
@click.option("--cluster-name", "cluster", metavar="NAME",
              help="Nodes of other clusters are refused.  [default: plait]")  # fmt: skip
@click.option("--engine", metavar="URL",
              help="NATS JetStream (nats://HOST:4222,…) or PostgreSQL (postgresql://…), which then "
              "orders everything: nodes need no majority of their own.")  # fmt: skip
@click.option("--zone", metavar="NAME", help="Where this node is, while the cluster does not know.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A plait.toml; flags override it.")  # fmt: skip
@click.option("--history", metavar="SPAN",
              help="Keep so much of the past to be read: 12h, 7d, all.")  # fmt: skip
@click.option("--archive", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep it there, as `plait backup --follow` does; all of it, unless --history "
              "says how much.")  # fmt: skip
@tls_options
@click.option("--audit-log", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Note who did what there, as JSON lines.")  # fmt: skip
@click.option("--audit-writes", is_flag=True, help="Note who wrote, too.")
@click.option("--insecure", is_flag=True,
              help="Listen on a public address even without TLS or rights.")  # fmt: skip
@click.option("--http", metavar="HOST:PORT",
              help="Speak HTTP there, and show the console: pip install plait[web].")  # fmt: skip
@click.option("--http-host", "http_hosts", multiple=True, metavar="NAME",
              help="A name that it is reached by, beside addresses and localhost. "
              "Repeatable.")  # fmt: skip
@click.option("--http-cert", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A certificate for HTTPS, PEM.  [default: --tls-cert]")  # fmt: skip
@click.option("--http-key", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Its key.  [default: --tls-key]")  # fmt: skip
@click.option("--resp", metavar="HOST:PORT",
              help="Speak Redis's protocol there; [resp] in a plait.toml says more.")  # fmt: skip
@machine_option
@log_level_option
@log_option
def serve(
    data: Path | None,
    name: str | None,
    listen: str | None,
    members: str | None,
    leader: str | None,
    cluster: str | None,
    engine: str | None,
    zone: str | None,
    config: Path | None,
    history: str | None,
    archive: Path | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    audit_log: Path | None,
    audit_writes: bool,
    insecure: bool,
    http: str | None,
    http_hosts: tuple[str, ...],
    http_cert: Path | None,
    http_key: Path | None,
    resp: str | None,
    machines: tuple[str, ...],
    log_level: str,
    log_form: str,
) -> None:
    """Run a node until SIGTERM or Ctrl-C.

    A folder remembers who it is and who the other members are: once started, --data is all it
    needs. A cluster begins with one node, to which others come (`plait join`), or with a list of
    members: give each of them the same list and the same leader. Without --tls-cert nothing is
    encrypted, and whoever reaches the port is let in; a public address is refused then.

    \b
    Examples:
      plait serve --data d1
      plait serve --config plait.toml
      plait serve --data d2 --name n2 --leader n1 \\
          --members n1=10.0.0.1:7401,n2=10.0.0.2:7401,n3=10.0.0.3:7401
      plait serve --data d1 --machine bank.machines:Bank
      plait serve --data d1 --tls-ca certs/ca.pem --tls-cert certs/node-n1.pem \\
          --tls-key certs/node-n1.key
      plait serve --data d1 --name n1 --cluster-name shop --engine nats://10.0.0.1:4222
    """
    flags = Choices(
        data, name, listen, None if members is None else parse_members(members), leader, cluster,
        machines or None, engine, zone, tls=node_tls(tls_of(tls_ca, tls_cert, tls_key)),
        audit_log=audit_log, audit_writes=audit_writes or None, insecure=insecure or None,
        history=history, archive=archive, resp=resp,
    )  # fmt: skip
    choices = flags.over(read_config(config) if config else Choices())
    chosen = node_config(choices)
    machine_classes = (*map(machine_class, choices.machines or ()), RedisDatabase)
    chosen = replace(chosen, machines=machine_classes)
    start_logging(log_level, log_form)
    doors = DoorChoices(
        http, http_hosts, http_cert, http_key,
        resp=choices.resp, resp_settings=choices.resp_settings or RespSettings(),
    )  # fmt: skip
    run(serve_node(chosen, _announce, partial(open_doors, doors)))


def machine_class(text: str) -> type[StateMachine]:
    """The class that ``package.module:Class`` names; `BadMachine` says why there is none."""
    module_name, colon, path = text.partition(":")
    if not (module_name and colon and path):
        raise BadMachine(f"machine {text!r} is not MODULE:CLASS")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    try:
        found = importlib.import_module(module_name)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise BadMachine(f"machine {text}: {error}") from None
    return describe(found).kind  # type: ignore[arg-type]


def _announce(node: Node) -> None:
    others = [name for name in node.membership.members if name != node.name]
    beside = f", beside {', '.join(others)}" if others else ""
    scheme = SCHEME if node.config.tls is None else TLS_SCHEME
    doors = "".join(f", and at {door}" for door in node.doors.values())
    click.echo(f"{node.name} is ready at {scheme}{node.address}{beside}{doors}", err=True)
