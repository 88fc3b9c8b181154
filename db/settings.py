"""Where Postgres is. Read once at the start of a process."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class DatabaseSettings(msgspec.Struct, frozen=True):
    """`DATABASE_URL`: a libpq connection string or URL, without a pooler between (LISTEN needs a session)."""

    url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DatabaseSettings:
        """Raises SystemExit with what to do when it is not set."""
        url = environment.get("DATABASE_URL", "")
        if not url:
            raise SystemExit("DATABASE_URL is not set. Point it at Postgres, or run: ./just up")
        return cls(url)
