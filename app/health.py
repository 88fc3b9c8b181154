"""/healthz: this process lives. /readyz: it can do its work. Both are open, for probes, and tell no secrets."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
import structlog
from litestar import Response, get
from litestar.di import NamedDependency

from app.problems import RETRY_SECONDS, Problem, answer
from db.database import Database
from db.measures import applied_scripts, expected_scripts

log = structlog.get_logger()


class Health(msgspec.Struct, frozen=True):
    """All is well."""

    status: str = "ok"


class Schema:
    """Compares the database's schema with this release's.

    Schemas only move forward. So a difference is held against the database only until it was current once: later the
    database has moved on to the next release, whose migrations keep this one working until it is replaced. What is
    missing from it is held against it always.
    """

    def __init__(self) -> None:
        self._expected = expected_scripts()
        self._was_current = False

    def lacks(self, applied: dict[str, str]) -> list[str]:
        """Names of what the database lacks, or has otherwise."""
        if not self._was_current:
            self._was_current = applied.items() >= self._expected.items()
            return [name for name, checksum in self._expected.items() if applied.get(name) != checksum]
        return [name for name in self._expected if name not in applied]


@get("/healthz", summary="Whether this process lives", security=[])
async def show_health() -> Health:
    """Answers whenever the process can, without the database."""
    return Health()


@get("/readyz", summary="Whether Postgres answers and its schema is current", security=[])
async def show_readiness(
    database: NamedDependency[Database], schema: NamedDependency[Schema]
) -> Response[Health] | Response[Problem]:
    """200, or 503 that says what is missing."""
    async with database.transaction() as session:
        applied = await applied_scripts(session)
    lacking = schema.lacks(applied or {})
    if not lacking:
        return Response(Health())
    log.warning("schema is not current", lacking=lacking[:10], count=len(lacking))
    problem = Problem.of(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"the database's schema is not this release's: {len(lacking)} scripts differ, first {lacking[0]}",
        hint="Run: orchestrator migrate",
    )
    return answer(problem, {"Retry-After": str(RETRY_SECONDS)})
