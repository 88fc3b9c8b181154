"""Coming in, in a real browser: the first link, the password, and what each may see."""

from playwright.async_api import Browser, Page, expect

from tests.app.conftest import Api
from tests.db.stage import Stage
from tests.page.browser.conftest import window_on
from tests.page.browser.test_home import row
from tests.people import session_of

PASSWORD = "correct horse battery staple"


async def test_the_first_link_sets_a_password_with_which_one_signs_in_again(
    browser: Browser, site: Api, stage: Stage
) -> None:
    stage.deploy("lobby")
    link = "/welcome/" + stage.one("SELECT make_password_link('admin')")
    async with window_on(browser, str(site.client.base_url), None) as window:
        await window.goto("/")
        await expect(window.get_by_role("heading", name="Sign in")).to_be_visible()
        await window.goto(link)
        await window.get_by_label("New password").fill(PASSWORD)
        await window.get_by_label("The same again").fill("something else")
        await window.get_by_role("button", name="Set the password").click()
        await expect(window.locator("#error-again")).to_be_visible()
        await window.get_by_label("New password").fill(PASSWORD)
        await window.get_by_label("The same again").fill(PASSWORD)
        await window.get_by_role("button", name="Set the password").click()
        await expect(row(window, "lobby")).to_be_visible()
        await window.goto(link)
        await expect(window.get_by_role("heading", name="no longer good")).to_be_visible()
        await window.goto("/")
        await window.get_by_role("button", name="Sign out").click()
        await sign_in(window, "admin", "wrong")
        await expect(window.get_by_role("alert")).to_be_visible()
        await sign_in(window, "admin", PASSWORD)
        await expect(row(window, "lobby")).to_be_visible()


async def sign_in(window: Page, name: str, password: str) -> None:
    await window.get_by_label("Name").fill(name)
    await window.get_by_label("Password", exact=True).fill(password)
    await window.get_by_role("button", name="Sign in").click()


async def test_who_is_disabled_is_out_of_every_open_window_at_once(browser: Browser, site: Api, stage: Stage) -> None:
    stage.deploy("lobby")
    cookie = session_of(stage.database.dsn, "viewer")
    async with window_on(browser, str(site.client.base_url), cookie) as window:
        async with window.expect_response(lambda answer: "/live/" in answer.url):
            await window.goto("/")
        await expect(row(window, "lobby")).to_be_visible()
        await expect(window.get_by_role("link", name="New server")).to_have_count(0)
        stage.rows("SELECT disable_user('viewer')")
        await expect(window.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_who_is_limited_to_a_namespace_sees_it_live_and_nothing_else(
    browser: Browser, site: Api, stage: Stage
) -> None:
    cookie = session_of(stage.database.dsn, "operator", ["games"])
    async with window_on(browser, str(site.client.base_url), cookie) as window:
        await window.goto("/")
        stage.deploy("others")
        stage.deploy("mine", namespace="games")
        await expect(row(window, "mine")).to_be_visible()
        await expect(row(window, "others")).to_have_count(0)
        await expect(window.get_by_role("link", name="People")).to_have_count(0)
