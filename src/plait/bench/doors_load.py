"""Load as `redis-benchmark` makes it: that program if it is installed, else raw sockets here.

Every client sends `pipeline` commands, waits for as many replies, and sends again. The sockets here
are one process of Python, which is slower than the servers that it measures: ratios from it are
lower bounds of nothing, and say so.
"""

import asyncio
import re
import shutil
import time
from collections.abc import Sequence
from typing import Final

from plait.bench.processes import PeerUnavailable

COMMANDS: Final[dict[str, tuple[bytes, ...]]] = {
    "SET": (b"SET", b"key:__rand_int__", b"xxx"),
    "GET": (b"GET", b"key:__rand_int__"),
    "INCR": (b"INCR", b"counter:__rand_int__"),
    "SADD": (b"SADD", b"myset", b"element:__rand_int__"),
}
_PER_SECOND: Final = re.compile(r"([0-9.]+) requests per second")


def tool() -> str | None:
    """The load generator that is installed."""
    return shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")


async def load(
    port: int,
    command: str,
    requests: int,
    clients: int,
    pipeline: int,
    *,
    database: int = 0,
    keys: int = 0,
) -> float:
    """Requests a second. keys: out of so many at random; 0: always the same one."""
    found = tool()
    if found is None:
        return await _raw(port, COMMANDS[command], requests, clients, pipeline, database)
    words = [found, "-p", str(port), "-c", str(clients), "-n", str(requests), "-P", str(pipeline),
             "-t", command.lower(), "-q", "--dbnum", str(database)]  # fmt: skip
    if keys:
        words += ["-r", str(keys)]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    rates = _PER_SECOND.findall(output.decode(errors="replace"))
    if process.returncode or not rates:
        raise PeerUnavailable(f"{found} failed: {errors.decode(errors='replace')[-500:]}")
    return float(rates[-1])


async def _raw(
    port: int, words: Sequence[bytes], requests: int, clients: int, pipeline: int, database: int
) -> float:
    one = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)
    turns = max(1, requests // clients // pipeline)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"SELECT %d\r\n" % database)
        await reader.readline()
        is_bulk = words[0] == b"GET"
        for _ in range(turns):
            writer.write(one * pipeline)
            for _ in range(pipeline):
                line = await reader.readline()
                if is_bulk and line != b"$-1\r\n":
                    await reader.readexactly(int(line[1:]) + 2)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return turns * clients * pipeline / (time.perf_counter() - began)


async def waited(port: int, requests: int, clients: int) -> float:
    """SETs a second, each followed by WAIT 1: a write that a replica has acknowledged."""
    turns = max(1, requests // clients)
    pair = (
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nxxx\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n"
    )

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(turns):
            writer.write(pair)
            await reader.readline()
            await reader.readline()
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return turns * clients / (time.perf_counter() - began)


async def plain(port: int, requests: int, clients: int) -> float:
    """SETs a second from the same clients, without WAIT: for stores whose answer says as much."""
    return await _raw(port, COMMANDS["SET"], requests, clients, 1, 0)
