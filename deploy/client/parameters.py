"""Parameters as people write them: `key=value` and YAML or JSON files, given the types that the template asks for.

All that is written is taken as text first and typed by the template's schema: `version: 1.20` stays "1.20" where a text
is wanted, and `eula: TRUE` is not turned into a truth. What does not fit is sent as it is: Postgres then says what is.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from deploy.client.errors import Misused

MOST_BYTES = 1024 * 1024


def from_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value`, each; the last of a key counts. Raises Misused."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise Misused(f"{pair!r} is not key=value", hint="Such as memory=4Gi.")
        found[key] = value
    return found


def from_file(name: str | None) -> dict[str, Any]:
    """The parameters of a YAML or JSON file, or of standard input for "-". Raises Misused."""
    if name is None:
        return {}
    import yaml  # noqa: PLC0415 - a third of the time of a command that needs none

    try:
        text = sys.stdin.buffer.read(MOST_BYTES) if name == "-" else Path(name).read_bytes()[:MOST_BYTES]
        found = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings only
    except OSError as error:
        raise Misused(f"cannot read {name}: {error.strerror}", path="-f") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Misused(f"{name} is no YAML: {error}", path="-f") from None
    if not isinstance(found, dict):
        raise Misused(f"{name} holds no parameters", path="-f", hint="One a line, such as `memory: 4Gi`.")
    return {str(key): value for key, value in cast("dict[object, Any]", found).items()}


def typed(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the types that the schema names."""
    rules: Mapping[str, Any] = schema.get("properties", {})
    return {key: as_type(value, rules.get(key, {}).get("type", "string")) for key, value in values.items()}


def as_type(value: Any, kind: str) -> Any:
    """A text as the type it stands for; itself if it stands for none."""
    if not isinstance(value, str) or kind == "string":
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    wanted = {"integer": int, "number": (int, float), "boolean": bool}.get(kind, ())
    is_right = isinstance(found, wanted) and isinstance(found, bool) == (kind == "boolean")
    return found if is_right else value
