"""One server: wanted beside running, its history, and everything one can do to it."""

import json
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.gate import SESSION_COOKIE
from db.templates import SHIPPED, load_templates
from tests.app.conftest import Api
from tests.conftest import Database
from tests.db.stage import Stage, manifests
from tests.intent import Intent
from tests.page.conftest import Person, text
from tests.people import session_of


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    """The shipped templates, on a cluster that answers, with worker and watcher played by hand."""
    load_templates(database.dsn_as("admin"), SHIPPED)
    stage = Stage(database)
    stage.reachable()
    yield stage
    stage.close()


@pytest.fixture
def lobby(stage: Stage) -> str:
    """A Minecraft server that runs."""
    return str(stage.run_healthy("lobby", "paper", {"eula": "TRUE", "max_players": 40}))


def section(page: str, title: str) -> str:
    """The text of a part of the page, found by its heading."""
    found = re.search(rf'<section[^>]*aria-labelledby="{title}".*?</section>', page, re.DOTALL)
    assert found, f"no section {title}"
    return text("<main" + found.group())


# ---------------------------------------------------------------- what is shown


async def test_a_server_is_shown_with_what_is_wanted_beside_what_runs(person: Person, stage: Stage, lobby: str) -> None:
    stage.observe(
        stage.later(lobby, "StatefulSet", "lobby", digest={"wantedReplicas": 1, "readyReplicas": 1}),
        stage.later(lobby, "Pod", "lobby-0", message="It is ready.", digest={"phase": "Running", "node": "n1"}),
    )
    page = await person.look(f"/servers/{lobby}")
    assert '<h1 id="server-name">lobby</h1>' in page
    objects = section(page, "objects-title")
    assert "The server itself: 1 replica of itzg/minecraft-server:java21, 2Gi of memory 1 of 1 ready Healthy" in objects
    assert "lobby-data PersistentVolumeClaim Data: 10Gi of disk" in objects
    assert "lobby-0 Healthy It is ready. Running, on n1" in section(page, "pods-title")
    settings = section(page, "settings-title")
    assert "Players at most 40 Message of the day" not in settings
    assert re.search(r"Players at most 40 (?!default)", settings)
    assert "Difficulty easy default" in settings
    assert "Minecraft EULA accepted" in settings


async def test_a_new_server_shows_what_it_waits_for(person: Person, stage: Stage) -> None:
    own = stage.deploy("hub")
    page = await person.look(f"/servers/{own}")
    assert "Generation 1 waits for a worker." in text(page)
    assert "Nothing yet" in section(page, "objects-title")
    assert "None yet." in section(page, "pods-title")
    assert "Queued Created by test_operator" in section(page, "timeline-title")


async def test_the_timeline_tells_each_step_and_the_time_it_took(person: Person, stage: Stage) -> None:
    own = stage.deploy("hub")
    claimed = stage.claim_one()
    applied = [
        {
            "type": "ResourceApplied",
            "data": {"kind": m["kind"], "name": m["metadata"]["name"], "reason": "created", "milliseconds": 17},
        }
        for m in manifests(claimed)
    ]
    done = {"type": "ReconcileSucceeded", "data": {"milliseconds": 1234, "applied": len(applied), "pruned": 0}}
    stage.converge(claimed, events=[*applied, done])
    stage.observe(*[stage.seen(own, m["kind"], m["metadata"]["name"]) for m in manifests(claimed)])
    told = section(await person.look(f"/servers/{own}"), "timeline-title")
    assert told.index("Queued because it was created") < told.index("Taken up by w") < told.index("Made: Service hub")
    assert "Made: Service hub 17 ms" in told
    assert f"Applied whole {len(applied)} written in 1.2 s" in told
    assert "Healthy Everything asked for is running." in told
    assert re.search(r"Done Created by test_operator well after \d+ ms generation 1", told)


async def heard(stream: httpx.Response) -> AsyncIterator[str]:
    """The parts of a page that a stream brings, as they come."""
    data: list[str] = []
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            data.append(line.removeprefix("data: "))
        elif not line and data:
            yield "\n".join(data)
            data = []


