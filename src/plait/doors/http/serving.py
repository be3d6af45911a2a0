"""Listening for the HTTP door, with uvicorn, in the event loop of whoever opens it.

Invariant: at exit nobody new is let in, watches and sockets are told, and what is under way is
answered, within `STOP_S`. Signals stay with whoever has them.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn

from plait.base.errors import BadSettings
from plait.doors.http.door import Door
from plait.doors.http.patience import PatientHttp, PatientSocket, let_go
from plait.host.address import join_address, split_address
from plait.host.open_files import room_for

STOP_S = 5.0
BACKLOG = 2048
LOOK_S = 0.01

logger = logging.getLogger("plait.doors.http")


class _Server(uvicorn.Server):
    """Leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever runs this stops it."""
        yield


@contextlib.asynccontextmanager
async def listening(
    door: Door, address: str, *, cert: Path | None = None, key: Path | None = None
) -> AsyncIterator[str]:
    """Serve a door at ``host:port`` until exit; the address that was bound.

    cert, key: PEM files; with them it is HTTPS. Raises `BadSettings` if it cannot listen there.
    """
    bound = _bind(address)
    # uvicorn takes a socket that is refused for an error; what is one, the door has logged
    config = uvicorn.Config(
        door, http=PatientHttp, ws=PatientSocket, lifespan="off", log_config=None,
        log_level="critical",
        access_log=False, server_header=False, proxy_headers=False, backlog=BACKLOG,
        limit_concurrency=room_for(door.limits.connections_max),
        ws_max_size=door.limits.socket_message_bytes_max, ws_ping_interval=20.0,
        ws_ping_timeout=20.0, ws_per_message_deflate=False, timeout_keep_alive=75,
        timeout_graceful_shutdown=int(STOP_S), ssl_certfile=cert, ssl_keyfile=key,
    )  # fmt: skip
    try:
        config.load()
    except (OSError, ValueError) as error:
        bound.close()
        raise BadSettings(f"HTTP: {cert} and {key}: {error}") from None
    server = _Server(config)
    task = asyncio.get_running_loop().create_task(server.serve([bound]))
    letting_go = asyncio.create_task(let_go(server))
    try:
        while not server.started:
            if task.done():
                await task
                raise BadSettings(f"HTTP: nothing listens at {address}")
            await asyncio.sleep(LOOK_S)
        host, _ = split_address(address)
        yield join_address(host, bound.getsockname()[1])
    finally:
        door.drain()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        letting_go.cancel()
        bound.close()


def _bind(address: str) -> socket.socket:
    host, port = split_address(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
        except BaseException:
            bound.close()
            raise
    except (OSError, UnicodeError) as error:
        raise BadSettings(f"HTTP: cannot listen at {address}: {error}") from None
    bound.setblocking(False)
    return bound
