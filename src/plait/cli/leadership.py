"""`plait promote` and `plait switchover`: who leads, when an operator says so."""

from typing import Any

import click

from plait.api.store import Store
from plait.cli.connecting import Target, with_target
from plait.cli.values import print_json

_line = click.option("--line", metavar="LINE", help="Only this line; default: every line.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")


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

    For a leader that is gone. Members first promise to refuse the old leader, then report what
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
@click.argument("node")
@_line
@click.option("--timeout", "timeout_s", default=30.0, show_default=True, metavar="SECONDS")
@_json
@with_target()
def switchover(
    target: Target, node: str, line: str | None, timeout_s: float, as_json: bool
) -> None:
    """Hand the lead over to NODE, which must be a follower, without losing anything.

    The leader stops taking writes, NODE catches up, and leads; clients wait a moment.

    \b
    Examples:
      plait switchover n3
      plait switchover n1 --line leader/majority
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.switch_over(node, line, timeout_s)

    _print_report(target.run(work), node, as_json)


def _print_report(report: dict[str, Any], node: str | None, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for line in report_lines(report, node):
        click.echo(line)


def report_lines(report: dict[str, Any], node: str | None) -> list[str]:
    """One line for each line of the store that has a new leader.

    A switch-over from several leaders reports each of them under "nodes".
    """
    nodes = report.get("nodes")
    if isinstance(nodes, dict):
        return [text for part in nodes.values() for text in report_lines(part, node)]
    leader = report.get("node") or node or "?"
    lines = report.get("lines")
    outcomes = lines if isinstance(lines, dict) else {"every line": report}
    return [f"{leader} leads {name}{_why(outcome)}" for name, outcome in outcomes.items()]


def _why(outcome: Any) -> str:
    why = outcome.get("why") if isinstance(outcome, dict) else None
    return f" ({why})" if why else ""
