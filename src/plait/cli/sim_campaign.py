"""`plait sim --seeds`: a campaign on the terminal, and what it found."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.base.errors import StorageError
from plait.cli.display import console
from plait.cli.exits import OK, REFUSED
from plait.cli.sim_workers import HANG_S, run_campaign
from plait.sim.campaign import Campaign, Group, Result

_SAY_EVERY_S = 10.0  # where nobody sees a bar
_SEEDS_SHOWN = 5
_LINES_SHOWN = 12
_INTERRUPTED = 130


def campaign_command(
    campaign: Campaign, jobs: int, for_s: float | None, file: Path | None, hang_s: float = HANG_S
) -> int:
    """Run a campaign, print what it found, and return the exit code."""
    began = time.monotonic()
    interrupted = False
    with _progress(campaign) as told:
        try:
            asyncio.run(run_campaign(campaign, jobs, for_s, told, hang_s))
        except KeyboardInterrupt:
            interrupted = True
    elapsed_s = time.monotonic() - began
    _show(campaign, jobs, elapsed_s)
    if file is not None:
        _write(file, _as_json(campaign, jobs, elapsed_s))
    if interrupted:
        return _INTERRUPTED
    return REFUSED if campaign.failed else OK


@contextmanager
def _progress(campaign: Campaign) -> Iterator[Any]:
    """A bar on the terminal; elsewhere a line now and then, on stderr."""
    seen = sys.stderr.isatty()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    began = said = time.monotonic()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=not seen) as bar:
        task = bar.add_task("seeds", total=campaign.count)

        def told(result: Result) -> None:
            nonlocal said
            done, failed = len(campaign.results), len(campaign.failed)
            bar.update(task, completed=done, description=f"seeds, {failed} failed")
            now = time.monotonic()
            if not seen and now - said >= _SAY_EVERY_S:
                said = now
                of = f" of {campaign.count}" if campaign.count is not None else ""
                click.echo(f"{done}{of} seeds, {failed} failed, {now - began:.0f} s", err=True)

        yield told


def _show(campaign: Campaign, jobs: int, elapsed_s: float) -> None:
    for group in campaign.groups():
        _show_group(campaign, group)
    results = campaign.results
    virtual_s = sum(one.virtual_s for one in results)
    click.echo(
        f"{len(results):,} seeds, {len(campaign.failed):,} failed; "
        f"{sum(one.operations for one in results):,} operations in {virtual_s:,.0f} virtual seconds"
    )
    click.echo(
        f"{elapsed_s:.1f} s with {jobs} jobs: {virtual_s / elapsed_s:.0f} virtual seconds per real "
        f"second, {len(results) / elapsed_s:.2f} seeds per second"
    )


def _show_group(campaign: Campaign, group: Group) -> None:
    count = len(group.seeds)
    click.echo(f"{count} {'seed' if count == 1 else 'seeds'}: {group.kind}: {group.first_line}")
    for seed in group.seeds[:_SEEDS_SHOWN]:
        click.echo(f"  {campaign.choice.replay(seed)}")
    if count > _SEEDS_SHOWN:
        click.echo(f"  and {', '.join(map(str, group.seeds[_SEEDS_SHOWN:]))}")
    lines = group.text.splitlines()
    for line in lines[:_LINES_SHOWN]:
        click.echo(f"    {line}")
    if len(lines) > _LINES_SHOWN:
        click.echo(f"    … {len(lines) - _LINES_SHOWN} more lines")
    click.echo()


def _as_json(campaign: Campaign, jobs: int, elapsed_s: float) -> bytes:
    report = {
        "start": campaign.start,
        "seeds": len(campaign.results),
        "failed": len(campaign.failed),
        "jobs": jobs,
        "elapsed_s": elapsed_s,
        "virtual_s": sum(one.virtual_s for one in campaign.results),
        "operations": sum(one.operations for one in campaign.results),
        "choice": campaign.choice,
        "groups": [
            {
                "kind": group.kind,
                "first_line": group.first_line,
                "seeds": group.seeds,
                "replay": campaign.choice.replay(group.seeds[0]),
                "text": group.text,
            }
            for group in campaign.groups()
        ],
        "results": sorted(campaign.results, key=lambda one: one.seed),
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from None
