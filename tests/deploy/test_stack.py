"""`orchestrator up`, as a person uses it: started, used, hurt, stopped and started again."""

import json
import os
import secrets
import signal
import subprocess
import urllib.request
from pathlib import Path

import psutil
import pytest

from deploy.children import GIVE_UP_CODE
from tests.conftest import ControlPlane
from tests.deploy.stack_process import ORCHESTRATOR, Up, command_line, connections, first_word, still_running
from tests.waiting import eventually_blocking

GO_THAT_NEVER_ENDS = """#!/bin/sh
case "$1 $2" in
"env GOVERSION") echo go9.9.9 ;;
"env GOROOT") echo / ;;
"list -deps") printf 'a\\nb\\nc\\nd\\n' ;;
*) printf 'a\\nb\\n' >&2; exec sleep 600 ;;
esac
"""


def kept_token(state: Path) -> str:
    return json.loads((state / "stack.json").read_text())["token"]


def test_each_process_is_seen_by_its_name_in_ps(stack: Up) -> None:
    for kind in ("api", "worker", "watcher"):
        stack.child(f"orchestrator {kind}")


def test_after_eval_of_env_psql_kubectl_and_http_just_work(stack: Up) -> None:
    assert stack.shell('psql "$DATABASE_URL" -Atc "SELECT session_user, count(*) >= 0 FROM deployments"') == "admin|t"
    assert stack.shell('psql "$DATABASE_URL" -Atc "SHOW idle_in_transaction_session_timeout"') == "10min"
    assert stack.shell("kubectl get nodes -o name") == "node/local"
    known = stack.environment()
    request = urllib.request.Request(
        f"{known['ORCHESTRATOR_URL']}/api/templates", headers={"Authorization": f"Bearer {known['ORCHESTRATOR_TOKEN']}"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.status == 200


def test_up_and_env_tell_where_each_process_shows_its_metrics(stack: Up) -> None:
    told = stack.says("metrics are at").split()
    command = [ORCHESTRATOR, "env", "--state", stack.state]
    comment = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    assert comment.startswith("# metrics of API (with the token), worker and watcher: ")
    urls = comment.split()[-3:]
    assert [url for url in urls if url in told] == urls
    token = {"Authorization": f"Bearer {stack.environment()['ORCHESTRATOR_TOKEN']}"}
    families = ("orchestrator_queue_depth", "orchestrator_reconcile_seconds", "orchestrator_watch_staleness_seconds")
    for url, family in zip(urls, families, strict=True):

        def shown(url: str = url, family: str = family) -> bool:
            headers = token if family == "orchestrator_queue_depth" else {}
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
                return f"# TYPE {family}" in response.read().decode()

        eventually_blocking(shown, 20, url)


def test_the_first_start_prints_a_one_time_link_for_the_admin_and_a_command_prints_others(stack: Up) -> None:
    url = stack.environment()["ORCHESTRATOR_URL"]
    first = stack.says(f"choose admin's password, once, at {url}/welcome/").split()[-1]
    second = stack.shell(f"orchestrator people link admin --state {stack.state}")
    assert second.startswith(f"{url}/welcome/")
    assert len(second) == len(first)
    assert second != first
    told = subprocess.run(
        [ORCHESTRATOR, "people", "link", "nobody", "--state", stack.state], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert 'there is no user "nobody"' in told.stderr
    assert "Traceback" not in told.stderr


def test_a_stack_begins_with_the_shipped_templates(stack: Up) -> None:
    stack.says("loaded the templates paper, vanilla, web")


def test_no_secret_of_the_stack_is_readable_by_others(stack: Up) -> None:
    for file in ("stack.json", "cluster/kubeconfig", "cluster/tokens.csv", "cluster/key.pem", "cluster/identity.json"):
        assert (stack.state / file).stat().st_mode & 0o077 == 0, file


def test_every_process_connects_as_a_login_of_its_own_role(stack: Up) -> None:
    for kind in ("api", "worker", "watcher"):
        environment = stack.child(f"orchestrator {kind}").environ()
        assert environment["DATABASE_URL"].startswith(f"postgresql://so_{kind}:")
        assert ("ORCHESTRATOR_KUBECONFIG" in environment) == (kind != "api")


def test_everything_listens_on_this_machine_alone(stack: Up) -> None:
    def listening() -> list[tuple[str, str, int]]:
        return [
            (first_word(process), connection.laddr.ip, connection.laddr.port)
            for process in stack.family()
            for connection in connections(process)
            if connection.status == psutil.CONN_LISTEN
        ]

    kept = json.loads((stack.state / "stack.json").read_text())
    wanted = {kept[name] for name in ("api_port", "postgres_port", "worker_metrics_port", "watcher_metrics_port")}
    eventually_blocking(lambda: wanted <= {port for _, _, port in listening()}, 20, listening)
    assert [found for found in listening() if found[1] != "127.0.0.1"] == []


def test_a_second_up_on_the_same_folder_is_refused_with_words(stack: Up) -> None:
    second = subprocess.run(
        [ORCHESTRATOR, "up", "--state", stack.state], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert f"already runs on {stack.state} (process {stack.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("kind", ["api", "worker", "watcher"])
def test_a_process_that_dies_is_started_again_and_that_is_said(stack: Up, kind: str) -> None:
    killed = stack.child(f"orchestrator {kind}")
    killed.send_signal(signal.SIGKILL)
    stack.says(f"{kind} was ended by SIGKILL")
    eventually_blocking(lambda: stack.child(f"orchestrator {kind}").pid != killed.pid, 15, f"a new {kind}")


def test_a_killed_postgres_and_api_server_come_back_with_their_data(stack: Up) -> None:
    mark = f"kept-{secrets.token_hex(4)}"
    stack.shell(f"kubectl create namespace {mark}")
    stack.shell(f"""psql "$DATABASE_URL" -qc "INSERT INTO clusters (name) VALUES ('{mark}')" """)
    postmaster = next(process for process in stack.family() if "postgres" in first_word(process))
    api_server = next(process for process in stack.family() if "kube-apiserver" in first_word(process))
    postmaster.send_signal(signal.SIGKILL)
    api_server.send_signal(signal.SIGKILL)
    stack.says("postgres was ended by SIGKILL")
    stack.says("kube-apiserver was ended by SIGKILL")

    def usable() -> bool:
        found = stack.shell(f"""psql "$DATABASE_URL" -Atc "SELECT name FROM clusters WHERE name = '{mark}'" """)
        return (found, stack.shell(f"kubectl get namespace {mark} -o name")) == (mark, f"namespace/{mark}")

    eventually_blocking(usable, 30, lambda: stack.output[-1500:])


def test_nothing_outlives_a_supervisor_killed_with_9_and_a_new_start_has_everything(stack: Up) -> None:
    mark = f"mark-{secrets.token_hex(4)}"
    stack.shell(f"kubectl create namespace {mark}")
    stack.shell(f"""psql "$DATABASE_URL" -qc "INSERT INTO clusters (name) VALUES ('{mark}')" """)
    ours = "put_template('web', base_spec_json, allowed_mutations_json || '{\\\"title\\\": \\\"Ours\\\"}')"
    stack.shell(f"""psql "$DATABASE_URL" -qc "SELECT {ours} FROM templates WHERE name = 'web'" """)
    token, family = kept_token(stack.state), stack.family()
    assert len(family) > 10
    stack.kill()
    eventually_blocking(lambda: not still_running(family), 20, lambda: still_running(family))

    again = Up(stack.state)
    stack.process, stack.output_file = again.process, again.output_file
    stack.says("the API answers")
    stack.says("the cluster answers")
    assert kept_token(stack.state) == token
    assert stack.shell(f"kubectl get namespace {mark} -o name") == f"namespace/{mark}"
    assert stack.shell(f"""psql "$DATABASE_URL" -Atc "SELECT name FROM clusters WHERE name = '{mark}'" """) == mark
    newest = "SELECT allowed_mutations_json ->> 'title' FROM templates WHERE name = 'web' ORDER BY version DESC LIMIT 1"
    assert stack.shell(f'psql "$DATABASE_URL" -Atc "{newest}"') == "Ours", "a start leaves an admin's version alone"


def test_ctrl_c_stops_everything_quietly_and_down_does_the_same(stack: Up) -> None:
    family = stack.family()
    assert stack.interrupt() == 0
    assert still_running(family) == []
    assert "all stopped" in stack.output
    assert "Traceback" not in stack.output

    again = Up(stack.state)
    stack.process, stack.output_file = again.process, again.output_file
    stack.says("the API answers")
    family = stack.family()
    subprocess.run([ORCHESTRATOR, "down", "--state", stack.state], check=True, timeout=60)
    assert stack.process.wait(5) == 0
    assert still_running(family) == []
    told = subprocess.run([ORCHESTRATOR, "env", "--state", stack.state], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stdout == ""
    assert "no stack runs" in told.stderr

    third = Up(stack.state)
    stack.process, stack.output_file = third.process, third.output_file
    stack.says("the API answers")


def test_the_api_answers_while_the_cluster_is_still_being_built(scratch: Path, tmp_path: Path) -> None:
    """The Go here is one that never gets done: what is seen is only what `up` does meanwhile."""
    go = tmp_path / "go"
    go.write_text(GO_THAT_NEVER_ENDS)
    go.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    up = Up(scratch / "building", environment={"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": path})
    try:
        up.says("the API answers")
        assert "the cluster answers" not in up.output
        up.says("building the control plane: 50 % after")
        assert up.shell('psql "$DATABASE_URL" -Atc "SELECT count(*) FROM deployments"') == "0"
        for kind in ("worker", "watcher"):
            up.child(f"orchestrator {kind}")
            assert f"{kind} ended" not in up.output
        family = up.family()
        assert [process for process in family if first_word(process) == "sleep"]
        assert up.interrupt() == 0
        eventually_blocking(lambda: not still_running(family), 10, lambda: still_running(family))
    finally:
        up.discard()


def test_a_given_database_and_a_given_context_are_used_and_no_other(
    scratch: Path, postgres_server, control_plane: ControlPlane
) -> None:
    postgres_server.create_database("given")
    url = postgres_server.dsn("given")
    given = ("--database-url", url, "--kubeconfig", str(control_plane.kubeconfig))
    up = Up(scratch / "guest", *given, "--context", "server-orchestrator-local")
    try:
        up.says("the API answers")
        assert (
            up.shell('psql "$DATABASE_URL" -Atc "SELECT current_user, current_database()"')
            == "orchestrator_admin|given"
        )
        assert (
            up.shell("kubectl config view --minify -o jsonpath={.clusters[0].cluster.server}") == control_plane.server
        )
        up.says("worker and watcher use the service accounts in namespace server-orchestrator")
        away = "SELECT unreachable_since IS NULL FROM clusters"
        eventually_blocking(
            lambda: up.shell(f'psql "$DATABASE_URL" -Atc "{away}"') == "t", 30, "reached with its token"
        )
        names = [" ".join(command_line(process)) for process in up.family()]
        assert not [name for name in names if "bin/postgres" in name or "kube-apiserver" in name]
    finally:
        up.discard()


def test_a_context_that_is_not_there_is_refused_by_name(scratch: Path, control_plane: ControlPlane) -> None:
    told = subprocess.run(
        [
            ORCHESTRATOR,
            "up",
            "--state",
            scratch / "lost",
            "--kubeconfig",
            control_plane.kubeconfig,
            "--context",
            "gone",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.returncode == 1
    assert "has no context 'gone'; it has server-orchestrator-local" in told.stderr


def test_k3s_asked_for_where_no_docker_answers_says_what_to_do(tmp_path: Path) -> None:
    told = subprocess.run(
        [ORCHESTRATOR, "cluster", "run", "--k3s", "--state", tmp_path],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == GIVE_UP_CODE
    assert "k3s was asked for, but no Docker engine answers" in told.stdout
    assert "give --kubeconfig" in told.stdout
    assert "Traceback" not in told.stdout + told.stderr
