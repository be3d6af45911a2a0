"""Running a node in this process: open its folder, start it, listen, until told to stop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from random import SystemRandom

import msgspec

from plait.base.errors import BadSettings
from plait.base.ports import Clock, Network, Random, Storage
from plait.host.audit_log import AuditLog
from plait.host.backup_folder import BackupFolder
from plait.host.clock import SystemClock
from plait.host.disk import room
from plait.host.exposure import is_public
from plait.host.loop import tune_process
from plait.host.open_files import raise_limit
from plait.host.storage import open_storage
from plait.host.tcp import TcpNetwork
from plait.node.config import NodeConfig
from plait.node.distrust import remembered_address, remembers_others
from plait.node.identity import identify
from plait.node.lines import CONTROL
from plait.node.local import Local
from plait.node.namesake import refuse_namesake
from plait.node.node import Node
from plait.node.peers import greeting
from plait.node.service import SPEAK_TLS, Service
from plait.node.takeover import hand_over_all
from plait.node.trail import Trail

HAND_OVER_S = 2.0
HISTORY = "history"  # below a node's data

logger = logging.getLogger("plait.node")


def network_of(config: NodeConfig) -> TcpNetwork:
    """How a node is reached, and reaches the others."""
    return TcpNetwork(tls=config.tls, plain_answer=SPEAK_TLS)


async def build(
    config: NodeConfig, storage: Storage, network: Network | None, clock: Clock, random: Random
) -> Node:
    """The node whose folder is open as `storage`, not started yet.

    Without a network it must have no other members: nobody could reach them.
    """
    identity = await identify(storage, config, random)
    untold = identity.joins and CONTROL not in storage.log.lines()  # nobody has told it yet
    waits = untold and not identity.engine
    config = msgspec.structs.replace(
        config, name=identity.name, joins=config.joins or (waits and not config.members),
        cluster=identity.cluster, engine=identity.engine,
    )  # fmt: skip
    if network is None and (waits or remembers_others(storage, config.name)):
        raise BadSettings(
            f"the folder of node {config.name!r} has other members; serve it, and connect"
        )
    return Node(config, storage, network, clock, random, identity.cluster, identity.folder)


async def open_service(
    node: Node, network: Network, config: NodeConfig, trail: Trail | None = None
) -> Service:
    """Let clients and members in, where the others find this node, or where it was told."""
    service = Service(Local(node), network, trail)
    node.address = await service.start(_listens_at(node, config))
    return service


def _listens_at(node: Node, config: NodeConfig) -> str:
    known = node.members.get(node.name)
    usual = config.listen == NodeConfig.__struct_defaults__[1]
    return known if known and usual else config.listen


def check_exposure(node: Node, config: NodeConfig) -> None:
    """Raise `BadSettings` if strangers could reach the node and would be let in.

    A node that knows nothing of its cluster yet cannot know whether rights are on there.
    """
    check_address(_listens_at(node, config), node, config)


def check_address(address: str, node: Node, config: NodeConfig) -> None:
    """The same for any address that something listens on for the node."""
    if config.insecure or not is_public(address):
        return
    if config.tls is None:
        raise BadSettings(f"{address} is a public address: {_NEEDS_TLS}; or {_INSECURE}")
    if not node.rights.on and node.control.replica.applied:
        raise BadSettings(f"{address} is a public address: {_NEEDS_RIGHTS}; or {_INSECURE}")


@contextlib.asynccontextmanager
async def running(config: NodeConfig, served: bool = False) -> AsyncIterator[Node]:
    """A started node that nobody can reach from outside yet; closed at exit.

    Unless it is to be `served` it must have no other members: nobody could reach them.
    """
    random = SystemRandom()
    storage = await open_storage(config.data)
    try:
        network = network_of(config) if served or config.members else None
        node = await build(config, storage, network, SystemClock(), random)
        if network is None:
            node.address = ""  # nobody finds it
        node.room = partial(room, config.data)
        _keep_history(node, config)
        if served and network is not None:
            known = remembered_address(storage, node.name)
            await _refuse_namesake(node, network, config, known)
    except BaseException:
        await storage.close()
        raise
    try:
        await node.start()
        yield node
    finally:
        await node.close()


def _keep_history(node: Node, config: NodeConfig) -> None:
    node.pasts.opener = running
    beside = config.data / HISTORY
    own = BackupFolder(beside, node.space.check_room)  # on the disk that the node needs itself
    if config.history is not None:
        elsewhere = config.history.folder
        vault = own if elsewhere is None else BackupFolder(elsewhere)
        node.history.keep(vault, config.history)
    else:
        node.history.left = lambda: own if beside.is_dir() else None


async def _refuse_namesake(
    node: Node, network: Network, config: NodeConfig, known: str | None
) -> None:
    if known and known != config.listen:
        hello = greeting(node.cluster, config, node.name, "", node.versions.reads)
        await refuse_namesake(network, known, hello)


async def _drain(node: Node, service: Service) -> None:
    """Let others lead, then answer what is under way: whoever is turned away then knows where to
    go, and nobody has to wonder what became of a write."""
    loop, allowed_s = asyncio.get_running_loop(), node.config.limits.drain_s
    until = loop.time() + allowed_s
    service.begin_draining()
    await hand_over_all(node, min(HAND_OVER_S, allowed_s))
    if not await service.answered(max(0.0, until - loop.time())):
        logger.warning("%s stops, and some requests have no answer yet", node.name)


Doors = Callable[[Node], contextlib.AbstractAsyncContextManager[None]]


async def serve(
    config: NodeConfig,
    ready: Callable[[Node], None] = lambda node: None,
    doors: Doors = lambda node: contextlib.nullcontext(),
) -> None:
    """Serve clients and members until SIGTERM, SIGINT or cancellation.

    ready: called once with the node, whose address is the one that was bound.
    doors: other ways in, open while the node serves.
    """
    tune_process()
    raise_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(sign, stop.set)
    log = None if config.audit_log is None else AuditLog(config.audit_log)
    async with running(config, served=True) as node:
        check_exposure(node, config)
        network = network_of(config)
        if node.control.group is None:  # the folder could not say where the others find it
            await _refuse_namesake(node, network, config, node.members.get(node.name))
        sink = None if log is None else log.note
        trail = Trail(node.name, node.clock, sink, config.audit_writes)
        service = await open_service(node, network, config, trail)
        try:
            async with doors(node):
                ready(node)
                await stop.wait()
            await _drain(node, service)
        finally:
            await service.close()
            if log is not None:
                log.close()


_NEEDS_TLS = (
    "whoever reaches it could read along and say to be a node. Make certificates (plait certs) and "
    "serve with --tls-ca, --tls-cert and --tls-key"
)
_NEEDS_RIGHTS = (
    "whoever has a certificate could do everything. Switch rights on (plait rights init, with "
    "--data while the node is down)"
)
_INSECURE = "listen on a private one; or, if something else keeps strangers out, add --insecure"
