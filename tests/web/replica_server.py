"""``/v1/replica`` for tests: a node's documents over WebSockets, with hands on the connections."""

import asyncio
import time
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from plait.api.store import Store
from plait.base.errors import PlaitError

_encode = msgspec.msgpack.Encoder().encode


class ReplicaServer:
    """Serves one store on a port of its own."""

    def __init__(self, store: Store, node: str = "n1", cluster: str = "c") -> None:
        self.store = store
        self.node = node
        self.cluster = cluster
        self.port = 0
        self.skew_ms = 0
        self.sockets: list[ServerConnection] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """For `connect`."""
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "ReplicaServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await serve(self._serve, "127.0.0.1", self.port, max_size=1 << 26)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Cut everybody off, and listen no more."""
        if self._server is not None:
            self._server.close()
            for socket in list(self.sockets):
                socket.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, socket: ServerConnection) -> None:
        links: dict[int, Any] = {}
        said: asyncio.Queue[list[Any]] = asyncio.Queue()
        self.sockets.append(socket)
        sending = asyncio.create_task(_send_all(socket, said))
        try:
            async for data in socket:
                match msgspec.msgpack.decode(data):
                    case [0, dict()]:
                        now_ms = time.time_ns() // 1_000_000 + self.skew_ms
                        hello = {"protocol": 1, "node": self.node, "cluster": self.cluster}
                        said.put_nowait([0, {**hello, "now_ms": now_ms, "who": None}])
                    case [1, id_, name]:
                        await self._link(links, said, id_, name)
                    case [2, id_, message] if id_ in links:
                        links[id_].say(message)
                    case [3, id_] if id_ in links:
                        links.pop(id_).close()
        except ConnectionClosed:
            pass
        finally:
            self.sockets.remove(socket)
            sending.cancel()
            for link in links.values():
                link.close()

    async def _link(self, links: dict[int, Any], said: Any, id_: int, name: str) -> None:
        def hear(data: bytes) -> None:
            if data:
                said.put_nowait([2, id_, data])
                return
            info = links[id_].info
            told = {"name": info.name, "lineage": info.lineage, "founder": info.founder}
            settings = {"sync": info.settings.sync, "history": info.settings.history}
            said.put_nowait([1, id_, {**told, "node": info.node, **settings}])

        def ended(error: PlaitError) -> None:
            links.pop(id_, None)
            said.put_nowait([4, id_, error.code, error.message, {}])

        try:
            links[id_] = await self.store.link_documents(name, hear, ended)
        except PlaitError as error:
            ended(error)


async def _send_all(socket: ServerConnection, said: "asyncio.Queue[list[Any]]") -> None:
    while True:
        message = await said.get()
        try:
            await socket.send(_encode(message))
        except ConnectionClosed:
            return
