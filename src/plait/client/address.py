"""Where a cluster is: ``plait://host:7401,host:7402[/cluster]``; ``plait+tls://`` over TLS.

The hosts are where to begin; the cluster itself tells its other members. A cluster name, if
given, must be the id of the cluster that answers.
"""

from collections.abc import Sequence

import msgspec

from plait.base.errors import BadSettings
from plait.host.address import join_address, split_address

SCHEME = "plait://"
TLS_SCHEME = "plait+tls://"
DEFAULT_PORT = 7401
ADDRESSES_MAX = 64


class ClusterAddress(msgspec.Struct, frozen=True):
    """Where to begin, and the cluster expected there (empty: whichever it is)."""

    addresses: tuple[str, ...]
    cluster: str = ""
    tls: bool = False

    def __str__(self) -> str:
        scheme = TLS_SCHEME if self.tls else SCHEME
        return scheme + ",".join(self.addresses) + (f"/{self.cluster}" if self.cluster else "")


def parse_address(text: str | Sequence[str]) -> ClusterAddress:
    """What `text` names: a URL, ``host:port,host:port``, or a list of ``host:port``.

    A missing port is 7401. `BadSettings` says what is wrong, and with which part.
    """
    cluster, tls = "", False
    if isinstance(text, str):
        rest = text.strip()
        tls = rest.startswith(TLS_SCHEME)
        if "://" in rest:
            if not tls and not rest.startswith(SCHEME):
                raise BadSettings(f"{text!r} does not begin with {SCHEME!r} or {TLS_SCHEME!r}")
            rest = rest.partition("://")[2]
        hosts, _, cluster = rest.partition("/")
        parts = hosts.split(",")
    else:
        parts = list(text)
    if any(character in cluster for character in "/?#@ ,"):
        raise BadSettings(f"{text!r}: {cluster!r} is no cluster id; write '{SCHEME}host/cluster'")
    if not parts or not all(part.strip() for part in parts):
        raise BadSettings(f"{text!r} names no host, or has an empty one between commas")
    if len(parts) > ADDRESSES_MAX:
        raise BadSettings(f"{len(parts)} addresses are more than the {ADDRESSES_MAX} allowed")
    found: dict[str, None] = {}  # keeps the order, drops repetitions
    for part in parts:
        host, port = split_address(part, DEFAULT_PORT)
        if port == 0:
            raise BadSettings(f"{part!r}: port 0 cannot be connected to")
        found[join_address(host, port)] = None
    return ClusterAddress(tuple(found), cluster, tls)
