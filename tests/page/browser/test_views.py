"""Every view of a town, for everybody: axe finds nothing, nothing is cut off, in light and dark, wide and narrow.

With ORCHESTRATOR_SCREENSHOTS=DIR pictures of some are kept there; `./just screenshots` does so.
"""

import base64
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.page.errors import is_api
from tests.app.conftest import serving
from tests.app.test_routes import routes
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
    "dry-run": "/dry-runs/{dry-run}",
    "adopt": "/servers/{minigames}/adopt",
    "upgrade": "/servers/{panel}/upgrade",
    "rollouts": "/rollouts",
    "rollout": "/rollouts/{rollout}",
    "rollout-new": "/rollouts/new?template=web",
    "drift": "/drift",
    "windows": "/windows",
    "clusters": "/clusters",
    "window": "/windows/1",
    "people": "/people",
    "person": "/people/alice",
    "account": "/account",
    "no-such-page": "/nowhere",
}
DOORS = {"sign-in": "/sign-in", "welcome": "/welcome/{link}", "welcome-used": "/welcome/none", "docs": "/api/docs"}
UNFOUND = {"no-such-page", "welcome-used"}
# What answers people and is no view: files, parts of views, and the way to somebody else's form and back.
NO_VIEWS = {"/assets/{name:str}", "/live/{name:str}", "/sign-in/oidc", "/sign-in/oidc/back"}
# Of which docs/screenshots has pictures.
SHOWN = {
    "home", "home-dark", "home-narrow", "new", "new-paper", "new-paper-narrow", "server", "server-dark",
    "server-narrow", "server-degraded", "server-degraded-dark", "edit", "revisions", "compare", "rollback", "delete",
    "plan", "drift", "drift-narrow", "windows", "clusters", "clusters-dark", "clusters-narrow", "people", "account",
    "sign-in", "adopt", "history", "person", "window", "welcome", "docs", "upgrade", "upgrade-narrow", "rollouts",
    "rollout", "rollout-dark", "rollout-narrow", "rollout-new", "dry-run", "dry-run-narrow", "act", "act-narrow",
    "edit-moved",
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
        yield database, {name: str(made) for name, made in town.build(stage).items()}


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


async def choose_and_stop(window: Page) -> None:
    """Of many at once it is asked whether that is meant."""
    for name in ("lobby", "survival", town.LONG_NAME):
        await window.get_by_label(f"Select {name}", exact=True).check()
    await window.get_by_role("button", name="Stop", exact=True).click()
    await expect(window.get_by_role("heading", name="Stop 3 servers?")).to_be_visible()


async def choose_and_delete(window: Page) -> None:
    """And what is to become of their data."""
    await window.get_by_label("Select lobby", exact=True).check()
    await window.get_by_role("button", name="Delete", exact=True).click()
    await expect(window.get_by_role("heading", name="Delete lobby?")).to_be_visible()


async def choose_and_upgrade(window: Page) -> None:
    """Of which some would be refused."""
    for name in ("panel", "map"):
        await window.get_by_label(f"Select {name}", exact=True).check()
    await window.get_by_role("button", name="Upgrade", exact=True).click()
    await expect(window.get_by_role("heading", name="Move 2 servers of web?")).to_be_visible()


async def save_what_others_changed(window: Page) -> None:
    """As one whose form is older than what somebody else has changed since."""
    await window.get_by_label("Players at most").fill("50")
    await window.evaluate("document.querySelector('#draft [name=generation]').value = 1")
    await window.get_by_role("button", name="Save").click()
    await expect(window.locator("#moved")).to_be_visible()


async def make_token(window: Page) -> None:
    """It is shown this once."""
    await window.get_by_text("Make a token").click()
    await window.get_by_label("What is it for?").fill("Nightly backup")
    await window.get_by_role("button", name="Make the token").click()
    await expect(window.get_by_role("heading", name="Your new token")).to_be_visible()


async def make_link(window: Page) -> None:
    """Another password for one who has forgotten theirs."""
    await window.get_by_role("button", name="Make a link").click()
    await expect(window.locator("#link")).to_be_visible()


async def add_somebody(window: Page) -> None:
    """Who is given a link."""
    name = f"carol-{await window.get_by_role('row').count()}"
    await window.get_by_text("Add somebody").click()
    await window.get_by_label("Name", exact=True).fill(name)
    await window.get_by_role("button", name="Add, and make a link").click()
    await expect(window.get_by_role("heading", name=f"A link for {name}")).to_be_visible()


async def create_too_soon(window: Page) -> None:
    """A form that was sent and refused."""
    await window.get_by_role("button", name="Create server").click()
    await expect(window.get_by_label("I have read and accept")).to_have_attribute("aria-invalid", "true")


async def open_restart(window: Page) -> None:
    """What is asked before people are disconnected."""
    await window.locator("#ask-restart summary").click()


# Views that only an action leads to: the one before it, and what is done there.
ACTS: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "act": ("home", choose_and_stop),
    "act-delete": ("home", choose_and_delete),
    "rollout-refused": ("home", choose_and_upgrade),
    "edit-moved": ("edit", save_what_others_changed),
    "new-refused": ("new-paper", create_too_soon),
    "server-restart": ("server", open_restart),
    "token-made": ("account", make_token),
    "link-made": ("person", make_link),
    "person-made": ("people", add_somebody),
}


def test_every_page_is_among_the_views() -> None:
    asked = {address.partition("?")[0] for address in (*VIEWS.values(), *DOORS.values())}
    pages = {route.removeprefix("GET ") for route in routes() if route.startswith("GET ")}
    pages = {page for page in pages if page == DOORS["docs"] or not is_api(page)}
    assert {page for page in pages if not any(re.fullmatch(pattern(page), one) for one in asked)} == NO_VIEWS


def pattern(page: str) -> str:
    """What addresses of a route look like here, where ids are named in braces."""
    kinds = {"int": r"(\d+|{[\w-]+})", "uuid": r"{[\w-]+}", "str": r"[^/]+"}
    return re.sub(r"{\w+:(\w+)}", lambda found: kinds[found[1]], page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [*VIEWS, *DOORS, *ACTS])
async def test_a_view_is_there_for_everybody(browser: Browser, here: Town, view: str, scheme: str) -> None:
    async with opened(browser, here, view, color_scheme=scheme) as window:
        await picture(window, view if scheme == "light" else f"{view}-{scheme}")
        assert await faults(window) == []
        assert await width(window) <= 1280
        assert await cut_off(window) == []


@pytest.mark.parametrize("view", [*VIEWS, *DOORS, *ACTS])
async def test_a_view_fits_a_telephone(browser: Browser, here: Town, view: str) -> None:
    async with opened(browser, here, view, viewport=NARROW) as window:
        await picture(window, f"{view}-narrow")
        assert await width(window) <= NARROW["width"]
        assert await faults(window) == []
        assert await cut_off(window) == []


@asynccontextmanager
async def opened(browser: Browser, here: Town, view: str, **options: Any) -> AsyncIterator[Page]:
    """A window that shows the view. Doors are for those who are not in yet."""
    session = None if view in DOORS else here.session
    before, act = ACTS.get(view, (view, None))
    async with window_on(browser, here.url, session, **options) as window:
        answer = await window.goto((VIEWS | DOORS)[before].format(**here.names))
        assert answer is not None
        assert answer.status == (404 if before in UNFOUND else 200)
        if act is not None:
            await act(window)
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
