"""What every test may stand on: a real Postgres with our schema, and a real Kubernetes control plane.

Both start when the first test asks for them, and die with pytest even if it is killed. A database is fresh for each
test (a copy of a migrated template); the cluster is one for the session, and each test gets a namespace of its own.
"""

import base64
import contextlib
import json
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import yaml
from psycopg import sql
from xdist.scheduler import LoadFileScheduling

from deploy import assets, build, cluster, k3s
from deploy.errors import AssetsError, BuildError
from deploy.identity import WATCHER, WORKER
from deploy.leash import leashed
from deploy.postgres import FORGETFUL, EmbeddedPostgres, prepare, running
from tests.intent import Intent, intent_on
from tests.outsider import Outsider, outsider_of
from tests.proxy import Proxy, proxy_to
from tests.waiting import eventually_blocking

REPOSITORY = Path(__file__).parent.parent
ROLES = ("owner", "admin", "operator", "viewer", "api", "worker", "watcher")
TEMPLATE = "template_orchestrator"
CLUSTER_START_SECONDS = 90
# Folders whose tests mostly wait: for processes, clusters, clocks.
WAITING = frozenset({"deploy", "drift", "flow", "watchers", "workers"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cluster k3s` runs the tests against k3s in Docker instead of the control plane built from source."""
    parser.addoption("--cluster", choices=("local", "k3s"), default="local", help="the Kubernetes to test against")


def pytest_sessionstart() -> None:
    """The API serves the page, so it does not start without what `just sync` builds for it."""
    try:
        assets.ensure_built(print)
    except AssetsError as error:
        pytest.exit(str(error), returncode=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that mostly wait for processes between files that mostly compute, or the run ends with all waiting."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    # Stacks first: they stay in one process. Then the largest, so that none is left alone at the end.
    largest = sorted(files, key=lambda file: (file.parent.name != "deploy", -len(files[file])))
    waiting = [file for file in largest if file.parent.name in WAITING]
    computing = [file for file in largest if file.parent.name not in WAITING]
    places = {file: n / len(some) for some in (waiting, computing) for n, file in enumerate(some)}
    items.sort(key=lambda item: places[item.path])


class ByFile(LoadFileScheduling):
    """What runs side by side: files, but whole stacks one after another, since each would like the same port."""

    def _split_scope(self, nodeid: str) -> str:
        return "deploy" if nodeid.startswith("tests/deploy/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """With `-n 3`, which `just test` asks for."""
    return ByFile(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the control plane before the first test if any needs it: minutes that no test's timeout should count."""
    wanted = any({"control_plane", "stack"} & set(getattr(item, "fixturenames", ())) for item in session.items)
    if wanted and not session.config.option.collectonly and session.config.getoption("cluster") == "local":
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        try:
            build.ensure_built(reporter.write_line if reporter else print)
        except BuildError as error:
            pytest.exit(str(error), returncode=1)


# ---------------------------------------------------------------- Postgres


class Database(msgspec.Struct, frozen=True):
    """A fresh, migrated database. `dsn` connects as superuser."""

    server: EmbeddedPostgres
    name: str
    password: str

    @property
    def dsn(self) -> str:
        """As superuser: for arranging what no role of ours may."""
        return self.server.dsn(self.name)

    def dsn_as(self, role: str) -> str:
        """As a login that has one of our roles and nothing else: `operator` or `orchestrator_operator`."""
        short = role.removeprefix("orchestrator_")
        assert short in ROLES, f"{role} is none of {ROLES}"
        return self.server.dsn(self.name, f"test_{short}", self.password)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for the session's servers, with a short path and passable for the user that Postgres runs as."""
    folder = Path(tempfile.mkdtemp(prefix="so-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(scratch: Path) -> Iterator[EmbeddedPostgres]:
    """A Postgres that does not care to survive the machine. Empty: no schema of ours."""
    server = prepare(scratch / "postgres", settings=FORGETFUL)
    with running(server, scratch / "postgres.log"):
        yield server


@pytest.fixture(scope="session")
def postgres(postgres_server: EmbeddedPostgres) -> Database:
    """The migrated template database, and a login `test_<role>` for each of our roles. Never connect to it."""
    from db.migrate import migrate

    template = Database(postgres_server, TEMPLATE, secrets.token_urlsafe(16))
    postgres_server.create_database(TEMPLATE)
    migrate(template.dsn)
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as connection:
        for role in ROLES:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                    sql.Identifier(f"test_{role}"),
                    sql.Literal(template.password),
                    sql.Identifier(f"orchestrator_{role}"),
                )
            )
    return template


@contextlib.contextmanager
def copied(template: Database) -> Iterator[Database]:
    """A database of the block's own, dropped after it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(template.server.dsn(), autocommit=True) as connection:
        # Through the log, as is the default, takes nearly twice as long for one of this size.
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(template.name)))
        yield msgspec.structs.replace(template, name=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres: Database) -> Iterator[Database]:
    """A database of this test's own."""
    with copied(postgres) as found:
        yield found


# ---------------------------------------------------------------- Kubernetes


class ControlPlane(msgspec.Struct, frozen=True):
    """A cluster to test against, with an admin's credentials. `state` holds the local one's logs."""

    kubeconfig: Path
    server: str
    token: str | None
    trust: ssl.SSLContext
    kubectl_program: str
    state: Path

    @property
    def worker_kubeconfig(self) -> Path:
        """With the rights that deploy/rbac.yaml gives the worker, and no more. In the local cluster only."""
        return self.state / WORKER.kubeconfig

    @property
    def watcher_kubeconfig(self) -> Path:
        """The same for the watcher."""
        return self.state / WATCHER.kubeconfig

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as admin and return what it printed; its error becomes the test's."""
        done = subprocess.run(
            [self.kubectl_program, f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def read(self, path: str) -> dict[str, Any] | None:
        """One object or list by its API path, None where there is none. Costs far less than a kubectl: poll with it."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """What the API server answers, None where there is nothing at that path; other refusals become the test's."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.server}{path}", content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.trust) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`, decoded."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, scratch: Path) -> Iterator[ControlPlane]:
    """One real cluster for the session, started when the first test asks for it."""
    if request.config.getoption("cluster") == "k3s":
        with k3s.running(scratch / "k3s") as kubeconfig:
            yield from_kubeconfig(kubeconfig, scratch / "k3s")
    else:
        with local_control_plane(scratch / "cluster") as plane:
            yield plane


@contextlib.contextmanager
def local_control_plane(state: Path) -> Iterator[ControlPlane]:
    """`orchestrator cluster run` in a folder, for the block. Also for tests that stop and start one of their own."""
    state.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "deploy.command", "cluster", "run", "--state", str(state)]
    with (state / "run.log").open("ab") as log:
        process = subprocess.Popen(
            leashed(command, death_signal=signal.SIGKILL), cwd=REPOSITORY, stdout=log, stderr=log, process_group=0
        )
    try:
        eventually_blocking(
            lambda: is_ready(process, state),
            CLUSTER_START_SECONDS,
            lambda: (state / "run.log").read_text()[-2000:],
        )
        yield from_kubeconfig(state / "kubeconfig", state)
    finally:
        process.terminate()
        process.wait(30)


def is_ready(process: "subprocess.Popen[bytes]", state: Path) -> bool:
    """Whether this very process has said that its cluster can be used."""
    if process.poll() is not None:
        pytest.fail(f"the local cluster did not start:\n{(state / 'run.log').read_text()[-2000:]}")
    status = cluster.read_status(state)
    return status is not None and status.process == process.pid and status.phase == "ready"


def from_kubeconfig(kubeconfig: Path, state: Path) -> ControlPlane:
    """Read back what tests need to know from a kubeconfig with one context."""
    content = yaml.safe_load(kubeconfig.read_text())
    target, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(target["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:  # k3s: ssl reads client certificates from files only
        pair = state / "client.pem"
        pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        trust.load_cert_chain(pair)
    return ControlPlane(
        kubeconfig=kubeconfig,
        server=target["server"],
        token=user.get("token"),
        trust=trust,
        kubectl_program=str(build.programs_folder() / "kubectl") if build.is_built() else "kubectl",
        state=state,
    )


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A Kubernetes namespace of this test's own, removed (in the background) after it."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    control_plane.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.ask("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
async def proxy(control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[Proxy]:
    """A wire to the API server that can be tampered with."""
    async with proxy_to(control_plane.kubeconfig, tmp_path) as opened:
        yield opened


# ---------------------------------------------------------------- who acts on them


@pytest.fixture
def intent(database: Database, namespace: str) -> Iterator[Intent]:
    """An operator at psql."""
    with intent_on(database, namespace) as opened:
        # As a worker that has just reached the cluster does; otherwise everything waits for one.
        opened.superuser.execute("SELECT orchestrator.report_cluster('default', true, NULL)")
        yield opened


@pytest.fixture
def outsider(control_plane: ControlPlane, tmp_path: Path) -> Outsider:
    """Somebody else at the API server."""
    return outsider_of(control_plane.kubeconfig, tmp_path)
