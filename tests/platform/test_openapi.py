"""The OpenAPI description: valid, without warnings, as committed; its page loads nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "docs" / "openapi.yaml"


def generate(path: Path) -> str:
    with translation.override("en"):
        call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(path))
    return path.read_text(encoding="utf-8")


def test_the_committed_description_is_the_code_s(tmp_path):
    fresh = generate(tmp_path / "openapi.yaml")
    assert fresh == GOLDEN.read_text(encoding="utf-8"), (
        "docs/openapi.yaml is stale: python manage.py spectacular --validate --fail-on-warn "
        "--file docs/openapi.yaml"
    )


def test_the_description_says_the_same_in_every_language(tmp_path):
    with translation.override("zh-hans"):
        call_command("spectacular", "--file", str(tmp_path / "zh.yaml"))
    assert (tmp_path / "zh.yaml").read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("url", ["/api/schema/", "/api/docs/"])
def test_description_and_page_are_public(url):
    assert Client().get(url).status_code == 200


def test_the_page_loads_its_own_assets():
    page = Client().get("/api/docs/").content.decode()
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)["']""", page)
    assert any(address.endswith("swagger-ui-bundle.js") for address in loaded)
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []
    assert not re.search(r"https?://", page)
    for address in loaded:
        assert Client().get(address).status_code == 200, address
