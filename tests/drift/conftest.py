"""Drift on the real API server, its controllers and other managers: nothing that is not, and everything that is.

`corpus/` holds templates that stress what a server does to a manifest before it stores it: defaults, normal forms,
things dropped. `beyond/` holds manifests that no template may hold, and that drift must be told from all the same.
"""

from pathlib import Path
from typing import Any

import yaml

from db.templates import SHIPPED, TemplateFile, load_templates, read_templates
from tests.flow.conftest import Stage

CORPUS = Path(__file__).parent / "corpus"
BEYOND = Path(__file__).parent / "beyond"
# What a shipped template cannot do without.
PARAMETERS: dict[str, dict[str, Any]] = {"paper": {"eula": "TRUE"}, "vanilla": {"eula": "TRUE"}}


def templates() -> list[TemplateFile]:
    """Every shipped template, and those of the corpus."""
    return [*read_templates(SHIPPED), *read_templates(CORPUS)]


def beyond() -> list[dict[str, Any]]:
    """The manifests that no template may hold."""
    return [yaml.safe_load(file.read_text()) for file in sorted(BEYOND.glob("*.yaml"))]


def deploy_all(stage: Stage) -> dict[str, str]:
    """One deployment of each template, by its name; applied, and seen as the cluster has it."""
    for folder in (SHIPPED, CORPUS):
        load_templates(stage.database.dsn, folder)
    made = {
        template.name: stage.intent.deploy(template.name, template.name, **PARAMETERS.get(template.name, {}))
        for template in templates()
    }
    stage.until(lambda: all(is_settled(stage, one) or error_of(stage, one) for one in made.values()), 90, "all settled")
    assert {name: error for name, one in made.items() if (error := error_of(stage, one))} == {}
    return made


def error_of(stage: Stage, deployment: str) -> str | None:
    return stage.intent.slot(deployment)["last_error"]


def is_settled(stage: Stage, deployment: str) -> bool:
    """Applied, and known as it is; how its pods are is no matter here."""
    return stage.intent.is_applied(deployment) and stage.is_observed(deployment)
