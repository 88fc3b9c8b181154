"""How these tests speak to Postgres: as the role that would, over sessions of their own, with the cluster played by hand.

`Stage` opens one session a role when first asked for it. What a worker and a watcher send is made here, so that a test
says only what matters to it.
"""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from db.templates import SHIPPED, load_templates
from tests.conftest import ROLES, Database

Row = dict[str, Any]
Session = psycopg.Connection[Row]
LOCK_TIMEOUT = "10s"

# Kubernetes counts resourceVersions over the whole cluster; so does this.
_versions = itertools.count(1000)


def next_version() -> int:
    """A resourceVersion above all that were given out before."""
    return next(_versions)


@contextmanager
def refused(code: str, path: str | None = None, hint: str = "") -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
    """Expect an error of ours: SQLSTATE, DETAIL beginning with `path`, and a HINT that holds `hint`."""
    with pytest.raises(psycopg.Error) as caught:
        yield caught
    told = caught.value.diag
    assert caught.value.sqlstate == code, f"{caught.value.sqlstate}: {told.message_primary}"
    assert told.message_primary
    assert told.message_hint, "a refusal says what to do next"
    assert hint in told.message_hint
    if path is not None:
        assert (told.message_detail or "").startswith(path), told.message_detail


def denied() -> Any:
    """Expect Postgres itself to deny it, for want of a grant."""
    return pytest.raises(psycopg.errors.InsufficientPrivilege)


