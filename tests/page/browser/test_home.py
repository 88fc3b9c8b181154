"""Home in a real browser."""

from playwright.async_api import Page, expect

from tests.db.stage import Stage
from tests.page.browser.accessibility import faults


async def test_servers_are_listed(window: Page, stage: Stage) -> None:
    stage.deploy("lobby")
    await window.goto("/")
    await expect(window.get_by_role("link", name="lobby")).to_be_visible()


async def test_axe_finds_nothing(window: Page, stage: Stage) -> None:
    stage.deploy("lobby")
    await window.goto("/")
    assert await faults(window) == []
