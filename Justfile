# What one does with this project. Start recipes with ./just, which brings the tools they need.

set positional-arguments

# A Python that is there is good enough; uv would otherwise prefer one it downloads.
export UV_PYTHON_PREFERENCE := "system"

# What is compiled is kept, here at least, whatever the environment says: a process starts in less than half the time.
export PYTHONDONTWRITEBYTECODE := ""

bin := ".venv/bin"
built := "app/page/built/manifest.json"

[private]
default:
    @just --list --unsorted

# Install what uv.lock says, and build what the page sends to browsers; nothing to do unless one of them changed.
[private]
sync:
    @test .venv/synced -nt uv.lock -a .venv/synced -nt pyproject.toml || { uv sync --locked --all-extras && touch .venv/synced; }
    @test -e {{ built }} && test -z "$(find app/page/web -maxdepth 1 -type f -newer {{ built }})" || {{ bin }}/orchestrator assets

# Start the whole stack here: Postgres, cluster, API, worker, watcher [--state DIR] [--kubeconfig F --context C] [--database-url URL]
[no-exit-message]
up *arguments: sync
    @{{ bin }}/orchestrator up "$@"

# Print export lines for a running stack: eval "$(./just env)"
[no-exit-message]
env *arguments: sync
    @{{ bin }}/orchestrator env "$@"

# Stop the stack; everything is kept for the next `up`
[no-exit-message]
down *arguments: sync
    @{{ bin }}/orchestrator down "$@"

# Stop the stack and remove all it keeps: database, cluster, tokens
[no-exit-message]
reset *arguments: sync
    @{{ bin }}/orchestrator reset "$@"

# Run the tests on a real Postgres and a real control plane, three files at a time [pytest arguments]
[no-exit-message]
test *arguments: sync
    @{{ bin }}/orchestrator cluster build
    @{{ bin }}/python -m pytest -n 3 --no-loadscope-reorder "$@"

# Everything that can be judged without running the tests
check: sync
    {{ bin }}/ruff check .
    {{ bin }}/ruff format --check .
    {{ bin }}/basedpyright
    {{ bin }}/lint-imports
    {{ bin }}/squawk --assume-in-transaction db/migrations/*.sql
    {{ bin }}/orchestrator scratch {{ bin }}/python -m db.dump --check

# Measure against the baselines; prints a table and writes JSON
[no-exit-message]
bench *arguments: sync
    @{{ bin }}/orchestrator cluster build
    @{{ bin }}/python -m tests.bench "$@"

# Take the pictures in docs/screenshots anew, of every view in a real browser
[no-exit-message]
screenshots: sync
    @ORCHESTRATOR_SCREENSHOTS=docs/screenshots {{ bin }}/python -m pytest -q tests/page/browser/test_views.py

# Format the code and mend what can be mended
fmt: sync
    {{ bin }}/ruff check --fix .
    {{ bin }}/ruff format .

# psql as an admin of the running stack
[no-exit-message]
psql *arguments: sync
    @{{ bin }}/orchestrator psql "$@"

# kubectl against the running stack's cluster
[no-exit-message]
kubectl *arguments: sync
    @{{ bin }}/orchestrator kubectl "$@"

# The local control plane alone: `cluster build`, `cluster run --state DIR`
[no-exit-message]
cluster *arguments: sync
    @{{ bin }}/orchestrator cluster "$@"
