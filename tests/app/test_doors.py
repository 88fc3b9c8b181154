"""Whatever people may do in SQL has a route: each door that a role of people may use, with its route or a reason.

A door that is added and not listed here fails, so nobody forgets to say how it is reached over HTTP.
"""

from tests.app.test_routes import RULES
from tests.db.test_roles import DOORS, PEOPLE

ONE = "/api/deployments/{deployment_id:uuid}"
ROUTES: dict[str, str] = {
    "deploy": "POST /api/deployments",
    "preview": "POST /api/deployments/preview",
    "preview_change": f"POST {ONE}/preview",
    "reconcile_now": f"POST {ONE}/reconcile",
    "restart": f"POST {ONE}/restart",
    "plan_restart": f"POST {ONE}/restart",
    "cancel_restart": f"DELETE {ONE}/restart",
    "record_players": f"PUT {ONE}/players",
    "players_online": f"GET {ONE}",
    "next_windows": "GET /api/windows",
    "events_after": "GET /api/events",
    "events_since": "GET /api/events",
    "require_kept": "GET /api/events",
    "newest_event": "GET /api/events",
    "measure_queues": "GET /metrics",
    "measure_snapshots": "GET /metrics",
    "request_dry_run": f"POST {ONE}/dry-run",
    "request_new_dry_run": "POST /api/deployments/dry-run",
    "plan": f"GET {ONE}/plan",
    "rollback": f"POST {ONE}/rollback",
    "preview_rollback": f"POST {ONE}/rollback/preview",
    "upgrade": f"POST {ONE}/upgrade",
    "preview_upgrade": f"POST {ONE}/upgrade/preview",
    "adopt": f"POST {ONE}/drift/adopt",
    "preview_adopt": f"POST {ONE}/drift/adopt/preview",
    "put_back": f"POST {ONE}/drift/put-back",
    "upgrade_refusals": "POST /api/rollouts/preview",
    "preview_rollout": "POST /api/rollouts/preview",
    "try_upgrades": "POST /api/rollouts/preview",
    "start_rollout": "POST /api/rollouts",
    "pause_rollout": "POST /api/rollouts/{rollout_id:int}/pause",
    "resume_rollout": "POST /api/rollouts/{rollout_id:int}/resume",
    "abort_rollout": "POST /api/rollouts/{rollout_id:int}/abort",
    "roll_back_rollout": "POST /api/rollouts/{rollout_id:int}/roll-back",
    "deployments_as_of": "GET /api/deployments/as-of",
    "diff": f"GET {ONE}/revisions/{{generation:int}}",
    "begin_request": "POST /api/deployments",
    "end_request": "POST /api/deployments",
    "current_actor": "GET /api/whoami",
    "acting_role": "GET /api/whoami",
    "allowed_namespaces": "GET /api/whoami",
    "make_token": "POST /api/tokens",
    "revoke_token": "DELETE /api/tokens/{token_id:int}",
    "create_user": "POST /api/users",
    "hold_user": "PATCH /api/users/{name:str}",
    "change_user": "PATCH /api/users/{name:str}",
    "disable_user": "PATCH /api/users/{name:str}",
    "enable_user": "PATCH /api/users/{name:str}",
    "make_password_link": "POST /api/users/{name:str}/link",
    # Of the page: a program has no session.
    "end_session": "POST /account/sessions/{session_id:int}/end",
    "contested_until": "GET /api/contested",
    "judge_drift": "GET /api/drift",
    "judge_object": "GET /api/drift",
    "read_back": "GET /api/drift",
    "shows_drift": "GET /api/deployments",
    "outlook": "GET /servers/{deployment_id:uuid}",
    "timeline": "GET /servers/{deployment_id:uuid}/history",
    "list_objects": "GET /servers/{deployment_id:uuid}",
    "list_leases": "GET /clusters",
}
_PART = "a part of doors that have routes, which runs with the caller's rights"
WITHOUT: dict[str, str] = {
    "put_template": "templates are files of whoever runs the installation: orchestrator load-templates",
    "drop_old_events": "retention is a job of whoever runs the installation",
} | dict.fromkeys(
    (
        "at_wall_clock", "check_not_lowered", "check_parameters_fit", "describe_digest", "describe_manifest",
        "describe_preview", "describe_workload", "effective_parameters", "existence", "find_movable",
        "find_version", "find_window", "is_lower", "named_rules", "parameter_problems", "path_fits",
        "path_steps", "policy_for", "refuse", "require_everything", "sees_everything", "shut_until",
        "spell_path", "waits_for_restart", "wanted_manifests", "window_is_open", "window_opens", "window_spans",
    ),
    _PART,
)  # fmt: skip


def test_every_door_of_people_has_a_route_or_a_reason() -> None:
    doors = {door for door, (_, allowed) in DOORS.items() if allowed & PEOPLE}
    assert ROUTES.keys() | WITHOUT.keys() == doors


def test_no_door_is_listed_twice() -> None:
    assert ROUTES.keys() & WITHOUT.keys() == set()


def test_every_route_that_a_door_is_said_to_have_is_there_for_whom_it_is_for() -> None:
    ranks = ("viewer", "operator", "admin")
    for door, route in ROUTES.items():
        least = next(role for role in ranks if role in DOORS[door][1])
        assert ranks.index(RULES[route].role) >= ranks.index(least), f"{route} is for who may not {door}"
