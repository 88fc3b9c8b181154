"""Signing in with an account elsewhere: OpenID Connect, authorization code with PKCE. Loaded where an issuer is set.

    /sign-in/oidc ──→ the provider asks who it is ──→ /sign-in/oidc/back ──→ the cookie of a session

What the browser brings back counts only with the attempt that this browser began: state, nonce and verifier wait in a
cookie meanwhile. A provider vouches for a name; whether somebody here is called so, and what they may, is Postgres's.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, cast
from urllib.parse import quote_plus

import aiohttp
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2 import rfc7636
from authlib.oauth2.rfc6749 import parameters
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.settings import OidcSettings
from app.sign_in import Visitor
from db import access
from db.access import Credential
from db.database import Database
from db.errors import Refused

ATTEMPT_SECONDS = 600
TIMEOUT = aiohttp.ClientTimeout(total=10)
LARGEST_ANSWER_BYTES = 1024 * 1024
LEEWAY_SECONDS = 60
# What a provider says of itself is asked again after so long, its keys also when a token names one that is not known.
KNOWN_SECONDS = 300
# Signatures of a key pair only: a provider that could be talked into HMAC would have the client's secret for a key.
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
SCOPES = {"email": "openid email", "preferred_username": "openid profile"}
_OK, _DENIALS = 200, (400, 401, 403)
_DENIED, _UNREACHABLE = 403, 503


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """What one browser's sign-in depends on, kept by that browser until it comes back."""

    state: str
    nonce: str
    verifier: str
    wanted: str

    @classmethod
    def fresh(cls, wanted: str) -> Attempt:
        """A new one, to go on to `wanted` afterwards."""
        return cls(generate_token(43), generate_token(43), generate_token(64), wanted)

    def packed(self) -> str:
        """As a cookie holds it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def unpacked(cls, text: str | None) -> Attempt:
        """The other way round. Raises Refused (403)."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(text or ""), type=cls)
        except (ValueError, msgspec.DecodeError):
            raise _refusal("this sign-in was not begun in this browser, or too long ago") from None


