"""Journeys: a person at psql, a person at kubectl, and between them a real worker and a real watcher.

One pair of processes, one database and one namespace serve all journeys of a file; each has deployments of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from tests.conftest import ControlPlane, Database
from tests.intent import Intent, intent_on
from tests.outsider import Outsider, outsider_of
from tests.rooms import Room
from tests.waiting import eventually_blocking


class Stage(msgspec.Struct, frozen=True):
    """All that a journey meets."""

    intent: Intent
    outsider: Outsider
    control_plane: ControlPlane
    database: Database
    namespace: str
    worker: Room
    watcher: Room

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl in the namespace of this stage."""
        return self.control_plane.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    @contextmanager
    def nobody_at_work(self) -> Iterator[None]:
        """Hold the worker still, so that what others do can be seen before it is put back."""
        self.worker.freeze()
        try:
            yield
        finally:
            self.worker.thaw()

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        return self.outsider.find(kind, self.namespace, name)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.outsider.get(kind, self.namespace, name)

    def until(self, check: Callable[[], Any], timeout_seconds: float = 30, what: str = "") -> Any:
        """Wait for a state; on failure tell the whole story."""
        return eventually_blocking(check, timeout_seconds, lambda: f"{what}\n{self.story()}")

    def story(self) -> str:
        return f"{self.intent.story()}\nworker: {self.worker.tail[-1500:]}\nwatcher: {self.watcher.tail[-1500:]}"

    def deploy(self, name: str, template: str, **parameters: Any) -> str:
        """A deployment that has come to rest."""
        made = self.intent.deploy(name, template, **parameters)
        self.until(lambda: self.is_at_rest(made), 60, f"{name} at rest")
        return made

    def is_at_rest(self, deployment: str) -> bool:
        """Healthy, applied, nothing queued, nothing drifted, and the watcher has seen all of it as it is now."""
        return (
            self.intent.is_applied(deployment)
            and self.intent.status(deployment) in ("Healthy", "Stopped")
            and self.is_observed(deployment)
            and not self.drift(deployment)
        )

    def is_observed(self, deployment: str) -> bool:
        """Whether the inventory knows each of its objects in the version that the API server has."""
        rows = [row for row in self.intent.inventory(deployment).values() if row["managed"]]
        for row in rows:
            live = self.find(row["kind"], row["name"])
            known = (row["uid"], row["resource_version"])
            if live is None or known != (live["metadata"]["uid"], int(live["metadata"]["resourceVersion"])):
                return False
        return bool(rows)

    def drift(self, deployment: str) -> list[dict[str, Any]]:
        """What a person sees in the view."""
        return self.intent.rows("SELECT * FROM orchestrator.drift WHERE deployment_id = %s", deployment)

    def mark(self, deployment: str) -> int:
        """The newest event; for `since`."""
        newest = "SELECT coalesce(max(id), 0) FROM orchestrator.deployment_events WHERE deployment_id = %s"
        return self.intent.value(newest, deployment)

    def since(self, deployment: str, mark: int, *types: str) -> list[dict[str, Any]]:
        """What has happened after a mark."""
        return [event for event in self.intent.events(deployment, *types) if event["id"] > mark]


@contextmanager
def fresh_database(postgres: Database) -> Iterator[Database]:
    """A migrated database for more than one test."""
    name = f"flow_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as connection:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(postgres.name)))
        yield msgspec.structs.replace(postgres, name=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def fresh_namespace(control_plane: ControlPlane) -> Iterator[str]:
    name = f"flow-{uuid.uuid4().hex[:10]}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def stage_on(postgres: Database, control_plane: ControlPlane, folder: Path, **environment: str) -> Iterator[Stage]:
    """A stage with its processes running."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(postgres))
        namespace = stack.enter_context(fresh_namespace(control_plane))
        intent = stack.enter_context(intent_on(database, namespace))
        environment = {"ORCHESTRATOR_LEASE_SECONDS": "10", "ORCHESTRATOR_STANDBY_SECONDS": "0.5", **environment}
        worker = stack.enter_context(Room("worker", database, control_plane.kubeconfig, **environment))
        watcher = stack.enter_context(Room("watcher", database, control_plane.kubeconfig, **environment))
        outsider = outsider_of(control_plane.kubeconfig, folder)
        yield Stage(intent, outsider, control_plane, database, namespace, worker, watcher)


@pytest.fixture(scope="module")
def stage(postgres: Database, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for the whole file."""
    with stage_on(postgres, control_plane, tmp_path_factory.mktemp("stage")) as opened:
        yield opened


def stripped(live: dict[str, Any]) -> str:
    """An object as a person would create it again from what kubectl printed."""
    annotations = {
        key: text for key, text in live["metadata"].get("annotations", {}).items() if "kubernetes.io" not in key
    }
    metadata = {"name": live["metadata"]["name"], "labels": live["metadata"]["labels"], "annotations": annotations}
    kept = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    if live["kind"] == "Service":
        kept["spec"] = {key: value for key, value in live["spec"].items() if not key.startswith("clusterIP")}
    if live["kind"] == "PersistentVolumeClaim":
        kept["spec"] = {key: value for key, value in live["spec"].items() if key != "volumeName"}
    return json.dumps({**kept, "metadata": metadata})
