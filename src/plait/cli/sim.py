"""`plait sim`: the false world in one process: seeds, campaigns, scenarios, and what they reach."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.base.errors import StorageError
from plait.cli.display import console, table
from plait.cli.exits import OK, REFUSED
from plait.cli.sim_campaign import campaign_command
from plait.cli.sim_scale import scale_command
from plait.host.compiled import compiled_modules
from plait.sim.campaign import Campaign
from plait.sim.config import Config
from plait.sim.coverage import Coverage, coverage_lines
from plait.sim.faults import FAULTS
from plait.sim.page import render_page
from plait.sim.report import Choice, to_toml, trace_lines
from plait.sim.run import Outcome, simulate
from plait.sim.scenario import bundled, find_scenario
from plait.sim.shrink import shrink
from plait.sim.topology import TOPOLOGIES
from plait.sim.workloads.all import WORKLOADS

_SEEDS = 100


class Names(click.ParamType[tuple[str, ...]]):
    """Names by commas, of those that there are."""

    name = "a,b"

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The names; a usage error says which there are."""
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        for name in names:
            if name not in self._known:
                self.fail(f"there is no {name!r}; there are {', '.join(self._known)}", param, ctx)
        return names


_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="Run this one seed.")
@click.option("--scenario", metavar="FILE|NAME", help="Run this configuration.")
@click.option("--scenarios", is_flag=True, help="List the scenarios that come with Plait.")
@click.option("--seeds", type=click.IntRange(min=1),
              help=f"A campaign of so many seeds.  [default: {_SEEDS}]")  # fmt: skip
@click.option("--start", type=click.IntRange(min=0), default=0, show_default=True,
              help="The first seed of a campaign.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), default=2, show_default=True,
              help="Processes of a campaign.")  # fmt: skip
@click.option("--for", "for_s", type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="End the campaign after so long.")  # fmt: skip
@click.option("--workload", "workloads", type=Names(WORKLOADS), default=(),
              help="Draw from these workloads.")  # fmt: skip
@click.option("--fault", "faults", type=Names(FAULTS), default=(),
              help="Draw from these faults.")  # fmt: skip
@click.option("--trace", "-v", is_flag=True, help="Print what happens.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write a space-time diagram of the run.")
@click.option("--shrink", "smaller", is_flag=True,
              help="Leave out of a failing run what it fails without.")  # fmt: skip
@click.option("--coverage", is_flag=True,
              help="Say which functions and branches of the protocols were reached.")  # fmt: skip
@click.option("--json", "file", type=_FILE, metavar="FILE", help="Write the results of many.")
@click.option("--replicas", type=click.IntRange(2, 1000),
              help="Measure how far the design carries, up to so many replicas.")  # fmt: skip
@click.option("--topology", "where", type=click.Choice(tuple(TOPOLOGIES)), default="wan5",
              show_default=True, help="Where the replicas are.")  # fmt: skip
def sim(
    seed: int | None,
    scenario: str | None,
    scenarios: bool,
    seeds: int | None,
    start: int,
    jobs: int,
    for_s: float | None,
    workloads: tuple[str, ...],
    faults: tuple[str, ...],
    trace: bool,
    html: Path | None,
    smaller: bool,
    coverage: bool,
    file: Path | None,
    replicas: int | None,
    where: str,
) -> None:
    """Run clusters in a simulated world: virtual time, bad networks, bad disks, one seed.

    A seed decides everything; the same seed gives the same run and the same digest. Without --seed
    or --scenario this is a campaign over many seeds. docs/guide/simulation.md explains the world.

    \b
    Exit codes of this command: 0 every promise was kept, 1 something failed, 2 usage.

    \b
    Examples:
      plait sim --seeds 1000 --jobs 2
      plait sim --seed 17 --trace
      plait sim --seed 17 --html run.html
      plait sim --seed 17 --shrink > smaller.toml
      plait sim --scenario smaller.toml
      plait sim --scenarios
      plait sim --replicas 200 --topology wan5
    """
    if scenarios:
        _list_scenarios()
        return
    if replicas is not None:
        sys.exit(scale_command(replicas, where, seed or 0, html, file))
    choice = Choice(workloads, faults)
    if seed is None and scenario is None:
        if trace or html or smaller:
            raise click.UsageError("--trace, --html and --shrink are for one run: --seed N")
        count = seeds if seeds is not None or for_s is not None else _SEEDS
        campaign = Campaign(choice, start, count)
        sys.exit(
            _cover(campaign, for_s) if coverage else campaign_command(campaign, jobs, for_s, file)
        )
    config, again = _chosen(choice, seed, scenario)
    sys.exit(_shrink(config) if smaller else _replay(config, again, trace, html, coverage))


