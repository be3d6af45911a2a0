"""Redis's own programs use the door as it is: redis-cli and redis-benchmark."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.doors.resp.settings import RespSettings
from tests.doors.redis_server import door

pytestmark = pytest.mark.slow


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with door(tmp_path, RespSettings()) as bound:
        yield bound


async def printed(program: str, *words: str, said: str = "") -> str:
    """What a program prints; the test is skipped where it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"LOUD: no {program} here: apt-get install redis-tools (as root) brings it")
    process = await asyncio.create_subprocess_exec(
        path, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60.0):
        out, _ = await process.communicate(said.encode())
    assert process.returncode == 0
    return out.decode()


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("database", ["0", "1", "2"])
async def test_redis_cli_speaks_with_every_database(port: int, database: str, protocol: str):
    typed = "SET k v\nGET k\nINCR n\nHSET h a 1 b 2\nHGET h b\nSADD s x\nSMEMBERS s\nNOPE\nDEL k\n"
    out = await printed("redis-cli", protocol, "-p", str(port), "-n", database, said=typed)
    assert out.split("\n")[:6] == ["OK", "v", "1", "2", "2", "1"]
    assert "ERR unknown command 'NOPE'" in out
    assert "role:master" in await printed("redis-cli", "-p", str(port), "INFO", "replication")


async def test_redis_cli_finds_every_key_by_scanning(port: int):
    typed = "".join(f"SET key:{n} {n}\n" for n in range(300))
    await printed("redis-cli", "-p", str(port), said=typed)
    found = await printed("redis-cli", "-p", str(port), "--scan", "--pattern", "key:*")
    assert sorted(found.split()) == sorted(f"key:{n}" for n in range(300))


@pytest.mark.parametrize("database", ["0", "2"])
async def test_redis_benchmark_runs_through(port: int, database: str):
    out = await printed(
        "redis-benchmark", "-p", str(port), "--dbnum", database, "-n", "500", "-P", "4", "-q",
        "-t", "ping,set,get,incr,lpush,sadd,hset,zadd,mset",
    )  # fmt: skip
    for name in ("PING_INLINE", "SET", "GET", "INCR", "LPUSH", "SADD", "HSET", "ZADD", "MSET"):
        assert f"{name}" in out
    assert "rror" not in out
