"""deploy/alerts.yaml against what /metrics really shows: each rule names metrics and labels that exist, is silent while
all is well, and fires for the trouble it is about."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import Shown, gauge_up
from tests.app.conftest import Api
from tests.app.test_metrics import Samples, scrape
from tests.intent import Intent

FILE = Path(__file__).parents[2] / "deploy/alerts.yaml"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]
}
# All our rules have this form, so that a test can evaluate them as Prometheus would.
EXPRESSION = re.compile(
    r"max(?: by \((?P<labels>[a-z, ]+)\) )?\((?P<metric>orchestrator_\w+)\) (?P<operator>>|==) (?P<bound>\d+)"
)
# What makes each of them fire.
TROUBLE = {
    "OrchestratorPathContested": """INSERT INTO orchestrator.put_backs
        (deployment_id, cluster_id, kind, name, path, put_backs, recent, last_at, contested_since)
        SELECT id, 1, 'Service', 'a', 'spec', 3, '{now}', now(), now() FROM orchestrator.deployments""",
    "OrchestratorReconcileFailing": "UPDATE orchestrator.reconcile_slots SET last_error = 'timeout', failures = 4",
    "OrchestratorWorkQuarantined": "UPDATE orchestrator.reconcile_slots SET quarantined_at = now()",
    "OrchestratorClusterUnreachable": """UPDATE orchestrator.clusters
        SET unreachable_since = now() - interval '3 minutes'""",
    "OrchestratorWatchDisconnected": """UPDATE orchestrator.watch_streams
        SET state = 'lost', changed_at = now() - interval '3 minutes'""",
    "OrchestratorWatcherGone": "UPDATE orchestrator.watch_streams SET synced_at = now() - interval '11 minutes'",
    "OrchestratorDeploymentsStale": "UPDATE orchestrator.deployments SET stale_since = now()",
    "OrchestratorSnapshotOld": """CREATE OR REPLACE FUNCTION orchestrator.measure_snapshots() RETURNS double precision
        LANGUAGE sql STABLE AS 'SELECT 901.0'""",
    "OrchestratorQueueOld": "UPDATE pgmq.q_c1_now SET enqueued_at = now() - interval '6 minutes'",
}


def firing(rule: dict[str, Any], samples: Samples) -> bool:
    """Whether the expression has a result: its metric is there with its labels, and some maximum beyond the bound."""
    found = EXPRESSION.fullmatch(rule["expr"])
    assert found, f"write it so that this test can read it: {rule['expr']}"
    labels = set((found["labels"] or "").replace(" ", "").split(",")) - {""}
    series = [(dict(known), value) for (name, known), value in samples.items() if name == found["metric"]]
    assert series, f"/metrics shows no {found['metric']}"
    for known, _ in series:
        assert labels <= known.keys(), f"{found['metric']} has no such label"
    told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert told <= labels, "an annotation names a label that the expression leaves out"
    most: dict[tuple[str, ...], float] = {}
    for known, value in series:
        place = tuple(known[label] for label in sorted(labels))
        most[place] = max(value, most.get(place, value))
    bound = float(found["bound"])
    return any(value > bound if found["operator"] == ">" else value == bound for value in most.values())


@pytest.fixture
def watched(templates: Intent) -> Intent:
    """One deployment in the queue, its cluster reached and watched."""
    templates.deploy("one", "web")
    templates.superuser.execute("SELECT orchestrator.report_cluster('default', true, NULL)")
    templates.superuser.execute("SELECT orchestrator.record_stream('default', 'Pod', 'synced', 0, NULL)")
    return templates


@pytest.mark.parametrize("name", RULES)
async def test_an_alert_is_silent_while_all_is_well_and_fires_for_its_trouble(
    api: Api, watched: Intent, name: str
) -> None:
    assert not firing(RULES[name], await scrape(api))
    if name == "OrchestratorDatabaseDown":
        text = generate_latest(Shown([gauge_up(0)])).decode()
        down = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert firing(RULES[name], down)
        return
    watched.superuser.execute(TROUBLE[name].encode())
    assert firing(RULES[name], await scrape(api))


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_look(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_the_alerts_that_were_asked_for_are_there() -> None:
    assert TROUBLE.keys() | {"OrchestratorDatabaseDown"} == RULES.keys()