# ----------------------------------------------------------------------------- one run


def _chosen(choice: Choice, seed: int | None, scenario: str | None) -> tuple[Config, str]:
    """What is to be run, and the command that runs it again."""
    if scenario is None:
        assert seed is not None
        return choice.draw(seed), choice.replay(seed)
    if seed is not None:
        raise click.UsageError("--seed and --scenario: one of them")
    return find_scenario(scenario).config, shlex.join(["plait", "sim", "--scenario", scenario])


def _replay(config: Config, again: str, trace: bool, html: Path | None, coverage: bool) -> int:
    click.echo(to_toml(config))
    watch = _watch() if coverage else None
    with watch.watching() if watch is not None else nullcontext():
        outcome = simulate(config, keep=trace or html is not None)
    if trace:
        for line in trace_lines(outcome.happenings):
            click.echo(line)
        click.echo()
    if html is not None:
        _write(html, render_page(outcome))
    if watch is not None:
        _print_coverage(watch)
    _print_verdict(outcome, again)
    return OK if outcome.ok else REFUSED


def _print_verdict(outcome: Outcome, again: str) -> None:
    for problem in outcome.problems:
        click.echo(f"{problem.kind}: {problem.text.rstrip()}\n")
    verdict = "every promise was kept" if outcome.ok else f"FAILED; again: {again}"
    click.echo(verdict)
    click.echo(
        f"digest {outcome.digest}, {outcome.operations:,} operations, {outcome.virtual_s:.1f} "
        f"virtual seconds in {outcome.real_s:.2f} s "
        f"({outcome.virtual_s / max(outcome.real_s, 1e-9):.0f} times real time)"
    )


def _shrink(config: Config) -> int:
    """Print the smallest configuration that fails in the same way; the way there on stderr."""
    outcome = simulate(config)
    if outcome.ok:
        click.echo("this run does not fail", err=True)
        return OK
    kind = outcome.problems[0].kind
    click.echo(f"fails: {kind}", err=True)
    runs = 0

    def still_fails(candidate: Config) -> bool:
        nonlocal runs
        runs += 1
        return any(problem.kind == kind for problem in simulate(candidate).problems)

    def told(what: str, candidate: Config) -> None:
        click.echo(f"still fails {what} (run {runs})", err=True)

    click.echo(to_toml(shrink(config, still_fails, told)), nl=False)
    return REFUSED


# ----------------------------------------------------------------------------- scenarios


def _list_scenarios() -> None:
    grid = table()
    grid.add_column("scenario", no_wrap=True)
    grid.add_column("what happens", overflow="fold")
    for scenario in bundled():
        grid.add_row(scenario.name, scenario.about)
    console().print(grid)


# ----------------------------------------------------------------------------- coverage


def _watch() -> Coverage:
    if compiled_modules():
        click.echo("note: compiled modules cannot be watched", err=True)
    return Coverage()


def _cover(campaign: Campaign, for_s: float | None) -> int:
    """Run a campaign in this process, which alone can watch it."""
    watch = _watch()
    failed = 0
    end = None if for_s is None else time.monotonic() + for_s
    with _progress(campaign) as told:
        while (end is None or time.monotonic() < end) and (task := campaign.take()) is not None:
            with watch.watching():
                outcome = simulate(task.choice.draw(task.seed))
            if not outcome.ok:
                failed += 1
                click.echo(f"failed: {task.choice.replay(task.seed)}", err=True)
            told()
    _print_coverage(watch)
    return REFUSED if failed else OK


@contextmanager
def _progress(campaign: Campaign) -> Iterator[Any]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=hidden) as bar:
        task = bar.add_task("seeds", total=campaign.count)
        yield lambda: bar.update(task, advance=1)


def _print_coverage(watch: Coverage) -> None:
    for line in coverage_lines(watch.files()):
        click.echo(line)
    click.echo()


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from None
