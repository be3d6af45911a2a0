"""Servers as child processes: each in a session of its own, ended by its own process id.

A server's output goes to a file in its folder; when it does not come up, the end of that file is
in the error. Nothing here looks for processes by name.
"""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

LOG_TAIL_BYTES = 2000


class PeerUnavailable(Exception):
    """A peer cannot be measured here: its package is missing, or it does not start."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def unprivileged_user() -> str | None:
    """Whom to run a server as that refuses to run as root; None if we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise PeerUnavailable("no unprivileged user to run the server as")


class Server:
    """A running child process with its folder."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self._command = [str(word) for word in command]
        self._user = user
        self._environment = {**os.environ, **(environment or {})}
        self._process = self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                extra_groups=[] if self._user else None,
                env=self._environment,
            )

    @property
    def pid(self) -> int:
        """The process id of the child."""
        return self._process.pid

    def check(self) -> None:
        """Raise `PeerUnavailable` with the end of the log if the process has ended."""
        code = self._process.poll()
        if code is not None:
            tail = self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
            raise PeerUnavailable(f"{self.name} ended with code {code}:\n{tail}")

    async def ended(self) -> bool:
        """Whether the process has ended by itself."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start it again with the same command, in the same folder, after its end."""
        if self._process.poll() is None:
            raise RuntimeError(f"{self.name} still runs")
        self._process = self._launch()

    def stop(self, how: signal.Signals = signal.SIGTERM, patience_s: float = 10.0) -> None:
        """Ask it to end; kill it if it does not within `patience_s`."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()


def run_tool(command: Sequence[str | Path], folder: Path, user: str | None = None) -> str:
    """Run a program to its end; its output. `PeerUnavailable` if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        capture_output=True,
        text=True,
        user=user,
        extra_groups=[] if user else None,
        check=False,
    )
    if done.returncode:
        raise PeerUnavailable(f"{command[0]} failed: {done.stderr[-LOG_TAIL_BYTES:]}")
    return done.stdout


async def until(
    ready: Callable[[], Awaitable[bool]],
    servers: Sequence[Server],
    what: str,
    timeout_s: float = 30.0,
) -> None:
    """Ask `ready` until it says so; an error counts as no. Fails early if a server ends."""
    deadline = time.monotonic() + timeout_s
    reason = "it did not say why"
    while time.monotonic() < deadline:
        for server in servers:
            server.check()
        try:
            if await asyncio.wait_for(ready(), 5.0):
                return
        except Exception as error:  # whatever a client raises before its server is up
            reason = repr(error)
        await asyncio.sleep(0.05)
    raise PeerUnavailable(f"{what} was not ready in {timeout_s:g} s: {reason}")


def memory_bytes(servers: Sequence[Server]) -> list[int]:
    """Resident memory of each server: what its processes have alone, and what they share, once.

    For a single process that is its RSS. PostgreSQL is many processes over one shared memory,
    which plain RSS would count many times.
    """
    import psutil  # type: ignore[import-untyped]  # only measuring needs it

    totals = []
    for server in servers:
        root = psutil.Process(server.pid)
        private = shared = 0
        for process in [root, *root.children(recursive=True)]:
            try:
                full = process.memory_full_info()
            except psutil.NoSuchProcess:
                continue
            private += full.uss
            shared = max(shared, full.rss - full.uss)
        totals.append(private + shared)
    return totals
