"""A process that hangs where a test says, to be killed there: `kill -9` in the middle of something."""

import json
import os
import signal
import subprocess
import sys
import textwrap

from django.conf import settings
from django.db import connection

_PRELUDE = """
import json, sys, threading, time
import django
django.setup()
from django.conf import settings
from django.db import connections
connections["default"].settings_dict["NAME"] = sys.argv[1]
given = json.loads(sys.stdin.readline())
settings.PAYMENT_CHANNELS = given.pop("PAYMENT_CHANNELS")
for name, value in given.pop("settings", {}).items():
    setattr(settings, name, value)

def hang(word="HERE"):
    print(word, flush=True)
    time.sleep(60)
"""


class Victim:
    """Runs `script` on the test's database; `given` are its values, and `hang(word)` is there to stop in.

    Leaving the block kills the process, wherever it is: the test waits for the words it wants before.
    """

    def __init__(self, script: str, **given) -> None:
        self._script = _PRELUDE + textwrap.dedent(script)
        self._given = {"PAYMENT_CHANNELS": settings.PAYMENT_CHANNELS, **given}

    def __enter__(self) -> "Victim":
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._script, str(connection.settings_dict["NAME"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "ev_platform.settings", "EV_DATABASE_POOL": "0"},
        )
        self._process.stdin.write(json.dumps(self._given) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_exc) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process.stdin.close()
        self._process.stdout.close()

    def words(self, count: int) -> list[str]:
        """The next words it says, sorted."""
        return sorted(self._process.stdout.readline().strip() for _ in range(count))
