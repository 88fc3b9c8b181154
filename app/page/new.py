"""New: the catalogue, and the form that a template's schema makes, checked by Postgres while it is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from app.page.drafts import Draft, Tried, as_yaml, stand_in, try_out, unnamed
from app.page.forms import require_consent
from app.page.plans import answers_of
from app.page.rendering import Page, back
from app.page.visit import Visit
from db import catalogue, clusters
from db.changes import create_deployment
from db.connection import Session
from db.dry_runs import request_new_dry_run
from db.errors import Refused
from db.preview import preview_new

STATES = {"Active": "Start it at once", "Stopped": "Leave it stopped"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for beside the template's parameters."""

    name: str = ""
    namespace: str = "default"
    cluster: str | None = None
    desired_state: str = "Active"

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Asked:
        """What a form sent; what it did not send is as in an empty form."""
        sent = {name: str(form[name]).strip() for name in cls.__struct_fields__ if form.get(name)}
        return cls(**sent)


@get("/new", include_in_schema=False)
async def show_catalogue(visit: NamedDependency[Visit]) -> Page:
    """Every template there is."""
    async with visit.transaction() as session:
        templates = await catalogue.list_templates(session)
    return visit.show("catalogue.html", templates=templates)


@get("/new/{template:str}", include_in_schema=False)
async def show_form(
    template: FromPath[str], visit: NamedDependency[Visit], version: FromQuery[int | None] = None
) -> Page:
    """The form, with what it would create as it stands."""
    async with visit.transaction() as session:
        visit.require_change("create servers")
        draft = Draft.fresh(await catalogue.read_template(session, template, version), {})
        return await answer(visit, session, draft, Asked(namespace=(visit.who.namespaces or ["default"])[0]))


@post("/new/{template:str}", include_in_schema=False)
async def create(template: FromPath[str], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Create it; or, where the form is only checked, show what would come of it, or ask the cluster."""
    form = await visit.request.form()
    asked = Asked.of(form)
    async with visit.transaction() as session:
        version = msgspec.convert(form.get("template_version") or None, int | None, strict=False)
        draft = Draft.fresh(await catalogue.read_template(session, template, version), {}).filled_in(form)
        if "check" in form:
            return await answer(visit, session, draft, asked)
    wanted: dict[str, Any] = {
        **msgspec.structs.asdict(asked),
        "template": template,
        "template_version": draft.template.version,
        "parameters": draft.parameters,
        "keep_data": True,
    }
    try:
        if "ask" in form:
            async with visit.transaction() as session:
                return answers_of(await request_new_dry_run(session, **wanted))
        require_consent(draft.schema, draft.filled)
        async with visit.transaction() as session:
            made = await create_deployment(session, **wanted)
    except Refused as refusal:
        async with visit.transaction() as session:
            return await answer(visit, session, draft, asked, refusal)
    return back(f"/servers/{made}", told=f"{asked.name} is being created.")


async def answer(visit: Visit, session: Session, draft: Draft, asked: Asked, refused: Refused | None = None) -> Page:
    """The form as it stands, with what would come of it. `refused`: it was sent, and could not be carried out."""
    tried = await try_draft(session, draft, asked)
    return visit.show(
        "new.html",
        status_code=200 if refused is None else refused.status,
        draft=draft,
        asked=asked,
        states=list(STATES.items()),
        clusters=[("", "The default one"), *((one.name, one.name) for one in await clusters.list_clusters(session))],
        versions=[(str(version), f"version {version}") for version in reversed(draft.template.versions)],
        namespaces=visit.who.namespaces,
        yaml=as_yaml,
        tried=tried,
        refusal=refused or tried.refusal,
        sent=refused is not None,
    )


async def try_draft(session: Session, draft: Draft, asked: Asked) -> Tried:
    """What would come of it. A server without a name yet is tried under one that nobody has."""
    name = asked.name or stand_in()
    tried = await try_out(
        session,
        lambda: preview_new(
            session,
            name=name,
            template=draft.template.name,
            template_version=draft.template.version,
            parameters=draft.parameters,
            namespace=asked.namespace,
            cluster=asked.cluster,
            desired_state=asked.desired_state,
        ),
    )
    if asked.name or tried.preview is None:
        return tried
    return Tried(unnamed(tried.preview, name), None)


router = Router("/", route_handlers=[show_catalogue, show_form, create])
