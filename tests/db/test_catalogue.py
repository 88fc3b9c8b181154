"""Rules that hold for every object of the schema, read from Postgres' own catalogue."""

# ruff: noqa: E501 - SQL and JSON are easier to read whole

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from db.migrate import migrate, repeatable_scripts
from tests.db.stage import Stage

OURS = "'orchestrator'::regnamespace"
REPOSITORY = Path(__file__).parents[2]
# Doors that act with the owner's rights for somebody who lacks them, besides triggers.
DEFINERS = {
    "begin_request", "end_request",
    "allowed_namespaces", "authenticate", "change_user", "hold_user", "create_user", "disable_user", "enable_user", "make_password_link",
    "make_token", "revoke_token",
    "applied_fields", "claim", "drop_old_events", "events_since", "heartbeat", "mark_stale", "measure_queues", "measure_snapshots", "newest_event", "parameter_problems", "promote", "put_back", "withhold_found", "reconcile_now",
    "begin_sign_in", "change_password", "end_session", "finish_sign_in", "read_password_link", "sign_in_as", "use_password_link", "form_secret",
    "adopt", "read_back", "require_kept",
    "start_rollout", "pause_rollout", "resume_rollout", "abort_rollout", "roll_back_rollout", "advance_rollouts", "has_rollouts",
    "catch_up", "record_drift", "record_observations", "record_relist", "record_stream", "record_kubernetes_events", "release", "repair",
    "plan_restart", "cancel_restart", "tend_windows", "record_players",
    "report_cluster", "settle", "settle_all", "list_leases", "report_process", "end_process",
    "tend_contests",
    "plan", "claim_dry_run", "end_dry_runs", "has_dry_runs", "request_dry_run", "request_new_dry_run", "settle_dry_run",
}  # fmt: skip


def names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["name"] for row in rows)


def test_every_routine_and_relation_is_commented(quiet_stage: Stage) -> None:
    assert (
        names(
            quiet_stage.rows(
                f"SELECT proname AS name FROM pg_proc p WHERE pronamespace = {OURS} AND obj_description(p.oid, 'pg_proc') IS NULL"
            )
        )
        == []
    )
    assert (
        names(
            quiet_stage.rows(
                f"SELECT relname AS name FROM pg_class c WHERE relnamespace = {OURS} AND relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL"
            )
        )
        == []
    )


def test_every_column_that_a_viewer_sees_is_commented(quiet_stage: Stage) -> None:
    silent = quiet_stage.rows(
        f"""SELECT c.relname || '.' || a.attname AS name FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relnamespace = {OURS} AND c.relkind IN ('r', 'v') AND has_table_privilege('orchestrator_viewer', c.oid, 'SELECT')
               AND col_description(c.oid, a.attnum) IS NULL"""
    )
    assert names(silent) == []


def test_every_routine_pins_its_search_path(quiet_stage: Stage) -> None:
    loose = quiet_stage.rows(
        f"SELECT proname AS name FROM pg_proc WHERE pronamespace = {OURS}"
        " AND NOT coalesce(proconfig, '{}') && ARRAY['search_path=pg_catalog, pg_temp']"
    )
    assert names(loose) == []


def test_nothing_is_executable_or_readable_by_everybody(quiet_stage: Stage) -> None:
    for schema in ("orchestrator", "pgmq"):
        routines = quiet_stage.rows(
            "SELECT p.oid::regprocedure::text AS name FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
            " WHERE p.pronamespace = %s::regnamespace AND a.grantee = 0",
            schema,
        )
        relations = quiet_stage.rows(
            "SELECT c.relname AS name FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = %s::regnamespace AND a.grantee = 0",
            schema,
        )
        assert (names(routines), names(relations)) == ([], [])
        assert (
            quiet_stage.rows(
                "SELECT FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = %s AND a.grantee = 0", schema
            )
            == []
        )


def test_only_doors_and_triggers_act_with_the_owners_rights(quiet_stage: Stage) -> None:
    definers = quiet_stage.rows(
        f"SELECT proname AS name FROM pg_proc WHERE pronamespace = {OURS} AND prosecdef AND prorettype <> 'trigger'::regtype"
    )
    assert set(names(definers)) == DEFINERS
    idle = quiet_stage.rows(
        f"SELECT p.proname AS name FROM pg_proc p WHERE pronamespace = {OURS} AND prosecdef AND prorettype <> 'trigger'::regtype"
        " AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner)"
    )
    assert names(idle) == [], "acts with the owner's rights, yet nobody else may call it"


