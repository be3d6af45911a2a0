"""The command `plait`: its subcommands, and the one place where errors become exit codes."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn

import click

from plait.base.errors import PlaitError
from plait.cli import exits
from plait.host.compiled import compiled_modules

# Where each command is, in the order of learning. Its module is imported when it is used: most
# command lines need one of them, and starting takes longer than most of what they do.
COMMANDS = {
    "demo": "demo.command:demo",
    "serve": "serve:serve",
    "join": "members:join",
    "leave": "members:leave",
    "members": "members:members",
    "follower": "followers:follower",
    "zone": "places:zone",
    "prefer": "places:prefer",
    "status": "status:status",
    "tables": "tables:tables",
    "create": "tables:create",
    "drop": "tables:drop",
    "get": "rows:get",
    "put": "rows:put",
    "delete": "rows:delete",
    "scan": "rows:scan",
    "count": "rows:count",
    "watch": "rows:watch",
    "feed": "feed:feed",
    "sync": "sync:sync",
    "import": "importing:import_command",
    "export": "exporting:export_command",
    "transfer": "leadership:transfer",
    "switchover": "leadership:switchover",
    "promote": "leadership:promote",
    "move": "moving:move",
    "doctor": "doctor:doctor",
    "rescued": "rescued:rescued",
    "conflicts": "conflicts:conflicts",
    "backup": "backup:backup",
    "restore": "restore:restore",
    "branch": "branch:branch",
    "repair": "repair:repair",
    "certs": "certs:certs",
    "rights": "rights:rights",
    "roles": "rights:roles",
    "users": "rights:users",
    "tokens": "rights:tokens",
    "text": "text:text",
    "check": "check:check",
    "laws": "laws:laws",
    "sim": "sim:sim",
    "bench": "bench:bench",
    "completion": "completion:completion",
}


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
        """In the order of learning."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command of `COMMANDS`, imported now."""
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, name = where.split(":")
        command: click.Command = getattr(import_module(f"plait.cli.{module}"), name)
        return command


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


def main() -> None:
    """The console script's entry point."""
    cli(prog_name="plait")
