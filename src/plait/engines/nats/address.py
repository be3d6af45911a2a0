"""The address of a cluster: `nats://[user:password@]host[:port][,host[:port]...]`.

`nats+tls://` encrypts. Invariant: what is printed of it, here and in errors, has no secrets.
"""

from typing import Any
from urllib.parse import unquote

import msgspec

from plait.base.errors import BadSettings

SCHEMES = ("nats", "nats+tls")
PORT = 4222


class Address(msgspec.Struct, frozen=True):
    """Where the servers are, and as whom to speak to them."""

    hosts: tuple[str, ...]  # host:port
    tls: bool = False
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Address({self.public!r})"

    __str__ = __repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("public", self.public)]

    @property
    def public(self) -> str:
        """The URL without secrets."""
        return f"{SCHEMES[self.tls]}://{','.join(self.hosts)}"

    def server(self, number: int) -> str:
        """The URL of one server, for the client library; without secrets."""
        return f"{'tls' if self.tls else 'nats'}://{self.hosts[number % len(self.hosts)]}"


def parse_address(url: str) -> Address:
    """The address in a URL; `BadSettings`, which does not quote it, if it is none."""
    scheme, found, rest = url.partition("://")
    if not found or scheme not in SCHEMES:
        raise BadSettings("the address of a NATS cluster is nats://host:port,host:port")
    credentials, found, places = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    hosts = tuple(_with_port(place) for place in places.rstrip("/").split(","))
    if not found:
        return Address(hosts, scheme == "nats+tls")
    if not user:
        raise BadSettings("the address of the NATS cluster has an @, and no user before it")
    return Address(hosts, scheme == "nats+tls", unquote(user), unquote(password))


def _with_port(place: str) -> str:
    host, _, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not host:
        host, port = place, str(PORT)
    port = port or str(PORT)
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or set(host) & set("/?#@ "):
        raise BadSettings(
            "each place in the address of a NATS cluster is host or host:port (an IPv6 host in "
            "brackets), and has no path"
        )
    return f"{host}:{port}"
