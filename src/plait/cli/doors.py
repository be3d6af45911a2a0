"""The other ways into a node that ``plait serve`` opens: HTTP for now, and who may come in.

Where rights are on, each token is a client of the node, over its own protocol: so the node's guard
decides, and a door cannot forget to ask.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec

from plait import entry
from plait.api.store import Store
from plait.apps import App, Site, sites
from plait.base.errors import BadSettings, PlaitError
from plait.client.address import SCHEME, TLS_SCHEME, parse_address
from plait.client.beside import Beside
from plait.client.cluster import Cluster
from plait.client.limits import ClientLimits
from plait.doors.people import Known
from plait.doors.resp.door import listen
from plait.doors.resp.settings import RespSettings
from plait.host.address import join_address, split_address
from plait.host.clock import SystemClock
from plait.host.tcp import TcpNetwork
from plait.host.tls import Tls
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import check_address

logger = logging.getLogger("plait.doors")

LOOK_S = 3.0  # between two looks at where the other nodes' doors are


class DoorChoices(msgspec.Struct, frozen=True):
    """Which doors to open, and how; None: not."""

    http: str | None = None
    http_hosts: tuple[str, ...] = ()
    http_cert: Path | None = None
    http_key: Path | None = None
    resp: str | None = None
    resp_settings: RespSettings = RespSettings()
    extra: Callable[[Node], Collection[Any]] = lambda node: ()  # more HTTP routes

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.http is not None or self.resp is not None


@contextlib.asynccontextmanager
async def open_doors(choices: DoorChoices, node: Node) -> AsyncIterator[None]:
    """Open them for a node that serves; closed at exit, in the order of opening."""
    if not choices.any:
        yield
        return
    own = own_store(node)
    connect = partial(_connected, node)
    async with (
        own,
        Known(own, lambda: node.rights.on, connect) as people,
        contextlib.AsyncExitStack() as stack,
    ):
        if choices.http is not None:
            await stack.enter_async_context(_http(choices, node, own, people))
        if choices.resp is not None:
            await stack.enter_async_context(_resp(choices.resp, choices, node, people))
        try:
            yield
        finally:
            node.doors.clear()


@contextlib.asynccontextmanager
async def _http(choices: DoorChoices, node: Node, own: Store, people: Known) -> AsyncIterator[None]:
    try:
        from plait.doors.http import asgi
        from plait.doors.http.serving import listening
    except ModuleNotFoundError as error:
        raise BadSettings(f"--http needs {error.name}: pip install plait[web]") from None
    assert choices.http is not None
    tls = node.config.tls
    cert = choices.http_cert or (tls.cert if tls else None)
    key = choices.http_key or (tls.key if tls else None)
    config = node.config
    if choices.http_cert is not None and config.tls is None:  # it is encrypted all the same
        config = msgspec.structs.replace(config, tls=Tls(ca=choices.http_cert))
    check_address(choices.http, node, config)
    origins = _Origins(own)
    door = asgi(
        Store(Local(node)), people=people, mounts=_sites(), origins=origins,
        hosts=(*choices.http_hosts, split_address(choices.http)[0]),
        extra=list(choices.extra(node)),
    )  # fmt: skip
    async with listening(door, choices.http, cert=cert, key=key) as bound:
        node.doors["http"] = f"{'https' if cert else 'http'}://{bound}"
        learning = asyncio.create_task(origins.learn())
        try:
            yield
        finally:
            learning.cancel()


@contextlib.asynccontextmanager
async def _resp(
    address: str, choices: DoorChoices, node: Node, people: Known
) -> AsyncIterator[None]:
    check_address(address, node, node.config)
    tls = node.config.tls
    context = None
    if tls is not None and tls.cert is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls.cert, tls.key)
    host, port = split_address(address)
    async with listen(people, host, port, choices.resp_settings, context) as bound:
        node.doors["resp"] = f"{'rediss' if context else 'redis'}://{join_address(host, bound)}"
        yield


def _sites() -> dict[str, Callable[[Store], Any]]:
    """The apps that are installed; each makes its collections when somebody first visits it."""
    return {site.path: partial(_visited, site) for site in sites()}


def _visited(site: Site, store: Store) -> App:
    app, prepared = site.app(store), False

    async def visit(scope: Any, receive: Any, send: Any) -> None:
        nonlocal prepared
        if not prepared:
            try:
                await site.prepare(store)
                prepared = True
            except PlaitError as error:  # its pages say so, too
                logger.info("%s is not prepared: %s", site.name, error)
        await app(scope, receive, send)

    return visit


def own_store(node: Node) -> Store:
    """The store of this node, which reaches the others where it must."""
    cluster = Cluster(
        TcpNetwork(tls=node.config.tls), parse_address(_url(node)), SystemRandom(), SystemClock(),
        ClientLimits(), f"{node.name}'s doors",
    )  # fmt: skip

    def leads(line: str) -> bool:
        host = node.lines.get(line)
        return host is not None and host.leads

    return Store(Beside(Local(node), cluster, leads))


def _url(node: Node) -> str:
    return (SCHEME if node.config.tls is None else TLS_SCHEME) + node.address


def _connected(node: Node, token: str) -> contextlib.AbstractAsyncContextManager[Store]:
    """The store of a token, by way of this node. It shows no certificate: the token counts."""
    tls = None if node.config.tls is None else Tls(ca=node.config.tls.ca)
    return entry.connect(_url(node), token=token, tls=tls, name=f"a door of {node.name}")


def _names(door: str) -> tuple[str, ...]:
    """What pages may call a door: one on this machine has more names than the one that it says."""
    return door, door.replace("://127.0.0.1:", "://localhost:").replace(
        "://[::1]:", "://localhost:"
    )


class _Origins:
    """The HTTP doors of all nodes: their pages may speak with this one.

    Where rights are on nobody tells without a token, and it is the token that counts. Invariant: a
    node that does not answer keeps what it said: its pages come here just because it is gone.
    """

    def __init__(self, own: Store) -> None:
        self._own = own
        self._doors: dict[str, str] = {}  # by node
        self._known: frozenset[str] = frozenset()

    def __call__(self) -> Collection[str]:
        """As far as is known."""
        return self._known

    def heard(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        """The status of every member."""
        for name, node in nodes.items():
            if "doors" in node:
                self._doors[name] = node["doors"].get("http", "")
        self._doors = {name: door for name, door in self._doors.items() if name in nodes}
        self._known = frozenset(
            one for door in self._doors.values() if door for one in _names(door)
        )

    async def learn(self) -> None:
        """Go on learning until cancelled."""
        while True:
            try:
                self.heard((await self._own.status())["nodes"])
            except PlaitError as error:
                logger.debug("the other doors are not known: %s", error)
            await asyncio.sleep(LOOK_S)
