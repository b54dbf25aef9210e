"""Reads the settings under another environment, in this process: a start costs a second and a half each time.

That a refusal reaches a person as one line is shown once, on a real process (tests/platform/test_serve.py).
"""

import os
import runpy
from pathlib import Path
from unittest import mock

from django.core.exceptions import ImproperlyConfigured

SETTINGS = Path(__file__).resolve().parents[1] / "ev_platform" / "settings.py"


def refusal_of(**environment: str) -> str:
    """Why these `EV_*` settings are refused; empty when they are accepted."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EV_")}
    with mock.patch.dict(os.environ, clean | environment, clear=True):
        try:
            runpy.run_path(str(SETTINGS))
        except ImproperlyConfigured as error:
            return str(error)
    return ""
