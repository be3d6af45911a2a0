"""`plait bench`: measurements beside peers, one subcommand a scenario."""

from importlib import import_module

import click

# A scenario parses its own options, --help too.
_PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}

_SCENARIOS = {
    "leader": "Leader-follower writes and reads: Plait, PostgreSQL and Valkey",
    "consensus": "Consensus: Plait, etcd, NATS JetStream and PySyncObj",
    "graph": "Eventual collections: Plait, pycrdt and loro",
    "text": "A text that many edit: Plait, pycrdt and loro",
    "engines": "Lines on NATS and PostgreSQL, and lines that move",
    "operations": "Backups under load and restores, beside the same store without",
    "doors": "Redis clients, HTTP and WebSocket, beside servers of their kind",
    "sim": "The simulator, beside real time",
}


@click.group()
def bench() -> None:
    """Measure Plait beside its peers, in one run, as ratios."""


def _command(scenario: str, what: str) -> click.Command:
    """The subcommand that passes everything on to a scenario."""

    @click.pass_context
    def measure(context: click.Context, arguments: tuple[str, ...]) -> None:
        context.exit(_run(scenario, arguments))

    return click.Command(
        scenario,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        callback=measure,
        help=f"{what} (--help for its options).",
        context_settings=_PASSED_ON,
        add_help_option=False,
    )


for _name, _what in _SCENARIOS.items():
    bench.add_command(_command(_name, _what))


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
