"""Pages of the notes app in a real browser, over a test double of the replica or a real cluster."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.web.browsers import CHROMIUM, chromium

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "src" / "plait" / "apps" / "notes" / "web"
DOORS = ROOT / "src" / "plait" / "doors" / "web"
FAKE = Path(__file__).parent / "notes_fake.js"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="NO CHROMIUM: the pages of the notes app are NOT tested in a browser"
)


class Complaints(list):
    """What a page said on its console, its errors, and what it asked of others."""

    def hear(self, page, own):
        """own: where everything has to come from."""
        page.on(
            "console",
            lambda m: self.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else 0,
        )
        page.on("pageerror", lambda error: self.append(f"page error: {error}"))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((*own, "data:", "blob:"))
                else self.append(f"asked elsewhere: {asked.url}")
            ),
        )


@asynccontextmanager
async def page_alone(notes=(), width=1200, height=800, path="", **more):
    """The app over the test double, with these notes; yields (page, complaints)."""
    complaints = Complaints()
    async with chromium() as browser:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, service_workers="block", **more
        )
        page = await context.new_page()
        complaints.hear(page, ["http://plait.test/"])
        await page.route("**/*", _serve)
        await page.add_init_script(f"window.fakeNotes = {json.dumps(list(notes))}")
        await page.goto(f"http://plait.test/apps/notes/?name=Ann{path}")
        await page.wait_for_selector("html[data-ready]")
        yield page, complaints


async def _serve(route):
    path = route.request.url.removeprefix("http://plait.test/").split("?")[0].split("#")[0]
    if path.startswith("kit/"):
        file = DOORS / path
    else:
        file = (
            FAKE
            if path == "client.js"
            else WEB / (path.removeprefix("apps/notes/") or "index.html")
        )
    if file.exists():
        await route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
    else:
        await route.fulfill(status=404, body="")


NOTE = {"key": "n1", "title": "One", "delta": [], "edited": 1}


def note(text, **more):
    return {**NOTE, "delta": [{"insert": text}] if text else [], **more}


async def said(page):
    """The text of the note that is open."""
    return await page.evaluate("String(fake.notes.get('n1').body)")


async def delta(page):
    return await page.evaluate("fake.notes.get('n1').body.toDelta()")


async def caret(page, place, head=None):
    """Put the caret somewhere, as a person would see it: through the page's selection."""
    await page.evaluate(
        """([at, head]) => {
          const { editor } = notes.pane;
          editor.focus(at);
          const [from, to] = [editor.surface.spot(at), editor.surface.spot(head ?? at)];
          getSelection().setBaseAndExtent(...from, ...to);
        }""",
        [place, head],
    )
    await page.wait_for_timeout(20)


async def selection(page):
    return await page.evaluate("notes.pane.editor.writing.select")
