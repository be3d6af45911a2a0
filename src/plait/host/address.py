"""Network addresses as people write them: ``host:port``, ``[::1]:port``."""

from plait.base.errors import BadSettings


def split_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port of ``host:port``, or `BadSettings` that says what is wrong with it.

    An IPv6 host stands in brackets. Port 0 is legal: who listens on it is given a free one.
    """
    host, port_text = _cut(text.strip())
    if not host or any(c.isspace() or c in "/@?#[]" for c in host):
        raise BadSettings(f"address {text!r} has no legal host; write 'host:port'")
    if not port_text:
        if default_port is None:
            raise BadSettings(f"address {text!r} has no port; write 'host:port'")
        return host, default_port
    if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > 65535:
        raise BadSettings(f"address {text!r}: port {port_text!r} is not a number from 0 to 65535")
    return host, int(port_text)


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _cut(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadSettings(f"address {text!r}: an IPv6 host is written '[::1]:port'")
        return host, rest[1:]
    if text.count(":") > 1:
        raise BadSettings(f"address {text!r}: put an IPv6 host in brackets, '[{text}]:port'")
    host, _, port = text.partition(":")
    return host, port
