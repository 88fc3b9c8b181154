"""An open page while its server or Postgres is away: it says so, keeps what it showed, and catches up by itself."""

import asyncio
import signal
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from db.migrate import migrate
from deploy.postgres import FORGETFUL, prepare, running
from tests.app.conftest import Api, nothing_listens, serving
from tests.app.test_process import Process, started
from tests.conftest import Database
from tests.db.stage import Stage
from tests.page.browser.accessibility import faults
from tests.page.browser.conftest import window_on
from tests.page.browser.test_home import row
from tests.people import session_of

NOTICE = "It catches up by itself"


async def test_a_page_whose_server_was_killed_says_so_and_goes_on_when_there_is_one_again(
    browser: Browser, database: Database, stage: Stage, tmp_path: Path
) -> None:
    port = str(nothing_listens())
    stage.deploy("before")
    cookie = session_of(database.dsn)
    with started(tmp_path, database, ORCHESTRATOR_PORT=port) as process:
        async with window_on(browser, await address(process), cookie) as window:
            await window.goto("/")
            await window.evaluate("window.stays = true")
            await expect(row(window, "before")).to_be_visible()
            process.popen.kill()
            await says(window, "This page is not connected to its server.")
            await expect(row(window, "before")).to_be_visible()
            stage.deploy("meanwhile")
            with started(tmp_path, database, ORCHESTRATOR_PORT=port) as again:
                await address(again)
                await expect(row(window, "meanwhile")).to_be_visible(timeout=20_000)
                await expect(window.locator("#notice")).to_be_hidden()
                stage.deploy("after")
                await expect(row(window, "after")).to_be_visible(timeout=3_000)
                assert await window.evaluate("window.stays"), "it was never reloaded"


async def test_a_page_whose_server_falls_silent_says_so_after_two_missed_heartbeats(
    browser: Browser, database: Database, stage: Stage, tmp_path: Path
) -> None:
    stage.deploy("before")
    cookie = session_of(database.dsn)
    with started(tmp_path, database) as process:
        async with window_on(browser, await address(process), cookie) as window:
            async with window.expect_response(lambda answer: "/live/" in answer.url):
                await window.goto("/")
            await window.evaluate("window.stays = true")
            process.popen.send_signal(signal.SIGSTOP)
            try:
                await says(window, "This page is not connected to its server.", within_ms=15_000)
            finally:
                process.popen.send_signal(signal.SIGCONT)
            await expect(window.locator("#notice")).to_be_hidden(timeout=20_000)
            stage.deploy("after")
            await expect(row(window, "after")).to_be_visible(timeout=3_000)
            assert await window.evaluate("window.stays"), "it was never reloaded"


async def test_a_page_that_slept_with_its_machine_raises_no_alarm(
    browser: Browser, database: Database, stage: Stage, site: Api
) -> None:
    async with window_on(browser, str(site.client.base_url), session_of(database.dsn)) as window:
        await window.clock.install()
        async with window.expect_response(lambda answer: "/live/" in answer.url):
            await window.goto("/")
        await window.evaluate(
            "window.said = []; new MutationObserver(() => said.push(notice.hidden)).observe(notice, {attributes: true})"
        )
        await window.clock.fast_forward("10:00")
        stage.deploy("after")
        await expect(row(window, "after")).to_be_visible(timeout=3_000)
        assert await window.evaluate("said.includes(false)") is False


async def address(process: Process) -> str:
    return await asyncio.to_thread(process.url)


async def says(window: Page, words: str, within_ms: int = 20_000) -> None:
    """The notice, which people and their screen readers find."""
    notice = window.get_by_role("status").filter(has_text=words)
    await expect(notice).to_be_visible(timeout=within_ms)
    await expect(notice).to_contain_text(NOTICE)


async def test_a_page_says_that_postgres_is_away_and_recovers(browser: Browser, scratch: Path) -> None:
    server = prepare(scratch / "page", settings=FORGETFUL)
    log = scratch / "page.log"
    with running(server, log):
        await asyncio.to_thread(migrate, server.dsn())
        cookie = session_of(server.dsn())
    async with serving(server.dsn()) as site, window_on(browser, str(site.client.base_url), cookie) as window:
        with running(server, log):
            async with window.expect_response(lambda answer: "/live/" in answer.url):
                await window.goto("/")
            await expect(window.get_by_role("heading", name="No servers yet")).to_be_visible()
        await says(window, "The database does not answer.")
        await expect(window.get_by_role("heading", name="No servers yet")).to_be_visible()
        assert await faults(window) == []
        async with window_on(browser, str(site.client.base_url), cookie) as other:
            await other.goto("/")
            await expect(other.get_by_role("heading", name="The database does not answer")).to_be_visible()
            assert await faults(other) == []
            with running(server, log):
                await expect(window.locator("#notice")).to_be_hidden(timeout=30_000)
                await expect(other.get_by_role("heading", name="No servers yet")).to_be_visible(timeout=30_000)
