"""The command `plait`: its subcommands, and the one place where errors become exit codes."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NoReturn

import click

from plait.base.errors import PlaitError
from plait.cli import exits
from plait.cli.backup import backup
from plait.cli.bench import bench
from plait.cli.certs import certs
from plait.cli.check import check
from plait.cli.completion import completion
from plait.cli.conflicts import conflicts
from plait.cli.demo.command import demo
from plait.cli.doctor import doctor
from plait.cli.exporting import export_command
from plait.cli.feed import feed
from plait.cli.followers import follower
from plait.cli.importing import import_command
from plait.cli.laws import laws
from plait.cli.leadership import promote, switchover, transfer
from plait.cli.members import join, leave, members
from plait.cli.moving import move
from plait.cli.places import prefer, zone
from plait.cli.repair import repair
from plait.cli.rescued import rescued
from plait.cli.restore import restore
from plait.cli.rights import rights, roles, tokens, users
from plait.cli.rows import count, delete, get, put, scan, watch
from plait.cli.serve import serve
from plait.cli.sim import sim
from plait.cli.status import status
from plait.cli.sync import sync
from plait.cli.tables import create, drop, tables
from plait.cli.text import text
from plait.host.compiled import compiled_modules


class Root(click.Group):
    """A group whose failures are one line on stderr and a documented exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; with `standalone_mode`, end the process with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            code = exits.USAGE
        except click.ClickException as error:
            code = _report_usage(error)
        except PlaitError as error:
            click.echo(exits.error_line(error), err=True)
            code = exits.exit_code(error)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            code = exits.INTERRUPTED
        except BrokenPipeError:  # `plait scan films | head`: the reader has seen enough
            _end_quietly()
        sys.exit(code if isinstance(code, int) else exits.OK)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added: the order of learning."""
        return list(self.commands)


def _report_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context else ""
    message = " ".join(error.format_message().split())
    click.echo(f"error: {message}{hint}", err=True)
    return error.exit_code


def _end_quietly() -> NoReturn:
    # Python would complain while it flushes stdout at exit; there is nobody left to read it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exits.OK)


_BUILD = f"%(version)s{', compiled' if compiled_modules() else ''}"


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("plait"), prog_name="plait", message=f"%(prog)s, version {_BUILD}")
def cli() -> None:
    """Plait: a replicated data store.

    Commands that read or write data find it by --url (or PLAIT_URL), a cluster over the network,
    or --data (or PLAIT_DATA), a folder that no process has open. Without either they try
    plait://127.0.0.1:7401.

    \b
    Examples:
      plait demo                                  see it work, in half a minute
      plait serve --data d1                       one node on 127.0.0.1:7401
      plait join plait://127.0.0.1:7401 --data d2 --name n2 --listen 127.0.0.1:7402
      plait create films --acks majority
      plait put films f1 '{"title": "Blockbuster", "year": 2026}'
      plait get films f1

    Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not found, 4 conflict, 5 unavailable or
    indefinite, 6 data loss found by the demo, 130 interrupted.
    """


for _command in (
    demo, serve, join, leave, members, follower, zone, prefer, status, tables, create, drop, get,
    put, delete, scan, count, watch, feed, sync, import_command, export_command, transfer,
    switchover, promote, move, doctor, rescued, conflicts, backup, restore, repair, certs, rights,
    roles, users, tokens, text, check,
    laws, sim, bench, completion,
):  # fmt: skip
    cli.add_command(_command)


def main() -> None:
    """The console script's entry point."""
    cli(prog_name="plait")
