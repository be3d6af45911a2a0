"""Whether an address can be reached from everywhere.

Loopback, private, link-local and shared address space is not; what a name stands for is looked up.
An address that means every interface counts as public: nobody here knows which ones there are.
"""

import ipaddress
import socket

from plait.host.address import split_address


def is_public(address: str) -> bool:
    """Whether ``host:port`` may be reached by strangers. A name that is not known is not public:
    nothing can listen there either."""
    host, _ = split_address(address)
    try:
        found = {ipaddress.ip_address(host.partition("%")[0])}
    except ValueError:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return False
        found = {ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos}
    return any(one.is_global or one.is_unspecified for one in map(_plain, found))


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
