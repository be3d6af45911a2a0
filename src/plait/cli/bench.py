"""`plait bench`: measurements beside peers, one subcommand a scenario."""

import click


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
    """Leader-follower writes and reads: Plait, PostgreSQL and Valkey (--help for its options)."""
    # Imported here: the peers' servers and drivers are installed for measuring only.
    try:
        from plait.bench import leader as scenario
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("plait"):
            raise
        raise click.ClickException(
            f"measuring needs {error.name!r}, which is not installed; "
            "the benchmarks need the peers' servers and drivers"
        ) from None
    context.exit(scenario.run(arguments))
