"""Templates over HTTP: the newest of each, and one with the schema of its parameters."""

from tests.app.conftest import Api, problem
from tests.intent import TEMPLATES, Intent


async def test_the_list_has_the_newest_version_of_each_template_by_name(api: Api, intent: Intent) -> None:
    intent.put_template("web", TEMPLATES["web"])
    intent.put_template("web", TEMPLATES["small"])
    intent.put_template("game", TEMPLATES["game"])
    found = (await api.get("/api/templates"))["items"]
    assert [(item["name"], item["version"]) for item in found] == [("game", 1), ("web", 2)]


async def test_a_template_comes_with_manifests_schema_and_its_versions(api: Api, intent: Intent) -> None:
    intent.put_template("web", TEMPLATES["web"])
    intent.put_template("web", TEMPLATES["small"])
    newest = await api.get("/api/templates/web")
    assert (newest["version"], newest["versions"]) == (2, [1, 2])
    assert [manifest["kind"] for manifest in newest["base_spec_json"]] == ["ConfigMap", "Service"]
    first = await api.get("/api/templates/web", version=1)
    assert first["version"] == 1
    assert first["allowed_mutations_json"]["properties"]["replicas"]["maximum"] == 50


async def test_unknown_templates_and_versions_are_told_apart(api: Api, templates: Intent) -> None:
    assert problem(await api.client.get("/api/templates/nope"), 404)["detail"] == 'there is no template "nope"'
    missing = problem(await api.client.get("/api/templates/web?version=7"), 404)
    assert missing["detail"] == 'there is no template "web" version 7'


async def test_the_versions_of_a_template_are_listed_newest_first(api: Api, templates: Intent) -> None:
    templates.put_template("web", TEMPLATES["small"])
    found = (await api.get("/api/templates/web/versions"))["items"]
    assert [(item["name"], item["version"]) for item in found] == [("web", 2), ("web", 1)]
    assert problem(await api.client.get("/api/templates/nope/versions"), 404)["path"] == "template"
