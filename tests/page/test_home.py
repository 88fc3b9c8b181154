"""The list of servers: what each row says, what narrows it, and how it stays current."""

import re

import httpx
import pytest

from tests.app.conftest import Api
from tests.db.stage import Stage
from tests.db.test_adopt import change, drifted
from tests.intent import Intent
from tests.page.conftest import Person, text
from tests.page.test_server import stage

__all__ = ["stage"]


def names(page: str) -> list[str]:
    return re.findall(r'<a class="title clip"[^>]*>([^<]+)</a>', page)


def arrange(intent: Intent, name: str, status: str, message: str = "") -> None:
    intent.superuser.execute(
        "UPDATE orchestrator.deployments SET status_summary = %s, status_message = %s WHERE name = %s",
        (status, message, name),
    )


@pytest.fixture
def servers(templates: Intent) -> Intent:
    templates.superuser.execute("UPDATE orchestrator.clusters SET unreachable_since = NULL, unreachable_reason = NULL")
    for name, status in (("lobby", "Healthy"), ("arena", "Degraded"), ("build", "Stopped")):
        templates.deploy(name, "web")
        arrange(templates, name, status, f"{name} is {status}")
    return templates


async def test_every_server_says_how_it_is(person: Person, servers: Intent) -> None:
    page = await person.look("/")
    assert names(page) == ["arena", "build", "lobby"]
    assert "3 servers." in text(page)
    for said in ("Degraded", "arena is Degraded", "web", "version 1"):
        assert said in text(page)


async def test_statuses_are_counted_and_narrow_the_list(person: Person, servers: Intent) -> None:
    page = await person.look("/")
    assert re.search(r'href="/\?status=Degraded"[^>]*>.*?Degraded <b>1</b>', page)
    assert names(await person.look("/?status=Degraded")) == ["arena"]


async def test_a_search_finds_parts_of_names_and_says_when_nothing_fits(person: Person, servers: Intent) -> None:
    assert names(await person.look("/?q=OBB")) == ["lobby"]
    page = await person.look("/?q=nothing-like-it&template=&sort=")
    assert names(page) == []
    assert "Nothing fits" in text(page)
    assert 'value="nothing-like-it"' in page


async def test_the_worst_comes_first_when_asked(person: Person, servers: Intent) -> None:
    assert names(await person.look("/?sort=status")) == ["arena", "build", "lobby"]
    assert names(await person.look("/?sort=-created")) == ["build", "arena", "lobby"]


async def test_a_home_without_servers_says_how_to_make_one(person: Person) -> None:
    page = await person.look("/")
    assert "No servers yet" in text(page)
    assert 'href="/new"' in page


def link(page: str, text: str) -> str:
    """Where a link of the pages leads."""
    (found,) = re.findall(rf'<a class="button" href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?{text}', page)
    return found.replace("&amp;", "&")


async def test_long_lists_come_in_pages_forth_and_back(person: Person, templates: Intent) -> None:
    templates.operator.execute("SELECT orchestrator.deploy('s' || n, 'web') FROM generate_series(100, 229) n")
    first = await person.look("/?q=s")
    second = await person.look(link(first, "Next"))
    third = await person.look(link(second, "Next"))
    shown = [[f"s{n}" for n in numbers] for numbers in (range(100, 150), range(150, 200), range(200, 230))]
    assert [names(page) for page in (first, second, third)] == shown
    assert "Next" not in text(third)
    again = await person.look(link(third, "Previous"))
    assert names(again) == shown[1]
    back = await person.look(link(again, "Previous"))
    assert (names(back), "Previous" in text(back)) == (shown[0], False)
    assert names(await person.look(link(third, "First page"))) == shown[0]
    assert "past=" not in "".join(re.findall(r'href="(/\?[^"]*status=[^"]*)"', third)), "another list begins anew"


async def test_a_namespace_and_what_is_wanted_narrow_the_list(person: Person, servers: Intent) -> None:
    servers.deploy("theirs", "web", namespace="games")
    page = await person.look("/")
    assert 'href="/?namespace=games"' in page
    page = await person.look("/?namespace=games")
    assert (names(page), "Namespace games" in text(page)) == (["theirs"], True)
    servers.operator.execute("UPDATE orchestrator.deployments SET desired_state = 'Stopped' WHERE name = 'lobby'")
    page = await person.look("/?wanted=Stopped")
    assert (names(page), '<option value="Stopped" selected>' in page) == (["lobby"], True)


