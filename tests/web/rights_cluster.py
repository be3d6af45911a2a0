"""Two nodes as processes, with TLS and rights on, each serving pages and Redis clients."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import plait.blocking
from plait.client.limits import ClientLimits
from plait.host.tls import Tls

PATIENT = ClientLimits(start_s=90.0)  # while processes start


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Guarded:
    """Nodes n1 and n2 of `plait serve --http --resp`, their administrator, and tokens by user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(6)
        self.names = ("n1", "n2")
        self.native = dict(zip(self.names, ports[:2], strict=True))
        self.http = dict(zip(self.names, ports[2:4], strict=True))
        self.resp = dict(zip(self.names, ports[4:], strict=True))
        self.certs = folder / "certs"
        self.tokens: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def ca(self) -> Path:
        """Whose certificates are to be believed."""
        return self.certs / "ca.pem"

    @property
    def address(self) -> str:
        """For `plait.connect`."""
        return "plait+tls://" + ",".join(f"127.0.0.1:{port}" for port in self.native.values())

    def url(self, name: str, path: str = "/") -> str:
        """A page of a node."""
        return f"https://127.0.0.1:{self.http[name]}{path}"

    @contextmanager
    def store(self, user: str = "root") -> Iterator[plait.blocking.Store]:
        """What a user is let into."""
        token = self.tokens.get(user, "")
        with plait.blocking.connect(self.address, token=token, tls=Tls(self.ca)) as store:
            yield store

    def user(self, name: str, *grants: str) -> str:
        """Give a user these rights and no others; their token."""
        with self.store() as store:
            store.rights.put_role(name, grants)
            if name not in self.tokens:
                store.rights.put_user(name, [name])
                self.tokens[name] = store.rights.add_token(name)
        return self.tokens[name]

    # ------------------------------------------------------------------ processes

    def begin(self) -> None:
        """Certificates, nodes, collections, and rights."""
        _plait("certs", str(self.certs), "--node", "n1", "--node", "n2", "--client", "root")
        for name in self.names:
            self.start(name)
        shown = Tls(self.ca, self.certs / "client-root.pem", self.certs / "client-root.key")
        with plait.blocking.connect(self.address, tls=shown, limits=PATIENT) as store:
            store.rights.put_user("root", ["admin"])
            self.tokens["root"] = store.rights.add_token("root")
            store.rights.switch(True)

    def start(self, name: str) -> None:
        """Start a node, or start it again."""
        members = ",".join(f"{one}=127.0.0.1:{port}" for one, port in self.native.items())
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [
                    sys.executable, "-m", "plait", "serve", "--data", str(self.folder / name),
                    "--name", name, "--members", members, "--leader", "n1",
                    "--tls-ca", str(self.ca), "--tls-cert", str(self.certs / f"node-{name}.pem"),
                    "--tls-key", str(self.certs / f"node-{name}.key"),
                    "--http", f"127.0.0.1:{self.http[name]}",
                    "--resp", f"127.0.0.1:{self.resp[name]}",
                ],
                stdout=log, stderr=log, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip

    def log(self, name: str) -> str:
        """What a node said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")[-4000:]

    def close(self) -> None:
        """End all of it."""
        for process in self.processes.values():
            process.kill()
            process.wait()


def _plait(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "plait", *args], check=True, capture_output=True)
