"""Apps that are mounted beside the routes of the store, each for the store of whoever asks.

Invariant: where people are asked who they are, who has shown no token gets the pages of an app, and
from its store nothing but `NotSignedIn`.
"""

import weakref
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias, cast

from plait.api.port import Backend
from plait.api.store import Store
from plait.base.errors import NotSignedIn
from plait.doors.http.static import HEADERS
from plait.doors.people import People

Scope = MutableMapping[str, Any]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]  # ASGI
Site: TypeAlias = Callable[[Store], App]  # the app of a store

_HEADERS = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]


class Mounted:
    """Apps by the path that they are mounted at."""

    def __init__(self, sites: Mapping[str, Site], people: People) -> None:
        self._sites = {at.rstrip("/"): site for at, site in sites.items()}
        self._people = people
        self._apps: weakref.WeakKeyDictionary[Store, dict[str, App]] = weakref.WeakKeyDictionary()
        self._stranger: Store | None = None

    async def serve(self, path: str, token: str, scope: Scope, receive: Any, send: Any) -> bool:
        """Whether there is an app at this path; then it has answered."""
        at = next((at for at in self._sites if path == at or path.startswith(f"{at}/")), None)
        if at is None:
            return False
        site = self._sites[at]
        below = {**scope, "root_path": str(scope.get("root_path", "")) + at}
        send = guarded(send)
        if self._people.asked and not token:
            await self._app(self._nobody(), at, site)(below, receive, send)
            return True
        async with self._people.acting(token) as acting:
            await self._app(acting.store, at, site)(below, receive, send)
        return True

    def _app(self, store: Store, at: str, site: Site) -> App:
        apps = self._apps.setdefault(store, {})
        if at not in apps:
            apps[at] = site(store)
        return apps[at]

    def _nobody(self) -> Store:
        if self._stranger is None:
            self._stranger = Store(cast(Backend, _Stranger()))
        return self._stranger


def guarded(send: Any) -> Any:
    """The same, and pages say what they may load, unless their app has said it."""

    async def send_guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            said = {name.lower() for name, _ in message["headers"]}
            more = [pair for pair in _HEADERS if pair[0] not in said]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return send_guarded


class _Stranger:
    """The backend of who has not said who they are."""

    def __getattr__(self, name: str) -> Any:
        raise NotSignedIn("who is this? Rights are on: show a token")
