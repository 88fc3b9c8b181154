"""Home in a real browser: it shows what is committed without a reload, and finds, chooses and acts."""

import asyncio
import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Locator, Page, Route, expect

from app.streams import MOST_OF_A_USER
from tests.app.conftest import Api
from tests.db.stage import Stage
from tests.db.test_adopt import GREETING, change
from tests.db.test_contested import put_back
from tests.page.browser.accessibility import faults
from tests.page.browser.conftest import NewWindow

# Sooner than the page would look by itself, so that only being told can be so quick.
TOLD_MILLISECONDS = 3_000
CONTESTED = change(GREETING, "hello", "theirs", manager="helm")


async def test_what_is_committed_shows_in_every_window_without_a_reload(new_window: NewWindow, stage: Stage) -> None:
    made = stage.run_healthy("lobby")
    async with new_window() as one, new_window() as other:
        for window in (one, other):
            await window.goto("/")
            await expect(row(window, "lobby")).to_contain_text("Healthy")
            await window.evaluate("window.stays = true")
        for state, status in (("Stopped", "Generation 2"), ("Active", "Generation 3"), ("Paused", "Paused")):
            stage.change(made, desired_state=state)
            for window in (one, other):
                await expect(row(window, "lobby")).to_contain_text(status, timeout=TOLD_MILLISECONDS)
        stage.deploy("hub")
        for window in (one, other):
            await expect(row(window, "hub")).to_be_visible(timeout=TOLD_MILLISECONDS)
            assert await window.evaluate("window.stays"), "it was never reloaded"


def row(window: Page, name: str) -> Locator:
    """The line of one server."""
    return window.get_by_role("row").filter(has=window.get_by_role("link", name=name, exact=True))


async def test_nothing_moves_when_a_status_changes(window: Page, stage: Stage) -> None:
    made = [stage.run_healthy(f"server-{number}") for number in range(4)]
    await window.goto("/")
    await expect(row(window, "server-3")).to_contain_text("Healthy")
    await window.evaluate("window.shifts = []")
    stage.observe(
        stage.later(
            made[1], "Deployment", "server-1", health="Degraded", reason="CrashLoopBackOff",
            message="container web: back-off 5m0s restarting failed container=web pod=server-1-7d4b9c6f5-abcde " * 3,
        )
    )  # fmt: skip
    await expect(row(window, "server-1")).to_contain_text("Degraded", timeout=TOLD_MILLISECONDS)
    stage.change(made[2], desired_state="Stopped")
    await expect(row(window, "server-2")).to_contain_text("Progressing", timeout=TOLD_MILLISECONDS)
    assert await window.evaluate("window.shifts") == []


async def test_a_search_narrows_the_list_as_one_types_and_stands_in_the_address(window: Page, stage: Stage) -> None:
    for name in ("lobby", "lobby-eu", "hub"):
        stage.deploy(name)
    await window.goto("/")
    await window.get_by_label("Search").press_sequentially("lobby")
    await expect(row(window, "hub")).to_have_count(0)
    await expect(row(window, "lobby-eu")).to_be_visible()
    await expect(window).to_have_url(re.compile(r"\?q=lobby$"))
    await expect(window.get_by_label("Search")).to_be_focused()
    stage.deploy("lobby-us")
    await expect(row(window, "lobby-us")).to_be_visible(timeout=TOLD_MILLISECONDS)
    stage.deploy("other")
    await window.reload()
    await expect(window.get_by_label("Search")).to_have_value("lobby")
    await expect(row(window, "lobby-us")).to_be_visible()
    await expect(row(window, "other")).to_have_count(0)


async def test_a_status_narrows_the_list_and_stays_live(window: Page, stage: Stage) -> None:
    made = stage.run_healthy("well")
    stage.deploy("new")
    await window.goto("/")
    await window.get_by_label("By status").get_by_role("link", name=re.compile("Healthy")).click()
    await expect(window).to_have_url(re.compile("status=Healthy"))
    await expect(row(window, "new")).to_have_count(0)
    await expect(row(window, "well")).to_be_visible()
    stage.change(made, desired_state="Stopped")
    await expect(row(window, "well")).to_have_count(0, timeout=TOLD_MILLISECONDS)


