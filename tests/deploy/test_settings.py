"""Every setting that the code reads is told in docs/settings.md, and the page tells of no other."""

import re

from tests.conftest import REPOSITORY

SETTING = re.compile(r"\bORCHESTRATOR_[A-Z_]+[A-Z]\b")
ROOMS = ("app", "db", "deploy", "kube", "watchers", "workers")


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    sources = [file.read_text() for room in ROOMS for file in (REPOSITORY / room).rglob("*.py")]
    read = {name for source in sources for name in SETTING.findall(source)}
    told = set(SETTING.findall((REPOSITORY / "docs/settings.md").read_text()))
    assert read - told == set(), "read by the code, missing in docs/settings.md"
    assert told - read == set(), "told in docs/settings.md, read by nobody"
