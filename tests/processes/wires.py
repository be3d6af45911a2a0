"""Nodes that live apart: each in a network namespace of its own, and links that can be cut.

::

    this process ── bridge ─┬─ namespace of n1
                            ├─ namespace of n2
                            └─ namespace of n3

A node sends to an address by the hardware address that it knows for it. To cut one direction of a
link, the sender is taught a hardware address that nobody has: its packets vanish on the wire, no
connection breaks, and what comes the other way still arrives. That needs root and `ip`, but no
packet filter.

Absent: loss, delay and reordering; the simulator of the cores has those.
"""

import os
import shutil
import subprocess
from itertools import permutations

NOBODY = "02:00:00:00:00:00"
PORT = 7401


def missing() -> str | None:
    """What this machine lacks to cut links, or None."""
    if shutil.which("ip") is None:
        return "`ip` (package iproute2)"
    if os.geteuid() != 0:
        return "root, to make network namespaces"
    name = f"plait{os.getpid():x}probe"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        return f"network namespaces: {error.stderr.decode().strip()}"
    _ip("netns", "del", name)
    return None


class Wires:
    """The namespaces of some nodes; `close` removes all that was made."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        tag = os.getpid() & 0xFFFF
        self._prefix = f"pl{tag:x}"  # of everything that is made
        self._bridge = f"{self._prefix}b"
        self._net = f"198.{18 + (tag >> 8) % 2}.{tag & 0xFF}"  # kept for tests by RFC 2544
        self._numbers = {name: number for number, name in enumerate(names, 1)}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{self._net}.254/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for name in self.names:
            space, outside = self.namespace(name), self._outside(name)
            _ip("netns", "add", space)
            _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0",
                "address", self._hardware(name), "netns", space)  # fmt: skip
            _ip("link", "set", outside, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"{self._host(name)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
        self.heal()

    def namespace(self, name: str) -> str:
        """Where a node's process has to run: ``ip netns exec NAMESPACE …``."""
        return f"{self._prefix}.{name}"

    @property
    def addresses(self) -> dict[str, str]:
        """Where the nodes are found, from this process and from each other."""
        return {name: f"{self._host(name)}:{PORT}" for name in self.names}

    def cut(self, source: str, target: str) -> None:
        """Nothing that `source` sends arrives at `target` any more."""
        self._teach(source, target, NOBODY)

    def heal(self) -> None:
        """Mend everything."""
        for source, target in permutations(self.names, 2):
            self._teach(source, target, self._hardware(target))

    def close(self) -> None:
        """Remove namespaces and bridge. Processes inside must have ended."""
        for name in self.names:
            _ip("link", "del", self._outside(name), check=False)  # its name is free at once
            _ip("netns", "del", self.namespace(name), check=False)
        _ip("link", "del", self._bridge, check=False)

    def _teach(self, source: str, target: str, hardware: str) -> None:
        _ip("-n", self.namespace(source), "neigh", "replace", self._host(target),
            "lladdr", hardware, "dev", "eth0", "nud", "permanent")  # fmt: skip

    def _outside(self, name: str) -> str:
        """The end of a node's wire that is at the bridge."""
        return f"{self._prefix}v{self._numbers[name]}"

    def _host(self, name: str) -> str:
        return f"{self._net}.{self._numbers[name]}"

    def _hardware(self, name: str) -> str:
        return f"02:00:00:00:01:{self._numbers[name]:02x}"


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)
