"""Serves what deploy/assets.py built: scripts, styles and the icon, each under a name that changes with its content."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

BUILT = Path(__file__).parent / "built"
# A name is never given to other content, so nobody need ask again.
FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


class Manifest(msgspec.Struct, frozen=True):
    """What was built: served name by source name."""

    files: dict[str, str]


class Assets:
    """All of them, in memory: they are few and small."""

    def __init__(self, folder: Path = BUILT) -> None:
        """Raises SystemExit with what to do where they were not built."""
        try:
            self._names = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest).files
            self._contents = {name: (folder / name).read_bytes() for name in self._names.values()}
        except (OSError, msgspec.DecodeError) as error:
            raise SystemExit(f"the page's assets are not built ({error}). Run: orchestrator assets") from None

    def path(self, source: str) -> str:
        """Where a source's asset is served."""
        return f"/assets/{self._names[source]}"

    def read(self, name: str) -> bytes | None:
        """The content served under a name, None for any other name."""
        return self._contents.get(name)


@get("/assets/{name:str}", include_in_schema=False, exclude_from_csrf=True)
async def show_asset(name: FromPath[str], assets: NamedDependency[Assets]) -> Response[Any]:
    """One asset. Open to all: the sign-in page needs it."""
    content = assets.read(name)
    if content is None:
        raise NotFoundException
    return Response(content, media_type=mimetypes.guess_type(name)[0], headers=FOR_GOOD)
