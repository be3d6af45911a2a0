"""`plait promote`, `transfer` and `switchover`: who leads, when an operator says so."""

from typing import Any

import click

from plait.api.store import Store
from plait.base.errors import Refused
from plait.cli.connecting import Target, with_target
from plait.cli.values import print_json

_line = click.option("--line", metavar="LINE", help="Only this line; default: every line.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")

_hand_over_timeout = click.option(
    "--timeout", "timeout_s", default=30.0, show_default=True, metavar="SECONDS"
)


@click.command()
@click.argument("node", required=False)
@_line
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Promote although too few members answer to be sure that nothing acknowledged is lost.",
)
@click.option("--timeout", "timeout_s", default=10.0, show_default=True, metavar="SECONDS")
@_json
@with_target()
def promote(
    target: Target,
    node: str | None,
    line: str | None,
    accept_loss: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Make NODE the leader; without NODE, the most advanced follower.

    For leader–follower lines whose leader is gone and was not replaced; a consensus line elects its
    own. Members first promise to refuse the old leader, then report what
    they have; if too few answer, the promotion is refused (exit code 1) and nothing changes.
    To change a leader that is alive, use `plait switchover`.

    \b
    Examples:
      plait promote --url plait://127.0.0.1:7402
      plait promote n2 --line leader/any:1
      plait promote n3 --accept-loss
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.promote(node, line, accept_loss, timeout_s)

    _print_report(target.run(work), node, as_json)


@click.command()
@click.argument("line")
@click.argument("node")
@_hand_over_timeout
@_json
@with_target()
def transfer(target: Target, line: str, node: str, timeout_s: float, as_json: bool) -> None:
    """Hand the lead of LINE over to NODE, without losing anything. `control` is a line too.

    \b
    Examples:
      plait transfer control n2
      plait transfer leader/majority n3
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.switch_over(node, line, timeout_s)

    _print_report(target.run(work), node, as_json)


@click.command()
@click.argument("node")
@_line
@_hand_over_timeout
@_json
@with_target()
def switchover(
    target: Target, node: str, line: str | None, timeout_s: float, as_json: bool
) -> None:
    """Hand the lead of every line that can move over to NODE, without losing anything.

    Each leader stops taking writes, NODE catches up, and leads; clients wait a moment.

    \b
    Examples:
      plait switchover n3
      plait switchover n1 --line leader/majority
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.switch_over(node, line, timeout_s)

    _print_report(target.run(work), node, as_json)


def _print_report(report: dict[str, Any], node: str | None, as_json: bool) -> None:
    """Say who leads what; `Refused` if a line did not move."""
    if as_json:
        print_json(report)
    else:
        for line in report_lines(report, node):
            click.echo(line)
    failed = [name for name, outcome in _outcomes(report) if _failed(outcome)]
    if failed:
        raise Refused(f"{', '.join(failed)}: the leader is who it was")


def report_lines(report: dict[str, Any], node: str | None) -> list[str]:
    """One line for each line of the store that was asked for a new leader.

    A switch-over from several leaders reports each of them under "nodes".
    """
    leader = report.get("node") or node or "?"
    return [
        f"{leader} {'does not lead' if _failed(outcome) else 'leads'} {name}{_why(outcome)}"
        for name, outcome in _outcomes(report)
    ]


def _outcomes(report: dict[str, Any]) -> list[tuple[str, Any]]:
    nodes = report.get("nodes")
    if isinstance(nodes, dict):
        return [found for part in nodes.values() for found in _outcomes(part)]
    lines = report.get("lines")
    return list(lines.items()) if isinstance(lines, dict) else [("every line", report)]


def _failed(outcome: Any) -> bool:
    return isinstance(outcome, dict) and outcome.get("ok") is False


def _why(outcome: Any) -> str:
    why = outcome.get("why") if isinstance(outcome, dict) else None
    return f" ({why})" if why else ""
