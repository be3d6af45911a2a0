"""Who may speak to the door at all: whose name it was called by, and whose page asks.

A page that somebody happens to look at can send requests to a server on their own machine. Two
things stand against that:

- *Host*: a page that came from ``evil.example`` may have that name point here (DNS rebinding), and
  is then of one origin with this server. So the door answers to addresses, to ``localhost``, and to
  the names that it was told; every other name is refused.
- *Origin*: browsers say on every WebSocket and every writing request which page asks. It has to be
  one that this server showed itself, or another node of the cluster, or one that was named.

Invariant: what says no origin is no browser's page, or is a request that only reads; and what is
read is told to no other page, since nothing here sends CORS headers.
"""

import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from plait.doors.http.problems import HttpProblem

SAFE = ("GET", "HEAD", "OPTIONS")
ANY_NAME = "*"
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Guarding:
    """Decides by the headers Host and Origin."""

    def __init__(
        self,
        hosts: Collection[str] = (),
        origins: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """hosts: names beside addresses and localhost, ``*`` for all. origins: of other pages that
        may write here: ``http://host:port``."""
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = origins

    def check(self, method: str, scheme: str, host: str | None, origin: str | None) -> None:
        """Raise `HttpProblem` 421 or 403. method: "WEBSOCKET" for one."""
        if host is not None and not self._answers_to(host):
            raise HttpProblem(
                421, "WrongHost",
                f"this server does not go by the name of {host!r}; it can be told to (--http-host)",
            )  # fmt: skip
        if origin is None or method in SAFE:
            return
        if not self._is_own(scheme, host, origin) and origin.lower() not in self._origins():
            raise HttpProblem(403, "ForeignOrigin", f"a page of {origin!r} may not do this here")

    def _answers_to(self, host: str) -> bool:
        name, _ = _split(host)
        if ANY_NAME in self._hosts or name == "localhost" or name.endswith(".localhost"):
            return True
        return name in self._hosts or _is_address(name)

    def _is_own(self, scheme: str, host: str | None, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            asked = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        except ValueError:
            return False
        if host is None:
            return False
        name, port = _split(host)
        return asked == (name, port or _PORTS.get(scheme, 0))


def _split(host: str) -> tuple[str, int | None]:
    """Name and port of a Host header; an IPv6 address without its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name.removesuffix("."), int(port) if port.isascii() and port.isdigit() else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
