"""What people use: small sites on a cluster, on nothing but what everybody may use.

A site is a folder of pages that run a replica of their own (`/client.js`), and whatever little the
server has to do for them. `sites()` names all; who serves (`plait serve --http`) prepares each once
and mounts its app at ``/apps/NAME``.

Absent: any knowledge of how a site is served, and anything that a program of yours could not do.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias

from plait.api.store import Store

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]  # ASGI

NAMES: Final = ("notes", "calendar")


class Site(NamedTuple):
    """One of the apps, to be mounted."""

    name: str  # mounted at /apps/NAME
    title: str  # as people call it
    app: Callable[[Store], App]  # what answers there
    prepare: Callable[[Store], Awaitable[None]]  # makes the collections that it needs; idempotent
    fill: Callable[[Store], Awaitable[None]]  # believable content, for demos

    @property
    def path(self) -> str:
        """Where it is mounted, without a slash behind it."""
        return f"/apps/{self.name}"


def sites() -> tuple[Site, ...]:
    """Every app that is installed. Needs ``pip install plait[web]``."""
    found = []
    for name in NAMES:
        try:
            module = import_module(f"{__name__}.{name}.site")
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith(__name__):
                raise  # something that the app needs is missing: not the app
        else:
            site: Site = module.SITE
            found.append(site)
    return tuple(found)
