"""`plait feed`: a table's changes into a file, a webhook or a NATS subject, for ever."""

import asyncio
import os
import signal
import socket

import click

from plait.api.consumer import TAKEOVER_S
from plait.api.store import Store
from plait.cli.connecting import Target, with_target
from plait.sinks import deliver, open_sink


@click.command()
@click.argument("table")
@click.option("--to", required=True, metavar="SINK", envvar="PLAIT_FEED_TO", show_envvar=True,
              help="jsonl:FILE, http(s)://HOST/PATH or nats://HOST:4222/SUBJECT.")  # fmt: skip
@click.option("--group", required=True, metavar="NAME",
              help="Whose position it is; kept in the store.")  # fmt: skip
@click.option("--from", "start", metavar="CURSOR",
              help="Where a new group begins; 0.0: with the log.  [default: now]")  # fmt: skip
@click.option("--prefix", metavar="TEXT", help="Only keys that begin so.")
@click.option("--start", "first", metavar="KEY", help="First key wanted.")
@click.option("--stop", "last", metavar="KEY", help="First key not wanted.")
@click.option("--takeover", "takeover_s", type=click.FloatRange(min=0.1), default=TAKEOVER_S,
              show_default=True, metavar="SECONDS",
              help="Follow a consumer that was silent for so long.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N",
              help="End after N changes, and the rest of their transactions.")  # fmt: skip
@with_target()
def feed(
    target: Target,
    table: str,
    to: str,
    group: str,
    start: str | None,
    prefix: str | None,
    first: str | None,
    last: str | None,
    takeover_s: float,
    limit: int | None,
) -> None:
    """Deliver the committed changes of TABLE, transaction by transaction, until it is ended.

    It goes on where the group NAME was, whatever ended it. Started twice, the second one stands
    by. A file has every change once; a webhook may be sent a transaction again, with the same
    Idempotency-Key; a subject has every transaction once.

    \b
    Examples:
      plait feed films --to jsonl:films.jsonl --group archive --from 0.0
      plait feed films --to https://search.example/changes --group search --prefix f
      plait feed films --to nats://10.0.0.1:4222/films.changes --group bus
    """
    sink = open_sink(to, table, group)
    owner = f"{socket.gethostname()} {os.getpid()}"

    async def work(store: Store) -> int:
        handle = await store.table(table)
        return await deliver(
            handle, group, sink, start, first=first, last=last, prefix=prefix, owner=owner,
            takeover_s=takeover_s, limit=limit,
        )  # fmt: skip

    async def until_ended(store: Store) -> int | None:
        """Lets go of the group on SIGTERM, so that who stands by need not wait."""
        task = asyncio.ensure_future(work(store))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return None

    delivered = target.run(until_ended)
    click.echo("ended" if delivered is None else f"{delivered} changes delivered", err=True)
