"""Puts the routes together into one ASGI application."""

from __future__ import annotations

from typing import Any, cast

from litestar import Litestar, Request
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import ResponseHeader
from litestar.di import Provide
from litestar.types import ASGIApp

from app import (
    actions,
    bulk,
    clusters,
    deployments,
    drift,
    dry_runs,
    events,
    history,
    people,
    plans,
    previews,
    restarts,
    revisions,
    rollouts,
    templates,
    windows,
)
from app.beforehand import Beforehand
from app.description import configuration, show_description
from app.docs import Docs, show_docs
from app.gate import Gate
from app.health import Schema, show_health, show_readiness
from app.metrics import Counted, show_metrics
from app.page import page
from app.page.assets import Assets
from app.page.errors import PageHandlers, by_path
from app.page.headers import with_headers
from app.page.rendering import Pages
from app.problems import HANDLERS
from app.proof import Proven
from app.rates import Limited, Rate
from app.settings import OidcSettings
from app.sign_in import SignIn
from app.streams import Streams
from db.database import Database

# Parameters of a deployment are a few values; the largest sensible body is far below this.
LARGEST_BODY_BYTES = 256 * 1024


def build(
    database: Database, streams: Streams, forms: CSRFConfig, rate: Rate, oidc: OidcSettings | None = None
) -> ASGIApp:
    """The whole API and the page, behind their gate."""
    routes = build_routes(database, streams, forms, oidc)
    return with_headers(Gate(Limited(Proven(routes, database), rate)))


def build_routes(database: Database, streams: Streams, forms: CSRFConfig, oidc: OidcSettings | None = None) -> Litestar:
    """The routes, without the gate. Raises SystemExit where the page's assets are not built."""
    assets = Assets()
    pages = Pages(assets, "" if oidc is None else oidc.name)
    return Litestar(
        route_handlers=[
            templates.router,
            deployments.router,
            actions.router,
            restarts.router,
            bulk.router,
            previews.router,
            plans.router,
            dry_runs.router,
            revisions.router,
            history.router,
            rollouts.router,
            drift.router,
            clusters.router,
            windows.router,
            events.router,
            people.router,
            show_health,
            show_readiness,
            show_metrics,
            show_description,
            show_docs,
            *page.routes(database, oidc),
        ],
        dependencies={
            "database": Provide(entered, sync_to_thread=False),
            "streams": provided(streams),
            "counted": provided(Counted()),
            "schema": provided(Schema()),
            "assets": provided(assets),
            "pages": provided(pages),
            "docs": provided(Docs(pages)),
            "doors": provided(SignIn(database)),
        },
        exception_handlers=by_path(HANDLERS, PageHandlers(pages).by_kind()),
        csrf_config=forms,
        request_max_body_size=LARGEST_BODY_BYTES,
        response_headers=[ResponseHeader(name="Cache-Control", value="no-store")],
        openapi_config=configuration(),
        before_request=Beforehand(),
        logging_config=None,
    )


def provided(value: object) -> Provide:
    """Hands this one value to every handler that names it."""
    return Provide(lambda: value, sync_to_thread=False)


def entered(request: Request[Any, Any, Any]) -> Database:
    """The database in the name of who asks."""
    return cast("dict[str, Any]", request.scope)["database"]
