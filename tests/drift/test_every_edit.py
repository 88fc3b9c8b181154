"""Every true edit is found: each field we own in the corpus is changed and removed, in every way there is to do so.

What an edit did is worked out from the object before and after; drift must say that and no more, name who did it, and
one forced apply must put it back.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from itertools import islice
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
from kube.ownership import Fields, _spell, lost, making_room, owned, rewritten, tidying
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
        whose: dict[str, Any] = {"deployment_id": deployment, "root_uid": root.uid, "root_name": root_name(name)}
        dressed = fill(dress(named, generation=1, template_version=1, **whose), deployment, b"seed")
        live = (await cluster.apply(dressed, force=False, metadata_only=False)).live
        fields = owned(live).fields
        assert fields is not None
        assert rewritten(live, dressed, at_once=True) == [], "no form that a server gives to a value is another value"
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


def covers(path: str, leaf: str) -> bool:
    return leaf == path or leaf.startswith((f"{path}.", f"{path}["))


class Edit(msgspec.Struct, frozen=True):
    """One edit that the server took: who made it how, and our fields before it."""

    ours: Ours
    what: str
    removed: bool
    before: dict[Steps, Any]
    after: Live

    def differing(self, live: Live) -> set[str]:
        """The fields of ours that read otherwise than before. Where we say `{}` others may add, and we say nothing."""
        now = values_at(live.object, self.ours.paths)
        found = (steps for steps in self.ours.paths if now[steps] != self.before[steps])
        return {_spell(steps) for steps in found if find(self.ours.manifest, steps)[1] != {}}

    def misjudged(self) -> list[str]:
        """What drift says against what was done; empty if it says just that."""
        ours, changed = self.ours, self.differing(self.after)
        found = lost(ours.fields, self.after, ours.manifest, deployment_id=ours.deployment)
        wrong = [f"{leaf} changed and is not told" for leaf in changed if not any(covers(d.path, leaf) for d in found)]
        for drift in found:
            # Another's forced apply takes a field over even where its value comes out the same; `{}` may be as good as
            # none.
            really = (
                drift.operation == "Apply" or drift.wanted == {} or any(covers(drift.path, leaf) for leaf in changed)
            )
            # Who removes a field, or sets it to what is not stored, leaves no trace.
            traceless = self.removed or drift.absent or not drift.live
            wrong += [] if really else [f"{drift.path} is told and did not change"]
            if not (drift.manager or "").startswith("editor-") and not traceless:
                wrong.append(f"{drift.path} is said to be changed by {drift.manager}")
        if found and owned(self.after).hash == owned(ours.live).hash:
            wrong.append("nobody would have looked, for the hash is the same")
        return wrong

    def not_put_back(self, back: Live) -> list[str]:
        """What is otherwise than it was, after a forced apply."""
        wrong = [f"{path} is not put back" for path in self.differing(back)]
        return wrong if owned(back).fields == self.ours.fields else [*wrong, "we own something else afterwards"]


@pytest.mark.parametrize("source", [*(template.name for template in templates()), "beyond"])
async def test_every_edit_of_a_field_of_ours_is_told_as_it_is_and_put_back(
    cluster: Cluster, bench: Bench, source: str
) -> None:
    if source == "beyond":
        deployment, manifests = str(uuid.uuid4()), beyond()
    else:
        deployment = bench.intent.deploy(source, source, **PARAMETERS.get(source, {}))
        manifests = bench.intent.deployment(deployment)["desired_spec_json"]
    wrong: list[str] = []
    for ours in await applied(cluster, bench, deployment, manifests):
        for turn, steps in enumerate([*ours.paths, *items(ours.fields)]):
            if is_worth_a_try(bench, ours, steps):
                wrong += await tried(cluster, bench, ours, steps, turn)
    assert not wrong, "\n".join(wrong)


def is_worth_a_try(bench: Bench, ours: Ours, steps: Steps) -> bool:
    """Whether it was not tried elsewhere. What `immutable` forbids nobody can put back."""
    key = generalised(ours.live.kind, steps)
    if key in bench.tried or steps[:2] == ("f:metadata", "f:ownerReferences") or steps == ("f:immutable",):
        return False
    bench.tried.add(key)
    return True


async def tried(cluster: Cluster, bench: Bench, ours: Ours, steps: Steps, turn: int) -> list[str]:
    """Change and remove what stands at a path; what was wrong about it."""
    wrong: list[str] = []
    for removed in (False, True):
        value = find((await look(cluster, ours)).object, steps)[1]
        others = [ABSENT] if removed else others_than(value)
        for other in islice(others if value is not ABSENT else (), TRIES):
            edit = await made(cluster, bench, ours, steps, other, turn)
            if edit is None:
                continue
            found = edit.misjudged()
            try:
                found += edit.not_put_back(await put_back(cluster, ours, edit.after))
            except Invalid as error:
                return [*wrong, *(f"{edit.what}: {one}" for one in (*found, f"cannot be put back: {error}"))]
            wrong += [f"{edit.what}: {one}" for one in found]
            if edit.differing(edit.after):
                break
    return wrong


async def made(cluster: Cluster, bench: Bench, ours: Ours, steps: Steps, value: Any, turn: int) -> Edit | None:
    """Have the value put there in one of two ways, in turn from all; None if the server takes neither."""
    editor, removed = bench.editor, value is ABSENT
    ways = [editor.put, editor.patch, editor.merge, editor.apply]
    ways = [*ways[turn % 4 :], *ways[: turn % 4]]
    if removed:
        ways.remove(editor.apply)
    elif steps == ("f:spec", "f:replicas"):
        ways.insert(0, editor.scale)
    live = (await look(cluster, ours)).object | {"kind": ours.live.kind, "apiVersion": ours.live.api_version}
    way = next((way for way in ways[:2] if way(live, steps, value)), None)
    if way is None:
        return None
    bench.made[way.__name__] = bench.made.get(way.__name__, 0) + 1
    what = f"{ours.live.kind} {ours.live.name}: {_spell(steps)} by {way.__name__} " + (
        "removed" if removed else f"to {value}"
    )
    return Edit(ours, what, removed, values_at(live, ours.paths), await look(cluster, ours))


def test_edits_were_made_in_every_way(bench: Bench) -> None:
    """After the others: had the server refused most of them, nothing would have been tried."""
    assert bench.made.keys() == {"put", "patch", "merge", "apply", "scale"}
    assert sum(bench.made.values()) > len(bench.tried) > 250, (bench.made, len(bench.tried))
