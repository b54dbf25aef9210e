"""The settings table an operator reads names every variable the platform reads, and no other."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.embedded_only


def test_the_table_of_settings_is_complete():
    rows = [
        line
        for line in (ROOT / "docs" / "operations.md").read_text().splitlines()
        if line.startswith("| `EV_")
    ]
    documented = set(re.findall(r"`(EV_[A-Z_]+)`", " ".join(line.split("|")[1] for line in rows)))
    read = set()
    for name in ("settings.py", "env.py", "payment_env.py"):
        source = (ROOT / "ev_platform" / name).read_text()
        read |= set(
            re.findall(
                r"""(?:str|ascii_text|list|choice|boolean|integer|port|header_name|get|_prefix|_required|_file|_gateway|_address)\(\s*"(EV_[A-Z_]+)\"""",
                source,
            )
        )
    assert documented == read
