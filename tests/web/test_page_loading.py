"""How pages come to life on a first visit, in a real browser: what they ask for, and how soon."""

import re
import statistics
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser

import plait
from plait.apps import sites
from plait.doors.http.serving import listening
from tests.web.browsers import chromium

VISITS = 3
ALIVE_MS_MAX = 20_000  # whatever else the machine does
ALIVE = {  # what is there once a page can be used
    "/": "#view-cluster svg",
    "/apps/notes/": "html[data-ready] [contenteditable]",
    "/apps/calendar/": "body[data-ready]",
}
WATCH = """(selector) => {
  const look = () => {
    if (document.querySelector(selector)) window.alive = performance.now();
    else setTimeout(look, 4);
  };
  look();
}"""


async def visit(browser: Browser, url: str, selector: str) -> tuple[float, float, set[str]]:
    """Milliseconds to the first paint and until it can be used; the modules that were asked for."""
    context = await browser.new_context()
    page = await context.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    await page.add_init_script(f"({WATCH})({selector!r})")
    await page.goto(url)
    await page.wait_for_function("() => window.alive", timeout=ALIVE_MS_MAX * 2)
    alive, painted = await page.evaluate(
        "[alive, performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? alive]"
    )
    await context.close()
    return painted, alive, {path for path in asked if path.endswith(".js")}


@pytest.mark.parametrize("path", ALIVE)
async def test_a_page_asks_for_the_modules_that_it_names_and_is_soon_alive(
    tmp_path: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with chromium() as browser, plait.open(tmp_path / "data") as store:
        for site in sites():
            await site.prepare(store)
            await site.fill(store)
        door = plait.asgi(store, mounts={site.path: site.app for site in sites()})
        async with listening(door, "127.0.0.1:0") as bound:
            url = f"http://{bound}{path}"
            visits = [await visit(browser, url, ALIVE[path]) for _ in range(VISITS + 1)][1:]
            async with httpx.AsyncClient() as client:
                text = (await client.get(url)).text
    named = {
        httpx.URL(path).join(one).path
        for one in re.findall(
            r'(?:modulepreload" href|script(?: type="module")? src)="(.+?)"', text
        )
    }
    for *_, asked in visits:
        assert asked <= named
    painted, alive = (statistics.median(one[i] for one in visits) for i in (0, 1))
    with capsys.disabled():
        print(f"\n{path}: first paint after {painted:.0f} ms, alive after {alive:.0f} ms")
    assert alive < ALIVE_MS_MAX
