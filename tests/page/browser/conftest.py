"""A real Chromium and the real app for it, with an admin signed in.

All tests here run in one event loop, since a browser belongs to one. The app runs in it too, on a real socket.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from app.gate import SESSION_COOKIE
from tests.app.conftest import Api, serving
from tests.conftest import Database
from tests.db.stage import Stage
from tests.intent import TEMPLATES, intent_on
from tests.people import session_of, token_of

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHOSEN = "ORCHESTRATOR_CHROMIUM"
INSTALL_SECONDS = 300
# A browser says so of its own whenever a request fails, and htmx too, which some tests provoke.
EXPECTED = ("Failed to load resource", "htmx:sendError", "htmx:afterRequest")
# How far things have moved without anybody having done anything: `shifts`, 0 if nothing has.
COUNT_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.shifts.push(entry.sources.map(({ node, previousRect, currentRect }) =>
      `${node?.nodeName} ${node?.textContent} ${JSON.stringify([previousRect, currentRect])}`));
  }
}).observe({ type: "layout-shift", buffered: true });
"""

NewWindow = Callable[..., AbstractAsyncContextManager[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all that is below this folder."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


# ---------------------------------------------------------------- the browser


def find_chromium(own: str) -> str | None:
    """One that is there: chosen, on PATH, or Playwright's `own`."""
    chosen = os.environ.get(CHOSEN)
    if chosen is not None:
        assert Path(chosen).is_file(), f"{CHOSEN} is set to {chosen!r}, where no browser is"
        return chosen
    return next(filter(None, map(shutil.which, NAMES)), None) or (own if Path(own).is_file() else None)


def install_chromium(own: str) -> str:
    """Install one, or fail the test with what to do."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        attempts += [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]
    said = []
    for command in attempts:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        found = find_chromium(own)
        if found is not None:
            return found
        said.append(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")
    pytest.fail(
        "the page's tests need Chromium, and none could be installed. Put chromium or google-chrome on PATH, or set "
        f"{CHOSEN} to its program.\n" + "\n".join(said)
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests; each has windows of its own, which share nothing with another's."""
    async with async_playwright() as playwright:
        own = playwright.chromium.executable_path
        program = find_chromium(own) or install_chromium(own)
        # Chromium's own sandbox refuses to run as root, as containers do.
        running = await playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        yield running
        await running.close()


# ---------------------------------------------------------------- the app, and windows onto it


@pytest_asyncio.fixture(loop_scope="session")
async def site(database: Database) -> AsyncIterator[Api]:
    """The app as in a stack."""
    async with serving(database.dsn_as("api"), token_of(database.dsn), session_of(database.dsn)) as running:
        yield running


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    """Postgres beside it: a person at psql, and a worker and a watcher played by hand. `web` can be deployed."""
    with intent_on(database, "default") as intent:
        intent.put_template("web", TEMPLATES["web"])
    found = Stage(database)
    found.reachable()
    yield found
    found.close()


@asynccontextmanager
async def window_on(browser: Browser, url: str, session: str | None, **options: Any) -> AsyncIterator[Page]:
    """A window of whoever has this session. Whatever goes wrong in its scripts fails the test."""
    context = await browser.new_context(**{"base_url": url, "viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(10_000)
    await context.add_init_script(COUNT_SHIFTS)
    if session is not None:
        await context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": url}])
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: note(said, wrong))
    try:
        yield page
    finally:
        await context.close()
    assert wrong == []


def note(said: ConsoleMessage, wrong: list[str]) -> None:
    if said.type in ("error", "warning") and not said.text.startswith(EXPECTED):
        wrong.append(said.text)


@pytest_asyncio.fixture(loop_scope="session")
async def new_window(browser: Browser, site: Api) -> AsyncIterator[NewWindow]:
    """Opens windows in which the admin is signed in; options are those of Playwright's new_context."""

    def opened(**options: Any) -> AbstractAsyncContextManager[Page]:
        return window_on(browser, str(site.client.base_url), site.client.cookies[SESSION_COOKIE], **options)

    yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def window(new_window: NewWindow) -> AsyncIterator[Page]:
    """One such window."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(new_window())
