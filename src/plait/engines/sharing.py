"""Which shared engine a URL means: its module is loaded only when somebody asks for it.

So neither client library is needed by those who use neither. Absent: the engines.
"""

from importlib import import_module
from typing import NamedTuple, cast

from plait.base.errors import BadSettings
from plait.base.ports import Clock, Random
from plait.engines.shared import SharedEngine


class _Way(NamedTuple):
    """An engine's module, which has `connect(url, namespace, clock, random)`, and its extra."""

    module: str
    extra: str


_NATS = _Way("plait.engines.nats.engine", "nats")
_POSTGRES = _Way("plait.engines.postgres.engine", "postgres")
_WAYS = {
    "nats": _NATS,
    "nats+tls": _NATS,
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
}
SCHEMES = tuple(_WAYS)


def public_url(url: str) -> str:
    """A URL without what is secret in it: user, password and parameters."""
    scheme, colon, rest = url.partition("://")
    return f"{scheme}{colon}{rest.rpartition('@')[2].partition('?')[0]}"


async def connect(url: str, namespace: str, clock: Clock, random: Random) -> SharedEngine:
    """The engine at `url`, whose scheme says which; all that is kept there bears `namespace`.

    Raises `BadSettings` for an unknown scheme, or if the client library is not installed;
    `Unavailable` if no server answers.
    """
    scheme, found, _ = url.partition("://")
    way = _WAYS.get(scheme) if found else None
    if way is None:
        schemes = ", ".join(f"{each}://" for each in SCHEMES)
        raise BadSettings(f"the address of a shared engine begins with one of {schemes}")
    try:
        module = import_module(way.module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("plait"):
            raise BadSettings(f"this version of Plait has no engine for {scheme}://") from None
        raise BadSettings(
            f"the client library for {scheme}:// is not installed ({error.name} is missing); "
            f'remedy: pip install "plait[{way.extra}]"'
        ) from None
    return cast(SharedEngine, await module.connect(url, namespace, clock, random))
