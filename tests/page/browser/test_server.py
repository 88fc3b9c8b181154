"""One server in a real browser: made, watched, edited, held, put back and deleted."""

import json
import re

import pytest
from playwright.async_api import Page, expect

from tests.db.stage import Stage, load_shipped
from tests.db.test_adopt import REPLICAS, drifted, paused
from tests.page.browser import town
from tests.page.browser.accessibility import faults
from tests.page.browser.test_home import TOLD_MILLISECONDS, row, tab_to


@pytest.fixture
def catalogue(stage: Stage) -> Stage:
    """With the templates of a release."""
    load_shipped(stage.database)
    return stage


async def test_a_minecraft_server_is_made_only_once_its_eula_was_accepted(window: Page, catalogue: Stage) -> None:
    await window.goto("/")
    await window.get_by_role("link", name="New server").first.click()
    await window.get_by_role("link", name=re.compile("Paper")).click()
    consent = window.get_by_label("I have read and accept")
    await expect(consent).not_to_be_checked()
    await window.get_by_label("Name", exact=True).press_sequentially("lobby")
    players = window.get_by_label("Players at most")
    await players.fill("5000")
    preview = window.get_by_role("region", name="What this creates")
    await expect(players).to_have_accessible_description(re.compile("at most 1000"))
    assert await faults(window) == []
    await players.fill("50")
    await expect(players).not_to_have_attribute("aria-invalid", "true")
    await window.get_by_role("button", name="Create server").click()
    await expect(consent).to_have_attribute("aria-invalid", "true")
    await expect(window.get_by_label("Name", exact=True)).to_have_value("lobby")
    assert stage_names(catalogue) == []
    await consent.check()
    await expect(preview.get_by_text("StatefulSet lobby")).to_be_visible()
    await window.get_by_role("button", name="Create server").click()
    await expect(window.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    assert catalogue.deployment("lobby")["parameters"]["eula"] == "TRUE"
    assert catalogue.deployment("lobby")["parameters"]["max_players"] == 50
    await window.goto("/")
    await expect(row(window, "lobby")).to_be_visible()


def stage_names(stage: Stage) -> list[str]:
    return [one["name"] for one in stage.rows("SELECT name FROM deployments ORDER BY name")]


async def test_its_timeline_moves_while_one_watches(window: Page, catalogue: Stage) -> None:
    made = catalogue.deploy("lobby", "paper", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await expect(window.locator("#standing")).to_contain_text("Progressing")
    await window.evaluate("window.stays = true")
    claimed = catalogue.claim_one()
    timeline = window.locator(".runs")
    before = await timeline.locator("li[id^=step-]").count()
    catalogue.converge(claimed)
    await expect(timeline.locator("li[id^=step-]")).not_to_have_count(before, timeout=TOLD_MILLISECONDS)
    town.healthy(catalogue, made)
    await expect(window.locator("#standing")).to_contain_text("Healthy", timeout=TOLD_MILLISECONDS)
    await expect(timeline).to_contain_text("well after")
    await expect(window.get_by_text("lobby-0")).to_be_visible()
    assert await window.evaluate("window.stays"), "it was never reloaded"


async def test_an_edit_makes_a_revision_that_says_what_changed(window: Page, catalogue: Stage) -> None:
    made = town.run(catalogue, "lobby", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await window.get_by_role("link", name="Edit").click()
    await window.get_by_label("Message of the day").fill("Welcome <b>back</b>")
    preview = window.get_by_role("region", name="What this changes")
    await expect(preview).to_contain_text("changed")
    await window.get_by_role("button", name="Save").click()
    await expect(window.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    assert catalogue.deployment("lobby")["generation"] == 2
    await window.get_by_role("link", name="Revisions").click()
    newest = window.locator("#revision-2")
    await expect(newest).to_contain_text("Message of the day")
    await expect(newest.locator("del")).to_contain_text("A Minecraft server")
    await expect(newest.locator("ins")).to_contain_text("Welcome <b>back</b>")
    await expect(newest).to_contain_text("admin")


async def test_what_is_paused_drifts_and_is_put_back_when_it_is_resumed(window: Page, catalogue: Stage) -> None:
    made = town.run(catalogue, "lobby", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await window.get_by_label("More actions").click()
    await window.get_by_role("button", name=re.compile("Pause")).click()
    await expect(window.locator("#standing")).to_contain_text("Paused")
    town.settle_all(catalogue)
    town.drift(catalogue, made, "lobby")
    drift = window.get_by_role("region", name="Changed from outside")
    await expect(drift).to_contain_text("spec.replicas", timeout=TOLD_MILLISECONDS)
    await expect(drift).to_contain_text("kubectl-edit")
    assert await faults(window) == []
    await window.goto("/drift")
    await expect(window.get_by_role("link", name="lobby", exact=True)).to_be_visible()
    await window.goto(f"/servers/{made}")
    await drift.get_by_role("button", name="Resume and put back").click()
    town.settle_all(catalogue)
    town.healthy(catalogue, made)
    await expect(window.locator("#standing")).to_contain_text("Healthy")
    await expect(drift).to_have_count(0)
    await window.goto("/drift")
    await expect(window.get_by_role("link", name="lobby", exact=True)).to_have_count(0)


async def test_a_delete_is_typed_and_names_the_data_that_is_lost(window: Page, catalogue: Stage) -> None:
    made = town.run(catalogue, "lobby", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await window.get_by_label("More actions").click()
    await window.get_by_role("link", name="Delete…").click()
    await window.get_by_label("Lose it for good").check()
    await expect(window.get_by_text("Nobody can bring back lobby-data")).to_be_visible()
    delete = window.get_by_role("button", name="Delete lobby")
    await delete.click()
    await expect(window.get_by_label("Type lobby to delete it")).to_have_attribute("aria-invalid", "true")
    assert catalogue.deployment("lobby")["desired_state"] == "Active"
    await window.get_by_label("Type lobby to delete it").fill("lobby")
    await delete.click()
    await expect(window.get_by_role("heading", name="Delete lobby?")).to_have_count(0)
    found = catalogue.deployment("lobby")
    assert (found["desired_state"], found["keep_data"]) == ("Deleted", False)


async def test_a_server_is_stopped_by_keyboard_alone(window: Page, catalogue: Stage) -> None:
    made = town.run(catalogue, "lobby", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await tab_to(window, window.locator("#ask-stop summary"))
    await window.keyboard.press("Enter")
    await tab_to(window, window.get_by_role("button", name="Stop now"))
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert catalogue.deployment("lobby")["desired_state"] == "Stopped"


async def test_a_server_is_taken_back_to_what_it_was_and_a_lower_version_only_when_that_is_meant(
    window: Page, catalogue: Stage
) -> None:
    made = catalogue.run_healthy("lobby", "paper", {**town.MINECRAFT, "version": "1.20", "motd": "Old"})
    catalogue.change(made, parameters=json.dumps({**town.MINECRAFT, "version": "1.21", "motd": "Old"}))
    catalogue.change(made, parameters=json.dumps({**town.MINECRAFT, "version": "1.21", "motd": "New"}))
    await window.goto(f"/servers/{made}/revisions")
    await window.locator(f'a[href="/servers/{made}/rollback?to=2"]').first.click()
    await expect(window.get_by_role("heading", name="Take lobby back to generation 2?")).to_be_visible()
    assert await faults(window) == []
    await window.get_by_role("button", name="Go back to generation 2").click()
    await expect(window.get_by_role("status").filter(has_text="It goes back to what generation 2")).to_be_visible()
    assert catalogue.deployment("lobby")["parameters"]["motd"] == "Old"
    await window.goto(f"/servers/{made}/rollback?to=1")
    await expect(window.get_by_role("alert")).to_contain_text("Worlds do not go back")
    assert await faults(window) == []
    button = window.get_by_role("button", name="Go back to generation 1")
    await button.click()
    consent = window.get_by_label("I know that its world may be lost")
    assert await consent.evaluate("box => box.matches(':invalid')"), "the browser asks for it"
    assert catalogue.deployment("lobby")["parameters"]["version"] == "1.21"
    await consent.check()
    await button.click()
    await expect(window.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    assert catalogue.deployment("lobby")["parameters"]["version"] == "1.20"


async def test_a_way_back_that_somebody_overtook_is_shown_anew(window: Page, catalogue: Stage) -> None:
    made = catalogue.deploy("lobby", "paper", {**town.MINECRAFT, "motd": "One"})
    catalogue.change(made, parameters=json.dumps({**town.MINECRAFT, "motd": "Two"}))
    await window.goto(f"/servers/{made}/rollback?to=1")
    catalogue.change(made, parameters=json.dumps({**town.MINECRAFT, "motd": "Theirs"}))
    await window.get_by_role("button", name="Go back to generation 1").click()
    await expect(window.get_by_role("alert")).to_contain_text("Somebody else changed this server meanwhile")
    await expect(window.get_by_role("region", name="What differs")).to_contain_text("Theirs")
    assert catalogue.deployment("lobby")["parameters"]["motd"] == "Theirs"


async def test_nothing_moves_while_its_timeline_grows_and_its_status_changes(window: Page, catalogue: Stage) -> None:
    made = catalogue.deploy("lobby", "paper", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    await expect(window.locator("#standing")).to_contain_text("Progressing")
    await window.evaluate("window.shifts = []")
    done = {"type": "ReconcileSucceeded", "data": {"milliseconds": 1234, "applied": 6, "pruned": 0}}
    catalogue.converge(catalogue.claim_one(), events=[done])
    await expect(window.locator(".runs")).to_contain_text("Applied whole")
    town.healthy(catalogue, made)
    await expect(window.locator("#standing")).to_contain_text("Healthy")
    await expect(window.locator("#pod-lobby-0")).to_be_visible()
    about = {"kind": "Pod", "namespace": "default", "name": "lobby-0", "count": 1, "type": "Normal"}
    at = catalogue.one("SELECT now()::text")
    told = [{**about, "reason": f"Told{n}", "message": "what Kubernetes says " * 9, "last_at": at} for n in range(10)]
    catalogue.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps(told),))
    await expect(window.locator("#pod-lobby-0")).to_contain_text("Told9")
    catalogue.operator.execute("SELECT plan_restart(%s, NULL, true)", (made,))
    await expect(window.locator("#planned")).to_contain_text("Restart planned")
    catalogue.observe(
        catalogue.later(
            made, "StatefulSet", "lobby", health="Degraded", reason="CrashLoopBackOff", message="again " * 20
        )
    )
    await expect(window.locator("#standing")).to_contain_text("Degraded")
    assert await window.evaluate("window.shifts") == []


async def test_what_kubernetes_tells_of_a_pod_is_there_at_once(window: Page, catalogue: Stage) -> None:
    made = town.run(catalogue, "lobby", town.MINECRAFT)
    await window.goto(f"/servers/{made}")
    pod = window.get_by_role("region", name="Kubernetes' events of Pod lobby-0")
    await expect(pod).to_contain_text("told nothing of it")
    about = {"kind": "Pod", "namespace": "default", "name": "lobby-0", "last_at": catalogue.one("SELECT now()::text")}
    event = {
        **about,
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "count": 3,
    }
    catalogue.watcher.execute("SELECT record_kubernetes_events('default', %s)", (json.dumps([event]),))
    await expect(pod).to_contain_text("3 times", timeout=TOLD_MILLISECONDS)
    await expect(pod).to_contain_text("Back-off restarting")
    assert await faults(window) == []


async def test_a_server_is_made_changed_and_deleted_by_keyboard_alone(window: Page, catalogue: Stage) -> None:
    await window.goto("/new/paper")
    await tab_to(window, window.get_by_label("Name", exact=True))
    await window.keyboard.type("lobby")
    await tab_to(window, window.get_by_label("I have read and accept"))
    await window.keyboard.press("Space")
    await tab_to(window, window.get_by_role("button", name="Create server"))
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    await tab_to(window, window.get_by_role("link", name="Edit"))
    await window.keyboard.press("Enter")
    await tab_to(window, window.get_by_label("Message of the day"))
    await window.keyboard.press("Control+A")
    await window.keyboard.type("By keyboard")
    await tab_to(window, window.get_by_role("button", name="Save"))
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("status").filter(has_text="lobby is being changed")).to_be_visible()
    assert catalogue.deployment("lobby")["parameters"]["motd"] == "By keyboard"
    await tab_to(window, window.locator("#more-actions summary"))
    await window.keyboard.press("Enter")
    await tab_to(window, window.get_by_role("link", name="Delete…"))
    await window.keyboard.press("Enter")
    await tab_to(window, window.get_by_label("Type lobby to delete it"))
    await window.keyboard.type("lobby")
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("status").filter(has_text="lobby is being deleted")).to_be_visible()
    assert catalogue.deployment("lobby")["desired_state"] == "Deleted"


async def test_what_others_changed_is_adopted_by_keyboard_alone(window: Page, stage: Stage) -> None:
    own = paused(stage)
    drifted(stage, own, "Deployment", "lobby", REPLICAS)
    await window.goto(f"/servers/{own}/adopt")
    await tab_to(window, window.get_by_role("checkbox"))
    await expect(window.get_by_role("checkbox")).to_be_checked()
    await tab_to(window, window.get_by_role("button", name="Adopt", exact=True))
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    assert stage.deployment("lobby")["parameters"]["replicas"] == 3
