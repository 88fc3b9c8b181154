"""What the API must be told. Read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.rates import Rate
from db.settings import DatabaseSettings


class ApiSettings(msgspec.Struct, frozen=True):
    """Where to listen (port 0: any free one), and where Postgres is."""

    database: DatabaseSettings
    host: str = "127.0.0.1"
    port: int = 8480
    sessions: int = 8
    rate: Rate = Rate(50, 200)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ApiSettings:
        """Read DATABASE_URL and ORCHESTRATOR_HOST, _PORT, _SESSIONS (how many at most on Postgres).

        ORCHESTRATOR_REQUESTS_PER_SECOND and _REQUESTS_AT_ONCE are how many one credential may send.
        """
        database = DatabaseSettings.from_environment(environment)
        return cls(
            database=database,
            host=environment.get("ORCHESTRATOR_HOST") or "127.0.0.1",
            port=_number(environment, "ORCHESTRATOR_PORT", 8480, 0, 65535),
            sessions=_number(environment, "ORCHESTRATOR_SESSIONS", 8, 2, 100),
            rate=Rate(
                _number(environment, "ORCHESTRATOR_REQUESTS_PER_SECOND", 50, 1, 100_000),
                _number(environment, "ORCHESTRATOR_REQUESTS_AT_ONCE", 200, 1, 100_000),
            ),
        )


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SystemExit(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)
