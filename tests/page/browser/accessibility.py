"""axe, run in a page as it stands: what stands in the way of people who do not see, hear or click as others do."""

from typing import Any

from playwright.async_api import Page

from deploy.assets import WEB

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"


async def faults(page: Page) -> list[str]:
    """What axe finds wrong, each with the element it is about. Empty is what we want."""
    await page.evaluate(source())
    found: list[dict[str, Any]] = await page.evaluate("axe.run().then((result) => result.violations)")
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def source() -> str:
    """As `orchestrator assets` installed it."""
    return AXE.read_text()