class Stage:
    """One database with a session for each role that a test needs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sessions: list[Session] = []
        self.named: dict[str, Session] = {}

    def close(self) -> None:
        for session in self.sessions:
            session.close()

    def session(self, role: str | None = None) -> Session:
        """A new session in autocommit; as superuser if no role is named."""
        url = self.database.dsn if role is None else self.database.dsn_as(role)
        session = psycopg.connect(
            url,
            autocommit=True,
            row_factory=dict_row,
            application_name=f"test {role or 'superuser'}",
            options=f"-c search_path=pg_catalog,orchestrator -c lock_timeout={LOCK_TIMEOUT}",
        )
        self.sessions.append(session)
        return session

    def __getattr__(self, role: str) -> Session:
        """`stage.operator`, `stage.worker` … and `stage.root`, the superuser."""
        if role != "root" and role not in ROLES:
            raise AttributeError(role)
        if role not in self.named:
            self.named[role] = self.session(None if role == "root" else role)
        return self.named[role]

    # ------------------------------------------------------------ reading

    def rows(self, query: str, *values: Any) -> list[Row]:
        """As superuser: what stands there."""
        return self.root.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The single value of a query's single row."""
        (row,) = self.rows(query, *values)
        (value,) = row.values()
        return value

    def deployment(self, name: str) -> Row:
        (row,) = self.rows("SELECT * FROM deployments WHERE name = %s ORDER BY finalised_at NULLS FIRST LIMIT 1", name)
        return row

    def slot(self, deployment_id: Any) -> Row:
        (row,) = self.rows("SELECT * FROM reconcile_slots WHERE deployment_id = %s", deployment_id)
        return row

    def resource(self, deployment_id: Any, kind: str, name: str) -> Row | None:
        found = self.rows(
            "SELECT * FROM deployment_resources WHERE deployment_id = %s AND kind = %s AND name = %s",
            deployment_id,
            kind,
            name,
        )
        return found[0] if found else None

    def events(self, deployment_id: Any, *types: str) -> list[str]:
        """The types of its events, oldest first; only these types, if any are named."""
        return [
            row["type"]
            for row in self.rows(
                "SELECT type FROM deployment_events WHERE deployment_id = %s ORDER BY id", deployment_id
            )
            if not types or row["type"] in types
        ]

    def last_event(self, deployment_id: Any, kind: str) -> Row:
        rows = self.rows(
            "SELECT * FROM deployment_events WHERE deployment_id = %s AND type = %s ORDER BY id DESC LIMIT 1",
            deployment_id,
            kind,
        )
        assert rows, f"no {kind} among {self.events(deployment_id)}"
        return rows[0]

    def messages(self, queue: str = "", deployment_id: Any = None) -> list[Row]:
        """Live messages of the queue, or of both."""
        found: list[Row] = []
        for name in [queue] if queue else ["c1_now", "c1_bulk"]:
            read = sql.SQL("SELECT *, %s AS queue FROM pgmq.{} ORDER BY msg_id").format(sql.Identifier(f"q_{name}"))
            found += self.root.execute(read, (name,)).fetchall()
        return [m for m in found if deployment_id is None or m["message"]["id"] == str(deployment_id)]

    # ------------------------------------------------------------ acting as people and workers

    def reachable(self) -> None:
        self.worker.execute("SELECT report_cluster('default', true, NULL)")

    def deploy(self, name: str, template: str = "web", parameters: Row | None = None, **more: Any) -> Any:
        """Through deploy(), as an operator; answers the id."""
        arguments = {"name": name, "template": template, "parameters": json.dumps(parameters or {}), **more}
        call = sql.SQL("SELECT orchestrator.deploy({}) AS id").format(
            sql.SQL(", ").join(sql.SQL("{} => {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in arguments)
        )
        row = self.operator.execute(call, arguments).fetchone()
        assert row is not None
        return row["id"]

    def change(self, deployment_id: Any, **columns: Any) -> None:
        """UPDATE one deployment, as an operator."""
        changes = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in columns)
        values = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in columns.items()}
        self.operator.execute(
            sql.SQL("UPDATE deployments SET {} WHERE id = %(deployment_id)s").format(changes),
            {**values, "deployment_id": deployment_id},
        )

    def claim(self, limit: int = 10, lease_seconds: int = 30, worker: Session | None = None) -> list[Row]:
        session = worker or self.worker
        return session.execute("SELECT * FROM claim('default', 'w', %s, %s)", (limit, lease_seconds)).fetchall()

    def claim_one(self, lease_seconds: int = 30) -> Row:
        """The one deployment that is due. Fails if it is not one."""
        found = self.claim(lease_seconds=lease_seconds) or self.claim(lease_seconds=lease_seconds)
        (claimed,) = found
        return claimed

    def settle(self, claimed: Row, outcome: str = "succeeded", worker: Session | None = None, **more: Any) -> str:
        session = worker or self.worker
        row = session.execute("SELECT settle(%s) AS verdict", (settlement(claimed, outcome, **more),)).fetchone()
        assert row is not None
        return row["verdict"]

    def converge(self, claimed: Row, *, fields_hash: str = "h1", **more: Any) -> int:
        """Settle as a worker that applied everything; answers the resourceVersion of the last object."""
        resources = [applied(m, claimed["namespace"], fields_hash=fields_hash) for m in manifests(claimed)]
        assert self.settle(claimed, resources=resources, **more) == "settled"
        return resources[-1]["resource_version"]

    def run_all(self) -> None:
        """Reconcile all that is queued, successfully, and see all of it healthy."""
        while claimed := self.claim(100) or self.claim(100):
            for one in claimed:
                self.converge(one)

    def observe(self, *observations: Row, session: Session | None = None) -> list[Row]:
        """As the watcher: the verdicts on a batch."""
        found = (session or self.watcher).execute(
            "SELECT * FROM record_observations('default', %s)", (json.dumps(observations, default=str),)
        )
        return found.fetchall()

    def catch_up(self, *observations: Row) -> list[Row]:
        """As the watcher once their drift has been told of: what is busy."""
        suspects = [observation["deployment_id"] for observation in observations]
        found = self.watcher.execute(
            "SELECT * FROM catch_up('default', %s, %s::uuid[])", (json.dumps(observations, default=str), suspects)
        )
        return found.fetchall()

    def run_healthy(self, name: str, template: str = "web", parameters: Row | None = None) -> Any:
        """A deployment that was applied and whose every object was seen healthy; answers its id."""
        deployment_id = self.deploy(name, template, parameters)
        claimed = self.claim_one()
        self.converge(claimed)
        self.observe(*[self.seen(deployment_id, m["kind"], m["metadata"]["name"]) for m in manifests(claimed)])
        assert self.deployment(name)["status_summary"] == "Healthy", self.deployment(name)
        return deployment_id

    def seen(self, deployment_id: Any, kind: str, name: str, /, **changes: Any) -> Row:
        """An observation of an inventoried object as it stands: same uid, version and fields, healthy."""
        resource = self.resource(deployment_id, kind, name) or {}
        return {
            "change": "seen",
            "api_version": resource.get("api_version", "v1"),
            "kind": kind,
            "namespace": "default",
            "name": name,
            "uid": resource.get("uid") or f"uid-{kind}-{name}",
            "resource_version": resource.get("resource_version") or next_version(),
            "deployment_id": str(deployment_id),
            "generation": 1,
            "ours": kind != "Pod",
            "fields_hash": resource.get("fields_hash"),
            "deleting": False,
            "health": "Healthy",
            "reason": "",
            "message": "",
            "digest": None,
            **changes,
        }

    def later(self, deployment_id: Any, kind: str, name: str, /, **changes: Any) -> Row:
        """The same with a newer resourceVersion."""
        return self.seen(deployment_id, kind, name, **{"resource_version": next_version(), **changes})

    def gone(self, deployment_id: Any, kind: str, name: str, /, **changes: Any) -> Row:
        return self.later(deployment_id, kind, name, change="gone", **changes)


def manifests(claimed: Row) -> list[Row]:
    """What a worker applies: the root, then the rendered manifests."""
    root = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{claimed['name']}-root"}}
    return [root, *(claimed["manifests"] or [])]


def applied(manifest: Row, namespace: str, **changes: Any) -> Row:
    """What an apply answered, for a settlement."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    return {
        "api_version": manifest["apiVersion"],
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{kind}-{name}",
        "resource_version": next_version(),
        "fields": {"f:spec": {}},
        "fields_hash": "h1",
        "rendered_hash": "r1",
        **changes,
    }


def lease(claimed: Row) -> Row:
    """What proves a lease."""
    own = str(claimed["deployment_id"])
    return {"deployment_id": own, "id": own, **{key: claimed[key] for key in ("queue", "msg_id", "token")}}


def settlement(claimed: Row, outcome: str = "succeeded", **more: Any) -> str:
    """How a run ended, as JSON."""
    return json.dumps(
        {**lease(claimed), "seen": claimed["seen"], "generation": claimed["generation"], "outcome": outcome, **more}
    )


def leases(*claimed: Row) -> str:
    return json.dumps([lease(one) for one in claimed])


def load_shipped(database: Database) -> None:
    load_templates(database.dsn_as("admin"), SHIPPED)