async def test_what_happens_next_is_sent_to_whoever_watches(api: Api, person: Person, stage: Stage) -> None:
    own = stage.deploy("hub")
    (address,) = re.findall(r'data-live="([^"]+)"', await person.look(f"/servers/{own}"))
    assert address == f"/live/server?id={own}"
    async with api.client.stream("GET", address) as stream:
        parts = heard(stream)
        assert "Generation 1 waits for a worker." in await anext(parts)
        claimed = stage.claim_one()
        assert "Taken up" in await anext(parts)
        stage.converge(claimed)
        stage.observe(*[stage.seen(own, m["kind"], m["metadata"]["name"]) for m in manifests(claimed)])
        async for part in parts:
            if "Everything asked for is running." in part:
                break


async def test_pods_and_kubernetes_own_warnings_tell_why(person: Person, stage: Stage, lobby: str) -> None:
    stage.observe(
        stage.later(lobby, "Pod", "lobby-0", health="Degraded", reason="OOMKilled", message="It was killed.",
                    digest={"phase": "Running", "restarts": 7}),
    )  # fmt: skip
    about = {"kind": "Pod", "namespace": "default", "name": "lobby-0", "last_at": stage.one("SELECT now()::text")}
    service = {**about, "kind": "Service", "name": "lobby"}
    told = [
        {**about, "type": "Warning", "reason": "BackOff", "message": "Back-off <b>", "count": 31},
        {**about, "type": "Normal", "reason": "Scheduled", "message": "Assigned to node-1", "count": 1},
        {**service, "type": "Warning", "reason": "SyncFailed", "message": "no", "count": 2},
    ]
    stage.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps(told),))
    page = await person.look(f"/servers/{lobby}")
    pods = section(page, "pods-title")
    assert "lobby-0 Degraded OOMKilled It was killed. Running, 7 restarts" in pods
    assert re.search(r"BackOff Warning, \d+ s ago ?, 31 times Back-off <b>", pods), pods
    assert re.search(r"Scheduled Normal, \d+ s ago Assigned to node-1", pods), pods
    assert re.search(r"Kubernetes warns of Service lobby SyncFailed Warning, \d+ s ago ?, 2 times no", pods), pods
    assert "Back-off &lt;b&gt;" in page


async def test_a_cluster_that_is_away_is_said_plainly(person: Person, stage: Stage, lobby: str) -> None:
    stage.worker.execute("SELECT report_cluster('default', false, 'connection refused')")
    told = text(await person.look(f"/servers/{lobby}"))
    assert "The cluster default does not answer since" in told
    assert "connection refused" in told
    assert "What stands below was seen" in told


async def test_a_failure_tells_when_it_is_tried_again(person: Person, stage: Stage) -> None:
    own = stage.deploy("hub")
    stage.settle(stage.claim_one(), "failed", error="exceeded quota", retry_seconds=100)
    told = text(await person.look(f"/servers/{own}"))
    assert "exceeded quota" in told
    assert re.search(r"Next attempt in \d+ (s|min) , after 1 failure", told)


async def test_a_long_history_has_older_pages(person: Person, stage: Stage) -> None:
    own = stage.run_healthy("hub")
    for replicas in range(2, 30):
        stage.change(own, parameters={"replicas": replicas})
        stage.converge(stage.claim_one(), events=[{"type": "ReconcileSucceeded", "data": {}}])
    page = await person.look(f"/servers/{own}")
    older = re.search(r'href="(/servers/[^"]+/history\?before=\d+)"', page)
    assert older
    assert "Created by test_operator" not in section(page, "timeline-title")
    assert "Created by test_operator" in text(await person.look(older.group(1)))


@pytest.mark.parametrize("rest", ["", "/edit", "/delete", "/revisions", "/history", "/compare?was=1&becomes=2"])
async def test_a_server_that_there_is_not_is_a_page_that_says_so(person: Person, rest: str) -> None:
    assert "There is no such page" in text(
        await person.look(f"/servers/00000000-0000-4000-8000-000000000000{rest}", 404)
    )


# ---------------------------------------------------------------- what one can do


@pytest.mark.parametrize(
    ("action", "state", "said"),
    [
        ("stop", "Stopped", "It is being stopped."),
        ("pause", "Paused", "It is left alone until it is resumed."),
        ("start", "Active", "It is being started."),
        ("resume", "Active", "It is looked after again."),
    ],
)
async def test_a_button_is_one_change_of_state(
    person: Person, stage: Stage, lobby: str, action: str, state: str, said: str
) -> None:
    here = f"/servers/{lobby}"
    answer = await person.send(f"{here}/{action}", here)
    assert answer.headers["location"] == here
    assert said in await person.told(answer)
    assert stage.deployment("lobby")["desired_state"] == state


