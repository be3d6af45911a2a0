"""Chromium, for tests of pages: where it is, and windows that have the browser replica open.

To start one takes as long as most tests of a page: those of a module share it (`SHARED`), each with
contexts of its own, which are closed with the test.
"""

import contextlib
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_OPEN = """async ([schema, options]) => {
  const client = await import("/client.js");
  window.client = client;
  window.store = await client.connect(options);
  const fields = Object.fromEntries(
    Object.entries(schema).map(([name, kind]) => [name, client[kind]()]));
  window.notes = await window.store.documents("notes", fields);
}"""

SCHEMA = {"title": "register", "likes": "counter", "tags": "addWinsSet"}


# The `pytestmark` of a module whose tests share a browser, and so an event loop.
SHARED = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("browser_of_module")]

_shared: list[Browser] = []


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser; the test is skipped, loudly, where there is none."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM FOUND: pages were not tried in a browser")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def sharing() -> AsyncIterator[None]:
    """Until the end, `chromium` gives one browser."""
    async with launched() as browser:
        _shared.append(browser)
        try:
            yield
        finally:
            _shared.remove(browser)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser of the module, without what other tests did in it; or one for this test."""
    if not (_shared and _shared[-1].is_connected()):
        async with launched() as browser:
            yield browser
        return
    try:
        yield _shared[-1]
    finally:
        for context in _shared[-1].contexts:
            await context.close()


async def window(
    context: BrowserContext, base: str, schema: dict[str, str] = SCHEMA, **options: Any
) -> Page:
    """A window with the collection "notes" open as `notes`."""
    page = await context.new_page()
    page.set_default_timeout(45_000)  # other tests may have the processors
    await page.goto(f"{base}/healthz")
    await page.evaluate(_OPEN, [schema, options])
    return page


async def shows(page: Page, expression: str, wanted: Any) -> None:
    """Wait until an expression of the page is something."""
    await page.wait_for_function(
        "([expression, wanted]) => JSON.stringify(eval(expression)) === JSON.stringify(wanted)",
        arg=[expression, wanted],
    )
