"""The page is served by the API, so its tests stand on what the API's stand on."""

from tests.app.conftest import api, intent, templates

__all__ = ["api", "intent", "templates"]
