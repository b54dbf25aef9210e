"""A README claim names the test that holds it: the tables in docs/ and the marks in tests/ agree."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "claims", Path(__file__).resolve().parents[2] / "scripts" / "claims.py"
)
claims = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(claims)


def test_every_claim_has_a_test_and_every_mark_a_claim():
    assert claims.problems() == []


def test_marks_are_read_from_decorators_classes_and_modules(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.promise(3)]\n"
        "@pytest.mark.feature('TAR-01', 'TAR-02')\n"
        "def test_a(): ...\n"
        "class TestB:\n"
        "    @pytest.mark.promise(1)\n"
        "    def test_c(self): ...\n"
    )
    assert claims.marks(tmp_path) == {
        ("promise", "3"): ["tests/test_x.py"],
        ("feature", "TAR-01"): ["tests/test_x.py::test_a"],
        ("feature", "TAR-02"): ["tests/test_x.py::test_a"],
        ("promise", "1"): ["tests/test_x.py::TestB::test_c"],
    }