async def test_a_restart_is_a_wish_of_its_own(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}"
    assert "It is being restarted." in await person.told(await person.send(f"{here}/restart", here))
    row = stage.deployment("lobby")
    assert (row["generation"], row["restarted_at"] is None) == (2, False)


async def test_reconcile_now_asks_once_more_and_goes_back_to_where_it_was_pressed(
    person: Person, stage: Stage, lobby: str
) -> None:
    requested = stage.slot(lobby)["requested"]
    answer = await person.send(f"/servers/{lobby}/reconcile", f"/servers/{lobby}", back="drift")
    assert answer.headers["location"] == "/drift"
    assert stage.slot(lobby)["requested"] == requested + 1


async def test_an_action_that_there_is_not_is_none(person: Person, lobby: str) -> None:
    assert (await person.send(f"/servers/{lobby}/explode", f"/servers/{lobby}")).status_code == 404


async def test_buttons_offered_are_those_that_make_sense(person: Person, stage: Stage, lobby: str) -> None:
    offered = {
        "Active": {"restart", "stop", "pause", "reconcile"},
        "Stopped": {"start", "pause", "reconcile"},
        "Paused": {"resume", "reconcile"},
        "Deleted": {"start"},
    }
    for state, actions in offered.items():
        stage.change(lobby, desired_state=state)
        page = await person.look(f"/servers/{lobby}")
        assert set(re.findall(rf'action="/servers/{lobby}/([a-z]+)"', page)) == actions, state


# ---------------------------------------------------------------- delete


