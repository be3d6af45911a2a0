"""The calendar as a site: static pages, a feed to subscribe to, single events, and imports.

The pages run a replica of their own (`/client.js`) and need none of these routes but the import:

    GET  feed.ics          everything, with an ETag; ?calendar=KEY for one of the calendars
    GET  event.ics?key=…   one event
    POST import            a file: {"imported": 2, "skipped": [{"uid": …, "reason": …}]}

Invariant: the same documents give the same feed, byte for byte, so its ETag holds until one of them
changes. Absent: CalDAV; a feed that can be written to.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from plait.api.documents import Documents
from plait.api.store import Store
from plait.apps import App, Site
from plait.apps.calendar.entries import (
    Entry,
    entries_of,
    entry_of,
    families,
    names_of,
    write_by_parts,
)
from plait.apps.calendar.ics import BYTES_MAX, read_ics, write_ics
from plait.apps.calendar.model import Calendar, Event, find_calendar, open_calendar, parts_of
from plait.apps.calendar.sample import fill
from plait.base.errors import PlaitError
from plait.doors.http.pages import Pages
from plait.doors.http.problems import HttpProblem, bad_request, not_found, response_of

WEB: Final = Path(__file__).parent / "web"
KIND: Final = "text/calendar; charset=utf-8"
BODY_S: Final = 30.0
TAKEN_AT_ONCE: Final = 20  # events, so that others on the loop get their turn

_reading = asyncio.Semaphore(1)  # files are read one after the other

Route_ = Callable[[Request], Awaitable[Response]]


class _Calendar:
    """The routes of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feeds: dict[str, tuple[str, bytes]] = {}  # (versions, file) by calendar
        self._making = asyncio.Lock()

    async def feed(self, request: Request) -> Response:
        """GET feed.ics"""
        async with self._making:  # what many ask for at once is made once
            return await self._feed(request)

    async def _feed(self, request: Request) -> Response:
        only = request.query_params.get("calendar", "")
        found = await find_calendar(self._store)
        if found is None:
            return _file(request, write_ics([]), "calendar.ics")
        events, calendars = found
        versions = f"{events.version} {calendars.version}"
        kept = self._feeds.get(only)
        if kept is None or kept[0] != versions:
            if only and only not in calendars:
                raise not_found(f"there is no calendar {only!r}")
            name = (calendars[only].name or only) if only else "Calendar"
            entries = await _entries(events, calendars, only)
            kept = (versions, await asyncio.to_thread(write_ics, entries, name))
            if len(self._feeds) > 50:
                self._feeds.clear()
            self._feeds[only] = kept
        return _file(request, kept[1], "calendar.ics")

    async def event(self, request: Request) -> Response:
        """GET event.ics"""
        key = parts_of(request.query_params.get("key", ""))[0]
        if not key:
            raise bad_request("name an event: event.ics?key=…")
        found = await find_calendar(self._store)
        entries = list(entries_of(*found, only=key)) if found else []
        if not entries:
            raise not_found(f"there is no event {key!r}")
        return _file(request, write_ics(entries, entries[0].title or "Event"), "event.ics")

    async def bring(self, request: Request) -> Response:
        """POST import"""
        data = await _body(request)
        async with _reading:
            entries, skipped = await asyncio.to_thread(read_ics, data)
        events, calendars = await open_calendar(self._store)
        count = 0
        for part in write_by_parts(events, calendars, entries):
            count += part
            await asyncio.sleep(0)
        await calendars.flush()
        await events.flush()
        told = [{"uid": one.uid, "reason": one.reason} for one in skipped[:100]]
        return JSONResponse({"imported": count, "skipped": told}, headers=_FRESH)


async def _entries(
    events: Documents[Event], calendars: Documents[Calendar], only: str
) -> list[Entry]:
    """Those of one calendar, or of all (""); others on the loop get their turn in between."""
    names = names_of(calendars)
    found = []
    for number, (key, changed) in enumerate(families(events)):
        if number % TAKEN_AT_ONCE == 0:
            await asyncio.sleep(0)
        if key in events and (not only or events[key].calendar == only):
            entry = entry_of(events, names, key, changed)
            if entry is not None:
                found.append(entry)
    return found


_FRESH = {"Cache-Control": "no-store"}


async def _body(request: Request) -> bytes:
    """What was sent, no more than a file may have."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                data += piece
                if len(data) > BYTES_MAX:
                    detail = f"a calendar file has at most {BYTES_MAX} bytes"
                    raise HttpProblem(413, "TooLarge", detail)
    except TimeoutError:
        raise HttpProblem(408, "TooSlow", f"no file came within {BODY_S:g} s") from None
    except ClientDisconnect:
        raise bad_request("the file broke off") from None
    return bytes(data)


def _file(request: Request, data: bytes, name: str) -> Response:
    etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = {
        "ETag": etag, "Cache-Control": "no-cache",
        "Content-Disposition": f'inline; filename="{name}"',
    }  # fmt: skip
    known = request.headers.get("if-none-match", "")
    if etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=KIND, headers=headers)


def _told(route: Route_) -> Route_:
    """The same route, with what goes wrong told as problems."""

    async def answer(request: Request) -> Response:
        try:
            return await route(request)
        except (HttpProblem, PlaitError) as problem:
            return response_of(problem)

    return answer


def app(store: Store) -> App:
    """What answers at /apps/calendar/."""
    calendar = _Calendar(store)
    return Starlette(
        routes=[
            Route("/feed.ics", _told(calendar.feed)),
            Route("/event.ics", _told(calendar.event)),
            Route("/import", _told(calendar.bring), methods=["POST"]),
            Mount("/", Pages(WEB, joined=["app.js"])),
        ]
    )


async def prepare(store: Store) -> None:
    """Make the collections, unless they are there."""
    await open_calendar(store)


SITE: Final = Site("calendar", "Calendar", app, prepare, fill)
