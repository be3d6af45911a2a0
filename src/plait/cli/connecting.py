"""Where a command finds its store: the options that every data command takes.

A cluster that speaks TLS is at ``plait+tls://…``; see `credentials` for what is shown to it.

Order: --url or --data; then PLAIT_URL; then PLAIT_DATA; then `DEFAULT_URL`. A folder is opened in
this process, so no other process may have it open, and it must exist unless the command may make
it: a misspelt path is an error, not a new empty store.
"""

import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from plait import entry
from plait.api.store import Store
from plait.base.errors import BadSettings
from plait.cli.credentials import shown, tls_of, tls_options, token_of, token_option
from plait.cli.progress import told
from plait.host.loop import run
from plait.host.tls import Tls

DEFAULT_URL = "plait://127.0.0.1:7401"

_Command = TypeVar("_Command", bound=Callable[..., Any])
T = TypeVar("T")


class Target(msgspec.Struct, frozen=True):
    """Where the store is: a URL, a folder, or a folder of backups; exactly one of them."""

    url: str | None = None
    data: Path | None = None
    only: bool = False  # talk to just the addresses in the URL
    may_create: bool = False
    backup: Path | None = None  # or a folder of backups, as of `at`: to read
    at: str | None = None  # as of when, of whichever of them it is; None: now, or the latest
    tls: Tls | None = None
    token: str = ""

    def __repr__(self) -> str:
        return f"Target({self.url or self.data})"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Store]:
        """The store, closed at exit. Raises what `plait.open`, `plait.connect` and `Store.at`
        raise."""
        if self.backup is not None:
            async with contextlib.AsyncExitStack() as stack:
                with told("restoring") as tell:
                    past = entry.past(self.backup, at=self.at or "latest", tell=tell)
                    store = await stack.enter_async_context(past)
                yield store
            return
        async with self._now() as store:
            if self.at is None:
                yield store
                return
            async with contextlib.AsyncExitStack() as stack:
                with told("restoring"):
                    past_store = await stack.enter_async_context(store.at(self.at))
                yield past_store

    @contextlib.asynccontextmanager
    async def _now(self) -> AsyncIterator[Store]:
        if self.data is not None:
            if not self.may_create and not self.data.is_dir():
                raise BadSettings(f"there is no folder {self.data}")
            async with entry.open(self.data) as store:
                yield store
        else:
            assert self.url is not None
            async with entry.connect(
                self.url, only=self.only, **shown(self.tls, self.token)
            ) as store:
                yield store

    def of_node(self, address: str) -> "Target":
        """One node of the same cluster, shown the same."""
        assert self.url is not None
        scheme = self.url.partition("://")[0]
        return msgspec.structs.replace(self, url=f"{scheme}://{address}", only=True)

    def run(self, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Open the store, do `work` with it on a fresh event loop, and close it."""

        async def opened() -> T:
            async with self.open() as store:
                return await work(store)

        return run(opened())


def choose(
    url: str | None, data: Path | None, only: bool, environment: dict[str, str], may_create: bool
) -> Target:
    """The target that options and environment mean; `BadSettings` if they contradict."""
    if url is not None and data is not None:
        raise BadSettings("--url and --data exclude each other; give one")
    if url is None and data is None:
        url = environment.get("PLAIT_URL") or None
        if url is None and environment.get("PLAIT_DATA"):
            data = Path(environment["PLAIT_DATA"])
    if data is not None:
        if only:
            raise BadSettings("--only is for --url: a folder is one node")
        return Target(data=data, may_create=may_create)
    return Target(url=url or DEFAULT_URL, only=only)


def choose_past(
    url: str | None, data: Path | None, backup: Path | None, at: str | None
) -> Target | None:
    """The backups that options mean; None if they mean none, `BadSettings` if they contradict."""
    if backup is None:
        return None
    if url is not None or data is not None:
        raise BadSettings("--backup is read instead of --url or --data; give one")
    return Target(backup=backup, at=at)


def with_target(may_create: bool = False, past: bool = False) -> Callable[[_Command], _Command]:
    """Adds --url, --data and --only to a command, which receives `target`.

    past: it only reads, so it may read backups: --backup and --at too.
    """

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def wrapper(
            *args: Any, url: str | None, data: Path | None, only: bool,
            tls_ca: Path | None, tls_cert: Path | None, tls_key: Path | None,
            token_file: Path | None, backup: Path | None = None, at: str | None = None,
            **kwargs: Any,
        ) -> Any:  # fmt: skip
            target = choose_past(url, data, backup, at)
            if target is None:
                target = choose(url, data, only, dict(os.environ), may_create)
                target = msgspec.structs.replace(target, at=at)
            if target.url is not None:
                tls, token = tls_of(tls_ca, tls_cert, tls_key), token_of(token_file, os.environ)
                target = msgspec.structs.replace(target, tls=tls, token=token)
            return command(*args, target=target, **kwargs)

        tls_options(token_option(wrapper))
        for option in (*(_PAST if past else ()), *_OPTIONS):
            option(wrapper)
        return cast(_Command, wrapper)

    return decorate


_PAST = (
    click.option(
        "--at",
        metavar="TIME|LINE:POSITION",
        help="As of when, where history is kept, or in a --backup.  [default: the latest]",
    ),
    click.option(
        "--backup",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="A folder of backups: read the store as it was.",
    ),
)
_OPTIONS = (
    click.option(
        "--only", is_flag=True, help="Talk to just the nodes in --url, not to their fellow members."
    ),
    click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="A folder that no process has open.  [env: PLAIT_DATA]",
    ),
    click.option(
        "--url",
        metavar="URL",
        help=f"A cluster: plait://host:port,host:port.  [env: PLAIT_URL; default: {DEFAULT_URL}]",
    ),
)