class Provider(msgspec.Struct, frozen=True):
    """What a provider says about itself at its well-known place."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None


class Told(msgspec.Struct):
    """What a provider told, and until when that is taken for so. `keys` None: it was not asked for them yet."""

    provider: Provider
    until: float
    keys: dict[str, Any] | None = None


class Elsewhere:
    """The way over a provider, for this process.

    Raises Refused (403 for who may not come in, 503 while the provider cannot be asked), Unavailable, Contended.
    """

    def __init__(self, settings: OidcSettings, database: Database) -> None:
        self._known = settings
        self._database = database.anonymous
        self._told: Told | None = None

    async def begin(self, back: str, attempt: Attempt) -> str:
        """Where to send the browser; `back` is where the provider sends it then."""
        known = self._known
        async with aiohttp.ClientSession(timeout=TIMEOUT) as web:
            provider = await self._provider(web)
        address = cast("Any", parameters).prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=known.client_id,
            response_type="code",
            redirect_uri=back,
            scope=SCOPES[known.claim],
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=cast("Any", rfc7636).create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return str(address)

    async def finish(self, back: str, attempt: Attempt, brought: Mapping[str, str], visitor: Visitor) -> Credential:
        """A session for whom the provider vouches for, by what the browser brought back."""
        if not hmac.compare_digest(brought.get("state", "").encode(), attempt.state.encode()):
            raise _refusal("this sign-in was not begun in this browser")
        if "code" not in brought:
            raise _refusal("the provider let nobody in")
        async with aiohttp.ClientSession(timeout=TIMEOUT) as web:
            provider = await self._provider(web)
            # Given by a provider that follows RFC 9207; another's answer is not for this one.
            if brought.get("iss", provider.issuer) != provider.issuer:
                raise _refusal("this answer is another provider's")
            name = await self._vouched(web, provider, attempt, brought["code"], back)
        async with self._database.transaction() as session:
            return await access.sign_in_as(session, name, visitor.address, visitor.browser)

    async def _vouched(
        self, web: aiohttp.ClientSession, provider: Provider, attempt: Attempt, code: str, back: str
    ) -> str:
        """The name that the provider vouches for."""
        known = self._known
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        # RFC 6749, 2.3.1: form-encoded before they are joined.
        client = aiohttp.encode_basic_auth(quote_plus(known.client_id), quote_plus(known.client_secret))
        token = await _answer(
            web.post(provider.token_endpoint, data=given, headers={"Authorization": client}, allow_redirects=False)
        )
        text = str(token.get("id_token", ""))
        claims = self._judged(text, await self._keys(web, provider, text), provider, attempt)
        claim = self._known.claim
        if claim not in claims and provider.userinfo_endpoint is not None:
            bearer = {"Authorization": f"Bearer {token.get('access_token', '')}"}
            more = await _answer(web.get(provider.userinfo_endpoint, headers=bearer, allow_redirects=False))
            if more.get("sub") == claims["sub"]:
                claims = more
        name = claims.get(claim)
        if not isinstance(name, str) or not name:
            raise _refusal(f"the provider tells no {claim}")
        if claim == "email" and claims.get("email_verified") is not True:
            raise _refusal("the provider has not verified this address")
        return name.lower()

    def _judged(self, text: str, keys: dict[str, Any], provider: Provider, attempt: Attempt) -> dict[str, Any]:
        """The claims of an ID token that is for us, for this attempt, and in time."""
        client_id = self._known.client_id
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        )
        try:
            claims = jwt.decode(text, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise _refusal(f"the provider's ID token does not hold ({type(error).__name__})") from None
        if claims.get("azp", client_id) != client_id:
            raise _refusal("the provider's ID token is for another client")
        return claims

    async def _keys(self, web: aiohttp.ClientSession, provider: Provider, text: str) -> dict[str, Any]:
        """The provider's keys, with the one that a token names if there is such a one: providers change them."""
        told = self._told
        if told is None or told.keys is None or not _holds(told.keys, _key_id(text)):
            keys = await _answer(web.get(provider.jwks_uri))
            if told is not None:
                told.keys = keys
            return keys
        return told.keys

    async def _provider(self, web: aiohttp.ClientSession) -> Provider:
        if self._told is None or self._told.until < time.monotonic():
            self._told = Told(await self._asked(web), time.monotonic() + KNOWN_SECONDS)
        return self._told.provider

    async def _asked(self, web: aiohttp.ClientSession) -> Provider:
        issuer = self._known.issuer
        found = await _answer(web.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        try:
            provider = msgspec.convert(found, Provider)
        except msgspec.ValidationError as error:
            raise _unreachable(str(error)) from None
        if provider.issuer != issuer:
            raise _unreachable(f"it calls itself {provider.issuer}")
        return provider


def _key_id(text: str) -> str | None:
    """The key that a token names, which nothing has proved yet."""
    first = text.partition(".")[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        return None
    named = header.get("kid")
    return named if isinstance(named, str) else None


def _holds(keys: dict[str, Any], key_id: str | None) -> bool:
    """Whether a key set has the key. Where keys have no names there is no telling: it is read anew."""
    listed = keys.get("keys")
    return (
        key_id is not None
        and isinstance(listed, list)
        and any(
            isinstance(one, dict) and cast("dict[str, Any]", one).get("kid") == key_id
            for one in cast("list[Any]", listed)
        )
    )


async def _answer(request: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> dict[str, Any]:
    """The JSON object that a provider answers. Raises Refused."""
    try:
        async with request as response:
            text = await response.content.read(LARGEST_ANSWER_BYTES)
            answer = msgspec.json.decode(text, type=dict[str, Any])
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
        raise _unreachable(str(error) or type(error).__name__) from None
    if response.status in _DENIALS:
        raise _refusal(f"the provider refused ({answer.get('error', response.status)})")
    if response.status != _OK:
        raise _unreachable(f"it answered {response.status}")
    return answer


def _refusal(why: str) -> Refused:
    return Refused(_DENIED, why, "", "Try again from the sign-in page, or use name and password.")


def _unreachable(why: str) -> Refused:
    return Refused(
        _UNREACHABLE, f"the provider cannot be asked: {why}", "", "Try again shortly, or use name and password."
    )
