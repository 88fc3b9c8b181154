"""Puts the page together: its routes, what its handlers are given, and how it answers errors."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar import Router
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide

from app.page import home
from app.page.assets import show_asset
from app.page.visit import arrive

CSRF_COOKIE = "csrf"


def routes() -> list[Any]:
    """Everything that people, not programs, ask for."""
    return [
        show_asset,
        Router("/", route_handlers=[home.show_home], dependencies={"visit": Provide(arrive, sync_to_thread=False)}),
    ]


def csrf(secret: str) -> CSRFConfig:
    """Whoever sends a form has been shown it by us. Programs show no cookie, so nobody can misuse theirs."""
    return CSRFConfig(
        secret=hashlib.sha256(b"csrf " + secret.encode()).hexdigest(),
        cookie_name=CSRF_COOKIE,
        cookie_secure=True,
        cookie_httponly=True,
        cookie_samesite="lax",
        header_name="x-csrf-token",
        exclude=["^/api(/|$)", "^/healthz$", "^/readyz$", "^/metrics$", "^/assets/"],
    )