async def test_delete_names_the_data_and_asks_for_the_name(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/delete"
    page = await person.look(here)
    assert "Delete lobby?" in text(page)
    assert "lobby-data" in text(page)
    assert re.search(r'name="data" value="keep" checked', page), "data is kept unless somebody says otherwise"
    for typed in ("", "Lobby", "lobb"):
        answer = await person.send(here, here, typed=typed, data="lose")
        assert answer.status_code == 422
        assert "Nothing was deleted." in text(answer.text)
        assert re.search(r'name="data" value="lose" checked', answer.text), "what was chosen stays"
    assert stage.deployment("lobby")["desired_state"] == "Active"


@pytest.mark.parametrize(("data", "keep", "said"), [("keep", True, "kept"), ("lose", False, "goes with it")])
async def test_delete_keeps_or_loses_the_data_as_was_chosen(
    person: Person, stage: Stage, lobby: str, data: str, keep: bool, said: str
) -> None:
    here = f"/servers/{lobby}/delete"
    answer = await person.send(here, here, typed=" lobby ", data=data)
    told = await person.told(answer)
    assert "lobby is being deleted." in told
    assert said in told
    row = stage.deployment("lobby")
    assert (row["desired_state"], row["keep_data"], row["generation"]) == ("Deleted", keep, 2)


async def test_a_server_that_is_gone_keeps_its_history_and_can_be_brought_back(
    person: Person, stage: Stage, lobby: str
) -> None:
    stage.change(lobby, desired_state="Deleted")
    assert "Deleting" in text(await person.look(f"/servers/{lobby}"))
    stage.settle(stage.claim_one(), "finalised")
    page = await person.look(f"/servers/{lobby}")
    assert "its data is kept" in text(page)
    assert "Deleted kept: PersistentVolumeClaim/lobby-data" in section(page, "timeline-title")
    assert "lobby-data" in section(page, "objects-title")
    assert "Delete its data…" in text(page)
    assert "It is deleted already." in text(await person.look(f"/servers/{lobby}/delete"))
    assert "It is being started." in await person.told(
        await person.send(f"/servers/{lobby}/start", f"/servers/{lobby}")
    )
    assert stage.deployment("lobby")["desired_state"] == "Active"


async def test_a_server_without_data_says_that_there_is_none_to_lose(person: Person, stage: Stage) -> None:
    page = await person.look(f"/servers/{stage.deploy('hub')}/delete")
    assert "It has no data at the cluster" in text(page)
    assert 'name="data"' not in page


# ---------------------------------------------------------------- edit


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is shown."""
    form = page[page.index('<form id="draft"') :]
    sent = dict(re.findall(r'<input [^>]*name="([^"]+)" type="(?:text|number)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL):
        sent[name] = re.findall(r'value="([^"]*)" selected', options)[0]
    sent |= dict.fromkeys(re.findall(r'name="([^"]+)" type="checkbox" value="on" checked', form), "on")
    sent |= dict(re.findall(r'<input type="hidden" name="(generation|template_version)" value="([^"]+)"', form))
    return {name: value.replace("&#34;", '"') for name, value in sent.items()}


async def test_a_form_sent_as_it_was_shown_changes_nothing(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/edit"
    page = await person.look(here)
    assert "Nothing at the cluster." in text(page)
    sent = form_of(page)
    assert (sent["generation"], sent["parameters.max_players"], sent["parameters.difficulty"]) == ("1", "40", '"easy"')
    await person.send(here, here, **sent)
    assert stage.deployment("lobby")["generation"] == 1


async def test_an_edit_is_one_generation_with_only_what_changed(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/edit"
    sent = form_of(await person.look(here))
    changed = {**sent, "parameters.max_players": "20", "parameters.motd": "Hello"}
    checked = await person.send(here, here, **changed, check="1")
    assert checked.status_code == 200
    assert "Takes effect at the next restart" in text(checked.text)
    assert stage.deployment("lobby")["generation"] == 1
    answer = await person.send(here, here, **changed)
    assert "lobby is being changed." in await person.told(answer)
    row = stage.deployment("lobby")
    assert (row["generation"], row["parameters"]) == (2, {"eula": "TRUE", "motd": "Hello"}), "20 is the default again"


async def test_keeping_data_can_be_changed(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/edit"
    sent = form_of(await person.look(here))
    del sent["keep_data"]
    await person.send(here, here, **sent)
    assert stage.deployment("lobby")["keep_data"] is False


async def test_what_postgres_refuses_stays_in_the_form(person: Person, stage: Stage, lobby: str) -> None:
    here = f"/servers/{lobby}/edit"
    sent = form_of(await person.look(here))
    answer = await person.send(here, here, **{**sent, "parameters.storage": "1Gi", "parameters.motd": "kept"})
    assert answer.status_code == 409
    assert "Storage cannot shrink. Keep at least 10Gi." in text(answer.text)
    assert 'value="kept"' in answer.text
    answer = await person.send(here, here, **{**sent, "parameters.view_distance": "99"})
    assert answer.status_code == 422
    assert 'id="error-parameters.view_distance"' in answer.text
    assert stage.deployment("lobby")["generation"] == 1


async def test_somebody_elses_change_meanwhile_is_shown_and_not_overwritten(
    person: Person, stage: Stage, lobby: str
) -> None:
    here = f"/servers/{lobby}/edit"
    sent = {**form_of(await person.look(here)), "parameters.motd": "Mine"}
    stage.change(lobby, parameters={"eula": "TRUE", "max_players": 99})
    answer = await person.send(here, here, **sent)
    assert answer.status_code == 409
    told = text(answer.text)
    assert "test_operator changed this server" in told
    assert re.search(r"Players at most was 40 → becomes 99", told)
    assert 'value="Mine"' in answer.text, "what was typed is still there"
    assert stage.deployment("lobby")["parameters"] == {"eula": "TRUE", "max_players": 99}
    again = form_of(answer.text)
    assert again["generation"] == "2"
    await person.send(here, here, **again)
    assert again["parameters.max_players"] == "99", "what one has not touched is as they want it"
    assert stage.deployment("lobby")["parameters"] == {"eula": "TRUE", "max_players": 99, "motd": "Mine"}


async def test_a_check_of_a_form_that_was_overtaken_does_not_pretend_to_have_seen_the_change(
    person: Person, stage: Stage, lobby: str
) -> None:
    here = f"/servers/{lobby}/edit"
    sent = form_of(await person.look(here))
    stage.change(lobby, parameters={"eula": "TRUE", "max_players": 99})
    checked = await person.send(here, here, **sent, check="1")
    assert form_of(checked.text)["generation"] == "1"


async def test_another_version_of_the_template_is_offered(person: Person, stage: Stage, lobby: str) -> None:
    stage.admin.execute(
        "SELECT put_template(name, base_spec_json, allowed_mutations_json #- '{properties,seed}' #- '{order}')"
        " FROM (SELECT name, replace(base_spec_json::text, '${seed}', '')::jsonb AS base_spec_json,"
        "              allowed_mutations_json FROM templates WHERE name = 'paper') t"
    )
    stage.change(lobby, parameters={"eula": "TRUE", "seed": "42"})
    here = f"/servers/{lobby}/edit"
    page = await person.look(here)
    sent = {**form_of(page), "template_version": "2"}
    assert 'id="field-template_version"' in page
    answer = await person.send(here, here, **sent)
    assert answer.status_code == 303, text(answer.text)
    row = stage.deployment("lobby")
    assert (row["template_version"], row["parameters"]) == (2, {"eula": "TRUE"}), "what it no longer knows is taken out"


# ---------------------------------------------------------------- revisions


async def test_revisions_tell_who_changed_what(person: Person, stage: Stage, lobby: str) -> None:
    stage.change(lobby, parameters={"eula": "TRUE", "max_players": 60}, desired_state="Stopped")
    told = text(await person.look(f"/servers/{lobby}/revisions"))
    assert "Generation 2 now test_operator" in told
    assert "Wanted state was Active → becomes Stopped" in told
    assert "Players at most was 40 → becomes 60" in told
    first = told[told.index("Generation 1") :]
    assert "Players at most 40" in first
    assert "Message of the day" not in first, "what was left to the template is not told of the first"


async def test_any_two_generations_can_be_compared(person: Person, stage: Stage, lobby: str) -> None:
    for players in (50, 60, 70):
        stage.change(lobby, parameters={"eula": "TRUE", "max_players": players})
    told = text(await person.look(f"/servers/{lobby}/compare?was=1&becomes=4"))
    assert "From generation 1 to 4" in told
    assert "Players at most was 40 → becomes 70" in told
    assert "Nothing differs." in text(await person.look(f"/servers/{lobby}/compare?was=2&becomes=2"))
    assert "From generation 3 to 4" in text(await person.look(f"/servers/{lobby}/compare"))
    await person.look(f"/servers/{lobby}/compare?was=1&becomes=9", 404)
    await person.look(f"/servers/{lobby}/compare?was=x", 400)


async def test_many_revisions_come_in_pages(person: Person, intent: Intent, stage: Stage) -> None:
    own = stage.deploy("hub")
    for replicas in range(2, 25):
        stage.change(own, parameters={"replicas": replicas})
    page = await person.look(f"/servers/{own}/revisions")
    assert len(re.findall(r'id="revision-\d+"', page)) == 20
    older = re.search(r'href="([^"]+before=\d+)"', page)
    assert older
    rest = await person.look(older.group(1))
    assert re.findall(r'id="revision-(\d+)"', rest) == ["4", "3", "2", "1"]


# ---------------------------------------------------------------- who may


async def test_a_viewer_sees_all_of_it_and_is_offered_nothing(
    person: Person, stage: Stage, lobby: str, database: Database
) -> None:
    person.client.cookies.set(SESSION_COOKIE, session_of(database.dsn, "viewer"))
    page = await person.look(f"/servers/{lobby}")
    assert "lobby-data" in text(page)
    assert f'action="/servers/{lobby}/' not in page
    assert f'href="/servers/{lobby}/edit"' not in page
    for rest in ("edit", "delete"):
        assert "You may look, but not" in text(await person.look(f"/servers/{lobby}/{rest}", 403))
    answer = await person.send(f"/servers/{lobby}/stop", "/drift")
    assert answer.status_code == 403
    assert stage.deployment("lobby")["desired_state"] == "Active"


async def test_a_server_of_another_namespace_is_not_there(
    person: Person, stage: Stage, lobby: str, database: Database
) -> None:
    person.client.cookies.set(SESSION_COOKIE, session_of(database.dsn, "operator", ["games"]))
    await person.look(f"/servers/{lobby}", 404)
    answer = await person.send(f"/servers/{lobby}/stop", "/drift")
    assert answer.status_code == 404
    assert stage.deployment("lobby")["desired_state"] == "Active"
