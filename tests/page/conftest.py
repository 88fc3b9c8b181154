"""A person with a browser, without the browser: keeps cookies, follows nothing, and sends forms as they were shown."""

import html
import re
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from tests.app.conftest import Api, api, intent, templates

__all__ = ["api", "intent", "templates"]


class Person:
    """Sends what a browser would."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        client.event_hooks["response"].append(self._keep_cookies)

    async def _keep_cookies(self, answer: httpx.Response) -> None:
        """Secure ones too, though the tests' server speaks no https: as browsers do on loopback."""
        for given in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(given).items():
                assert morsel["secure"]
                assert morsel["httponly"]
                assert morsel["samesite"].lower() in ("lax", "strict")
                self.client.cookies.delete(name)
                if morsel["max-age"] != "0":
                    self.client.cookies.set(name, morsel.value)

    async def look(self, path: str, status: int = 200) -> str:
        """A page's HTML."""
        answer = await self.client.get(path)
        assert answer.status_code == status, text(answer.text)
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    async def send(self, path: str, _at: str = "/", /, **fields: Any) -> httpx.Response:
        """A form that the page `_at` shows."""
        page = await self.look(_at)
        found = re.search(r'name="_csrf_token" value="([^"]+)"', page)
        assert found, "the page shows no form"
        return await self.client.post(path, data={"_csrf_token": found.group(1), **fields})

    async def told(self, answer: httpx.Response) -> str:
        """Where an action leads to says what was done."""
        assert answer.status_code == 303, text(answer.text)
        return text(await self.look(answer.headers["location"]))


def text(page: str) -> str:
    """What a page says, without its markup."""
    main = page[page.index("<main") :]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.fixture
def person(api: Api) -> Person:
    """An admin."""
    return Person(api.client)
