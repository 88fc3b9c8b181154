"""What the API must be told. Read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from urllib.parse import urlsplit

import msgspec

from app.rates import Rate
from app.wakes import LOOK_SECONDS
from db.settings import DatabaseSettings

CLAIMS = ("email", "preferred_username")


class OidcSettings(msgspec.Struct, frozen=True):
    """A provider to sign in with. Its `claim` is a user's name here: email, if verified, or preferred_username."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str = "email"

    @property
    def name(self) -> str:
        """What the sign-in page calls it."""
        return urlsplit(self.issuer).netloc

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> OidcSettings | None:
        """Read ORCHESTRATOR_OIDC_ISSUER, _OIDC_CLIENT_ID, _OIDC_CLIENT_SECRET, _OIDC_CLAIM; None without an issuer."""
        issuer = environment.get("ORCHESTRATOR_OIDC_ISSUER", "")
        if not issuer:
            return None
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
            raise SystemExit(f"ORCHESTRATOR_OIDC_ISSUER must be an https address, not {issuer!r}")
        client_id = environment.get("ORCHESTRATOR_OIDC_CLIENT_ID", "")
        client_secret = environment.get("ORCHESTRATOR_OIDC_CLIENT_SECRET", "")
        if not client_id or not client_secret:
            raise SystemExit(
                "ORCHESTRATOR_OIDC_CLIENT_ID and ORCHESTRATOR_OIDC_CLIENT_SECRET must be set too: the provider gave"
                " you both"
            )
        claim = environment.get("ORCHESTRATOR_OIDC_CLAIM") or "email"
        if claim not in CLAIMS:
            raise SystemExit(f"ORCHESTRATOR_OIDC_CLAIM must be one of {', '.join(CLAIMS)}, not {claim!r}")
        return cls(issuer, client_id, client_secret, claim)


class ApiSettings(msgspec.Struct, frozen=True):
    """Where to listen (port 0: any free one), and where Postgres is."""

    database: DatabaseSettings
    host: str = "127.0.0.1"
    port: int = 8480
    sessions: int = 8
    rate: Rate = Rate(50, 200)
    oidc: OidcSettings | None = None
    trusted_proxies: list[str] = []
    look_seconds: float = LOOK_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ApiSettings:
        """Read DATABASE_URL and ORCHESTRATOR_HOST, _PORT, _SESSIONS (how many at most on Postgres).

        ORCHESTRATOR_REQUESTS_PER_SECOND and _REQUESTS_AT_ONCE are how many one credential may send;
        ORCHESTRATOR_TRUSTED_PROXIES is who is believed in X-Forwarded-For and X-Forwarded-Proto.
        """
        database = DatabaseSettings.from_environment(environment)
        return cls(
            database=database,
            host=environment.get("ORCHESTRATOR_HOST") or "127.0.0.1",
            port=_number(environment, "ORCHESTRATOR_PORT", 8480, 0, 65535),
            sessions=_number(environment, "ORCHESTRATOR_SESSIONS", 8, 2, 100),
            oidc=OidcSettings.from_environment(environment),
            trusted_proxies=_networks(environment, "ORCHESTRATOR_TRUSTED_PROXIES"),
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


def _networks(environment: Mapping[str, str], name: str) -> list[str]:
    """Addresses or networks, separated by commas."""
    given = [one.strip() for one in (environment.get(name) or "").split(",") if one.strip()]
    for one in given:
        try:
            ip_network(one)
        except ValueError:
            raise SystemExit(f"{name} must be addresses or networks such as 10.0.0.0/8, not {one!r}") from None
    return given
