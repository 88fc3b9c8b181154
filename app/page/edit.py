"""Change one server: the form it was made with, filled in as it stands, and what a change would do to what runs.

The form carries the generation it was filled in from. If somebody else has changed the server meanwhile, nothing is
written: what they changed is shown, and sending the form again puts what was changed in it, and only that, on top.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from structlog.contextvars import bind_contextvars

from app.page.drafts import Draft, Tried, as_yaml, try_out
from app.page.forms import changes
from app.page.plans import answers_of
from app.page.rendering import Page, back, text_of
from app.page.visit import Visit
from db import catalogue, revisions
from db.changes import Change, change_deployment
from db.connection import Session
from db.deployments import DeploymentDetail, read_deployment
from db.dry_runs import request_dry_run
from db.errors import Moved, Refused
from db.preview import Preview, preview_change

_MOVED = 409
_UNUSABLE = 422
_POLICIES = [
    ("Enforce", "put it back (Enforce)"),
    ("Adopt", "wait for a decision (Adopt)"),
    ("Ignore", "let whoever changed it have it (Ignore)"),
]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A server and the form about it. `seen` is the generation that the form was filled in from."""

    server: DeploymentDetail
    draft: Draft
    seen: int
    keep_data: bool
    drift_policy: str
    drift_rules: str

    @property
    def change(self) -> Change:
        """What to change; nothing, where all is as it stands."""
        version = self.draft.template.version
        return Change(
            parameters=self.draft.parameters,
            template_version=version if version != self.server.template_version else None,
            keep_data=self.keep_data if self.keep_data != self.server.keep_data else None,
            drift_policy=self.drift_policy if self.drift_policy != self.server.drift_policy else None,
            drift_rules=None if self.drift_rules == as_lines(self.server.drift_rules) else read_lines(self.drift_rules),
        )


def as_lines(rules: list[dict[str, Any]]) -> str:
    """Rules as the form shows them: one a line."""
    return "\n".join(msgspec.json.encode(rule).decode() for rule in rules)


def read_lines(text: str) -> list[Any]:
    """The rules of the form; Postgres judges them. Raises Refused, naming the line."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    rules: list[Any] = []
    for number, line in enumerate(lines):
        try:
            rules.append(msgspec.json.decode(line))
        except msgspec.DecodeError:
            hint = 'Write one a line, such as {"path": "spec.replicas", "policy": "Ignore"}.'
            raise Refused(_UNUSABLE, f"rule {number + 1} is no JSON", f"drift_rules.{number}", hint) from None
    return rules


@get("/servers/{deployment_id:uuid}/edit", include_in_schema=False)
async def show_edit(
    deployment_id: FromPath[UUID], visit: NamedDependency[Visit], version: FromQuery[int | None] = None
) -> Page:
    """The form as the server stands, or as another version of its template asks."""
    async with visit.transaction() as session:
        visit.require_change("change servers")
        return await answer(visit, session, await begin(session, deployment_id, version))


@post("/servers/{deployment_id:uuid}/edit", include_in_schema=False)
async def save(deployment_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Page | Redirect:
    """Change it; or, where the form is only checked, show what would come of it, or ask the cluster."""
    bind_contextvars(deployment_id=str(deployment_id))
    form = await visit.request.form()
    version = msgspec.convert(form.get("template_version") or None, int | None, strict=False)
    seen = msgspec.convert(form.get("generation"), int, strict=False)
    async with visit.transaction() as session:
        edit = await begin(session, deployment_id, version)
        edit = msgspec.structs.replace(
            edit,
            draft=edit.draft.filled_in(form),
            seen=seen,
            keep_data=form.get("keep_data") is not None,
            drift_policy=form.get("drift_policy") or edit.drift_policy,
            drift_rules=str(form.get("drift_rules", edit.drift_rules)).replace("\r\n", "\n").strip(),
        )
        if "check" in form:
            return await answer(visit, session, edit)
    try:
        async with visit.transaction() as session:
            if "ask" in form:
                return answers_of(await request_dry_run(session, deployment_id, edit.change))
            await change_deployment(session, deployment_id, edit.change, [seen])
    except Moved:
        async with visit.transaction() as session:
            return await show_moved(visit, session, edit)
    except Refused as refusal:
        async with visit.transaction() as session:
            return await answer(visit, session, edit, refusal)
    return back(f"/servers/{deployment_id}", told=f"{edit.server.name} is being changed.")


async def begin(session: Session, deployment_id: UUID, version: int | None) -> Edit:
    """The form as it stands before anything is filled in. Raises Refused (404)."""
    server = await read_deployment(session, deployment_id)
    template = await catalogue.read_template(session, server.template, version or server.template_version)
    return Edit(
        server=server,
        draft=Draft.fresh(template, server.parameters),
        seen=server.generation,
        keep_data=server.keep_data,
        drift_policy=server.drift_policy,
        drift_rules=as_lines(server.drift_rules),
    )


async def show_moved(visit: Visit, session: Session, edit: Edit) -> Page:
    """What somebody else has changed meanwhile, above the form: their values, with what was changed in it on top."""
    server = await read_deployment(session, edit.server.id)
    base = await revisions.read_revision(session, server.id, edit.seen)
    last = await revisions.read_revision(session, server.id, server.generation)
    theirs = await revisions.compare_revisions(session, server.id, server.generation, edit.seen)
    version = edit.draft.template.version
    onward = await begin(session, server.id, None if version == base.template_version else version)
    mine = changes(edit.draft.schema, base.parameters, edit.draft.filled)
    onward = msgspec.structs.replace(
        onward,
        draft=onward.draft.with_changes(mine),
        keep_data=server.keep_data if edit.keep_data == base.keep_data else edit.keep_data,
        drift_policy=server.drift_policy if edit.drift_policy == base.drift_policy else edit.drift_policy,
        drift_rules=onward.drift_rules if edit.drift_rules == as_lines(base.drift_rules) else edit.drift_rules,
    )
    return await answer(visit, session, onward, moved={"theirs": theirs, "last": last})


async def answer(
    visit: Visit,
    session: Session,
    edit: Edit,
    refused: Refused | None = None,
    moved: dict[str, Any] | None = None,
) -> Page:
    """The form, with what would come of it. `refused`: it was sent, and could not be carried out."""
    tried = await try_edit(session, edit)
    status_code = _MOVED if moved else 200 if refused is None else refused.status
    return visit.show(
        "edit.html",
        status_code=status_code,
        edit=edit,
        server=edit.server,
        draft=edit.draft,
        tried=tried,
        moved=moved,
        refusal=refused or tried.refusal,
        sent=refused is not None,
        versions=[(str(version), f"version {version}") for version in reversed(edit.draft.template.versions)],
        policies=_POLICIES,
        yaml=as_yaml,
        text_of=text_of,
    )


async def try_edit(session: Session, edit: Edit) -> Tried:
    """What would come of it, on top of what the server is now."""

    async def preview() -> Preview:
        return await preview_change(session, edit.server.id, edit.change)

    return await try_out(session, preview)


router = Router("/", route_handlers=[show_edit, save])
