"""Puts the page together: its routes, what its handlers are given, and how it answers errors."""

from __future__ import annotations

import secrets
from typing import Any

from litestar import Router
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide

from app.page import (
    account,
    acts,
    adopt,
    clusters,
    drift,
    edit,
    home,
    new,
    people,
    plans,
    revisions,
    rollback,
    rollouts,
    server,
    sign_in,
    upgrade,
    windows,
)
from app.page.assets import show_asset
from app.page.live import Views, show_live
from app.page.rendering import CSRF_COOKIE
from app.page.visit import arrive
from app.settings import OidcSettings
from db.database import Database

ROUTERS = [
    home.router,
    acts.router,
    new.router,
    server.router,
    edit.router,
    revisions.router,
    rollback.router,
    plans.router,
    upgrade.router,
    rollouts.router,
    adopt.router,
    drift.router,
    clusters.router,
    windows.router,
    people.router,
    account.router,
    sign_in.router,
]
VIEWS = [
    home.servers,
    clusters.view,
    server.server_view,
    drift.drift_view,
    plans.view,
    rollouts.rollouts_view,
    rollouts.rollout_view,
]


def routes(database: Database, oidc: OidcSettings | None) -> list[Any]:
    """Everything that people, not programs, ask for."""
    routers = list(ROUTERS)
    if oidc is not None:
        from app.page import elsewhere  # noqa: PLC0415 - its libraries take 15 MB, and few have a provider

        routers.append(elsewhere.router(oidc, database))
    views = Views({view.name: view for view in VIEWS})
    given = {
        "visit": Provide(arrive, sync_to_thread=False),
        "views": Provide(lambda: views, sync_to_thread=False),
    }
    return [show_asset, Router("/", route_handlers=[show_live, *routers], dependencies=given)]


def signed_forms() -> CSRFConfig:
    """Whoever sends a form has been shown it by us. Programs show no cookie, so nobody can misuse theirs.

    The secret is this process's own, until it is set to what all processes of a database share (app.main does).
    """
    return CSRFConfig(
        secret=secrets.token_hex(),
        cookie_name=CSRF_COOKIE,
        cookie_secure=True,
        cookie_httponly=True,
        cookie_samesite="lax",
        header_name="x-csrf-token",
        exclude=["^/api(/|$)", "^/healthz$", "^/readyz$", "^/metrics$", "^/assets/"],
    )