def row_of(page: str, own: str) -> str:
    """What the line of one server says."""
    return text("<main" + page[page.index(f'id="server-{own}"') :].partition("</tr>")[0])


async def test_a_row_tells_players_memory_age_and_drift(person: Person, stage: Stage) -> None:
    own, other = stage.run_healthy("lobby", parameters={"memory": "96Mi"}), stage.run_healthy("arena")
    stage.root.execute("UPDATE deployments SET created_at = now() - interval '3 days' WHERE name = 'lobby'")
    stage.operator.execute("SELECT record_players(%s, 7)", (own,))
    drifted(stage, own, "Service", "lobby", change("spec.selector", {"a": "b"}, {"c": "d"}))
    page = await person.look("/")
    assert re.search(r"lobby default ?, 7 players .* 96Mi 3 days Drifted", row_of(page, own)), row_of(page, own)
    assert re.search(r"64Mi \d+ s none", row_of(page, other)), row_of(page, other)
    assert "player" not in row_of(page, other)
    assert "7 players online" in text(await person.look(f"/servers/{own}"))


async def test_several_clusters_that_are_away_are_one_line(person: Person, servers: Intent) -> None:
    servers.superuser.execute("INSERT INTO orchestrator.clusters (name) VALUES ('frankfurt')")
    servers.superuser.execute(
        "UPDATE orchestrator.clusters SET unreachable_since = now(), unreachable_reason = 'refused'"
    )
    assert re.search(r"2 clusters do not answer: \w+, \w+ ?\. Changes wait", text(await person.look("/")))


async def test_an_address_that_asks_nonsense_is_told(person: Person) -> None:
    for query in ("status=Splendid", "sort=colour", "drifted=perhaps", "after=here", "after=e30"):
        page = await person.look(f"/?{query}", 400)
        assert "Go back" in text(page) or "leave it out" in text(page)


async def test_a_cluster_that_is_away_is_said_with_the_age_of_what_is_shown(person: Person, servers: Intent) -> None:
    servers.superuser.execute(
        "UPDATE orchestrator.clusters SET unreachable_since = now() - interval '7 min', unreachable_reason = 'refused'"
    )
    servers.superuser.execute(
        "INSERT INTO orchestrator.watch_streams (cluster_id, kind, state, synced_at)"
        " SELECT id, 'Pod', 'lost', now() - interval '8 min' FROM orchestrator.clusters"
    )
    said = text(await person.look("/"))
    assert "The cluster default has not answered for 7 min . What is shown of it was seen 8 min ago" in said
    said = text(await person.look("/clusters"))
    assert "It has not answered for 7 min : refused" in said
    assert "Does not answer" in said


async def test_what_is_only_followed_is_never_said_to_catch_up(person: Person, servers: Intent) -> None:
    servers.superuser.execute(
        "INSERT INTO orchestrator.watch_streams (cluster_id, kind, state, synced_at)"
        " SELECT id, kind, 'connected', NULL FROM orchestrator.clusters, unnest(ARRAY['Pod', 'Event']) kind"
    )
    said = text(await person.look("/clusters"))
    assert re.search(r"Event Up to date for \d+ s followed", said)
    assert re.search(r"Pod Catching up for \d+ s never", said)


# ---------------------------------------------------------------- kept current


async def parts(lines: "httpx.Response", count: int) -> list[tuple[str, str]]:
    """The next messages of a stream as (event, data)."""
    found: list[tuple[str, str]] = []
    event, data = "message", []
    async for line in lines.aiter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and data:
            found.append((event, "\n".join(data)))
            event, data = "message", []
            if len(found) == count:
                return found
    return found


async def test_a_change_is_sent_as_the_part_that_a_reload_would_show(api: Api, person: Person, servers: Intent) -> None:
    page = await person.look("/?q=lob")
    (address,) = re.findall(r'data-live="([^"]+)"', page)
    assert address == "/live/servers?q=lob"
    async with api.client.stream("GET", address) as stream:
        ((event, first),) = await parts(stream, 1)
        assert event == "part"
        assert names(first) == ["lobby"]
    async with api.client.stream("GET", address) as stream:
        lines = stream.aiter_lines()
        async for line in lines:
            if "</form>" in line:
                break
        servers.change(
            servers.rows("SELECT id FROM orchestrator.deployments WHERE name = 'lobby'")[0]["id"], greeting="x"
        )
        found = ""
        async for line in lines:
            found += line + "\n"
            if "</form>" in line:
                break
        assert "Generation 2" in found


async def test_a_view_that_is_not_there_is_404(person: Person) -> None:
    await person.look("/live/nothing", 404)
