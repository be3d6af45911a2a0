"""The pages of an app: a folder of files as an ASGI app, for sites that are mounted.

Absent: what an app answers besides; it puts routes of its own in front.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

from plait.doors.http.paths import Scope, local_path, query_of
from plait.doors.http.problems import HttpProblem, not_found, response_of
from plait.doors.http.static import Files


class Pages:
    """A folder of pages, each file as `Files` serves it."""

    def __init__(self, folder: Path, joined: Collection[str] = ()) -> None:
        """joined: modules that are handed out with what they import: ``["main.js"]``."""
        self._files = Files({"/": folder}, [f"/{name}" for name in joined])

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """One request."""
        try:
            response = await self._answer(scope)
        except HttpProblem as problem:
            response = response_of(problem)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        path, method = str(scope["path"]), str(scope["method"])
        if path and path == scope.get("root_path"):
            return RedirectResponse(f"{path.rpartition('/')[2]}/{query_of(scope)}", 307)
        if method not in ("GET", "HEAD"):
            raise HttpProblem(405, "MethodNotAllowed", "these are files", {"Allow": "GET, HEAD"})
        found = await self._files.serve(method, local_path(scope), Headers(scope=scope))
        if found is None:
            raise not_found(f"there is nothing at {path}")
        return found
