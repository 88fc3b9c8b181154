"""Every true edit is found: each field we own in the corpus is changed and removed, in every way there is to do so.

What an edit did is worked out from the object before and after; drift must say that and no more, name who did it, and
one forced apply must put it back.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from db.templates import SHIPPED, load_templates
from kube.cluster import Cluster
from kube.credentials import load
from kube.errors import Invalid
from kube.generated import fill
from kube.live import Live
from kube.naming import dress, root_manifest, root_name
from kube.ownership import Fields, _spell, lost, making_room, owned, tidying
from tests.conftest import ControlPlane, Database
from tests.drift.conftest import CORPUS, PARAMETERS, beyond, templates
from tests.drift.edits import ABSENT, Editor, Steps, find, generalised, items, leaves, others_than, values_at
from tests.flow.conftest import fresh_database, fresh_namespace
from tests.intent import Intent, intent_on
from tests.outsider import outsider_of

NAME = "edited"
TRIES = 12


class Bench(msgspec.Struct, frozen=True):
    """What one file's edits are made on. `tried` holds what need not be tried again."""

    intent: Intent
    namespace: str
    editor: Editor
    tried: set[str]
    made: dict[str, int]


@pytest.fixture(scope="module")
def bench(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with (
        fresh_database(postgres) as database,
        fresh_namespace(control_plane) as namespace,
        intent_on(database, namespace) as intent,
    ):
        for folder in (SHIPPED, CORPUS):
            load_templates(database.dsn, folder)
        outsider = outsider_of(control_plane.kubeconfig, tmp_path_factory.mktemp("outsider"))
        yield Bench(intent, namespace, Editor(outsider), set(), {})


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with Cluster(load(control_plane.kubeconfig, None, in_cluster=False)) as opened:
        yield opened


class Ours(msgspec.Struct, frozen=True):
    """One object as we applied it."""

    manifest: dict[str, Any]
    deployment: str
    live: Live
    fields: Fields
    paths: list[Steps]


async def applied(cluster: Cluster, bench: Bench, deployment: str, manifests: list[dict[str, Any]]) -> list[Ours]:
    """As a worker does it, below a root."""
    name = f"{NAME}-{deployment[:8]}"
    root = (await cluster.apply(root_manifest(deployment, name, bench.namespace), force=True)).live
    done: list[Ours] = []
    for manifest in manifests:
        named = {**manifest, "metadata": {**manifest["metadata"], "namespace": bench.namespace}}
        dressed = fill(
            dress(named, deployment_id=deployment, generation=1, template_version=1, root_uid=root.uid, root_name=root_name(name)),
            deployment, b"seed",
        )  # fmt: skip
        live = (await cluster.apply(dressed, force=False, metadata_only=False)).live
        fields = owned(live).fields
        assert fields is not None
        done.append(Ours(dressed, deployment, live, fields, list(leaves(fields))))
    return done


async def look(cluster: Cluster, ours: Ours) -> Live:
    found = await cluster.get(ours.live.kind, ours.live.namespace, ours.live.name, metadata_only=False)
    assert found is not None
    return found


async def put_back(cluster: Cluster, ours: Ours, live: Live) -> Live:
    """As a worker does it: by force, after what others put in the way has gone."""
    try:
        return (await cluster.apply(ours.manifest, force=True, metadata_only=False)).live
    except Invalid:
        patch = [*making_room(live, ours.fields, ours.manifest)]
        if not patch:
            raise
        # Whether the object has moved on is the worker's to ask; here controllers write its status meanwhile.
        await cluster.json_patch(live.kind, live.namespace, live.name, patch[1:])
        back = (await cluster.apply(ours.manifest, force=True, metadata_only=False)).live
        tidy = tidying(back)[1:]
        return await cluster.json_patch(live.kind, live.namespace, live.name, tidy) if tidy else back


def spelt(steps: Steps) -> str:
    """A path as it is told."""
    return _spell(steps)


def covers(path: str, leaf: str) -> bool:
    return leaf == path or leaf.startswith((f"{path}.", f"{path}["))


def judge(ours: Ours, before: dict[Steps, Any], after: Live, edit: str, *, removed: bool) -> list[str]:
    """What drift says against what was done; empty if it says just that."""
    found = lost(ours.fields, after, ours.manifest, deployment_id=ours.deployment)
    now = values_at(after.object, ours.paths)
    changed = {
        spelt(steps) for steps in ours.paths if now[steps] != before[steps] and find(ours.manifest, steps)[1] != {}
    }
    where = f"{ours.live.kind} {ours.live.name}: {edit}"
    wrong = [
        f"{where}: {leaf} changed and is not told" for leaf in changed if not any(covers(d.path, leaf) for d in found)
    ]
    # Another's forced apply takes a field over even where its value comes out the same; and `{}` may be as good as none.
    wrong += [f"{where}: {d.path} is told and did not change" for d in found
              if d.operation != "Apply" and d.wanted != {} and not any(covers(d.path, leaf) for leaf in changed)]  # fmt: skip
    if found and owned(after).hash == owned(ours.live).hash:
        wrong.append(f"{where}: nobody would have looked, for the hash is the same")
    for drift in found:
        manager = None if drift.manager is None else drift.manager.split("-")[0]
        # Who removes a field, or sets it to what is not stored, leaves no trace.
        if manager != "editor" and not (removed or drift.absent or not drift.live):
            wrong.append(f"{where}: {drift.path} was changed by {drift.manager}")
    return wrong


@pytest.mark.parametrize("source", [template.name for template in templates()] + ["beyond"])
async def test_every_edit_of_a_field_of_ours_is_told_as_it_is_and_put_back(
    cluster: Cluster, bench: Bench, source: str
) -> None:
    if source == "beyond":
        deployment, manifests = "6a4fd6f0-0b53-4b62-9f6e-4c1f1c1ad001", beyond()
    else:
        deployment = bench.intent.deploy(source, source, **PARAMETERS.get(source, {}))
        manifests = bench.intent.deployment(deployment)["desired_spec_json"]
    wrong: list[str] = []
    for ours in await applied(cluster, bench, deployment, manifests):
        for turn, steps in enumerate([*ours.paths, *items(ours.fields)]):
            wrong += await tried(cluster, bench, ours, steps, turn)
    assert not wrong, "\n".join(wrong)


async def tried(cluster: Cluster, bench: Bench, ours: Ours, steps: Steps, turn: int) -> list[str]:
    """Change and remove what stands at a path; what was wrong about it."""
    key = generalised(ours.live.kind, steps)
    if key in bench.tried or steps[:2] == ("f:metadata", "f:ownerReferences") or steps == ("f:immutable",):
        return []
    bench.tried.add(key)
    wrong: list[str] = []
    editor = bench.editor
    ways = [editor.put, editor.patch, editor.merge, editor.apply]
    for removed in (False, True):
        live = (await look(cluster, ours)).object
        value = find(live, steps)[1]
        if value is ABSENT:
            continue
        for number, other in enumerate([ABSENT] if removed else others_than(value)):
            if number > TRIES:
                break
            chosen = [way for way in (*ways[turn % 4 :], *ways[: turn % 4]) if not (removed and way == editor.apply)]
            if steps == ("f:spec", "f:replicas") and not removed:
                chosen.insert(0, editor.scale)
            before = values_at(live | {"kind": ours.live.kind}, ours.paths)
            way = next(
                (
                    way
                    for way in chosen[:2]
                    if way(live | {"kind": ours.live.kind, "apiVersion": ours.live.api_version}, steps, other)
                ),
                None,
            )
            if way is None:
                continue
            bench.made[way.__name__] = bench.made.get(way.__name__, 0) + 1
            after = await look(cluster, ours)
            edit = f"{spelt(steps)} by {way.__name__} {'removed' if removed else f'to {other}'}"
            wrong += judge(ours, before, after, edit, removed=removed)
            try:
                back = await put_back(cluster, ours, after)
            except Invalid as error:
                wrong.append(f"{ours.live.kind} {ours.live.name}: {edit}: cannot be put back: {error}")
                return wrong
            if owned(back).hash != owned(ours.live).hash:
                wrong.append(f"{ours.live.kind} {ours.live.name}: {edit}: owned otherwise after it was put back")
            still = values_at(back.object, ours.paths)
            wrong += [f"{ours.live.kind} {ours.live.name}: {edit}: {spelt(p)} not put back" for p in ours.paths
                      if still[p] != before[p] and find(ours.manifest, p)[1] != {}]  # fmt: skip
            if any(values_at(after.object, ours.paths)[p] != before[p] for p in ours.paths):
                break
    return wrong


def test_edits_were_made_in_every_way(bench: Bench) -> None:
    """After the others: had the server refused most of them, nothing would have been tried."""
    print(bench.made, len(bench.tried))
    assert bench.made.keys() == {"put", "patch", "merge", "apply", "scale"}
