"""Bodies, decoded strictly: "1" is no number and "true" no boolean, though the framework would take them for such."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from litestar.dto import MsgspecDTO
from litestar.typing import FieldDefinition

Shape = TypeVar("Shape", bound=msgspec.Struct)


class StrictBody(MsgspecDTO[Shape], Generic[Shape]):
    """The `dto` of a handler whose body is a Shape. Raises msgspec's errors, which app.problems explains."""

    def decode_bytes(self, value: bytes) -> Any:
        """The body."""
        return msgspec.json.decode(value, type=self.model_type)

    @classmethod
    def create_openapi_schema(cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any) -> Any:
        """Describe the Shape itself."""
        del handler_id
        return schema_creator.for_field_definition(field_definition)
