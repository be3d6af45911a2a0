"""`plait bench`: measurements beside peers, one subcommand a scenario."""

from importlib import import_module

import click

# A scenario parses its own options, --help too.
_PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.group()
def bench() -> None:
    """Measure Plait beside its peers, in one run, as ratios."""


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def leader(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Leader-follower writes and reads: Plait, PostgreSQL and Valkey (--help for its options)."""
    context.exit(_run("leader", arguments))


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def consensus(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Consensus: Plait, etcd, NATS JetStream and PySyncObj (--help for its options)."""
    context.exit(_run("consensus", arguments))


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def graph(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Eventual collections: Plait, pycrdt and loro (--help for its options)."""
    context.exit(_run("graph", arguments))


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def text(context: click.Context, arguments: tuple[str, ...]) -> None:
    """A text that many edit: Plait, pycrdt and loro (--help for its options)."""
    context.exit(_run("text", arguments))


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def engines(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Lines on NATS and PostgreSQL, and lines that move (--help for its options)."""
    context.exit(_run("engines", arguments))


@bench.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sim(context: click.Context, arguments: tuple[str, ...]) -> None:
    """The simulator, beside real time (--help for its options)."""
    context.exit(_run("sim", arguments))


def _run(scenario: str, arguments: tuple[str, ...]) -> int:
    # Imported here: the peers' servers and drivers are installed for measuring only.
    try:
        module = import_module(f"plait.bench.{scenario}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("plait"):
            raise
        raise click.ClickException(
            f"measuring needs {error.name!r}, which is not installed; "
            "the benchmarks need the peers' servers and drivers"
        ) from None
    code: int = module.run(arguments)
    return code