def test_no_definer_that_a_role_may_call_believes_a_row_that_its_caller_made(quiet_stage: Stage) -> None:
    """Rows of ours are read by the routine itself, by ids that it checks; jsonb comes from workers and watchers alone."""
    believing = quiet_stage.rows(
        f"""SELECT DISTINCT p.oid::regprocedure::text AS name FROM pg_proc p
              JOIN aclexplode(p.proacl) a ON a.grantee <> p.proowner
             CROSS JOIN unnest(p.proargtypes) given (type)
              JOIN pg_type t ON t.oid = given.type
              LEFT JOIN pg_type e ON e.oid = t.typelem
             WHERE p.pronamespace = {OURS} AND p.prosecdef AND 'c' IN (t.typtype, e.typtype)"""
    )
    assert names(believing) == []


def test_every_definer_belongs_to_a_role_that_cannot_log_in(quiet_stage: Stage) -> None:
    found = quiet_stage.rows(
        "SELECT p.proname AS name FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('orchestrator', 'pgmq') AND (r.rolcanlogin OR r.rolsuper)"
    )
    assert names(found) == []


def test_every_routine_and_view_has_one_file_of_its_name(quiet_stage: Stage) -> None:
    files = [name.rsplit("/", 1)[-1] for name, _ in repeatable_scripts()]
    assert sorted(files) == sorted(set(files))
    there = quiet_stage.rows(
        f"SELECT proname AS name FROM pg_proc WHERE pronamespace = {OURS} UNION ALL SELECT relname FROM pg_class WHERE relnamespace = {OURS} AND relkind = 'v'"
    )
    assert names(there) == sorted(files)


def test_every_file_of_a_routine_begins_with_its_signature() -> None:
    for name, text in repeatable_scripts():
        first = text.splitlines()[0]
        assert first.startswith(f"-- orchestrator.{name.rsplit('/', 1)[-1]}"), f"{name}: {first}"
        assert text.splitlines()[1].startswith("-- ") or name.startswith("views/"), (
            f"{name} does not say what it promises"
        )


def test_foreign_keys_of_what_grows_are_indexed(quiet_stage: Stage) -> None:
    """Or deleting a parent row would read the whole child."""
    bare = quiet_stage.rows(
        f"""SELECT c.conrelid::regclass::text || ' (' || c.conkey::text || ')' AS name FROM pg_constraint c
             WHERE c.contype = 'f' AND c.connamespace = {OURS} AND c.confrelid <> 'orchestrator.clusters'::regclass AND NOT EXISTS (
                   SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)"""
    )
    assert names(bare) == []


def test_migrating_again_does_nothing(database: Any) -> None:
    assert migrate(database.dsn) == []


def run(command: list[str], database: Any) -> "subprocess.CompletedProcess[str]":
    path = f"{database.server.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "DATABASE_URL": database.server.dsn(), "PATH": path, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_schema_dump_is_current(postgres: Any) -> None:
    done = run([sys.executable, "-m", "db.dump", "--check"], postgres)
    assert done.returncode == 0, done.stderr[-4000:]


def test_a_stale_schema_dump_is_told_with_the_difference(postgres: Any, tmp_path: Path) -> None:
    changed = tmp_path / "schema.sql"
    changed.write_text(
        (REPOSITORY / "db/schema.sql")
        .read_text()
        .replace("CREATE TABLE orchestrator.clusters", "CREATE TABLE orchestrator.klusters")
    )
    script = f"import pathlib, sys, db.dump; db.dump.SCHEMA_FILE = pathlib.Path({str(changed)!r}); sys.argv.append('--check'); sys.exit(db.dump.main())"
    done = run([sys.executable, "-c", script], postgres)
    assert done.returncode == 1
    assert "-CREATE TABLE orchestrator.klusters" in done.stderr
    assert "+CREATE TABLE orchestrator.clusters" in done.stderr


def test_migrations_satisfy_squawk(postgres: Any) -> None:
    files = [str(path) for path in sorted((REPOSITORY / "db/migrations").glob("*.sql"))]
    done = run(["squawk", *files], postgres)
    assert done.returncode == 0, done.stdout