async def test_many_are_chosen_and_stopped_at_once(window: Page, stage: Stage) -> None:
    for name in ("one", "two", "three"):
        stage.deploy(name)
    await window.goto("/")
    stop = window.get_by_role("button", name="Stop", exact=True)
    await expect(stop).to_be_disabled()
    await window.get_by_label("Select one").check()
    await window.get_by_label("Select two").check()
    await expect(window.get_by_text("2 selected")).to_be_visible()
    stage.deploy("four")
    await expect(row(window, "four")).to_be_visible(timeout=TOLD_MILLISECONDS)
    await expect(window.get_by_label("Select one")).to_be_checked()
    await stop.click()
    await window.get_by_role("button", name="Stop 2 servers").click()
    await expect(window.get_by_role("heading", name="Servers", exact=True)).to_be_visible()
    states = {row["name"]: row["desired_state"] for row in stage.rows("SELECT name, desired_state FROM deployments")}
    assert states == {"one": "Stopped", "two": "Stopped", "three": "Active", "four": "Active"}


async def test_the_keyboard_is_enough(window: Page, stage: Stage) -> None:
    stage.deploy("lobby")
    await window.goto("/")
    await window.keyboard.press("Tab")
    await expect(window.get_by_role("link", name="Skip to the content")).to_be_focused()
    await window.keyboard.press("Enter")
    await expect(window.locator("#main")).to_be_focused()
    await tab_to(window, window.get_by_label("Select lobby"))
    await window.keyboard.press("Space")
    await tab_to(window, window.get_by_role("button", name="Stop", exact=True), backwards=True)
    await window.keyboard.press("Enter")
    await tab_to(window, window.get_by_role("button", name="Stop lobby"))
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("heading", name="Servers", exact=True)).to_be_visible()
    assert stage.deployment("lobby")["desired_state"] == "Stopped"


async def tab_to(window: Page, element: Locator, *, backwards: bool = False) -> None:
    """As one who has no mouse, and fail if it cannot be come to."""
    for _ in range(60):
        await window.keyboard.press("Shift+Tab" if backwards else "Tab")
        if await element.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"no way to {element} by keyboard")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(new_window: NewWindow, stage: Stage, scheme: str) -> None:
    stage.run_healthy("lobby")
    stage.deploy("hub")
    async with new_window(color_scheme=scheme) as window:
        await window.goto("/")
        assert await faults(window) == []


async def test_it_is_empty_at_first_and_says_what_to_do(window: Page, site: Api) -> None:
    await window.goto("/")
    await expect(window.get_by_role("heading", name="No servers yet")).to_be_visible()
    assert await faults(window) == []


async def test_a_search_that_takes_a_while_says_that_it_goes_on(window: Page, stage: Stage) -> None:
    stage.deploy("lobby")
    await window.goto("/")
    answer = asyncio.Event()

    async def slowly(route: Route) -> None:
        await answer.wait()
        await route.continue_()

    await window.route("**/?q=*", slowly)
    working = window.get_by_text("Searching…")
    await expect(working).to_be_hidden()
    await window.get_by_label("Search").press_sequentially("lob")
    await expect(working).to_be_visible()
    answer.set()
    await expect(working).to_be_hidden()
    await window.unroute_all()


async def test_nothing_moves_when_a_path_is_contested(window: Page, stage: Stage) -> None:
    own = stage.run_healthy("lobby")
    await window.goto("/")
    await expect(row(window, "lobby")).to_contain_text("Healthy")
    await window.evaluate("window.shifts = []")
    for _ in range(3):
        put_back(stage, own, CONTESTED)
    await expect(window.get_by_text("1 path is contested")).to_be_visible()
    await expect(window.get_by_label("Contested")).to_contain_text("is contested by helm")
    assert await window.evaluate("window.shifts") == []


async def test_what_got_no_answer_is_said_and_is_over_when_the_page_is_current_again(
    window: Page, stage: Stage
) -> None:
    stage.deploy("lobby")
    await window.goto("/")
    await window.route("**/?q=*", lambda route: route.abort())
    await window.get_by_label("Search").press_sequentially("lob")
    notice = window.locator("#notice")
    await expect(notice).to_contain_text("That got no answer")
    await window.unroute_all()
    await expect(notice).to_be_hidden(timeout=30_000)


async def test_a_page_too_many_says_why_it_is_not_kept_current(window: Page, site: Api, stage: Stage) -> None:
    stage.deploy("lobby")
    async with AsyncExitStack() as others:
        for _ in range(MOST_OF_A_USER):
            await others.enter_async_context(site.client.stream("GET", "/live/servers"))
        await window.goto("/")
        await expect(window.locator("#notice")).to_contain_text("Too many of your pages are open", timeout=20_000)
    await expect(window.locator("#notice")).to_be_hidden(timeout=30_000)
