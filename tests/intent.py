"""A person at psql, for tests: templates to deploy from, wishes written as an operator, and what Postgres says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:  # it imports this file
    from tests.conftest import Database

CONFINED_POD = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 101, "seccompProfile": {"type": "RuntimeDefault"}},
}
CONFINED_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
NOTE = {"example.com/note": "${note}"}


def config_map(suffix: str = "-env", **data: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "${name}" + suffix, "annotations": NOTE},
        "data": {"GREETING": "${greeting}", **data},
    }


def secret() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "${name}-rcon", "annotations": NOTE},
        "type": "Opaque",
        "stringData": {"password": {"$generate": "password"}},
    }


def claim() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "${name}-data", "annotations": NOTE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "${name}", "annotations": NOTE},
        "spec": {
            "selector": {"app.kubernetes.io/instance": "${name}"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        },
    }


def workload(kind: str, *, suffix: str = "", replicas: Any = None, claim_name: str | None = None) -> dict[str, Any]:
    """A workload of one confined container; without `replicas` it leaves them to others."""
    name = "${name}" + suffix
    container: dict[str, Any] = {
        "name": "web",
        "image": {"$param": "image"},
        "env": [{"name": "GREETING", "value": "${greeting}"}],
        "resources": {"requests": {"cpu": {"$param": "cpu"}, "memory": "16Mi"}},
        "securityContext": CONFINED_CONTAINER,
    }
    pod: dict[str, Any] = {**CONFINED_POD, "containers": [container]}
    if claim_name is not None:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    labels = {"app.kubernetes.io/instance": name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = "${name}"
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "annotations": NOTE},
        "spec": spec,
    }


def simulated(manifest: dict[str, Any]) -> dict[str, Any]:
    """The workload with pods that fail as the parameter `simulate` says."""
    changed = json.loads(json.dumps(manifest))
    changed["spec"]["template"]["metadata"]["labels"]["server-orchestrator.io/simulate"] = {"$param": "simulate"}
    return changed


def ingress() -> dict[str, Any]:
    backend = {"service": {"name": "${name}", "port": {"name": "http"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "${name}", "annotations": NOTE},
        "spec": {
            "rules": [
                {
                    "host": "${name}.example.com",
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                }
            ]
        },
    }


def network_policy() -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "${name}", "annotations": NOTE},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/instance": "${name}"}},
            "ingress": [{"ports": [{"port": 8080}]}],
        },
    }


def disruption_budget() -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "${name}", "annotations": NOTE},
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": "${name}"}},
        },
    }


def cron_job(schedule: str = "0 4 * * *") -> dict[str, Any]:
    """A backup by night; of the same confined container as a workload."""
    pod = workload("Deployment")["spec"]["template"]["spec"]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "${name}", "annotations": NOTE},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}},
        },
    }


PARAMETERS = {
    "greeting": {"type": "string", "default": "hello"},
    "note": {"type": "string", "default": "none"},
    "image": {"type": "string", "default": "example/web:1"},
    "replicas": {"type": "integer", "default": 1, "minimum": 0, "maximum": 50},
    "cpu": {"type": "string", "default": "10m"},
    "simulate": {"type": "string", "default": ""},
    "extra": {"type": "boolean", "default": False},
}
REPLICAS = {"$param": "replicas"}
TEMPLATES: dict[str, list[dict[str, Any]]] = {
    # The smallest that has an order: settings before what reads them.
    "small": [config_map(), service()],
    "web": [config_map(), service(), workload("Deployment", replicas=REPLICAS)],
    # Like a game server: data, a password, one stateful pod.
    "game": [
        config_map(),
        secret(),
        claim(),
        service(),
        workload("StatefulSet", replicas=1, claim_name="${name}-data"),
    ],
    # One of every kind that needs no metrics, and a claim that no pod holds on to.
    "every-kind": [
        config_map(),
        secret(),
        claim(),
        service(),
        network_policy(),
        disruption_budget(),
        workload("StatefulSet", replicas=REPLICAS),
        workload("Deployment", suffix="-web", replicas=REPLICAS),
        cron_job(),
        ingress(),
    ],
    "optional": [config_map(), {**config_map("-extra"), "$when": "extra"}],
    "simulated": [simulated(workload("Deployment", replicas=REPLICAS))],
}


class Intent(msgspec.Struct, frozen=True):
    """One database, seen by an operator. Statements run at once, each its own transaction."""

    operator: psycopg.Connection[dict[str, Any]]
    superuser: psycopg.Connection[dict[str, Any]]
    namespace: str

    def put_template(self, name: str, manifests: list[dict[str, Any]]) -> int:
        """Write the next version of a template, with the parameters that these manifests use."""
        text = json.dumps(manifests)
        used = {
            key: rule
            for key, rule in PARAMETERS.items()
            if f"${{{key}}}" in text or f'"$param": "{key}"' in text or f'"$when": "{key}"' in text
        }
        schema = json.dumps({"type": "object", "properties": used})
        row = self.superuser.execute(
            "SELECT orchestrator.put_template(%s, %s, %s) AS version", (name, text, schema)
        ).fetchone()
        assert row is not None
        return row["version"]

    def deploy(self, name: str, template: str = "small", *, namespace: str | None = None, **parameters: Any) -> str:
        """Make a deployment; its id."""
        if template in TEMPLATES and not self.rows("SELECT FROM orchestrator.templates WHERE name = %s", template):
            self.put_template(template, TEMPLATES[template])
        row = self.operator.execute(
            "SELECT orchestrator.deploy(%s, template => %s, parameters => %s, namespace => %s)::text AS id",
            (name, template, json.dumps(parameters), namespace or self.namespace),
        ).fetchone()
        assert row is not None
        return row["id"]

    def change(self, deployment: str, **parameters: Any) -> None:
        """Set parameters, as an UPDATE in psql does."""
        self.operator.execute(
            "UPDATE orchestrator.deployments SET parameters = parameters || %s WHERE id = %s",
            (json.dumps(parameters), deployment),
        )

    def set(self, deployment: str, desired_state: str) -> None:
        """Ask for another state."""
        self.operator.execute(
            "UPDATE orchestrator.deployments SET desired_state = %s WHERE id = %s", (desired_state, deployment)
        )

    def reconcile_now(self, deployment: str) -> None:
        """The button."""
        self.operator.execute("SELECT orchestrator.reconcile_now(%s)", (deployment,))

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """What Postgres holds, seen by a superuser."""
        return self.superuser.execute(query.encode(), arguments).fetchall()

    def value(self, query: str, *arguments: Any) -> Any:
        """The one value of a query."""
        return next(iter(self.rows(query, *arguments)[0].values()))

    def deployment(self, deployment: str) -> dict[str, Any]:
        """Its row."""
        return self.rows("SELECT * FROM orchestrator.deployments WHERE id = %s", deployment)[0]

    def status(self, deployment: str) -> str:
        return self.deployment(deployment)["status_summary"]

    def message(self, deployment: str) -> str:
        return self.deployment(deployment)["status_message"]

    def is_applied(self, deployment: str) -> bool:
        """Whether the newest generation was applied whole and nothing more is queued."""
        row = self.rows(
            "SELECT d.generation = d.last_applied_generation AND s.msg_id IS NULL AND s.due_at IS NULL AS done"
            " FROM orchestrator.deployments d JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id"
            " WHERE d.id = %s",
            deployment,
        )[0]
        return row["done"]

    def slot(self, deployment: str) -> dict[str, Any]:
        """Its place in the queue."""
        return self.rows("SELECT * FROM orchestrator.reconcile_slots WHERE deployment_id = %s", deployment)[0]

    def inventory(self, deployment: str) -> dict[str, dict[str, Any]]:
        """Its objects by "Kind/name"."""
        rows = self.rows("SELECT * FROM orchestrator.deployment_resources WHERE deployment_id = %s", deployment)
        return {f"{row['kind']}/{row['name']}": row for row in rows}

    def events(self, deployment: str, *types: str) -> list[dict[str, Any]]:
        """Its history, oldest first; of the given types only, if any are given."""
        return self.rows(
            "SELECT * FROM orchestrator.deployment_events WHERE deployment_id = %s"
            " AND (%s::text[] = '{}' OR type = ANY (%s)) ORDER BY id",
            deployment,
            list(types),
            list(types),
        )

    def event_types(self, deployment: str) -> list[str]:
        return [event["type"] for event in self.events(deployment)]

    def story(self) -> str:
        """Everything that happened, for the message of a failing test."""
        rows = self.rows(
            "SELECT d.name, e.generation, e.type, e.data_json FROM orchestrator.deployment_events e"
            " JOIN orchestrator.deployments d ON d.id = e.deployment_id ORDER BY e.id DESC LIMIT 25"
        )
        states = self.rows(
            "SELECT d.name, d.status_summary, d.status_message, d.generation, d.last_applied_generation, s.msg_id,"
            " s.due_at - now() AS due, s.last_error FROM orchestrator.deployments d"
            " JOIN orchestrator.reconcile_slots s ON s.deployment_id = d.id LIMIT 10"
        )
        told = [f"{r['name']} g{r['generation']} {r['type']} {str(r['data_json'])[:300]}" for r in reversed(rows)]
        return "\n".join([*map(str, states), *told])


@contextmanager
def intent_on(database: "Database", namespace: str) -> Iterator[Intent]:
    """The operator's and the superuser's session on a test's database."""
    with (
        psycopg.connect(database.dsn_as("operator"), autocommit=True, row_factory=dict_row) as operator,
        psycopg.connect(database.dsn, autocommit=True, row_factory=dict_row) as superuser,
    ):
        yield Intent(operator, superuser, namespace)
