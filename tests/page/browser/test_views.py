"""Every view of a town, for everybody: axe finds nothing, nothing is cut off, in light and dark, wide and narrow.

With ORCHESTRATOR_SCREENSHOTS=DIR pictures of some are kept there; `./just screenshots` does so.
"""

import base64
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.app.conftest import serving
from tests.conftest import Database, copied
from tests.db.stage import Stage
from tests.page.browser import town
from tests.page.browser.accessibility import faults
from tests.page.browser.conftest import window_on
from tests.people import session_of

PICTURES = os.environ.get("ORCHESTRATOR_SCREENSHOTS")
VIEWS = {
    "home": "/",
    "home-nothing-fits": "/?q=nowhere",
    "home-deleted": "/?deleted=true",
    "new": "/new",
    "new-paper": "/new/paper",
    "server": "/servers/{lobby}",
    "server-degraded": "/servers/{survival}",
    "server-refused": "/servers/{skyblock}",
    "server-drifted": "/servers/{minigames}",
    "server-long-name": "/servers/{the-longest-name-that-a-server-can-have}",
    "server-new": "/servers/{hub}",
    "server-deleting": "/servers/{event-summer}",
    "edit": "/servers/{lobby}/edit",
    "revisions": "/servers/{lobby}/revisions",
    "compare": "/servers/{lobby}/compare",
    "history": "/servers/{lobby}/history",
    "rollback": "/servers/{lobby}/rollback?to=1",
    "delete": "/servers/{lobby}/delete",
    "plan": "/servers/{lobby}/plan",
    "adopt": "/servers/{minigames}/adopt",
    "drift": "/drift",
    "windows": "/windows",
    "clusters": "/clusters",
    "window": "/windows/1",
    "people": "/people",
    "person": "/people/alice",
    "account": "/account",
    "no-such-page": "/nowhere",
}
DOORS = {"sign-in": "/sign-in", "welcome": "/welcome/{link}", "welcome-used": "/welcome/none", "api": "/api/docs"}
# Of which docs/screenshots has pictures.
SHOWN = {
    "home", "home-dark", "home-narrow", "new", "new-paper", "new-paper-narrow", "server", "server-dark",
    "server-narrow", "server-degraded", "server-degraded-dark", "edit", "revisions", "compare", "rollback", "delete",
    "plan", "drift", "drift-narrow", "windows", "clusters", "clusters-dark", "clusters-narrow", "people", "account",
    "sign-in",
}  # fmt: skip
NARROW = {"width": 360, "height": 740}
SHRINK = """async (png) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/webp", quality: 0.9 })).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


class Town(msgspec.Struct, frozen=True):
    """Where it is served, the session of an admin, and what stands in addresses."""

    url: str
    session: str
    names: dict[str, str]


@pytest.fixture(scope="module")
def built(postgres: Database) -> Iterator[tuple[Database, dict[str, str]]]:
    """One town for all views: they only look."""
    with copied(postgres) as database, staged(database) as stage:
        names = {name: str(made) for name, made in town.build(stage).items()}
        names["link"] = stage.one("SELECT make_password_link('bob')")
        yield database, names


@contextmanager
def staged(database: Database) -> Iterator[Stage]:
    stage = Stage(database)
    yield stage
    stage.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def here(built: tuple[Database, dict[str, str]]) -> AsyncIterator[Town]:
    """The town, served."""
    database, names = built
    async with serving(database.dsn_as("api")) as site:
        yield Town(str(site.client.base_url), session_of(database.dsn), names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [*VIEWS, *DOORS])
async def test_a_view_is_there_for_everybody(browser: Browser, here: Town, view: str, scheme: str) -> None:
    async with opened(browser, here, view, color_scheme=scheme) as window:
        await picture(window, view if scheme == "light" else f"{view}-{scheme}")
        assert await faults(window) == []
        assert await width(window) <= 1280
        assert await cut_off(window) == []


@pytest.mark.parametrize("view", [*VIEWS, *DOORS])
async def test_a_view_fits_a_telephone(browser: Browser, here: Town, view: str) -> None:
    async with opened(browser, here, view, viewport=NARROW) as window:
        await picture(window, f"{view}-narrow")
        assert await width(window) <= NARROW["width"]
        assert await faults(window) == []
        assert await cut_off(window) == []


@asynccontextmanager
async def opened(browser: Browser, here: Town, view: str, **options: Any) -> AsyncIterator[Page]:
    """A window that shows the view. Doors are for those who are not in yet."""
    session = here.session if view in VIEWS else None
    async with window_on(browser, here.url, session, **options) as window:
        answer = await window.goto((VIEWS | DOORS)[view].format(**here.names))
        assert answer is not None
        assert answer.status == (404 if view in ("no-such-page", "welcome-used") else 200)
        yield window


async def width(window: Page) -> int:
    """Of all that there is, seen or not."""
    return await window.evaluate("document.documentElement.scrollWidth")


async def cut_off(window: Page) -> list[str]:
    """Texts of which a part cannot be seen. What is shortened with dots (`clip`) tells the rest in its title."""
    return await window.evaluate(
        "[...document.querySelectorAll('td, th, dd, button, .button, .badge, h1, h2, h3')].filter((one) =>"
        " one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.trim())"
    )


async def picture(window: Page, name: str) -> None:
    """Keep one, if pictures are asked for; as WebP, which the browser itself can make."""
    if PICTURES is None or name not in SHOWN:
        return
    taken = base64.b64encode(await window.screenshot(animations="disabled")).decode()
    blank = await window.context.new_page()
    small = await blank.evaluate(SHRINK, taken)
    await blank.close()
    keep(name, base64.b64decode(small))


def keep(name: str, picture: bytes) -> None:
    assert PICTURES is not None
    Path(PICTURES).mkdir(parents=True, exist_ok=True)
    Path(PICTURES, f"{name}.webp").write_bytes(picture)
