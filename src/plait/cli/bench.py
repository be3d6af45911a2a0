"""`plait bench`: measurements beside peers, one subcommand a scenario."""

import click

from plait.bench import leader as leader_scenario


@click.group()
def bench() -> None:
    """Measure Plait beside its peers, in one run, as ratios."""


@bench.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def leader(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Leader-follower writes and reads: Plait, PostgreSQL and Valkey."""
    context.exit(leader_scenario.run(list(arguments)) or 0)
