"""`plait laws`: try the laws of graph types on a type, the user's or our own."""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from plait.base.errors import UsageError
from plait.check.laws import LAWS, SCHEDULES, Report, check_type, missing
from plait.cli.display import console, table
from plait.cli.exits import OK, REFUSED
from plait.types.catalogue import type_of

# with state
TAGS = ("gc", "c", "b", "r", "m", "q", "ew", "dw", "gs", "tp", "aw", "rw", "t", "x", "l")


class BadType(UsageError):
    """What was named is no graph type; the message says what it lacks."""


class _Run(msgspec.Struct, frozen=True):
    """How the suite is to be run, and the options that say so again."""

    seeds: range
    replicas: int | None
    steps: int | None
    hostile: bool

    def replay(self, target: str, seed: int) -> str:
        """The command that shows a seed's run again."""
        words = ["plait", "laws", target, "--seed", str(seed)]
        words += ["--replicas", str(self.replicas)] if self.replicas else []
        words += ["--steps", str(self.steps)] if self.steps else []
        words += ["--hostile"] if self.hostile else []
        return " ".join(words)


@click.command()
@click.argument("target", required=False, metavar="[MODULE:TYPE]")
@click.option("--all", "everything", is_flag=True, help="Every type of the catalogue.")
@click.option("--seeds", type=click.IntRange(min=1), default=SCHEDULES, show_default=True,
              help="How many schedules to try.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Try this one schedule.")
@click.option("--replicas", type=click.IntRange(2, 4), help="Default: each seed draws them.")
@click.option("--steps", type=click.IntRange(1, 1000), help="Default: each seed draws them.")
@click.option("--hostile", is_flag=True,
              help="Join nonsense too: it must raise BadFrame and change nothing.")  # fmt: skip
def laws(
    target: str | None,
    everything: bool,
    seeds: int,
    seed: int | None,
    replicas: int | None,
    steps: int | None,
    hostile: bool,
) -> None:
    """Try the laws that every graph type must keep, and show the smallest run that breaks one.

    TYPE is a class or an instance of a MODULE that can be imported from here, or the tag of a
    type of the catalogue (docs/laws.md says how to write one).

    \b
    Exit codes of this command: 0 all laws hold, 1 a law is broken, 2 no such module or no
    graph type.

    \b
    Examples:
      plait laws my.module:MyType
      plait laws my.module:MyType --seed 17
      plait laws aw --seeds 20000
      plait laws --all
    """
    if everything == bool(target):
        raise click.UsageError("name a type as MODULE:TYPE, or say --all")
    run = _Run(range(seeds) if seed is None else range(seed, seed + 1), replicas, steps, hostile)
    found = _catalogue() if target is None else [(target, load_type(target))]
    reports = [(name, _try(name, subject, run)) for name, subject in found]
    if target is None:
        _show_all(reports)
    else:
        _show(reports[0][1])
    for name, report in reports:
        if report.broken is not None:
            click.echo(f"\n{name}: {report.broken.explain(run.replay(name, report.broken.seed))}")
    sys.exit(REFUSED if any(report.broken for _, report in reports) else OK)


# ----------------------------------------------------------------------------- finding


def load_type(target: str) -> Any:
    """The graph type that `target` names; `BadType` says why there is none."""
    module_name, colon, path = target.partition(":")
    if not colon and target in TAGS:
        return dict(_catalogue())[target]
    if not (module_name and path):
        raise BadType(
            f"{target!r} is neither MODULE:TYPE nor a tag of the catalogue ({' '.join(TAGS)})"
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    found = _import(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            raise BadType(f"module {module_name} has no {path}; it has {_classes(found)}")
        found = getattr(found, name)
    return _instance(target, found)


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise BadType(
                f"no module {module_name} in {os.getcwd()} or among the installed packages; "
                "start in the folder that holds it, or set PYTHONPATH"
            ) from None
        raise BadType(f"module {module_name} imports {error.name}, which is missing") from None
    except Exception as error:
        kind = type(error).__name__
        raise BadType(f"module {module_name} cannot be imported: {kind}: {error}") from error


def _classes(module: Any) -> str:
    names = [name for name, thing in vars(module).items() if not missing(thing)]
    return f"the graph types {', '.join(names)}" if names else "no graph type at all"


def _instance(target: str, found: Any) -> Any:
    lacking = missing(found)
    if lacking:
        raise BadType(
            f"{target} is no graph type: it lacks {', '.join(lacking)}; "
            "derive it from plait.types.graph_type.GraphType"
        )
    if not isinstance(found, type):
        return found
    try:
        return found()
    except Exception as error:
        raise BadType(
            f"{target} cannot be made without arguments ({error}); "
            "put an instance into the module and name that"
        ) from error


def _catalogue() -> list[tuple[str, Any]]:
    return [(tag, type_of(tag)) for tag in TAGS]


# ----------------------------------------------------------------------------- trying and showing


def _try(name: str, subject: Any, run: _Run) -> Report:
    with _progress(name, len(run.seeds)) as progress:
        return check_type(subject, run.seeds, run.replicas, run.steps, run.hostile, progress)


@contextmanager
def _progress(name: str, count: int) -> Iterator[Any]:
    """A bar on the terminal; nothing elsewhere."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=hidden) as bar:
        task = bar.add_task(name, total=count)
        yield lambda done: bar.update(task, completed=done)


def _show(report: Report) -> None:
    grid = table()
    grid.add_column("law")
    grid.add_column("tried", justify="right")
    grid.add_column("")
    broken = report.broken.law if report.broken else None
    for law in LAWS:
        tried = report.counts[law]
        verdict = Text("broken", "red") if law == broken else Text("holds", "green")
        grid.add_row(law, f"{tried:,}", verdict if tried else Text("not tried", "dim"))
    console().print(grid)
    console().print(f"{report.schedules:,} schedules")


def _show_all(reports: Sequence[tuple[str, Report]]) -> None:
    grid = table()
    grid.add_column("type")
    grid.add_column("schedules", justify="right")
    grid.add_column("checks", justify="right")
    grid.add_column("")
    for name, report in reports:
        broken = report.broken
        verdict = Text(f"breaks: {broken.law}", "red") if broken else Text("all hold", "green")
        grid.add_row(name, f"{report.schedules:,}", f"{sum(report.counts.values()):,}", verdict)
    console().print(grid)
